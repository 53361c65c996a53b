package demo_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/world"
)

// brisk makes the pack find out about stalls within a second or two.
func brisk(c map[string]any) {
	imaging := c["imaging"].(map[string]any)
	imaging["check_in"], imaging["stall"], imaging["boot"] = 1.0, 1.0, 3.0
}

// record is the journal of the booking's hardware task.
func (p *play) record() (r booking.TaskRecord) {
	p.t.Helper()
	text, found := p.Engine.Keys().Get(booking.TaskKey(job, p.tasks("hardware")[0].ID))
	require.True(p.t, found)
	require.NoError(p.t, json.Unmarshal([]byte(text), &r))
	return r
}

// starts counts how often the host is given power.
func (p *play) starts() *atomic.Int64 {
	var n atomic.Int64
	on := false
	var mu sync.Mutex
	p.Lab.World().OnChange(func() {
		mu.Lock()
		defer mu.Unlock()
		now := p.Lab.World().Power(host)
		if now && !on {
			n.Add(1)
		}
		on = now
	})
	return &n
}

// deployments are FOG's tasks that write images.
func (p *play) deployments() (out []world.Task) {
	for _, t := range p.Lab.World().Tasks() {
		if t.Type == world.Deploy {
			out = append(out, t)
		}
	}
	return out
}

// recovers holds that the booking can be worked on again once nothing stands in its way.
func (p *play) recovers() {
	p.t.Helper()
	p.starting(nil)
	require.NoError(p.t, p.Lab.World().EndTroubles(host))
	p.Lab.Faults().Heal()
	p.Lab.FOG().Enable(true)
	p.finish()
	p.asBooked()
	p.nothingScheduled()
	p.neverEarly()
}

func TestADeploymentThatStallsIsHelpedByAPowerCycleThenTriedASecondTimeThenFails(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	for name, c := range map[string]struct {
		kind    world.TroubleKind
		percent int
		// tasks and starts are how often it takes the task, and power, when the trouble comes once, twice, and for ever.
		tasks, starts [3]int64
		told          string
	}{
		// The last start of each is the one into the booked network.
		"the host never checks in":                  {world.NeverChecksIn, 0, [3]int64{1, 2, 2}, [3]int64{3, 4, 3}, "did not check in with FOG within 1s"},
		"the BMC's boot flag is forgotten":          {world.IgnoresPXE, 0, [3]int64{1, 2, 2}, [3]int64{3, 4, 3}, "did not check in with FOG within 1s"},
		"the task is stuck at 40 %":                 {world.Stuck, 40, [3]int64{1, 2, 2}, [3]int64{3, 4, 3}, "stood still at 40% for 1s (FOG says in progress)"},
		"the host gives up and FOG 1.5 is not told": {world.Failed, 40, [3]int64{1, 2, 2}, [3]int64{3, 4, 3}, "stood still at 40%"},
		"the host never boots what was written":     {world.NoBoot, 0, [3]int64{1, 2, 2}, [3]int64{3, 4, 3}, "did not answer by SSH within 3s of being imaged"},
	} {
		for i, times := range []int{1, 2, 0} {
			t.Run(name+", "+[]string{"once", "twice", "for ever"}[i], func(t *testing.T) {
				t.Parallel()
				p := open(t, demo.Options{Bodies: b, Slack: patient, Config: brisk})
				starts := p.starts()
				require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: c.kind, Percent: c.percent, Times: times}))
				p.dispatch(b[0])
				assert.Len(t, p.deployments(), int(c.tasks[i]))
				assert.Equal(t, c.starts[i], starts.Load(), "power cycles")
				if c.percent > 0 {
					assert.Contains(t, p.heard("laas.follow_imaging"), "info: "+host+": imaging 40%, 5.12GB/min, 00:01:30 left", "so far it is told while it is followed")
				}
				p.nothingScheduled()
				if times != 0 {
					p.asBooked()
					p.neverEarly()
					return
				}
				p.tells(p.tasks("hardware")[0], booking.StatusError, host, c.told, "neither", "a power cycle nor", "a second try")
				p.allAre(booking.StatusError, "network")
				assert.Contains(t, p.record().Reason, c.told)
				assert.Empty(t, p.host().SSHKeys["opnfv"])
				p.neverEarly()
				p.recovers()
			})
		}
	}
}

// heard is what the executions of an action told while they ran.
func (p *play) heard(action string) (text string) {
	for _, e := range p.Engine.Executions() {
		if result, ok := e.Result.(map[string]any); ok && e.Action == action {
			text += fmt.Sprint(result["stderr"])
		}
	}
	return text
}

func TestAKillInTheMiddleOfAWaitCyclesPowerNoSecondTime(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Config: brisk})
	starts := p.starts()
	require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.Stuck, Percent: 40, Times: 2}))
	var once sync.Once
	p.Lab.Faults().OnWrite(func(system, op, _ string) {
		if system == "bmc" && op == "power.set" && starts.Load() == 1 && len(p.deployments()) == 1 && p.deployments()[0].Percent == 40 {
			once.Do(p.Engine.KillRunning) // the power is off, and it was journalled that it would be
		}
	})
	p.dispatch(b[0])
	p.watchHardware()
	assert.True(t, p.record().Imaging.Cycled)
	assert.Equal(t, 1, p.record().Imaging.Attempt)
	p.finish()
	p.asBooked()
	assert.Len(t, p.deployments(), 2, "the second try, and no second power cycle in the first")
	p.nothingScheduled()
}

