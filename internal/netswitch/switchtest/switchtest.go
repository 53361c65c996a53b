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
		{"two ports at once", []netswitch.Port{{Name: a, Native: 4094}, {Name: b, Native: 1, Tagged: []int{2}}}},
		{"both idle again", []netswitch.Port{{Name: a, Shutdown: true}, {Name: b, Shutdown: true}}},
	} {
		t.Run(c.name, func(t *testing.T) { set(t, driver, c.want) })
	}
	t.Run("what is not asked for stays", func(t *testing.T) {
		set(t, driver, []netswitch.Port{{Name: a, Native: 100, Description: "kept"}, {Name: b, Native: 100}})
		set(t, driver, []netswitch.Port{{Name: a, Native: 101}})
		have, err := driver.Read(t.Context(), ports)
		require.NoError(t, err)
		assert.Equal(t, netswitch.Port{Name: a, Native: 101, Description: "kept"}, have[a])
		assert.Equal(t, 100, have[b].Native)
		set(t, driver, []netswitch.Port{{Name: a, Shutdown: true}, {Name: b, Shutdown: true}})
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
