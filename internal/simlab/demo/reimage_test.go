package demo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// watchTenant counts, at every change of the world, whether the system that the host has now runs while a port of the host carries the VLAN
// where FOG is, and whether that could be switched on by somebody who is not the lab.
func (p *play) watchTenant() (seen *atomic.Int64) {
	p.t.Helper()
	seen = &atomic.Int64{}
	w, ports, had := p.Lab.World(), p.host().Ports, p.machineID(host)
	inside := func() bool {
		for _, at := range ports {
			if now, ok := w.Port(at.Switch, at.Port); ok && carries(now, install) {
				return true
			}
		}
		return false
	}
	theirs := func() bool {
		disk := w.FS(host)
		if disk == nil {
			return false
		}
		id, err := disk.ReadFile("/etc/machine-id")
		return err == nil && string(id) == had
	}
	w.OnChange(func() {
		if inside() && theirs() && (w.Up(host) || len(p.bmcUsers()) > 0) && inside() && theirs() {
			seen.Add(1)
		}
	})
	return seen
}

// bmcUsers are the accounts that tenants have on the host's BMC.
func (p *play) bmcUsers() []string {
	for _, h := range p.Lab.Report().Hosts {
		if h.Name == host {
			return h.BMCUsers
		}
	}
	return nil
}

// reset has the dashboard ask for a new image, as its user does who resets a server.
func (p *play) reset() {
	p.t.Helper()
	require.NoError(p.t, p.Lab.Dashboard().Reimage(job, host, "23"))
	require.NoError(p.t, p.Settle(p.ctx))
}

// ends takes the booking back and holds that nothing of it is left.
func (p *play) ends() {
	p.t.Helper()
	require.NoError(p.t, p.Lab.Dashboard().End(job))
	require.NoError(p.t, p.Settle(p.ctx))
	p.asBefore()
}

// stillBooked holds that the host stays in its tenant's networks.
func (p *play) stillBooked() {
	p.t.Helper()
	assert.True(p.t, p.anyCarries(booked), "%+v", p.wires())
	assert.False(p.t, p.anyCarries(install), "%+v", p.wires())
}

// shutIn holds that a host whose imaging came to nothing has no power, and nobody who could give it any.
func (p *play) shutIn() {
	p.t.Helper()
	assert.Equal(p.t, "off", p.host().Power)
	assert.Empty(p.t, p.host().BMCUsers)
	p.refused("laas.power", map[string]any{"host": host, "do": "on"}, "would start in the provisioning network")
	p.works("laas.boot_booked_hosts", nil)
	assert.Equal(p.t, "off", p.host().Power)
}

