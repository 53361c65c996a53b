// Package switchtest holds the drivers of package netswitch, and the switches that tests run them against, to what it promises.
package switchtest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
)

// Conformance runs a driver on two ports of a switch that are free for it. They end shut down and without VLANs.
func Conformance(t *testing.T, driver netswitch.Driver, ports []string) {
	require.Len(t, ports, 2)
	a, b := ports[0], ports[1]
	for _, c := range []struct {
		name string
		want []netswitch.Port
	}{
		{"both idle", []netswitch.Port{{Name: a, Shutdown: true}, {Name: b, Shutdown: true}}},
		{"untagged only", []netswitch.Port{{Name: a, Native: 98}}},
		{"untagged and tagged", []netswitch.Port{{Name: a, Native: 100, Tagged: []int{200, 201, 202, 300}, Description: "laas job 1 host-1"}}},
		{"tagged only: no native VLAN is left over", []netswitch.Port{{Name: a, Tagged: []int{200}}}},
		{"native and tagged change places", []netswitch.Port{{Name: a, Native: 200, Tagged: []int{100}}}},
		{"up, and carrying nothing", []netswitch.Port{{Name: a}}},
		{"shut down, and configured", []netswitch.Port{{Name: a, Native: 100, Shutdown: true}}},
		{"an access port", []netswitch.Port{{Name: a, Mode: netswitch.Access, Native: 100}}},
		{"a trunk with a native VLAN only", []netswitch.Port{{Name: a, Mode: netswitch.Trunk, Native: 100}}},
		{"an access port again, in another VLAN", []netswitch.Port{{Name: a, Mode: netswitch.Access, Native: 101}}},
		{"large frames", []netswitch.Port{{Name: a, Native: 100, Tagged: []int{200}, MTU: 9000}}},
		{"ordinary frames", []netswitch.Port{{Name: a, Native: 100, Tagged: []int{200}, MTU: 1500}}},
		{"two ports at once", []netswitch.Port{{Name: a, Native: 4094}, {Name: b, Native: 1, Tagged: []int{2}}}},
		{"both idle again", []netswitch.Port{{Name: a, Shutdown: true}, {Name: b, Shutdown: true}}},
	} {
		t.Run(c.name, func(t *testing.T) { set(t, driver, c.want) })
	}
	t.Run("the driver chooses access for a native VLAN only and trunk for all else", func(t *testing.T) {
		for mode, want := range map[string]netswitch.Port{netswitch.Access: {Name: a, Native: 100}, netswitch.Trunk: {Name: a, Native: 100, Tagged: []int{200}}} {
			set(t, driver, []netswitch.Port{want})
			assert.Equal(t, mode, read(t, driver, a).Mode)
		}
	})
	t.Run("what is not asked for stays", func(t *testing.T) {
		set(t, driver, []netswitch.Port{{Name: a, Native: 100, Description: "kept", MTU: 9000}, {Name: b, Native: 100}})
		set(t, driver, []netswitch.Port{{Name: a, Native: 101}})
		have := read(t, driver, a)
		assert.Empty(t, netswitch.Diff(have, netswitch.Port{Name: a, Mode: netswitch.Access, Native: 101, Description: "kept", MTU: 9000}))
		assert.Equal(t, 100, read(t, driver, b).Native)
		set(t, driver, []netswitch.Port{{Name: a, Shutdown: true, MTU: 1500}, {Name: b, Shutdown: true}})
	})
	t.Run("a write is the whole truth: what it leaves empty is removed", func(t *testing.T) {
		require.NoError(t, driver.Write(t.Context(), []netswitch.Port{{Name: a, Native: 100, Tagged: []int{200}, Description: "of yesterday"}}))
		require.NoError(t, driver.Write(t.Context(), []netswitch.Port{{Name: a, Native: 100}}))
		have := read(t, driver, a)
		assert.Empty(t, have.Description)
		assert.Empty(t, have.Tagged)
		set(t, driver, []netswitch.Port{{Name: a, Shutdown: true}})
	})
	t.Run("all ports are listed as they are read", func(t *testing.T) {
		list, ok := driver.(netswitch.Lister)
		if !ok {
			return
		}
		set(t, driver, []netswitch.Port{{Name: a, Native: 100, Tagged: []int{200}, Description: "listed"}})
		all, err := list.All(t.Context())
		require.NoError(t, err)
		for _, name := range ports {
			assert.Equal(t, read(t, driver, name), all[name])
		}
		set(t, driver, []netswitch.Port{{Name: a, Shutdown: true}})
	})
	t.Run("VLANs come and go", func(t *testing.T) {
		if list, ok := driver.(netswitch.VLANs); ok {
			vlans(t, driver, list)
		}
	})
	t.Run("a port that does not exist is not found", func(t *testing.T) {
		_, err := driver.Read(t.Context(), []string{a, "Ethernet99/99"})
		assert.Equal(t, fault.NotFound, fault.KindOf(err), "%v", err)
	})
	t.Run("text that is no port name never reaches the switch", func(t *testing.T) {
		for _, name := range []string{"", "Ethernet1/1 ;no feature nxapi", "Ethernet1/1\nshutdown", "mgmt0 switchport", a + " ", "vlan1;"} {
			_, err := driver.Read(t.Context(), []string{name})
			assert.Equal(t, fault.Input, fault.KindOf(err), "read %q: %v", name, err)
			err = driver.Write(t.Context(), []netswitch.Port{{Name: name}})
			assert.Equal(t, fault.Input, fault.KindOf(err), "write %q: %v", name, err)
		}
		for _, text := range []string{"x ;shutdown", "a\nb", "question?", "quote\"", "{{ x }}", "back\\slash"} {
			err := driver.Write(t.Context(), []netswitch.Port{{Name: a, Description: text}})
			assert.Equal(t, fault.Input, fault.KindOf(err), "description %q: %v", text, err)
		}
	})
}

