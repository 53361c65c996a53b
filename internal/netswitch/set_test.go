package netswitch_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
)

// memory is a switch in memory that can misbehave.
type memory struct {
	ports map[string]netswitch.Port
	calls []string

	forget  bool // accepts writes and does nothing
	lie     bool // accepts writes, does nothing, and shows them as done
	shown   map[string]netswitch.Port
	lost    error // the first write is made whole, but fails
	half    error // fails after the first port of a write
	fail    error // fails before anything is written
	once    bool  // half, fail and forget end after the first write
	noSave  error
	noReads int // reads fail from this call on; 0 never
	reads   int
}

func newMemory() *memory {
	return &memory{ports: map[string]netswitch.Port{
		"e1": {Name: "e1", Native: 98, Description: "rack 1"},
		"e2": {Name: "e2", Native: 98},
		"e3": {Name: "e3", Shutdown: true},
	}}
}

func (m *memory) Read(_ context.Context, names []string) (map[string]netswitch.Port, error) {
	m.calls = append(m.calls, "read")
	if m.reads++; m.noReads != 0 && m.reads >= m.noReads {
		return nil, fault.New(fault.Transient, "no answer")
	}
	out := map[string]netswitch.Port{}
	for _, n := range names {
		if p, ok := m.shown[n]; ok {
			out[n] = p
		} else if p, ok := m.ports[n]; ok {
			out[n] = p
		}
	}
	return out, nil
}

func (m *memory) Write(ctx context.Context, ports []netswitch.Port) error {
	m.calls = append(m.calls, "write")
	forget, lie, half, fail := m.forget, m.lie, m.half, m.fail
	if m.once {
		m.forget, m.half, m.fail = false, nil, nil
	}
	if fail != nil {
		return fail
	}
	for i, p := range ports {
		switch {
		case forget:
		case lie:
			if m.shown == nil {
				m.shown = map[string]netswitch.Port{}
			}
			m.shown[p.Name] = p
		default:
			m.ports[p.Name] = p
		}
		if i == 0 && half != nil {
			return half
		}
	}
	if lost := m.lost; lost != nil {
		m.lost = nil
		return lost
	}
	return ctx.Err()
}

func (m *memory) Save(context.Context) error {
	m.calls = append(m.calls, "save")
	return m.noSave
}

var want = []netswitch.Port{
	{Name: "e1", Native: 100, Tagged: []int{300, 200}},
	{Name: "e2", Shutdown: true},
	{Name: "e3", Shutdown: true},
}

func TestSetWritesOnceWhatDiffersProvesItAndSaves(t *testing.T) {
	m := newMemory()
	changes, err := netswitch.Set(t.Context(), m, want)
	require.NoError(t, err)
	assert.Equal(t, []string{"read", "write", "read", "save"}, m.calls)
	require.Len(t, changes, 2, "e3 was as wanted")
	assert.Equal(t, netswitch.Change{
		Port:   "e1",
		Before: netswitch.Port{Name: "e1", Native: 98, Description: "rack 1"},
		After:  netswitch.Port{Name: "e1", Native: 100, Tagged: []int{200, 300}, Description: "rack 1"},
	}, changes[0])
	assert.Equal(t, netswitch.Port{Name: "e1", Native: 100, Tagged: []int{200, 300}, Description: "rack 1"}, m.ports["e1"])
	assert.Equal(t, []int{300, 200}, want[0].Tagged, "the caller's ports are left alone")
}

func TestSetWithNothingToDoOnlyReads(t *testing.T) {
	m := newMemory()
	_, err := netswitch.Set(t.Context(), m, want)
	require.NoError(t, err)
	m.calls = nil
	changes, err := netswitch.Set(t.Context(), m, want)
	require.NoError(t, err)
	assert.Empty(t, changes)
	assert.Equal(t, []string{"read"}, m.calls)
}

func TestSetEndsInTheOldStateWhenItCannotReachTheNew(t *testing.T) {
	rejected := fault.New(fault.Failed, "command rejected")
	for _, c := range []struct {
		name string
		bad  memory
		kind fault.Kind
		back bool // the ports are as before
		text string
	}{
		{"the switch forgets", memory{forget: true}, fault.Unproven, true, "the ports were put back"},
		{"the switch forgets once", memory{forget: true, once: true}, fault.Unproven, true, "still lacks"},
		{"the write fails before anything is done", memory{fail: rejected}, fault.Failed, true, "command rejected"},
		{"the write fails half way", memory{half: rejected, once: true}, fault.Failed, true, "the ports were put back"},
		{"the answer to the write is lost", memory{half: fault.New(fault.Transient, "no answer"), once: true}, fault.Transient, true, "no answer"},
		{"the write fails half way, and so does putting back", memory{half: rejected}, fault.Unproven, true, "could not be put back"},
		{"the read back fails", memory{noReads: 2}, fault.Unproven, false, "could not be put back"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.bad
			m.ports = newMemory().ports
			before := maps.Clone(m.ports)
			changes, err := netswitch.Set(t.Context(), &m, want)
			require.Error(t, err)
			assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			assert.ErrorContains(t, err, c.text)
			assert.Empty(t, changes)
			assert.NotContains(t, m.calls, "save")
			assert.Equal(t, c.back, maps.EqualFunc(before, m.ports, equal), "%v", m.ports)
		})
	}
}