func TestATenantsSystemNeverRunsInTheProvisioningNetwork(t *testing.T) {
	t.Parallel()
	trouble := func(kind world.TroubleKind) func(*play) {
		return func(p *play) {
			require.NoError(p.t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: kind, Percent: 40, Times: 1}))
		}
	}
	at := func(action, which string, f faults.Fault) func(*play) {
		return func(p *play) { p.breakAt(stage{action: action, which: which}, f) }
	}
	for name, c := range map[string]struct {
		breaks func(*play)
		// told is the reason that the user reads, after what the host is as after describes.
		told  string
		after func(*play)
	}{
		"all is well": {breaks: func(*play) {}},
		"FOG fails when the image is to be scheduled": {at("schedule_imaging", "", faults.Fault{System: "fog", Kind: faults.Error500}), "FOG", (*play).shutIn},
		"FOG fails while the image is written":        {at("follow_imaging", "", faults.Fault{System: "fog", Kind: faults.Error500}), "FOG", (*play).shutIn},
		"FOG's task is cancelled":                     {trouble(world.Cancelled), "is cancelled", (*play).shutIn},
		"FOG's task vanishes":                         {trouble(world.Vanished), "has vanished", (*play).shutIn},
		"the host does not boot from the network":     {at("boot_to_network", "", faults.Fault{System: "bmc", Op: "boot.set", Kind: faults.Refuse}), "BMC", (*play).shutIn},
		"the BMC does not answer":                     {at("begin_imaging", "", faults.Fault{System: "bmc", Kind: faults.Hang}), "BMC", (*play).stillBooked},
		"the BMC says off and stays on":               {at("begin_imaging", "", faults.Fault{System: "bmc", Op: "power.set", Kind: faults.Forget}), "power is not off", (*play).stillBooked},
		"the BMC keeps the tenant's account":          {at("begin_imaging", "", faults.Fault{System: "bmc", Op: "user.set", Kind: faults.Lie}), "BMC", (*play).stillBooked},
		"a switch does not answer":                    {at("set_ports", "provisioning", faults.Fault{System: "switch", Target: theSwitch, Kind: faults.Error500}), "switch", (*play).shutIn},
		"the other switch does not answer":            {at("set_ports", "provisioning", faults.Fault{System: "switch", Target: "sw2", Kind: faults.Error500}), "switch", (*play).shutIn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: recorded(t, "01", "05", "06"), Dashboard: "2019", FOG: "1.6", Slack: impatient, SpreadNICs: true})
			p.Lab.World().ReportFailures()
			p.deliver(recorded(t, "01")[0])
			p.asBooked()
			_, before := login(t, p.tasks("hardware")[0].Message)
			seen := p.watchTenant()
			c.breaks(p)
			p.reset()
			p.starting(nil)
			p.Lab.Faults().Heal()
			assert.Zero(t, seen.Load())
			if c.told != "" {
				p.tells(p.tasks("hardware")[0], booking.StatusError, host, c.told)
				c.after(p)
				p.works("laas.resume_job", map[string]any{"job_id": job})
				p.settle()
			}
			p.asBooked()
			assert.Zero(t, seen.Load())
			_, after := login(t, p.tasks("hardware")[0].Message)
			assert.Equal(t, before, after, "his BMC login is the one that he has")
			p.ends()
		})
	}
}

func TestAHostThatMissesFOGDoesNotGoOnRunningItsTenantsSystem(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]world.TroubleKind{"it boots its disk instead": world.IgnoresPXE, "FOG says that it wrote, and has not": world.WriteLost} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: recorded(t, "01", "05", "06"), Dashboard: "2019", Slack: impatient, Config: brisk})
			p.deliver(recorded(t, "01")[0])
			p.asBooked()
			require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: kind}))
			p.reset()
			p.tells(p.tasks("hardware")[0], booking.StatusError, host)
			p.shutIn()
			require.NoError(t, p.Lab.World().EndTroubles(host))
			seen := p.watchTenant()
			p.works("laas.resume_job", map[string]any{"job_id": job})
			p.settle()
			p.asBooked()
			assert.Zero(t, seen.Load(), "it is written anew, and what was there does not start once more")
			p.ends()
		})
	}
}

// Whoever starts it, and whatever the workflow before it has forgotten.
func TestPortsAreNotWrittenForAHostThatIsNotProvenOff(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: recorded(t, "01", "05", "06"), Dashboard: "2019", Slack: impatient})
	p.deliver(recorded(t, "01")[0])
	p.asBooked()
	p.breakAt(stage{action: "begin_imaging"}, faults.Fault{System: "bmc", Kind: faults.Hang})
	p.reset()
	p.starting(nil)
	p.Lab.Faults().Heal()
	require.Equal(t, "on", p.host().Power)
	ports := map[string]any{"switch": theSwitch, "state": "provisioning", "job_id": job, "epoch": 2, "force": true}
	p.refused("laas.set_ports", ports, "power_off is not proven")
	p.stillBooked()
	ports["host"] = host
	p.refused("laas.set_ports", ports, "power_off is not proven")
	p.stillBooked()
	p.ends()
}

