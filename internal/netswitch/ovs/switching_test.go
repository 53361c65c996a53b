package ovs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/netswitch/switchtest"
)

func TestRealOpenVSwitchIsDrivenAsPromised(t *testing.T) {
	b := start(t)
	b.bridge("br0", 1, 2)
	switchtest.Conformance(t, b.driver(nil), []string{"p1", "p2"})
}

func TestRealOpenVSwitchCarriesWhatThePortsSayAndNothingElse(t *testing.T) {
	b := start(t)
	b.bridge("br0", 1, 2, 3)
	d := b.driver(nil)
	require.True(t, b.reaches("p1", "p2"), "a fresh bridge joins all")
	fresh, err := d.Read(t.Context(), []string{"p1"})
	require.NoError(t, err)
	assert.NotEmpty(t, netswitch.Diff(fresh["p1"], netswitch.Port{Tagged: fresh["p1"].Tagged}), "a port that carries untagged frames of no VLAN is like none that can be wanted")

	b.set(d, netswitch.Port{Name: "p1", Native: 10}, netswitch.Port{Name: "p2", Native: 10}, netswitch.Port{Name: "p3", Native: 20})
	assert.True(t, b.reaches("p1", "p2"), "the same VLAN")
	assert.False(t, b.reaches("p1", "p3"), "another VLAN")
	assert.Equal(t, "10", b.vsctl("get", "port", "p1", "tag"), "what an administrator sees")

	b.set(d, netswitch.Port{Name: "p2", Native: 20})
	assert.False(t, b.reaches("p1", "p2"), "a port that moved has left")
	assert.True(t, b.reaches("p3", "p2"), "and has arrived")

	for name, closed := range map[string]netswitch.Port{
		"shut":                   {Shutdown: true},
		"shut, and configured":   {Native: 20, Shutdown: true},
		"up, and carries none":   {},
		"tagged frames only":     {Tagged: []int{20}},
		"a trunk of other VLANs": {Native: 30, Tagged: []int{40}},
	} {
		t.Run(name, func(t *testing.T) {
			one, two := closed, closed
			one.Name, two.Name = "p2", "p1"
			b.set(d, one)
			assert.False(t, b.reaches("p3", "p2"), "an idle port is reached by nobody")
			b.set(d, two)
			reached := b.reaches("p1", "p2")
			assert.Equal(t, closed.Native == 30, reached, "two idle ports do not reach each other")
			b.set(d, netswitch.Port{Name: "p1", Native: 10}, netswitch.Port{Name: "p2", Native: 20})
			assert.True(t, b.reaches("p3", "p2"), "and it comes back")
		})
	}
}

func TestRealOpenVSwitchTrunksPassTheAllowedVLANsOnly(t *testing.T) {
	b := start(t)
	b.bridge("br0", 1, 2)
	b.bridge("br1", 3, 4)
	b.vsctl("add-port", "br0", "x0", "--", "set", "interface", "x0", "type=patch", "options:peer=x1")
	b.vsctl("add-port", "br1", "x1", "--", "set", "interface", "x1", "type=patch", "options:peer=x0")
	d := b.driver(nil)
	b.set(d, netswitch.Port{Name: "p1", Native: 10}, netswitch.Port{Name: "p3", Native: 10}, netswitch.Port{Name: "p2", Native: 20}, netswitch.Port{Name: "p4", Native: 20},
		netswitch.Port{Name: "x0", Tagged: []int{10}}, netswitch.Port{Name: "x1", Tagged: []int{10, 20}})
	assert.True(t, b.reaches("p1", "p3"), "the VLAN is allowed")
	assert.False(t, b.reaches("p2", "p4"), "the VLAN is not allowed")

	b.set(d, netswitch.Port{Name: "x0", Tagged: []int{10, 20}})
	assert.True(t, b.reaches("p2", "p4"), "the VLAN is allowed now")

	b.set(d, netswitch.Port{Name: "x0", Native: 10, Tagged: []int{20}}, netswitch.Port{Name: "x1", Native: 10, Tagged: []int{20}})
	assert.True(t, b.reaches("p1", "p3"), "native at both ends")
	assert.True(t, b.reaches("p2", "p4"), "tagged at both ends")

	b.set(d, netswitch.Port{Name: "x1", Native: 20, Tagged: []int{10}})
	assert.False(t, b.reaches("p1", "p3"), "untagged at one end, tagged at the other")
	assert.True(t, b.reaches("p1", "p4"), "what leaves untagged from VLAN 10 arrives in VLAN 20: the native VLAN is untagged indeed")

	b.set(d, netswitch.Port{Name: "x0", Shutdown: true})
	assert.False(t, b.reaches("p1", "p4"), "the trunk is shut")
	b.set(d, netswitch.Port{Name: "x0", Native: 10, Tagged: []int{20}}, netswitch.Port{Name: "x1", Native: 10, Tagged: []int{20}})
	assert.True(t, b.reaches("p1", "p3"), "and connected to its peer again")
}

func TestRealOpenVSwitchPortsOfOtherModesAreLeftAlone(t *testing.T) {
	b := start(t)
	b.bridge("br0", 1)
	d := b.driver(nil)
	b.vsctl("set", "port", "p1", "vlan_mode=dot1q-tunnel", "tag=10")
	_, err := netswitch.Set(t.Context(), d, []netswitch.Port{{Name: "p1", Native: 10}})
	assert.Equal(t, fault.Refused, fault.KindOf(err), "%v", err)
	assert.Equal(t, "dot1q-tunnel", b.vsctl("get", "port", "p1", "vlan_mode"))
}

func TestRealOpenVSwitchKeepsPortsClosedOverARestart(t *testing.T) {
	b := start(t)
	b.bridge("br0", 1, 2, 3)
	d := b.driver(nil)
	b.set(d, netswitch.Port{Name: "p1", Native: 10}, netswitch.Port{Name: "p2", Native: 10}, netswitch.Port{Name: "p3", Native: 10, Shutdown: true})
	require.NoError(t, b.vswitchd.Kill())
	b.forward()
	b.vsctl("set", "bridge", "br0", "other-config:x=y") // returns when the new ovs-vswitchd has taken over everything
	assert.True(t, b.reaches("p1", "p2"))
	assert.False(t, b.reaches("p1", "p3"))
	have, err := d.Read(t.Context(), []string{"p3"})
	require.NoError(t, err)
	assert.Empty(t, netswitch.Diff(have["p3"], netswitch.Port{Name: "p3", Native: 10, Shutdown: true}))
}