// set sets the ports, and demands that they are read as wanted and that doing it again changes nothing.
func set(t *testing.T, driver netswitch.Driver, want []netswitch.Port) {
	t.Helper()
	_, err := netswitch.Set(t.Context(), driver, want)
	require.NoError(t, err)
	for _, p := range want {
		have, err := driver.Read(t.Context(), []string{p.Name})
		require.NoError(t, err)
		assert.Empty(t, netswitch.Diff(have[p.Name], p))
	}
	changes, err := netswitch.Set(t.Context(), driver, want)
	require.NoError(t, err)
	assert.Empty(t, changes)
}

func read(t *testing.T, driver netswitch.Driver, port string) netswitch.Port {
	t.Helper()
	have, err := driver.Read(t.Context(), []string{port})
	require.NoError(t, err)
	return have[port]
}

// vlans uses VLANs 3001 to 3003, which must be free, and leaves them so.
func vlans(t *testing.T, driver netswitch.Driver, list netswitch.VLANs) {
	want := []netswitch.Port{{Native: 3001, Tagged: []int{3002, 1}}, {Tagged: []int{3002}}}
	missing, err := netswitch.Missing(t.Context(), driver, want)
	require.NoError(t, err)
	assert.Equal(t, []int{3001, 3002}, missing, "VLAN 1 is always there")

	for range 2 { // the second time there is nothing to do
		require.NoError(t, list.CreateVLANs(t.Context(), map[int]string{3001: "laas-3001", 3002: ""}))
	}
	have, err := list.VLANs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "laas-3001", have[3001])
	assert.Contains(t, have, 3002)
	require.NoError(t, list.CreateVLANs(t.Context(), map[int]string{3001: "other"}))
	missing, err = netswitch.Missing(t.Context(), driver, want)
	require.NoError(t, err)
	assert.Empty(t, missing)

	for range 2 {
		require.NoError(t, list.RemoveVLANs(t.Context(), []int{3002, 3001, 3003}))
	}
	after, err := list.VLANs(t.Context())
	require.NoError(t, err)
	delete(have, 3001)
	delete(have, 3002)
	assert.Equal(t, have, after, "the others are left alone")
	for name, vlans := range map[string]map[int]string{"number": {4095: ""}, "name": {3001: "x ;no feature nxapi"}} {
		assert.Equal(t, fault.Input, fault.KindOf(list.CreateVLANs(t.Context(), vlans)), name)
	}
	assert.Equal(t, fault.Input, fault.KindOf(list.RemoveVLANs(t.Context(), []int{1})), "VLAN 1 cannot be removed")
}