func TestHostsTakeTurnsAtFOGsSlots(t *testing.T) {
	t.Parallel()
	body := manyHosts(t, 6)
	p := open(t, demo.Options{Bodies: [][]byte{body}, Slack: patient * 2})
	p.Lab.World().SetSlots(2)
	var mu sync.Mutex
	most := 0
	p.Lab.World().OnChange(func() {
		mu.Lock()
		defer mu.Unlock()
		active := 0
		for _, task := range p.Lab.World().Tasks() {
			if task.State < world.TaskComplete {
				active++
			}
		}
		most = max(most, active)
	})
	p.deliver(body)
	p.allAre(booking.StatusDone, "hardware")
	assert.LessOrEqual(t, most, 3, "FOG never had more tasks than slots, but for one that came at the very same moment")
	assert.Empty(t, p.Engine.Keys().List("laas.turn."))
}

func TestATaskThatWaitsForOneOfFOGsSlotsIsNotStalled(t *testing.T) {
	t.Parallel()
	body := manyHosts(t, 2)
	p := open(t, demo.Options{Bodies: [][]byte{body}, Slack: patient, Pace: world.Pace{POST: pace.POST, Boot: pace.Boot, Image: 4 * time.Second, SoftOff: pace.SoftOff},
		Config: func(c map[string]any) {
			brisk(c)
			c["imaging"].(map[string]any)["stall"], c["imaging"].(map[string]any)["max_parallel"] = 2.0, 2
		}})
	p.Lab.World().SetSlots(1)
	p.deliver(body)
	p.allAre(booking.StatusDone, "hardware")
	assert.Len(t, p.deployments(), 2)
	for _, name := range []string{"node01", "node02"} {
		text, _ := p.Engine.Keys().Get(booking.TaskKey(job, "hw-"+name))
		assert.NotContains(t, text, `"cycled"`, "FOG let it wait for longer than a stall takes")
	}
}

func TestAHostBootsFromTheNetworkTheWayThatIsConfigured(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	for name, c := range map[string]struct {
		mode  string
		shown bool
		efi   bool
	}{
		"EFI":                       {"efi", false, true},
		"legacy":                    {"legacy", true, false},
		"as the BMC shows: EFI":     {"auto", true, true},
		"as the BMC shows: not EFI": {"auto", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient, Config: func(cfg map[string]any) { cfg["imaging"].(map[string]any)["boot_mode"] = c.mode }})
			require.NoError(t, p.Lab.World().SetBoot(host, world.Boot{Device: "disk", Persistent: true, EFI: c.shown}))
			var mu sync.Mutex
			var booted []world.Boot
			p.Lab.Faults().OnWrite(func(system, op, target string) {
				p.wrote(system, op, target)
				if system == "bmc" && op == "boot.set" {
					mu.Lock()
					defer mu.Unlock()
					booted = append(booted, p.Lab.World().GetBoot(host))
				}
			})
			p.dispatch(b[0])
			p.allAre(booking.StatusDone, "hardware")
			mu.Lock()
			defer mu.Unlock()
			require.NotEmpty(t, booted)
			assert.Equal(t, world.Boot{Device: "pxe", EFI: c.efi}, booted[0], "once, and not for ever")
		})
	}
}

// A booking may end at any time. What still waits for its host must not touch it, or what the journal says of it, from then on.
func TestABookingThatEndsWhileItsHostWaitsLeavesTheHostToItsRelease(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	for name, c := range map[string]struct {
		spoil func(p *play)
		stage string
	}{
		"to check in": {func(p *play) {
			require.NoError(p.t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.NeverChecksIn, Times: 1}))
		}, "laas.follow_imaging"},
		"for its image": {func(p *play) {
			require.NoError(p.t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.Stuck, Percent: 40, Times: 1}))
		}, "laas.follow_imaging"},
		"to boot what was written": {func(p *play) {
			require.NoError(p.t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.NoBoot, Times: 1}))
		}, "laas.verify_host"},
		"for its turn at FOG": {func(p *play) {
			p.Engine.Keys().Set("laas.turn.other", `{"host":"other","since":"2020-01-01T00:00:00Z","alive":"`+time.Now().Add(time.Hour).Format(time.RFC3339)+`"}`)
		}, "laas.schedule_imaging"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient, Config: func(cfg map[string]any) {
				brisk(cfg)
				cfg["imaging"].(map[string]any)["check_in"], cfg["imaging"].(map[string]any)["stall"], cfg["imaging"].(map[string]any)["max_parallel"] = 3.0, 3.0, 1
				cfg["imaging"].(map[string]any)["boot"], cfg["imaging"].(map[string]any)["queue"] = 6.0, 6.0
			}})
			c.spoil(p)
			waiting := make(chan struct{})
			var once sync.Once
			p.starting(func(e engine.Execution) {
				if e.Action == c.stage {
					once.Do(func() { close(waiting) })
				}
			})
			deliver := func(body []byte) { // it is dispatched when two polls show the same
				require.NoError(t, p.Lab.Deliver(body))
				for range 2 {
					require.NoError(t, p.Engine.PollSensor(p.ctx))
				}
			}
			deliver(b[0])
			<-waiting
			p.starting(nil)
			deliver(b[1])
			require.NoError(t, p.Settle(p.ctx))
			p.asBefore()
			p.allAre(booking.StatusDone, "hardware")
			p.tells(p.tasks("hardware")[0], booking.StatusDone, "disks wiped")
			p.neverEarly()
		})
	}
}
