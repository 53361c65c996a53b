package demo_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/nxapi"
	"stackstorm-laas/internal/simlab/world"
)

// The switch that the host hangs on, the VLAN it boots from FOG in, the one that was booked, and one that was not.
const (
	theSwitch = "sw1"
	install   = 98
	booked    = 100
	foreign   = 200
)

// carries says whether a port passes frames of a VLAN.
func carries(p world.Port, vlan int) bool {
	return !p.Shutdown && (p.Native == vlan || slices.Contains(p.Tagged, vlan))
}

// wires are the host's ports as the world has them, whatever the switch shows.
func (p *play) wires() (out []world.Port) {
	for _, port := range p.host().Ports {
		w, ok := p.Lab.World().Port(port.Switch, port.Port)
		require.True(p.t, ok)
		out = append(out, w)
	}
	return out
}

func (p *play) anyCarries(vlan int) bool {
	return slices.ContainsFunc(p.wires(), func(w world.Port) bool { return carries(w, vlan) })
}

// watchMixing notes after every write to the switch whether a port joins what must be apart: the VLAN where FOG is, and the tenant's.
func (p *play) watchMixing() (mixed *atomic.Int64) {
	mixed = &atomic.Int64{}
	p.Lab.Faults().OnWrite(func(system, op, target string) {
		p.wrote(system, op, target)
		if system != "switch" {
			return
		}
		for _, w := range p.Lab.World().Ports(theSwitch) {
			if carries(w, install) && (carries(w, booked) || carries(w, foreign)) {
				mixed.Add(1)
			}
		}
	})
	return mixed
}

// notHandedOver holds that the tenant was given no login for a host whose provisioning failed.
func (p *play) notHandedOver() {
	p.t.Helper()
	p.tells(p.tasks("hardware")[0], booking.StatusError, host)
	p.allAre(booking.StatusError, "network")
	assert.NotContains(p.t, p.tasks("hardware")[0].Message, "password:")
	assert.NotContains(p.t, p.messages(), "ssh opnfv@")
	p.neverEarly()
}

// kept holds that a host that was not proven clean is off, reaches nothing, and is nobody's to book.
func (p *play) kept() {
	p.t.Helper()
	h := p.host()
	assert.Equal(p.t, "off", h.Power)
	assert.False(p.t, h.Reachable)
	p.Lab.Dashboard().Tick()
	assert.True(p.t, p.Lab.Dashboard().HostBooked(host) || !p.Lab.Dashboard().HostWorking(host), "the host can be booked")
	p.neverEarly()
}

func (p *play) returned() {
	p.t.Helper()
	p.Lab.Faults().Heal()
	p.works("laas.return_host", map[string]any{"host": host, "confirm": host})
	p.asBefore()
}

// saved holds that the switch would come back from a restart as it is.
func (p *play) saved() {
	p.t.Helper()
	assert.Equal(p.t, p.Lab.World().Ports(theSwitch), p.Lab.Switch(theSwitch).Saved())
}

// onSwitch calls what it is given before the switch serves a request of the kind, once, from the moment that a stage starts.
func (p *play) onSwitch(s stage, after, op string, do func()) {
	var once sync.Once
	p.starting(func(e engine.Execution) {
		if !s.is(e) {
			return
		}
		once.Do(func() {
			var armed, done atomic.Bool
			armed.Store(after == "")
			p.Lab.Switch(theSwitch).OnRequest(func(got string) {
				if armed.Load() && got == op && done.CompareAndSwap(false, true) {
					do()
				}
				if got == after {
					armed.Store(true)
				}
			})
		})
	})
}

// The pack's own network.timeout lets a switch through that takes half a minute for every answer. Here both are as many times shorter.
func TestASwitchThatTakesHalfAMinuteForEveryAnswerIsWaitedFor(t *testing.T) {
	t.Parallel()
	const slow, scale = 30 * time.Second, 40
	byDefault, err := config.ParseNetwork([]byte(`{"network": {"provisioning_vlan": 98, "public_vlans": [100], "dark_vlan": 96}}`))
	require.NoError(t, err)
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient,
		Config:   settings("network", map[string]any{"timeout": (byDefault.Timeout.D() / scale).Seconds(), "retry": (byDefault.Retry.D() / scale).Seconds()}),
		Switches: func(c *nxapi.Config) { c.Latency = slow / scale },
	})
	p.dispatch(b[0])
	p.asBooked()
	p.saved()
	p.dispatch(b[1])
	p.asBefore()
	p.saved()
	p.neverEarly()
}

