package world_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/world"
)

func TestTroubleOfADeployment(t *testing.T) {
	for name, c := range map[string]struct {
		trouble world.Trouble
		reports bool // FOG is told of failures
		state   int
		percent int
		phase   string
		image   string // on the disk
	}{
		"none":                          {world.Trouble{}, false, world.TaskComplete, 100, "up", "ubuntu2004"},
		"it boots its old disk":         {world.Trouble{Kind: world.IgnoresPXE}, false, world.TaskQueued, 0, "up", "centos7"},
		"it hangs before it checks in":  {world.Trouble{Kind: world.NeverChecksIn}, false, world.TaskQueued, 0, "in FOG", "centos7"},
		"it is stuck":                   {world.Trouble{Kind: world.Stuck, Percent: 40}, false, world.TaskInProgress, 40, "in FOG", ""},
		"it fails, and FOG is not told": {world.Trouble{Kind: world.Failed, Percent: 40}, false, world.TaskInProgress, 40, "on, with nothing to boot", ""},
		"it fails, and FOG is told":     {world.Trouble{Kind: world.Failed, Percent: 40}, true, world.TaskFailed, 40, "on, with nothing to boot", ""},
		"it is cancelled":               {world.Trouble{Kind: world.Cancelled, Percent: 40}, false, world.TaskCancelled, 40, "on, with nothing to boot", ""},
		"it vanishes":                   {world.Trouble{Kind: world.Vanished, Percent: 40}, false, 0, 0, "on, with nothing to boot", ""},
		"nothing is written":            {world.Trouble{Kind: world.WriteLost}, false, world.TaskComplete, 100, "up", "centos7"},
		"another image is written":      {world.Trouble{Kind: world.OtherImage, Image: 30}, false, world.TaskComplete, 100, "up", "suse15"},
		"it never boots":                {world.Trouble{Kind: world.NoBoot}, false, world.TaskComplete, 100, "on, with nothing to boot", "ubuntu2004"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, times := range []int{0, 1} {
				synctest.Test(t, func(t *testing.T) {
					w := wired(t)
					w.AddImage(world.Image{ID: 30, Name: "suse15", OS: "suse"})
					if c.reports {
						w.ReportFailures()
					}
					c.trouble.Times = times
					if c.trouble.Kind != "" {
						require.NoError(t, w.AddTrouble(host, c.trouble))
					}
					task := run(t, w, host, world.Deploy)
					wait(24 * time.Hour)
					got := now(w, task.ID)
					assert.Equal(t, c.state, got.State)
					assert.Equal(t, c.percent, got.Percent)
					s := w.Snapshot(host)
					assert.Equal(t, c.phase, s.Phase)
					assert.Equal(t, c.image == "", s.Image == nil)
					if s.Image != nil {
						assert.Equal(t, c.image, *s.Image)
					}
					if times == 0 && c.trouble.Kind != "" {
						return
					}
					// What came once is over at the next try.
					_ = w.CancelTask(task.ID)
					run(t, w, host, world.Deploy)
					wait(24 * time.Hour)
					assert.Equal(t, "ubuntu2004", *w.Snapshot(host).Image)
					assert.True(t, w.Up(host))
				})
			}
		})
	}
}

func TestAStuckTaskGoesOnAfterAPowerCycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wired(t)
		require.NoError(t, w.AddTrouble(host, world.Trouble{Kind: world.Stuck, Percent: 40, Times: 1}))
		task := run(t, w, host, world.Deploy)
		wait(24 * time.Hour)
		assert.Equal(t, 40, now(w, task.ID).Percent)
		boot(t, w, host)
		wait(24 * time.Hour)
		assert.Equal(t, world.TaskComplete, now(w, task.ID).State)
		assert.True(t, w.Up(host))
	})
}

func TestTroubleOfAWipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wired(t)
		require.NoError(t, w.AddTrouble(host, world.Trouble{Kind: world.Stuck}))
		task := run(t, w, host, world.NormalWipe)
		wait(24 * time.Hour)
		assert.Equal(t, world.TaskInProgress, now(w, task.ID).State, "it never ends")
		require.NoError(t, w.CancelTask(task.ID))
		require.NoError(t, w.EndTroubles(host))
		require.NoError(t, w.Install(host, oldImage))
		require.NoError(t, w.AddTrouble(host, world.Trouble{Kind: world.WriteLost}))
		task = run(t, w, host, world.NormalWipe)
		wait(24 * time.Hour)
		assert.Equal(t, world.TaskComplete, now(w, task.ID).State)
		assert.Empty(t, w.Snapshot(host).Wiped, "FOG says so, and the disk is what it was")
		assert.Equal(t, "centos7", *w.Snapshot(host).Image)
	})
}

func TestAnImageThatIsNotOnTheNodeFails(t *testing.T) {
	for name, c := range map[string]struct {
		image   world.Image
		reports bool
		state   int
	}{
		"missing":             {world.Image{ID: 30, Name: "lost", OS: "ubuntu", Missing: true}, false, world.TaskInProgress},
		"missing, told":       {world.Image{ID: 30, Name: "lost", OS: "ubuntu", Missing: true}, true, world.TaskFailed},
		"an empty definition": {world.Image{ID: 30, Name: "empty"}, true, world.TaskFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := wired(t)
				w.AddImage(c.image)
				if c.reports {
					w.ReportFailures()
				}
				require.NoError(t, w.AssignImage(host, 30))
				task := run(t, w, host, world.Deploy)
				wait(24 * time.Hour)
				assert.Equal(t, c.state, now(w, task.ID).State)
				assert.Zero(t, now(w, task.ID).Percent)
				assert.Equal(t, "centos7", *w.Snapshot(host).Image, "nothing was written")
			})
		})
	}
}

func TestTroubleMustBeKnown(t *testing.T) {
	w := rack(t)
	assert.Error(t, w.AddTrouble(host, world.Trouble{Kind: "explodes"}))
	assert.Error(t, w.AddTrouble(host, world.Trouble{Kind: world.OtherImage, Image: 99}))
	assert.Error(t, w.AddTrouble("hpe99", world.Trouble{Kind: world.Stuck}))
}
