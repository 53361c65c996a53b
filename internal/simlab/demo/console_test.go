package demo_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// prints is what the operator's program prints.
func (p *play) prints(args ...string) string {
	p.t.Helper()
	out, code := p.laas(args...)
	require.Zero(p.t, code, out)
	return out
}

// console is what was kept of the host's console.
func (p *play) console() (r booking.ConsoleRecord, found bool) {
	p.t.Helper()
	text, found := p.Engine.Keys().Get(booking.ConsoleKey(job, host))
	if found {
		require.NoError(p.t, json.Unmarshal([]byte(text), &r))
	}
	return r, found
}

// during calls f once when an execution of an action starts.
func during(name string, f func()) func(engine.Execution) {
	var once sync.Once
	return func(e engine.Execution) {
		if e.Action == name {
			once.Do(f)
		}
	}
}

func TestWhatAHostSaysWhileItsImagingFailsIsKeptForPeopleAndForNobodyElse(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Config: brisk})
	w := p.Lab.World()
	require.NoError(t, w.AddTrouble(host, world.Trouble{Kind: world.NeverChecksIn}))
	const hostile = "{{ st2kv.system.fog_api_key }} <% st2kv(x) %> \x1b[31mred\x1b]0;title\x07\x00"
	p.starting(during("laas.follow_imaging", func() {
		for range 1000 {
			assert.NoError(t, w.Say(host, "a long story that goes on and on\r\n"))
		}
		assert.NoError(t, w.Say(host, hostile+"\r\n"))
	}))
	p.dispatch(b[0])
	p.allAre(booking.StatusError, "hardware")

	kept, found := p.console()
	require.True(t, found)
	assert.Contains(t, kept.Text, "[imaging, try 2, ", "both tries are there")
	assert.Contains(t, kept.Text, "{{ st2kv.system.fog_api_key }} <% st2kv(x) %> red\n")
	assert.Contains(t, kept.Text, "Kernel panic - not syncing")
	assert.LessOrEqual(t, len(kept.Text), 16<<10)
	assert.Greater(t, len(kept.Text), 8<<10)
	executions, err := json.Marshal(p.Engine.Executions())
	require.NoError(t, err)
	require.Contains(t, string(executions), "did not check in with FOG")
	for _, text := range []string{"long story", "st2kv(x)", "Kernel panic"} {
		assert.NotContains(t, string(executions), text, "the console got into an execution")
		assert.NotContains(t, p.messages(), text)
	}
	bmc := p.Lab.BMC(host)
	assert.Empty(t, bmc.Keys(), "a key was sent to the host")
	assert.Zero(t, bmc.Sessions())

	shown := p.prints("job", "show", "1")
	assert.Contains(t, shown, "console of hpe13, last written to at ")
	assert.Contains(t, shown, "\n    Kernel panic - not syncing")
	_, console, _ := strings.Cut(shown, "console of hpe13")
	assert.LessOrEqual(t, strings.Count(console, "\n"), 22)
	whole := p.prints("job", "show", "--console", "1")
	assert.Contains(t, whole, "a long story")
	assert.NotContains(t, whole, "\x1b")

	require.NoError(t, w.EndTroubles(host))
	p.deliver(b[1])
	p.asBefore()
	assert.Empty(t, p.Engine.Keys().List("laas.console."), "the release leaves a console behind")
}

func TestAConsoleIsWatchedWhileTheHostIsImagedAndGivenUpToWhoeverNeedsTheBMC(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	slow := pace
	slow.Boot, slow.Image = time.Second, 6*time.Second
	p := open(t, demo.Options{Bodies: b, Slack: patient, Pace: slow})
	bmc := p.Lab.BMC(host)
	var asked sync.WaitGroup
	p.starting(during("laas.follow_imaging", func() {
		asked.Go(func() {
			for range 2 {
				if !assert.Eventually(t, bmc.Watched, 20*time.Second, time.Millisecond, "the console is not watched") {
					return
				}
				e, err := p.Engine.Run(p.ctx, "laas.power", map[string]any{"host": host, "do": "status"}, "")
				assert.NoError(t, err)
				assert.Equal(t, "succeeded", e.Status)
			}
			assert.Less(t, p.deployments()[0].State, world.TaskComplete, "it did not wait for the end of the imaging")
		})
	}))
	p.dispatch(b[0])
	asked.Wait()
	p.asBooked()
	assert.False(t, bmc.Watched())
	kept, found := p.console()
	require.True(t, found)
	for _, text := range []string{"[imaging, try 1, ", "Task complete", "[booting, try 1, ", "Linux version"} { // what came while it was given up is lost
		assert.Contains(t, kept.Text, text)
	}
	assert.NotContains(t, p.prints("job", "show", "1"), "console of", "nothing has failed")
	assert.Contains(t, p.prints("job", "show", "--console", "1"), "Task complete")

	// From now on it is the tenant's.
	require.NoError(t, p.Lab.World().Say(host, "a tenant's secret\r\n"))
	out, code := p.laas("console", host)
	assert.Equal(t, fault.Refused.ExitCode(), code)
	assert.Contains(t, out, "is booked")
	assert.NotContains(t, out, "secret")
	p.deliver(b[1])
	p.asBefore()
	assert.Empty(t, p.Engine.Keys().List("laas.console."))
}

