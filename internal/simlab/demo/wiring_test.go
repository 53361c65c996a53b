package demo_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// vpnOnly is the recorded booking's job with one more VPN user and nothing else.
func vpnOnly(t *testing.T) []byte {
	t.Helper()
	text, err := json.Marshal([]any{map[string]any{"id": job, "payload": map[string]any{"access": map[string]any{
		"aaaaaaaa-9010-401f-bbec-052cb1b00103": map[string]any{"lab_token": "null", "access_type": "vpn", "revoke": false, "user": 4}}}}})
	require.NoError(t, err)
	return text
}

// cutOffAndBack isolates a host and lets it in again: its ports are as they were.
func (p *play) cutOffAndBack(name string) {
	p.t.Helper()
	before := p.named(name)
	require.True(p.t, before.Reachable)
	p.works("laas.isolate_host", map[string]any{"host": name, "confirm": name})
	assert.True(p.t, allShut(p.named(name)))
	assert.False(p.t, p.named(name).Reachable)
	p.works("laas.rejoin_host", map[string]any{"host": name, "confirm": name})
	assert.Equal(p.t, before.Ports, p.named(name).Ports)
	assert.True(p.t, p.named(name).Reachable)
	_, isolated := p.Engine.Keys().Get("laas.isolated." + name)
	assert.False(p.t, isolated)
}

// writtenAgain lets the operator write the first port of a host again after somebody changed it.
func (p *play) writtenAgain(id, name string) {
	p.t.Helper()
	before, at := p.named(name).Ports, p.named(name).Ports[0]
	now, ok := p.Lab.World().Port(at.Switch, at.Port)
	require.True(p.t, ok)
	now.Native, now.Tagged = 0, []int{500}
	require.NoError(p.t, p.Lab.World().SetPort(at.Switch, at.Port, now))
	out, code := p.laas("ports", "plan", "--job", id)
	assert.Zero(p.t, code, out)
	assert.Contains(p.t, out, at.Switch+" "+at.Port+": ")
	out, code = p.laas("ports", "apply", "--job", id, "--host", name, "--force")
	assert.Zero(p.t, code, out)
	assert.Contains(p.t, out, "of 1 host(s) are booked, read back; 1 changed")
	assert.Equal(p.t, before, p.named(name).Ports)
}

func TestAHostOfABookingKeepsItsPortsWhateverLaterPlansHold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body, job, host string
		spread          bool
		later           func(t *testing.T, p *play)
	}{
		"another host was reset": {"02", "2", "hpe14", false, func(t *testing.T, p *play) {
			require.NoError(t, p.Lab.Dashboard().Reimage(2, "hpe13", "23"))
			require.NoError(t, p.Settle(p.ctx))
		}},
		"another host was reset; each on two switches": {"02", "2", "hpe14", true, func(t *testing.T, p *play) {
			require.NoError(t, p.Lab.Dashboard().Reimage(2, "hpe13", "23"))
			require.NoError(t, p.Settle(p.ctx))
		}},
		"it was reset itself": {"02", "2", "hpe13", false, func(t *testing.T, p *play) {
			require.NoError(t, p.Lab.Dashboard().Reimage(2, "hpe13", "23"))
			require.NoError(t, p.Settle(p.ctx))
		}},
		"its reset was refused, so it stays as it was": {"02", "2", "hpe13", false, func(t *testing.T, p *play) {
			require.NoError(t, p.Lab.Dashboard().Reimage(2, "hpe13", "77"))
			require.NoError(t, p.Settle(p.ctx))
			require.Contains(t, p.messages(), "image 77")
		}},
		"its reset came to nothing before its ports were changed": {"02", "2", "hpe13", false, func(t *testing.T, p *play) {
			p.breakAt(stage{action: "begin_imaging"}, faults.Fault{System: "bmc", Kind: faults.Refuse})
			require.NoError(t, p.Lab.Dashboard().Reimage(2, "hpe13", "23"))
			require.NoError(t, p.Settle(p.ctx))
			p.starting(nil)
			p.Lab.Faults().Heal()
		}},
		"a VPN user came": {"01", "1", "hpe13", false, func(t *testing.T, p *play) { p.deliver(vpnOnly(t)) }},
		"it was captured": {"01", "1", "hpe13", false, func(t *testing.T, p *play) {
			p.works("laas.capture_host", map[string]any{"host": host, "name": "kept", "confirm": host})
		}},
		"0.1.0 handed it over and noted less": {"01", "1", "hpe13", false, func(t *testing.T, p *play) { p.Engine.Keys().Delete("laas.wiring." + host); p.deliver(vpnOnly(t)) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: recorded(t, c.body, "05", "06"), Dashboard: "2019", Slack: patient, SpreadNICs: c.spread})
			p.deliver(recorded(t, c.body)[0])
			before := p.named(c.host).Ports
			c.later(t, p)
			require.Equal(t, before, p.named(c.host).Ports)
			p.cutOffAndBack(c.host)
			p.writtenAgain(c.job, c.host)
		})
	}
}

