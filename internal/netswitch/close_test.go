package netswitch_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
)

// stubborn rejects every write with one of its ports in it, as a whole.
type stubborn struct {
	*memory
	port string
}

func (s stubborn) Write(ctx context.Context, ports []netswitch.Port) error {
	for _, p := range ports {
		if p.Name == s.port {
			return fault.New(fault.Failed, "%s cannot be written", p.Name)
		}
	}
	return s.memory.Write(ctx, ports)
}

func TestWhatCanBeClosedIsClosedWhateverBecomesOfTheOthers(t *testing.T) {
	rejected := fault.New(fault.Failed, "command rejected")
	shut := []netswitch.Port{{Name: "e1", Shutdown: true}, {Name: "e2", Shutdown: true}, {Name: "e3", Shutdown: true}}
	for name, c := range map[string]struct {
		bad   memory
		port  string // is written by nobody
		open  []string
		text  string
		saved bool
	}{
		"all are closed at once":                                {saved: true},
		"one port cannot be written":                            {port: "e1", open: []string{"e1"}, text: "e1 cannot be written", saved: true},
		"the first half is made, and the rest when tried again": {bad: memory{half: rejected, once: true}, saved: true},
		"each write is rejected half way, after the port":       {bad: memory{half: rejected}, open: []string{"e2"}, text: "command rejected", saved: true},
		"the switch forgets":                                    {bad: memory{forget: true}, open: []string{"e1", "e2"}, text: "still lacks"},
		"the switch forgets once":                               {bad: memory{forget: true, once: true}, saved: true},
		"the answer is lost half way":                           {bad: memory{half: fault.New(fault.Transient, "no answer")}, open: []string{"e2"}, text: "no answer", saved: true},
		"it cannot be read back":                                {bad: memory{half: fault.New(fault.Transient, "no answer"), noReads: 2}, open: []string{"e1", "e2"}, text: "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &c.bad
			m.ports = newMemory().ports
			var d netswitch.Driver = stubborn{m, c.port}
			before, err := netswitch.Read(t.Context(), d, []string{"e1", "e2", "e3"})
			require.NoError(t, err)
			changes, open, err := netswitch.Close(t.Context(), d, before, shut)
			require.NoError(t, err)
			assert.Len(t, changes, 2-len(c.open), "e3 was closed before")
			assert.Len(t, open, len(c.open))
			for _, port := range c.open {
				assert.ErrorContains(t, open[port], c.text)
				assert.Equal(t, fault.Unproven, fault.KindOf(open[port]))
			}
			for _, change := range changes {
				assert.True(t, m.ports[change.Port].Shutdown, change.Port)
			}
			saves := 0
			for _, call := range m.calls {
				if call == "save" {
					saves++
				}
			}
			assert.Equal(t, c.saved, saves == 1, "%v", m.calls)
		})
	}
}

func TestCloseTellsThatItWasNotSaved(t *testing.T) {
	m := newMemory()
	m.noSave = fault.New(fault.Failed, "flash is full")
	before, err := netswitch.Read(t.Context(), m, []string{"e1"})
	require.NoError(t, err)
	changes, open, err := netswitch.Close(t.Context(), m, before, []netswitch.Port{{Name: "e1", Shutdown: true}})
	assert.ErrorContains(t, err, "flash is full")
	assert.Len(t, changes, 1)
	assert.Empty(t, open)
}