// A switch that lets go of what it did, or does what it does slowly, costs time and nothing else.
func TestASwitchThatAnswersLateOrNotAtAllDoesWhatItIsTold(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	for name, f := range map[string]faults.Fault{
		"the connection is lost after each write": {System: "switch", Op: "conf", Kind: faults.Drop},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient})
			mixed := p.watchMixing()
			p.Lab.Faults().Add(f)
			p.dispatch(b[0])
			p.asBooked()
			p.saved()
			p.dispatch(b[1])
			p.asBefore()
			p.saved()
			assert.Zero(t, mixed.Load())
			p.neverEarly()
		})
	}
}

// What a switch can do wrong when it is told something, and which of it the pack cannot see.
var wrongs = map[string]faults.Fault{
	"the switch refuses the login":                       {System: "switch", Op: "show", Kind: faults.Refuse},
	"the switch rejects half of the commands":            {System: "switch", Op: "conf", Kind: faults.Half},
	"the switch says ok and does nothing":                {System: "switch", Op: "conf", Kind: faults.Forget},
	"the switch shows what it does not do":               {System: "switch", Op: "conf", Kind: faults.Lie},
	"the connection is lost while the switch saves":      {System: "switch", Op: "save", Kind: faults.Drop},
	"the switch rejects that its configuration is saved": {System: "switch", Op: "save", Kind: faults.Refuse},
}

func TestATenantGetsNothingThroughASwitchThatDidNotDoWhatItWasTold(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	for name, f := range wrongs {
		for _, state := range []string{"provisioning", "booked"} {
			if f.Kind == faults.Lie && state == "booked" {
				continue // the host answers, in whichever network that is: docs/network.md says so
			}
			t.Run(name+" when ports become "+state, func(t *testing.T) {
				t.Parallel()
				p := open(t, demo.Options{Bodies: b, Slack: impatient})
				mixed := p.watchMixing()
				p.breakAt(stage{"set_ports", state, nil}, f)
				p.dispatch(b[0])
				p.starting(nil)
				require.NotEmpty(t, p.Lab.Faults().Active(), "the stage was never reached")
				p.notHandedOver()
				assert.False(t, p.anyCarries(foreign))
				if state == "provisioning" {
					assert.False(t, p.anyCarries(booked), "%+v", p.wires())
				}

				p.Lab.Faults().Heal()
				if f.Kind == faults.Lie { // to the pack it looks as if somebody had changed the ports by hand
					again := map[string]any{"switch": p.port(0).Switch, "state": state, "job_id": job, "epoch": p.owner().Epoch}
					p.refused("laas.set_ports", again, "was changed by hand")
					again["force"] = true
					p.works("laas.set_ports", again)
				}
				p.finish()
				p.asBooked()
				p.saved()
				assert.Zero(t, mixed.Load())
				p.dispatch(b[1])
				p.asBefore()
			})
		}
	}
}

func TestAHostIsKeptWhenItsSwitchDidNotLetGoOfIt(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	for name, f := range wrongs {
		for _, state := range []string{"wiping", "idle"} {
			if f.Kind == faults.Lie && state == "idle" {
				continue // see the test of the last lie
			}
			t.Run(name+" when ports become "+state, func(t *testing.T) {
				t.Parallel()
				p := open(t, demo.Options{Bodies: b, Slack: impatient})
				p.dispatch(b[0])
				p.allAre(booking.StatusDone, "hardware")
				mixed := p.watchMixing()
				p.breakAt(stage{"set_ports", state, nil}, f)
				p.dispatch(b[1])
				p.starting(nil)
				require.NotEmpty(t, p.Lab.Faults().Active(), "the stage was never reached")
				p.tells(p.tasks("hardware")[0], booking.StatusError, host)
				p.kept()
				assert.NotEmpty(t, p.owner().Quarantine)
				assert.Zero(t, mixed.Load())
				p.returned()
				p.saved()
			})
		}
	}
}

