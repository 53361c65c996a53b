package demo_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

func TestAnOutageOfFOGWhileItImagesCyclesNoPower(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	for name, kind := range map[string]faults.Kind{"it cannot be reached": faults.Refuse, "a page of something else answers in its place": faults.Garbage} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient, Pace: slower, Config: forgiving})
			starts := p.starts()
			p.breakAt(stage{action: "follow_imaging"}, faults.Fault{System: "fog", Kind: kind, Until: time.Now().Add(time.Hour)})
			p.Lab.World().OnChange(func() {
				if tasks := p.deployments(); len(tasks) == 1 && tasks[0].State == world.TaskComplete {
					p.Lab.Faults().Heal() // it comes back when the image is written
				}
			})
			p.dispatch(b[0])
			p.asBooked()
			assert.Equal(t, int64(2), starts.Load(), "into FOG, and into the booked network")
			assert.False(t, p.record().Imaging.Cycled)
			assert.Len(t, p.deployments(), 1)
		})
	}
}

// forgiving is brisk, but waits for a FOG that does not tell how far a task is.
func forgiving(c map[string]any) {
	brisk(c)
	c["imaging"].(map[string]any)["check_in"], c["fog"].(map[string]any)["retry"] = 5.0, 0.1
}

func TestAFOGThatNobodyCanReadForTooLongEndsTheWaitAndTheWorkGoesOnWithItsTask(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Pace: slower, Config: brisk})
	p.breakAt(stage{action: "follow_imaging"}, faults.Fault{System: "fog", Kind: faults.Garbage})
	p.dispatch(b[0])
	p.tells(p.tasks("hardware")[0], booking.StatusError, host, "FOG has not told for 1s how far the task is", "is not JSON")
	p.neverEarly()
	p.recovers()
	assert.Len(t, p.deployments(), 1)
}

func TestADeploymentThatIsCompleteWhenTheWorkGoesOnIsNotMadeASecondTime(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Pace: slower, Config: forgiving})
	p.breakAt(stage{action: "follow_imaging"}, faults.Fault{System: "fog", Kind: faults.Refuse})
	p.whenTheDeploymentIs(world.TaskComplete, p.Engine.KillRunning)
	p.dispatch(b[0])
	p.watchHardware()
	require.Nil(t, p.record().Imaging.Complete, "nobody saw it")
	p.starting(nil)
	p.Lab.Faults().Heal()
	p.finish()
	p.asBooked()
	assert.Len(t, p.deployments(), 1)
	p.nothingScheduled()
	p.neverEarly()
}

// whenTheDeploymentIs does something once, when FOG's first deployment has come so far.
func (p *play) whenTheDeploymentIs(state int, do func()) {
	var once sync.Once
	p.Lab.World().OnChange(func() {
		if tasks := p.deployments(); len(tasks) > 0 && tasks[0].State == state {
			once.Do(func() { go do() })
		}
	})
}

func TestADeploymentThatEndedBadlyWhenTheWorkGoesOnIsToldAndThenMadeAnew(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Pace: slower, Config: forgiving})
	require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.Cancelled, Percent: 40, Times: 1}))
	p.breakAt(stage{action: "follow_imaging"}, faults.Fault{System: "fog", Kind: faults.Refuse})
	p.whenTheDeploymentIs(world.TaskCancelled, p.Engine.KillRunning)
	p.dispatch(b[0])
	p.watchHardware()
	p.starting(nil)
	p.Lab.Faults().Heal()
	p.finish()
	p.tells(p.tasks("hardware")[0], booking.StatusError, host, "schedule imaging", "FOG task 1 is cancelled")
	assert.Len(t, p.deployments(), 1)
	p.recovers()
	assert.Len(t, p.deployments(), 2)
}

func TestAFOGThatNobodyCanReadForAWhileEndsNeitherACaptureNorAWipe(t *testing.T) {
	t.Parallel()
	b := recorded(t, "01", "04", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Pace: slower, Config: forgiving})
	p.deliver(b[0])
	p.asBooked()
	var mu sync.Mutex
	blind := map[int]bool{}
	active := func() (of world.Task, any bool) {
		for _, task := range p.Lab.World().Tasks() {
			if task.State < world.TaskComplete {
				return task, true
			}
		}
		return of, false
	}
	p.Lab.Faults().OnWrite(func(system, op, target string) {
		p.wrote(system, op, target)
		if task, any := active(); any && system == "bmc" && op == "power.set" && p.Lab.World().Power(host) { // the host boots FOG, which is followed from now on
			mu.Lock()
			defer mu.Unlock()
			blind[task.Type] = true
			p.Lab.Faults().Add(faults.Fault{System: "fog", Kind: faults.Garbage})
		}
	})
	p.Lab.World().OnChange(func() {
		if _, any := active(); !any {
			p.Lab.Faults().Heal()
		}
	})
	p.deliver(b[1])
	p.tells(p.tasks("snapshot")[0], booking.StatusDone)
	p.asBooked()
	p.deliver(b[2])
	p.asBefore()
	assert.Len(t, p.certificates(), 1)
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, map[int]bool{world.Capture: true, world.NormalWipe: true}, blind)
}