func TestAReservedHostIsOffBeforeItIsImagedOrCaptured(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*play) engine.Execution{
		"imaged": func(p *play) engine.Execution {
			return p.works("laas.image_host", map[string]any{"host": host, "image": "23", "confirm": host})
		},
		"captured": func(p *play) engine.Execution {
			return p.works("laas.capture_host", map[string]any{"host": host, "name": "theirs", "confirm": host})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: bodies(t, "01", "06"), Slack: patient, SpreadNICs: true})
			p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
			p.works("laas.network_create", map[string]any{"network": "storage"})
			p.works("laas.nic_connect", map[string]any{"host": host, "nic": p.port(0).MAC, "network": "storage"})
			p.works("laas.image_host", map[string]any{"host": host, "image": "23", "confirm": host})
			p.works("laas.power", map[string]any{"host": host, "do": "on"})
			require.Eventually(t, func() bool { return p.Lab.World().Up(host) }, patient, pace.Boot)
			_, err := p.Lab.BMC(host).AddUser("holder", "Made-in-band1")
			require.NoError(t, err)
			seen := p.watchTenant()
			do(p)
			assert.Zero(t, seen.Load())
			assert.Empty(t, p.host().BMCUsers, "what the holder made in band is gone")
			assert.Equal(t, 2000, *p.port(0).Native, "it stays connected")
			p.works("laas.power", map[string]any{"host": host, "do": "on", "confirm": host})
			p.works("laas.nic_disconnect", map[string]any{"host": host, "nic": p.port(0).MAC, "network": "storage"})
			p.works("laas.free_host", map[string]any{"host": host})
			p.inPool()
		})
	}
}

func TestAKillAfterAnyWriteOfAResetLetsNoTenantIn(t *testing.T) {
	t.Parallel()
	b := recorded(t, "01", "05", "06")
	o := demo.Options{Bodies: b, Dashboard: "2019", Slack: patient, SpreadNICs: true}
	whole := open(t, o)
	whole.deliver(b[0])
	kills := whole.kills()
	whole.reset()
	whole.asBooked()
	require.Greater(t, len(kills()), 20)
	for i, n := range kills() {
		if i > 20 && i%4 != 0 && !*every { // from there on it is a first provisioning, whose kills are tried elsewhere
			continue
		}
		t.Run(fmt.Sprintf("write %d", n), func(t *testing.T) {
			t.Parallel()
			p := open(t, o)
			p.deliver(b[0])
			p.asBooked()
			seen, logins := p.watchTenant(), p.watchLogins()
			p.afterWrite(n, p.Engine.KillRunning)
			p.reset()
			p.watchHardware()
			p.finish()
			p.asBooked()
			p.nothingScheduled()
			assert.Zero(t, seen.Load())
			assert.Zero(t, logins.Load())
		})
	}
}

// watchLogins counts, at every change of the world after the host was configured, whether somebody who is not the lab has a login to the host or to its BMC while a
// port of it carries the VLAN where FOG is.
func (p *play) watchLogins() (seen *atomic.Int64) {
	seen = &atomic.Int64{}
	w, ports := p.Lab.World(), p.host().Ports
	w.OnChange(func() {
		for _, at := range ports {
			now, ok := w.Port(at.Switch, at.Port)
			if ok && carries(now, install) && (len(p.bmcUsers()) > 0 || w.Up(host) && len(w.Snapshot(host).SSHKeys["opnfv"]) > 0) {
				seen.Add(1)
			}
		}
	})
	return seen
}

func TestAHostThatComesBackFromItsBookedNetworkWasNobodysThere(t *testing.T) {
	t.Parallel()
	brief := settings("ssh", map[string]any{"ready_timeout": 1, "network_guard": 4})
	// The lab does not reach the host on its booked network, whatever its tenant does.
	lost := func(p *play) { p.Lab.World().SetNetwork(setUp, []int{setUp}) }
	for name, c := range map[string]struct {
		reset bool
	}{"a new one": {false}, "one that is imaged once more, whose tenant knows its BMC's password": {true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := recorded(t, "01", "05", "06")
			p := open(t, demo.Options{Bodies: b, Dashboard: "2019", Slack: patient, Config: brief})
			begin := func() { p.deliver(b[0]) }
			if c.reset {
				begin()
				p.asBooked()
				begin = p.reset
			}
			seen := p.watchLogins()
			p.first("configure_host", func() { lost(p) })
			begin()
			p.starting(nil)
			p.tells(p.tasks("hardware")[0], booking.StatusError, host, "did not answer by SSH on its booked network", "its guard noted: returned to the former network")
			require.Equal(t, setUp, *p.port(0).Native)
			require.True(t, p.host().Reachable)
			assert.Empty(t, p.host().BMCUsers)
			assert.Empty(t, p.host().SSHKeys["opnfv"])
			assert.Zero(t, seen.Load())

			p.Lab.World().SetNetwork(setUp, []int{setUp, public})
			p.works("laas.resume_job", map[string]any{"job_id": job})
			p.settle()
			p.asBooked()
			assert.Zero(t, seen.Load())
			p.ends()
		})
	}
}