func TestAHostThatIsNoneOfTheJobsIsAnErrorThatNamesThoseOfTheJob(t *testing.T) {
	t.Parallel()
	p := playAll(t, "2019", "02")
	before := p.allPorts()
	for name, c := range map[string]struct {
		args  []string
		words []string
	}{
		"another host":             {[]string{"--host", "hpe15"}, []string{"hpe15 is not a host of job 2", "hpe13, hpe14"}},
		"no host that is to be so": {nil, []string{"nothing was written", "hpe13, hpe14"}},
		"not to be so now":         {[]string{"--host", "hpe13", "--state", "provisioning"}, []string{"hpe13 are not to be provisioning now"}},
		"another switch":           {[]string{"--switch", "sw9"}, []string{"sw9", "sw1"}},
	} {
		out, code := p.laas(append([]string{"ports", "apply", "--job", "2"}, c.args...)...)
		assert.Equal(t, 5, code, "%s: %s", name, out)
		for _, w := range c.words {
			assert.Contains(t, out, w, name)
		}
	}
	out, code := p.laas("ports", "apply", "--job", "9")
	assert.Equal(t, 4, code, out)
	assert.Equal(t, before, p.allPorts())
	p.refused("laas.set_ports", map[string]any{"switch": "sw1", "state": "booked", "job_id": 2, "epoch": 1, "host": "hpe15"}, "hpe15 is not a host of job 2", "hpe13, hpe14")
}

func TestARejoinThatIsNotProvenLeavesTheHostIsolated(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]faults.Fault{
		"one of its switches does not save":              {Op: "save", Kind: faults.Half},
		"one of its switches does not answer":            {Kind: faults.Error500},
		"one of its switches rejects some commands":      {Op: "conf", Kind: faults.Half},
		"one of its switches says ok and writes nothing": {Op: "conf", Kind: faults.Forget},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: recorded(t, "02", "05", "06"), Dashboard: "2019", Slack: impatient, SpreadNICs: true})
			p.deliver(recorded(t, "02")[0])
			before := p.host().Ports
			require.NotEqual(t, before[0].Switch, before[1].Switch)
			isolation := map[string]any{"host": host, "confirm": host}
			p.works("laas.isolate_host", isolation)
			fault.System, fault.Target = "switch", before[1].Switch
			p.starting(func(e engine.Execution) {
				switch {
				case stage{"set_ports", "booked", nil}.is(e):
					p.Lab.Faults().Add(fault)
				case stage{"set_ports", "isolated", nil}.is(e):
					p.Lab.Faults().Heal()
				}
			})
			p.refused("laas.rejoin_host", isolation, host+" is still isolated")
			p.starting(nil)
			_, isolated := p.Engine.Keys().Get("laas.isolated." + host)
			assert.True(t, isolated)
			assert.True(t, allShut(p.host()), "%+v", p.host().Ports)
			p.refused("laas.set_ports", map[string]any{"switch": before[0].Switch, "state": "booked", "job_id": 2, "epoch": 1, "host": host}, "is isolated since")
			p.works("laas.rejoin_host", isolation)
			assert.Equal(t, before, p.host().Ports)
			require.NoError(t, p.Lab.Dashboard().End(2))
			p.settle()
			assert.True(t, allShut(p.host()))
			assert.Empty(t, p.Engine.Keys().List("laas.wiring."))
			assert.Empty(t, p.Engine.Keys().List("laas.owner."))
		})
	}
}

func TestAnIsolatedHostWhoseSetUpFailedIsLetInAndItsPortsStayShut(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: recorded(t, "02", "05", "06"), Dashboard: "2019", Slack: impatient})
	p.deliver(recorded(t, "02")[0])
	p.breakAt(stage{action: "schedule_imaging"}, faults.Fault{System: "fog", Kind: faults.Error500})
	require.NoError(t, p.Lab.Dashboard().Reimage(2, "hpe14", "23"))
	require.NoError(t, p.Settle(p.ctx))
	p.starting(nil)
	p.Lab.Faults().Heal()
	at := p.named("hpe14").Ports[0]
	p.works("laas.isolate_host", map[string]any{"host": "hpe14", "confirm": "hpe14"})
	e := p.works("laas.rejoin_host", map[string]any{"host": "hpe14", "confirm": "hpe14"})
	var out struct{ Summary string }
	stdout(t, e, &out)
	assert.Contains(t, out.Summary, "laas.resume_job job_id=2")
	assert.True(t, allShut(p.named("hpe14")), "its tenant does not have it")
	now, _ := p.Lab.World().Port(at.Switch, at.Port)
	assert.Equal(t, world.Port{Shutdown: true, Description: now.Description}, now)
	p.refused("laas.set_ports", map[string]any{"switch": at.Switch, "state": "booked", "job_id": 2, "epoch": 2, "host": "hpe14"}, "not set up for job 2 yet")

	// A later plan of the job does not know of it.
	require.NoError(t, p.Lab.Dashboard().Reimage(2, "hpe13", "23"))
	require.NoError(t, p.Settle(p.ctx))
	p.works("laas.isolate_host", map[string]any{"host": "hpe14", "confirm": "hpe14"})
	stdout(t, p.works("laas.rejoin_host", map[string]any{"host": "hpe14", "confirm": "hpe14"}), &out)
	assert.Contains(t, out.Summary, "laas.image_host host=hpe14")
	assert.True(t, allShut(p.named("hpe14")))
	p.works("laas.image_host", map[string]any{"host": "hpe14", "confirm": "hpe14"})
	assert.True(t, p.named("hpe14").Reachable)
	p.cutOffAndBack("hpe14")
}