func equal(a, b netswitch.Port) bool {
	return len(netswitch.Diff(a, b)) == 0 && a.Description == b.Description
}

func TestSetPutsBackEvenWhenItsTimeIsUp(t *testing.T) {
	m := newMemory()
	before := maps.Clone(m.ports)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := netswitch.Set(ctx, m, want)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, fault.Cancelled, fault.KindOf(err))
	assert.True(t, maps.EqualFunc(before, m.ports, equal), "%v", m.ports)
}

func TestAWriteWhoseAnswerIsLostIsLookedUp(t *testing.T) {
	t.Run("it was made", func(t *testing.T) {
		m := newMemory()
		m.lost = fault.New(fault.Transient, "no answer")
		changes, err := netswitch.Set(t.Context(), m, want)
		require.NoError(t, err)
		assert.Len(t, changes, 2)
		assert.Equal(t, []string{"read", "write", "read", "save"}, m.calls)
	})
	t.Run("it was refused: that is no loss", func(t *testing.T) {
		m := newMemory()
		before := maps.Clone(m.ports)
		m.lost = fault.New(fault.Failed, "code 400")
		_, err := netswitch.Set(t.Context(), m, want)
		assert.ErrorContains(t, err, "code 400")
		assert.True(t, maps.EqualFunc(before, m.ports, equal), "%v", m.ports)
	})
}

func TestWhatIsPutBackIsEveryBitOfIt(t *testing.T) {
	m := newMemory()
	m.ports["e1"] = netswitch.Port{Name: "e1", Mode: netswitch.Trunk, Native: 98, MTU: 9000}
	before := maps.Clone(m.ports)
	m.half = fault.New(fault.Failed, "command rejected")
	m.once = true
	_, err := netswitch.Set(t.Context(), m, []netswitch.Port{{Name: "e1", Native: 100, MTU: 1500, Description: "laas job 7"}, {Name: "e2", Native: 100}})
	assert.ErrorContains(t, err, "the ports were put back")
	assert.Equal(t, before, m.ports, "without the description that it did not have")
}

func TestAPortKeepsItsModeWhileItsVLANsStay(t *testing.T) {
	m := newMemory()
	m.ports["e1"] = netswitch.Port{Name: "e1", Mode: netswitch.Trunk, Native: 98}
	_, err := netswitch.Set(t.Context(), m, []netswitch.Port{{Name: "e1", Native: 98, Description: "x"}})
	require.NoError(t, err)
	assert.Equal(t, netswitch.Trunk, m.ports["e1"].Mode)
}

func TestSetLeavesPortsOfOtherModesAlone(t *testing.T) {
	m := newMemory()
	m.ports["e1"] = netswitch.Port{Name: "e1", Mode: "fex-fabric", Native: 1}
	m.ports["e2"] = netswitch.Port{Name: "e2", Mode: "routed"}
	_, err := netswitch.Set(t.Context(), m, []netswitch.Port{{Name: "e1", Native: 1}, {Name: "e2", Shutdown: true}, {Name: "e3", Native: 5}})
	assert.Equal(t, fault.Refused, fault.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, `e1: is in mode "fex-fabric"`)
	assert.ErrorContains(t, err, `e2: is in mode "routed"`)
	assert.NotContains(t, m.calls, "write")
}

func TestSetCannotSeeThroughALie(t *testing.T) {
	m := newMemory()
	m.lie = true
	_, err := netswitch.Set(t.Context(), m, want)
	assert.NoError(t, err, "what the switch shows is all there is to go by; reachability tells more")
}

func TestSetTellsWhatIsInForceButNotSaved(t *testing.T) {
	m := newMemory()
	m.noSave = fault.New(fault.Failed, "flash is full")
	changes, err := netswitch.Set(t.Context(), m, want)
	assert.ErrorContains(t, err, "flash is full")
	assert.Equal(t, fault.Failed, fault.KindOf(err))
	assert.Len(t, changes, 2)
	assert.Equal(t, 100, m.ports["e1"].Native)
}