// What an earlier tenant left is as little the lab's as what the present one has.
func TestTheSystemOfAnEarlierTenantThatWasNotWipedDoesNotGoOnRunningThere(t *testing.T) {
	t.Parallel()
	b := recorded(t, "01")[0]
	p := open(t, demo.Options{Bodies: [][]byte{b}, Dashboard: "2019", Slack: impatient, Config: func(c map[string]any) {
		brisk(c)
		c["release"].(map[string]any)["wipe"] = booking.WipeNone
	}})
	p.deliver(b)
	p.asBooked()
	require.NoError(t, p.Lab.Dashboard().End(job))
	require.NoError(t, p.Settle(p.ctx))
	require.Empty(t, p.certificates())
	left := p.machineID(host)

	require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.WriteLost}))
	p.deliver(bookedAgain(t, b, 9))
	text, _ := p.laas("job", "show", "9")
	assert.Contains(t, text, "job 9: failed")
	assert.Equal(t, left, p.machineID(host), "FOG has not written to it")
	assert.Equal(t, "off", p.host().Power)
}

// bookedAgain is the recorded booking as another one, with tasks of its own.
func bookedAgain(t *testing.T, body []byte, id int) []byte {
	t.Helper()
	var jobs []map[string]any
	require.NoError(t, json.Unmarshal(body, &jobs))
	jobs[0]["id"] = id
	next, err := json.Marshal(jobs)
	require.NoError(t, err)
	for _, kind := range []string{"hardware", "network", "access"} {
		for task := range jobs[0]["payload"].(map[string]any)[kind].(map[string]any) {
			next = bytes.ReplaceAll(next, []byte(`"`+task+`"`), fmt.Appendf(nil, `"%s%d"`, task, id))
		}
	}
	return next
}

// lentOut has the host reserved, imaged and running, as whoever reserved it uses it.
func (p *play) lentOut() {
	p.t.Helper()
	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
	p.works("laas.image_host", map[string]any{"host": host, "image": "23", "confirm": host})
	p.works("laas.power", map[string]any{"host": host, "do": "on"})
	require.Eventually(p.t, func() bool { return p.Lab.World().Up(host) }, patient, pace.Boot)
}

func TestWhatWasProvenOfAReservedHostIsNothingOnceItsHolderHasIt(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient, SpreadNICs: true})
	p.lentOut()
	seen, owner := p.watchTenant(), p.owner()
	e := p.action("laas.set_ports", map[string]any{"switch": p.port(0).Switch, "state": "provisioning", "job_id": owner.Job, "epoch": owner.Epoch, "host": host})
	assert.Equal(t, "failed", e.Status)
	p.refused("laas.resume_job", map[string]any{"job_id": owner.Job}, "the lab's own", "laas.image_host")
	assert.Zero(t, seen.Load())
	assert.Equal(t, "alice", p.owner().Reservation)
	p.works("laas.image_host", map[string]any{"host": host, "image": "23", "confirm": host})
	assert.Zero(t, seen.Load())
	p.works("laas.free_host", map[string]any{"host": host})
	p.inPool()
}

func TestAReservedHostThatWasLeftInTheProvisioningNetworkIsNotSwitchedOnThere(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: impatient, SpreadNICs: true, Config: brisk})
	p.lentOut()
	require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.WriteLost}))
	p.breakAt(stage{action: "set_ports", which: "reserved"}, faults.Fault{System: "switch", Kind: faults.Error500})
	assert.Equal(t, "failed", p.action("laas.image_host", map[string]any{"host": host, "image": "23", "confirm": host}).Status)
	p.starting(nil)
	p.Lab.Faults().Heal()
	require.Equal(t, "off", p.host().Power)
	p.refused("laas.power", map[string]any{"host": host, "do": "on"}, "captured or imaged", "laas.image_host")
	assert.Equal(t, "off", p.host().Power)
	require.NoError(t, p.Lab.World().EndTroubles(host))
	p.works("laas.image_host", map[string]any{"host": host, "image": "23", "confirm": host})
	p.works("laas.power", map[string]any{"host": host, "do": "on"})
}