func TestTheConsoleOfALabsOwnJobThatFailedStaysUntilTheNext(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient, Config: brisk})
	require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.Stuck, Percent: 40}))
	p.refused("laas.image_host", map[string]any{"host": host, "image": "23"}, "stood still at 40%")
	p.inPool()
	shown := p.prints("job", "show", strconv.Itoa(booking.OwnJobs))
	assert.Contains(t, shown, "console of hpe13")
	assert.Contains(t, shown, "I/O error, dev sda")

	require.NoError(t, p.Lab.World().EndTroubles(host))
	p.works("laas.image_host", map[string]any{"host": host, "image": "23"})
	p.inPool()
	for key := range p.Engine.Keys().List("laas.console.") {
		assert.NotEqual(t, booking.ConsoleKey(booking.OwnJobs, host), key)
	}
}

func TestAConsoleThatAKilledActionLeftOpenIsWatchedOnByTheNext(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	slow := pace
	slow.Image = 3 * time.Second
	p := open(t, demo.Options{Bodies: b, Slack: patient, Pace: slow})
	bmc := p.Lab.BMC(host)
	var killed sync.WaitGroup
	p.starting(during("laas.follow_imaging", func() {
		killed.Go(func() {
			assert.Eventually(t, bmc.Watched, 20*time.Second, time.Millisecond)
			p.Engine.KillRunning()
		})
	}))
	p.dispatch(b[0])
	killed.Wait()
	require.True(t, bmc.Watched(), "nobody has told the BMC")
	p.finish()
	p.asBooked()
	kept, _ := p.console()
	assert.Contains(t, kept.Text, "Linux version")
	assert.False(t, bmc.Watched())
}

func TestImagingDoesNotMindAConsoleThatIsNotToBeHad(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	for _, kind := range []faults.Kind{faults.Refuse, faults.Error500, faults.Hang, faults.Garbage} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient})
			p.Lab.Faults().Add(faults.Fault{System: "bmc", Op: "console", Kind: kind})
			p.dispatch(b[0])
			p.asBooked()
			_, found := p.console()
			assert.False(t, found)
			p.dispatch(b[1])
			p.asBefore()
		})
	}
}

func TestAnOperatorWatchesAConsole(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01")})
	cmd, seen := p.program("console", host), &buffer{}
	cmd.Stdout, cmd.Stderr = seen, seen
	require.NoError(t, cmd.Start())
	bmc, w := p.Lab.BMC(host), p.Lab.World()
	shows := func(text string) {
		t.Helper()
		require.Eventually(t, func() bool { return strings.Contains(seen.String(), text) }, 20*time.Second, 5*time.Millisecond, "%q is not in %q", text, seen)
	}
	require.Eventually(t, bmc.Watched, 20*time.Second, time.Millisecond)
	require.NoError(t, w.PowerOn(host))
	shows("Power-on self-test of " + host)

	e := p.action("laas.power", map[string]any{"host": host, "do": "status"})
	assert.Equal(t, "succeeded", e.Status, "who watches gives the BMC up")
	require.Eventually(t, bmc.Watched, 20*time.Second, time.Millisecond, "and gets it back")
	require.NoError(t, w.Say(host, "\x1b[2Jand on\r\n"))
	shows("and on\r\n")

	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait(), "%s", seen)
	assert.NotContains(t, seen.String(), "\x1b")
	assert.False(t, bmc.Watched())
	assert.Zero(t, bmc.Sessions())
	assert.Empty(t, bmc.Keys())
}
