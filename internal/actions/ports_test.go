package actions

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
)

var network = config.Network{ProvisioningVLAN: 98, DarkVLAN: 96, QuarantineVLAN: 97, PublicVLANs: []int{100}, ReservedVLANs: []int{1, 99}, Idle: "shutdown"}

const nic0, nic1 = inventory.MAC("02:00:00:00:00:00"), inventory.MAC("02:00:00:00:00:01")

func twoNICs() *inventory.Host {
	return &inventory.Host{Name: "hpe13", NICs: []inventory.NIC{{MAC: nic0, Switch: "sw1", Port: "Ethernet1/1"}, {MAC: nic1, Switch: "sw2", Port: "Ethernet1/1"}}}
}

func TestPortsCarryWhatWasBookedAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		vlans []payload.VLAN
		want  netswitch.Port
	}{
		"one untagged VLAN":          {[]payload.VLAN{{ID: 100}}, netswitch.Port{Name: "Ethernet1/1", Native: 100}},
		"tagged VLANs only":          {[]payload.VLAN{{ID: 300, Tagged: true}, {ID: 200, Tagged: true}}, netswitch.Port{Name: "Ethernet1/1", Tagged: []int{200, 300}}},
		"both":                       {[]payload.VLAN{{ID: 100}, {ID: 200, Tagged: true}}, netswitch.Port{Name: "Ethernet1/1", Native: 100, Tagged: []int{200}}},
		"none: the port is shut":     {nil, netswitch.Port{Name: "Ethernet1/1", Shutdown: true}},
		"the first and last numbers": {[]payload.VLAN{{ID: 2}, {ID: 4094, Tagged: true}}, netswitch.Port{Name: "Ethernet1/1", Native: 2, Tagged: []int{4094}}},
	} {
		t.Run(name, func(t *testing.T) {
			ports, err := bookedPorts(network, twoNICs(), &payload.Network{Ports: map[inventory.MAC][]payload.VLAN{nic0: c.vlans}})
			require.NoError(t, err)
			assert.Equal(t, []netswitch.Port{c.want}, ports["sw1"])
			assert.Equal(t, []netswitch.Port{{Name: "Ethernet1/1", Shutdown: true}}, ports["sw2"], "an interface that was not booked is idle")
		})
	}
}

func TestWhatNoTenantsPortMayCarryIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		vlans []payload.VLAN
		says  string
	}{
		"the provisioning VLAN":      {[]payload.VLAN{{ID: 98}}, "VLAN 98 is the lab's own"},
		"the dark VLAN":              {[]payload.VLAN{{ID: 96, Tagged: true}}, "VLAN 96 is the lab's own"},
		"the quarantine VLAN":        {[]payload.VLAN{{ID: 97}}, "VLAN 97 is the lab's own"},
		"a reserved VLAN":            {[]payload.VLAN{{ID: 99, Tagged: true}}, "VLAN 99 is the lab's own"},
		"a number that is none":      {[]payload.VLAN{{ID: 4095}}, "4095 is not a VLAN number"},
		"zero":                       {[]payload.VLAN{{ID: 0}}, "0 is not a VLAN number"},
		"two untagged VLANs":         {[]payload.VLAN{{ID: 100}, {ID: 200}}, "VLANs 100 and 200 are both untagged"},
		"a VLAN twice":               {[]payload.VLAN{{ID: 200, Tagged: true}, {ID: 200, Tagged: true}}, "VLAN 200 is booked twice"},
		"a VLAN tagged and untagged": {[]payload.VLAN{{ID: 200}, {ID: 200, Tagged: true}}, "VLAN 200 is booked twice"},
		"everything wrong is told":   {[]payload.VLAN{{ID: 98}, {ID: 5000}}, "2 problem(s)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bookedPorts(network, twoNICs(), &payload.Network{Ports: map[inventory.MAC][]payload.VLAN{nic0: c.vlans}})
			require.Error(t, err)
			assert.Equal(t, fault.Refused, fault.KindOf(err))
			assert.Contains(t, err.Error(), c.says)
		})
	}
	_, err := bookedPorts(network, twoNICs(), &payload.Network{Ports: map[inventory.MAC][]payload.VLAN{"02:00:00:00:00:99": {{ID: 100}}}})
	assert.ErrorContains(t, err, "is not an interface of hpe13 in the inventory")
	unwired := twoNICs()
	unwired.NICs[0].Port = ""
	_, err = bookedPorts(network, unwired, &payload.Network{Ports: map[inventory.MAC][]payload.VLAN{nic0: {{ID: 100}}}})
	assert.ErrorContains(t, err, "has no switch and port")
}

func TestAPortThatIsSharedWithTheBMCKeepsItsVLAN(t *testing.T) {
	host := twoNICs()
	host.NICs[0].BMCVLAN = 50
	ports, err := bookedPorts(network, host, &payload.Network{Ports: map[inventory.MAC][]payload.VLAN{nic0: {{ID: 100}}}})
	require.NoError(t, err)
	assert.Equal(t, netswitch.Port{Name: "Ethernet1/1", Native: 100, Tagged: []int{50}}, ports["sw1"][0])
	assert.Equal(t, netswitch.Port{Name: "Ethernet1/1", Tagged: []int{50}}, idlePort(network, host.NICs[0]), "shut, it would cut the BMC off")
	_, err = bookedPorts(network, host, &payload.Network{Ports: map[inventory.MAC][]payload.VLAN{nic0: {{ID: 50, Tagged: true}}}})
	assert.ErrorContains(t, err, "VLAN 50 is the lab's own")
}

func TestAnIdlePortIsWhatTheLabSays(t *testing.T) {
	quarantine := network
	quarantine.Idle = "quarantine"
	assert.Equal(t, netswitch.Port{Name: "Ethernet1/1", Shutdown: true}, idlePort(network, twoNICs().NICs[0]))
	assert.Equal(t, netswitch.Port{Name: "Ethernet1/1", Native: 97}, idlePort(quarantine, twoNICs().NICs[0]))
}
