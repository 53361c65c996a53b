package actions

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
)

func TestWhereASwitchSawAHostIsComparedWithWhereItShouldBe(t *testing.T) {
	host := &inventory.Host{Name: "hpe13", NICs: []inventory.NIC{{MAC: nic0, Switch: "sw1", Port: "Ethernet1/1"}, {MAC: nic1, Switch: "sw1", Port: "Ethernet1/2"}}}
	booked := booking.PortIntent{Port: "Ethernet1/1", Host: "hpe13", State: "booked", Native: 100, Tagged: []int{200}}
	in := &booking.Intent{Switch: "sw1", Ports: map[string]booking.PortIntent{"Ethernet1/1": booked,
		"Ethernet1/2": {Port: "Ethernet1/2", Host: "hpe13", Shutdown: true}, "Ethernet1/3": {Port: "Ethernet1/3", Host: "hpe15", Native: 101}}}
	at := func(mac inventory.MAC, port string, vlan int) netswitch.Learned {
		return netswitch.Learned{MAC: string(mac), Port: port, VLAN: vlan}
	}
	for name, c := range map[string]struct {
		learned []netswitch.Learned
		text    string
		wrong   []string
	}{
		"nowhere":                               {nil, "not seen", nil},
		"in its VLAN, the port written shorter": {[]netswitch.Learned{at(nic0, "Eth1/1", 100)}, "VLAN 100", nil},
		"in its VLANs, several times":           {[]netswitch.Learned{at(nic0, "Ethernet1/1", 200), at(nic0, "Ethernet1/1", 100), at(nic0, "Ethernet1/1", 100)}, "VLAN 100,200", nil},
		"where it was imaged":                   {[]netswitch.Learned{at(nic0, "Ethernet1/1", 98)}, "not seen", []string{"hpe13 is seen in VLAN 98"}},
		"in its VLAN and in another":            {[]netswitch.Learned{at(nic0, "Ethernet1/1", 100), at(nic0, "Ethernet1/1", 98)}, "VLAN 100", []string{"hpe13 is seen in VLAN 98"}},
		"on another host's port":                {[]netswitch.Learned{at(nic0, "Ethernet1/3", 101)}, "not seen", []string{"hpe13 is seen on port Ethernet1/3 of hpe15"}},
		"on another port of its own, as a bond": {[]netswitch.Learned{at(nic0, "Ethernet1/2", 100)}, "not seen", nil},
		"behind another switch":                 {[]netswitch.Learned{at(nic0, "port-channel10", 98)}, "not seen", nil},
		"another interface of its":              {[]netswitch.Learned{at(nic1, "Ethernet1/1", 98)}, "not seen", nil},
	} {
		t.Run(name, func(t *testing.T) {
			text, wrong := seen(in, booked, host, sight{tells: true, learned: c.learned})
			assert.Equal(t, c.text, text)
			assert.Equal(t, c.wrong, wrong)
		})
	}
	_, wrong := seen(in, in.Ports["Ethernet1/2"], host, sight{tells: true, learned: []netswitch.Learned{at(nic1, "Ethernet1/2", 1)}})
	assert.Equal(t, []string{"hpe13 is seen in VLAN 1"}, wrong, "a port that is shut passes nothing")
	text, wrong := seen(in, booked, host, sight{learned: nil})
	assert.Empty(t, text, "the switch does not tell")
	assert.Empty(t, wrong)
	text, _ = seen(in, booked, nil, sight{tells: true})
	assert.Empty(t, text, "the inventory has no such host any more")
}