// A switch that shows a closed port and has it open cannot be seen through. What hangs there is off, and has nothing of the tenant's left.
func TestTheLastLieOfASwitchGivesNothingAway(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: impatient})
	p.dispatch(b[0])
	p.breakAt(stage{"set_ports", "idle", nil}, faults.Fault{System: "switch", Op: "conf", Kind: faults.Lie})
	p.dispatch(b[1])
	p.starting(nil)
	require.NotEmpty(t, p.Lab.Faults().Active(), "the stage was never reached")
	assert.Equal(t, "off", p.host().Power)
	assert.Nil(t, p.host().Image)
	assert.False(t, p.anyCarries(booked), "%+v", p.wires())
	p.nobodyLeft()
}

// meddle lets another administrator add a VLAN to the host's first port, once, between two requests of a stage.
func (p *play) meddle(s stage, after, before string) (done *atomic.Bool) {
	done = &atomic.Bool{}
	port := p.port(0)
	p.onSwitch(s, after, before, func() {
		w, _ := p.Lab.World().Port(port.Switch, port.Port)
		w.Shutdown, w.Tagged = false, append(w.Tagged, foreign)
		done.Store(p.Lab.World().SetPort(port.Switch, port.Port, w) == nil)
	})
	return done
}

func TestAnotherAdministratorsChangeInBetweenNeverStays(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	for name, at := range map[string]struct {
		after, before string
		seen          bool
	}{
		"between the read and the write":      {"show", "conf", false},
		"between the write and the read back": {"conf", "show", true},
	} {
		t.Run(name+" when a host is prepared", func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: impatient})
			meddled := p.meddle(stage{"set_ports", "booked", nil}, at.after, at.before)
			p.dispatch(b[0])
			p.starting(nil)
			require.True(t, meddled.Load())
			assert.False(t, p.anyCarries(foreign), "%+v", p.wires())
			if at.seen {
				p.notHandedOver()
				assert.False(t, p.anyCarries(booked), "%+v", p.wires())
				p.finish()
			}
			p.asBooked()
			p.saved()
			p.dispatch(b[1])
			p.asBefore()
		})
		t.Run(name+" when it is taken back", func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: impatient})
			p.dispatch(b[0])
			p.asBooked()
			meddled := p.meddle(stage{"set_ports", "idle", nil}, at.after, at.before)
			p.dispatch(b[1])
			p.starting(nil)
			require.True(t, meddled.Load())
			assert.False(t, p.anyCarries(foreign), "%+v", p.wires())
			p.asBefore() // what is to be closed is closed once more
			p.saved()
		})
	}
}

// A switch that said that it saved, and did not, comes back from a restart as it was before.
func TestASwitchThatComesBackWithOldVLANsReachesNoTenant(t *testing.T) {
	t.Parallel()
	t.Run("of before the booking", func(t *testing.T) {
		t.Parallel()
		b := bodies(t, "01", "06")
		p := open(t, demo.Options{Bodies: b, Slack: impatient})
		p.Lab.Faults().Add(faults.Fault{System: "switch", Op: "save", Kind: faults.Forget})
		p.dispatch(b[0])
		p.asBooked()
		require.NoError(t, p.Lab.Switch(theSwitch).Reload())
		assert.True(t, allShut(p.host()), "%+v", p.host().Ports)
		assert.False(t, p.host().Reachable)
	})
	t.Run("of the booking, after it ended", func(t *testing.T) {
		t.Parallel()
		b := bodies(t, "01", "06")
		p := open(t, demo.Options{Bodies: b, Slack: impatient})
		p.dispatch(b[0])
		p.asBooked()
		p.saved()
		p.Lab.Faults().Add(faults.Fault{System: "switch", Op: "save", Kind: faults.Forget})
		p.dispatch(b[1])
		p.asBefore()
		require.NoError(t, p.Lab.Switch(theSwitch).Reload())
		require.True(t, p.anyCarries(booked), "the restart brought the tenant's VLAN back")
		assert.Equal(t, "off", p.host().Power, "but nothing that could use it")
		assert.Nil(t, p.host().Image)
		assert.False(t, p.host().Reachable)
		p.nobodyLeft()
	})
}
