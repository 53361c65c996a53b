package demo_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
)

// sharesWithBMC says in the inventory that an interface shares its port with a BMC in a VLAN.
func (p *play) sharesWithBMC(host, mac string, vlan int) {
	p.edit(host, func(nics map[string]map[string]any) { nics[mac]["bmc_vlan"] = vlan })
}

const ofBMCs = 250

func TestNoBookingHasAVLANThatAnyBMCIsIn(t *testing.T) {
	t.Parallel()
	body := bookingOf(t, "hpe13", "100", "250t")
	for name, c := range map[string]struct {
		host, mac string
		bad       bool // something else is wrong with the entry
		refused   bool
	}{
		"the BMC of another interface":                          {host: "hpe13", mac: "48:df:37:1d:13:01", refused: true},
		"the BMC of another host":                               {host: "hpe15", mac: "48:df:37:1d:15:00", refused: true},
		"the BMC of a host whose entry has another mistake":     {host: "hpe15", mac: "48:df:37:1d:15:00", bad: true, refused: true},
		"no BMC is in it: it is a VLAN like any other, allowed": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: [][]byte{body, bookingOf(t, "hpe15", "200")}, Slack: patient})
			if c.host != "" {
				p.sharesWithBMC(c.host, c.mac, ofBMCs)
			}
			if c.bad {
				p.sharesWithBMC(c.host, "48:df:37:1d:15:01", 5000)
			}
			p.deliver(body)
			assert.Equal(t, !c.refused, p.anyCarries(ofBMCs))
			if c.refused {
				p.allAre(booking.StatusError, "hardware")
				assert.Contains(t, p.record().Reason, "VLAN 250 is the lab's own")
				assert.True(t, allShut(p.host()))
			} else {
				p.allAre(booking.StatusDone, "hardware")
			}
		})
	}
}

func TestNoNetworkOfTheLabsOwnHasAVLANThatABMCIsIn(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient})
	connect := p.connected()
	p.sharesWithBMC(host, p.port(1).MAC, 2000)
	p.refused("laas.nic_connect", connect, "VLAN(s) 2000 are in network.lab_vlans, and BMCs are in them")
	p.refused("laas.network_create", map[string]any{"network": "more"}, "VLAN(s) 2000 are in network.lab_vlans")
	assert.False(t, p.anyCarries(2000))

	p.sharesWithBMC(host, p.port(1).MAC, ofBMCs)
	p.works("laas.nic_connect", connect)
	assert.Equal(t, "2000", p.on(host))
}
