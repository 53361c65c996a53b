package demo_test

import (
	"encoding/json"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
)

// Whatever one port is like, the others are shut, and the operator is told of each.
func TestAHostIsCutOffAsFarAsItCanBe(t *testing.T) {
	t.Parallel()
	body := bookingOf(t, "hpe13", "100")
	port := func(name string) func(p *play) {
		return func(p *play) {
			p.edit(host, func(nics map[string]map[string]any) { nics["48:df:37:1d:13:01"]["port"] = name })
		}
	}
	for name, c := range map[string]struct {
		broken func(*play)
		says   []string
	}{
		"the switch does not have a port":  {port("Ethernet1/99"), []string{"as wanted: switch sw1 port Ethernet1/1", "port Ethernet1/99", "set ports of hpe13 to isolated"}},
		"a port's name is none":            {port("Ethernet one"), []string{"as wanted: switch sw1 port Ethernet1/1", "Ethernet one"}},
		"half of the commands is rejected": {func(p *play) { p.Lab.Faults().Add(faults.Fault{System: "switch", Op: "conf", Kind: faults.Half}) }, []string{"port Ethernet1/1", "commands rejected"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: [][]byte{body}, Slack: impatient})
			p.deliver(body)
			c.broken(p)
			e := p.action("laas.isolate_host", map[string]any{"host": host, "confirm": host})
			require.Equal(t, "failed", e.Status)
			assert.False(t, p.anyCarries(booked), "%+v", p.wires())
			text, err := json.Marshal(e.Result)
			require.NoError(t, err)
			for _, words := range append(c.says, "NOT proven to be cut off") {
				assert.Contains(t, string(text), words)
			}
		})
	}
}

// saves counts how often the switch is told to save, and notes whether anybody but laas.set_ports did.
func (p *play) saves() (count, elsewhere *atomic.Int64) {
	count, elsewhere = &atomic.Int64{}, &atomic.Int64{}
	p.Lab.Faults().OnWrite(func(system, op, target string) {
		p.wrote(system, op, target)
		if system != "switch" || op != "save" {
			return
		}
		count.Add(1)
		for _, e := range p.Engine.Executions() {
			if e.Action == "laas.set_ports" && e.Status == "running" {
				return
			}
		}
		elsewhere.Add(1)
	})
	return count, elsewhere
}

func TestAVLANThatWasMadeIsSavedAlthoughThePortsAreAsWanted(t *testing.T) {
	t.Parallel()
	body := bookingOf(t, "hpe13", "100", "250t")
	p := open(t, demo.Options{Bodies: [][]byte{body}, Slack: patient})
	p.deliver(body)
	vlans := p.Lab.World().VLANs(theSwitch)
	require.Contains(t, vlans, 250)
	delete(vlans, 250)
	p.Lab.World().SetVLANs(theSwitch, vlans)
	write := map[string]any{"switch": theSwitch, "state": "booked", "job_id": job, "epoch": 1, "host": host}
	count, _ := p.saves()
	p.works("laas.set_ports", write)
	assert.Contains(t, p.Lab.World().VLANs(theSwitch), 250)
	assert.EqualValues(t, 1, count.Load())
	require.NoError(t, p.Lab.Switch(theSwitch).Reload())
	assert.Contains(t, p.Lab.World().VLANs(theSwitch), 250, "it is there after a restart of the switch")
	p.works("laas.set_ports", write)
	assert.EqualValues(t, 1, count.Load(), "and nothing is left to save")
}

// A proof that had the switch save by itself could keep what another job's write is in the middle of.
func TestOnlyWhoWritesASwitchHasItSave(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	for state, proof := range map[string]string{"booked": "hand_over", "idle": "prove_release"} {
		t.Run("of ports that became "+state, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient})
			count, elsewhere := p.saves()
			if state == "idle" {
				p.dispatch(b[0])
			}
			p.starting(func(e engine.Execution) {
				if (stage{"set_ports", state, nil}).is(e) && e.Parameters["host"] == nil {
					p.Lab.Faults().Add(faults.Fault{System: "switch", Op: "save", Kind: faults.Refuse})
				}
				if (stage{action: proof}).is(e) {
					p.Lab.Faults().Heal()
				}
			})
			if state == "idle" {
				p.dispatch(b[1])
				p.asBefore()
			} else {
				p.dispatch(b[0])
				p.asBooked()
			}
			assert.Zero(t, elsewhere.Load())
			assert.NotZero(t, count.Load())
			p.saved()
		})
	}
}

// Records of writes were kept for all hosts of a write at once before; what they say counts for each of them.
func TestAWriteThatWasNotSavedIsKnownFromARecordOfAllHosts(t *testing.T) {
	t.Parallel()
	body := recorded(t, "02")[0]
	p := open(t, demo.Options{Bodies: [][]byte{body}, Dashboard: "2019", Slack: impatient, SpreadNICs: true})
	p.deliver(body)
	sw := p.port(1).Switch
	p.Lab.Faults().Add(faults.Fault{System: "switch", Target: sw, Op: "save", Kind: faults.Half})
	require.NoError(t, p.Lab.Dashboard().End(2))
	require.NoError(t, p.Settle(p.ctx))
	require.NotEmpty(t, p.owner().Quarantine)
	p.Lab.Faults().Heal()
	p.Engine.Keys().Set(booking.PortsKey(sw, 2), `{"switch":"`+sw+`","state":"idle","job":2,"epoch":2,"hosts":["hpe13","hpe14"],"error":"not saved","applied":false,"at":"2026-11-20T12:00:00Z"}`)

	count, elsewhere := p.saves()
	p.works("laas.return_host", map[string]any{"host": host, "confirm": host})
	assert.Positive(t, count.Load())
	assert.Zero(t, elsewhere.Load())
	assert.Equal(t, p.Lab.World().Ports(sw), p.Lab.Switch(sw).Saved())
}