func TestSetRefusesWhatNoPortCanBe(t *testing.T) {
	for _, c := range []struct {
		name  string
		want  []netswitch.Port
		kind  fault.Kind
		texts []string
	}{
		{"VLANs out of range, all told at once", []netswitch.Port{{Name: "e1", Native: 4095}, {Name: "e2", Tagged: []int{0}}}, fault.Input,
			[]string{"e1: native VLAN 4095", "e2: tagged VLAN 0"}},
		{"a VLAN both native and tagged", []netswitch.Port{{Name: "e1", Native: 5, Tagged: []int{5}}}, fault.Input, []string{"both native and tagged"}},
		{"a VLAN tagged twice", []netswitch.Port{{Name: "e1", Tagged: []int{5, 5}}}, fault.Input, []string{"there twice"}},
		{"a port twice", []netswitch.Port{{Name: "e1"}, {Name: "e1", Native: 5}}, fault.Input, []string{"the port is there twice"}},
		{"a port without a name", []netswitch.Port{{}}, fault.Input, []string{"without a name"}},
		{"a mode that is none", []netswitch.Port{{Name: "e1", Mode: "hybrid", Native: 5}}, fault.Input, []string{`"hybrid" is neither access nor trunk`}},
		{"an access port with tagged VLANs", []netswitch.Port{{Name: "e1", Mode: netswitch.Access, Native: 5, Tagged: []int{6}}}, fault.Input, []string{"one native VLAN and nothing else"}},
		{"an access port without a VLAN", []netswitch.Port{{Name: "e1", Mode: netswitch.Access}}, fault.Input, []string{"one native VLAN and nothing else"}},
		{"an MTU out of range", []netswitch.Port{{Name: "e1", MTU: 100}, {Name: "e2", MTU: 9217}}, fault.Input, []string{"e1: MTU 100", "e2: MTU 9217"}},
		{"a port that the switch does not have", []netswitch.Port{{Name: "e9"}}, fault.NotFound, []string{"no port e9"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMemory()
			_, err := netswitch.Set(t.Context(), m, c.want)
			assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			for _, text := range c.texts {
				assert.ErrorContains(t, err, text)
			}
			assert.NotContains(t, m.calls, "write")
		})
	}
}

func TestDiffTellsWhatIsDifferent(t *testing.T) {
	have := netswitch.Port{Native: 98, Tagged: []int{10, 20, 21, 22}, Description: "rack 1"}
	for _, c := range []struct {
		name string
		want netswitch.Port
		diff []string
	}{
		{"nothing", have, nil},
		{"native", netswitch.Port{Native: 100, Tagged: have.Tagged}, []string{"native VLAN 98 -> 100"}},
		{"none left", netswitch.Port{Shutdown: true}, []string{"native VLAN 98 -> none", "tagged VLANs 10,20-22 -> none", "port up -> shut down"}},
		{"an empty description leaves the one that is there", netswitch.Port{Native: 98, Tagged: have.Tagged}, nil},
		{"mode", netswitch.Port{Mode: netswitch.Trunk, Native: 98, Tagged: have.Tagged}, []string{"mode unknown -> trunk"}},
		{"MTU", netswitch.Port{Native: 98, Tagged: have.Tagged, MTU: 9000}, []string{"MTU unknown -> 9000"}},
		{"description", netswitch.Port{Native: 98, Tagged: have.Tagged, Description: "x"}, []string{`description "rack 1" -> "x"`}},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.diff, netswitch.Diff(have, c.want)) })
	}
}

func TestDiffCountsAModeThatNobodyCouldWant(t *testing.T) {
	assert.Equal(t, []string{"mode routed -> trunk"}, netswitch.Diff(netswitch.Port{Mode: "routed"}, netswitch.Port{}))
	assert.Empty(t, netswitch.Diff(netswitch.Port{Mode: netswitch.Trunk, Native: 5}, netswitch.Port{Native: 5}), "a trunk of one untagged VLAN does what an access port does")
	assert.Equal(t, []string{"mode trunk -> access"}, netswitch.Diff(netswitch.Port{Mode: netswitch.Trunk, Native: 5}, netswitch.Port{Mode: netswitch.Access, Native: 5}))
}

func TestRangesAreWrittenAsSwitchesDo(t *testing.T) {
	for text, ids := range map[string][]int{"": nil, "5": {5}, "5-6": {5, 6}, "1,3-5,9": {1, 3, 4, 5, 9}} {
		assert.Equal(t, text, netswitch.Ranges(slices.Clone(ids)))
	}
}
