package actions

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/hostnet"
	"stackstorm-laas/internal/inventory"
)

func TestBondsAreMadeOfInterfacesThatAreBookedAlike(t *testing.T) {
	const a, b, c = "48:df:37:1d:13:00", "48:df:37:1d:13:01", "48:df:37:1d:13:02"
	public, private, other := payload.VLAN{ID: 100}, payload.VLAN{ID: 200, Tagged: true}, payload.VLAN{ID: 300, Tagged: true}
	for name, tc := range map[string]struct {
		mode   string
		booked map[inventory.MAC][]payload.VLAN
		want   []hostnet.NIC
		why    string
	}{
		"alike, in another order": {"active-backup", map[inventory.MAC][]payload.VLAN{a: {public, private}, b: {private, public}, c: {private}}, []hostnet.NIC{
			{Bond: &hostnet.Bond{Name: "bond0", Mode: "active-backup", MACs: []string{a, b}}, DHCP: true, Untagged: true, VLANs: []hostnet.VLAN{{ID: 200}}, MTU: 9000},
			{MAC: c, VLANs: []hostnet.VLAN{{ID: 200}}, MTU: 9000},
		}, ""},
		"nothing on them": {"802.3ad", map[inventory.MAC][]payload.VLAN{c: {private}}, []hostnet.NIC{{MAC: a, MTU: 9000}, {MAC: b, MTU: 9000}, {MAC: c, VLANs: []hostnet.VLAN{{ID: 200}}, MTU: 9000}}, ""},
		"different networks": {"balance-alb", map[inventory.MAC][]payload.VLAN{a: {private}, b: {other}}, []hostnet.NIC{
			{MAC: a, VLANs: []hostnet.VLAN{{ID: 200}}, MTU: 9000}, {MAC: b, VLANs: []hostnet.VLAN{{ID: 300}}, MTU: 9000}, {MAC: c, MTU: 9000},
		}, ""},
		"one of them": {"active-backup", map[inventory.MAC][]payload.VLAN{a: {private}}, []hostnet.NIC{{MAC: a, VLANs: []hostnet.VLAN{{ID: 200}}, MTU: 9000}, {MAC: b, MTU: 9000}, {MAC: c, MTU: 9000}}, ""},
		"different networks, and one to the switch": {"802.3ad", map[inventory.MAC][]payload.VLAN{a: {private}, b: {other}}, nil, "bond0: its interfaces are one to the switch (802.3ad), and are not booked alike"},
		"the same VLAN, tagged on one of them":      {"802.3ad", map[inventory.MAC][]payload.VLAN{a: {private}, b: {{ID: 200}}}, nil, "bond0: its interfaces are one to the switch"},
	} {
		t.Run(name, func(t *testing.T) {
			host := &inventory.Host{Name: "hpe13", NICs: []inventory.NIC{{MAC: a, Switch: "sw", Port: "1"}, {MAC: b, Switch: "sw", Port: "2"}, {MAC: c, Switch: "sw", Port: "3"}},
				Bonds: []inventory.Bond{{Name: "bond0", Mode: tc.mode, NICs: []inventory.MAC{a, b}}}}
			network, task := config.Network{PublicVLANs: []int{100}, MTU: 9000}, &payload.Network{Ports: tc.booked}
			_, err := bookedPorts(network, host, task)
			if tc.why != "" {
				assert.Equal(t, fault.Refused, fault.KindOf(err))
				assert.ErrorContains(t, err, tc.why)
				return
			}
			require.NoError(t, err)
			l := &lab{Call: &action.Call{Config: &config.Config{Network: network}}}
			h := &hostRun{run: &run{lab: l}, host: host, work: &booking.Work{Network: &booking.Planned{Task: payload.Task{Network: task}}}}
			assert.Equal(t, tc.want, h.interfaces())
		})
	}
}
