package demo_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/world"
)

// hardwareOf are the hardware tasks of the recorded booking of two hosts.
var hardwareOf = map[string]string{"hpe13": "756c3553-6b4a-42b7-bcfa-2e08de475df9", "hpe14": "520ac0a4-aa1e-4b1c-98dd-daf0124ad325"}

// became is how a host's part of that booking ended, on the dashboard and in the journal.
func (p *play) became(host string) (status int, reason string) {
	p.t.Helper()
	for _, task := range p.tasks("hardware") {
		if task.ID == hardwareOf[host] {
			status = task.Status
		}
	}
	text, found := p.Engine.Keys().Get(booking.TaskKey(2, hardwareOf[host]))
	require.True(p.t, found)
	var rec booking.TaskRecord
	require.NoError(p.t, json.Unmarshal([]byte(text), &rec))
	return status, rec.Reason
}

// What is wrong with one host's ports, and the others of its booking and its switch.
func TestOneHostsPortsKeepNoOtherHostFromItsBooking(t *testing.T) {
	t.Parallel()
	body := recorded(t, "02")[0] // hpe13 and hpe14, on one switch
	none := func(*play) {}
	byHand := func(p *play) {
		at := p.named("hpe14").Ports[0]
		now, _ := p.Lab.World().Port(at.Switch, at.Port)
		now.Native = 500
		require.NoError(t, p.Lab.World().SetPort(at.Switch, at.Port, now))
	}
	wrongPort := func(port string) func(*play) {
		return func(p *play) {
			p.edit("hpe14", func(nics map[string]map[string]any) { nics["48:df:37:1d:14:01"]["port"] = port })
		}
	}
	for name, c := range map[string]struct {
		first  func(*play)
		before string // the state that the switch is about to be written into
		do     func(*play)
		says   string
		stays  string // what hpe14's first port is left as
	}{
		"its port was changed by hand before it is handed over": {none, "booked", byHand, "was changed by hand", "500"},
		"the switch does not have its port":                     {wrongPort("Ethernet1/99"), "", none, "Ethernet1/99", "shut"},
		"its port is no port's name":                            {wrongPort("Ethernet one"), "", none, "Ethernet one", "shut"},
		"it is isolated": {func(p *play) { p.works("laas.isolate_host", map[string]any{"host": "hpe14", "confirm": "hpe14"}) }, "", none,
			"hpe14 is isolated since", "shut"},
		"it is isolated after its ports are ready": {none, "", func(p *play) {
			p.starting(func(e engine.Execution) {
				if (stage{action: "provision_host"}).is(e) && e.Parameters["host"] == "hpe14" {
					p.Engine.Keys().Set("laas.isolated.hpe14", `{"host":"hpe14","at":"2026-11-21T07:00:00Z"}`)
				}
			})
		}, "hpe14 is isolated since", "98"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: [][]byte{body}, Dashboard: "2019", Slack: patient})
			c.first(p)
			if c.before == "" {
				c.do(p)
			} else {
				p.starting(func(e engine.Execution) {
					if (stage{"set_ports", c.before, nil}).is(e) {
						c.do(p)
					}
				})
			}
			p.deliver(body)
			assert.Equal(t, "100", p.on("hpe13"))
			assert.True(t, p.named("hpe13").Reachable)
			status, reason := p.became("hpe13")
			assert.Equal(t, booking.StatusDone, status, reason)
			assert.Equal(t, c.stays, p.on("hpe14"))
			status, reason = p.became("hpe14")
			assert.Equal(t, booking.StatusError, status)
			assert.Contains(t, reason, c.says)
		})
	}
}

// Nothing says which of the two entries is right.
func TestAPortThatTwoHostsOfABookingHaveIsNeithers(t *testing.T) {
	t.Parallel()
	body := recorded(t, "02")[0]
	p := open(t, demo.Options{Bodies: [][]byte{body}, Dashboard: "2019", Slack: patient})
	p.starting(func(e engine.Execution) {
		if (stage{"set_ports", "provisioning", nil}).is(e) { // since the claim
			p.edit("hpe14", func(nics map[string]map[string]any) {
				nics["48:df:37:1d:14:01"]["port"] = p.named("hpe13").Ports[0].Port
			})
		}
	})
	p.deliver(body)
	for a, b := range map[string]string{"hpe13": "hpe14", "hpe14": "hpe13"} {
		assert.True(t, allShut(p.named(a)), "%+v", p.named(a).Ports)
		status, reason := p.became(a)
		assert.Equal(t, booking.StatusError, status)
		assert.Contains(t, reason, "is the port of "+b+", too")
	}
}

func TestOneHostsPortsKeepNoOtherHostFromItsRelease(t *testing.T) {
	t.Parallel()
	body := recorded(t, "02")[0]
	p := open(t, demo.Options{Bodies: [][]byte{body}, Dashboard: "2019", Slack: impatient})
	p.deliver(body)
	require.Equal(t, "200", p.on("hpe14"))
	p.edit("hpe14", func(nics map[string]map[string]any) { nics["48:df:37:1d:14:01"]["port"] = "Ethernet1/99" })
	require.NoError(t, p.Lab.Dashboard().End(2))
	require.NoError(t, p.Settle(p.ctx))

	assert.True(t, allShut(p.named("hpe13")))
	assert.Equal(t, world.NormalWipe, p.Lab.World().Wiped("hpe13"))
	_, owned := p.Engine.Keys().Get(booking.OwnerKey("hpe13"))
	assert.False(t, owned, "hpe13 is proven clean")

	kept, owned := p.Engine.Keys().Get(booking.OwnerKey("hpe14"))
	require.True(t, owned)
	assert.Contains(t, kept, "Ethernet1/99")
	assert.Equal(t, "off", p.named("hpe14").Power)
	assert.True(t, allShut(p.named("hpe14")), "what can be closed of it is: %+v", p.named("hpe14").Ports)
}

func TestAHostWhoseVLANTheSwitchLacksKeepsNoOtherFromItsBooking(t *testing.T) {
	t.Parallel()
	body := recorded(t, "02")[0]
	at := bytes.LastIndex(body, []byte(`"vlan_id": 200`)) // on the second interface of hpe14
	body = slices.Concat(body[:at], []byte(`"vlan_id": 333`), body[at+len(`"vlan_id": 200`):])
	p := open(t, demo.Options{Bodies: [][]byte{body}, Dashboard: "2019", Slack: patient, Config: func(all map[string]any) {
		all["network"].(map[string]any)["create_vlans"] = false
	}})
	vlans := p.Lab.World().VLANs(theSwitch)
	vlans[200] = ""
	p.Lab.World().SetVLANs(theSwitch, vlans)
	p.deliver(body)
	assert.Equal(t, "100", p.on("hpe13"))
	status, reason := p.became("hpe13")
	assert.Equal(t, booking.StatusDone, status, reason)
	_, reason = p.became("hpe14")
	assert.Contains(t, reason, "lacks VLAN(s) 333")
	assert.Equal(t, "98", p.on("hpe14"))
}
