package fog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/simlab/faults"
	simfog "stackstorm-laas/internal/simlab/fog"
	"stackstorm-laas/internal/simlab/world"
)

func simulated(t *testing.T, version string, timeout, elapsed time.Duration) (*world.World, *faults.Set, *simfog.Server, *fog.Client) {
	t.Helper()
	w, f := world.New(world.Pace{}), &faults.Set{}
	for _, name := range []string{"hpe13", "hpe14"} {
		w.AddHost(world.HostSpec{Name: name, NICs: []world.NIC{{MAC: "48:df:37:1d:" + name[3:] + ":00", Name: "eno1", Switch: "sw", Port: "1/" + name[3:]}}})
	}
	w.AddImage(world.Image{ID: 23, Name: "ubuntu2004-x86_64", OS: "ubuntu"})
	w.AddImage(world.Image{ID: 25, Name: "centos8-x86_64", OS: "centos"})
	s, err := simfog.Serve(w, f, simfog.Config{Version: version, APIKey: apiKey, UserKey: userKey, ADPassword: password})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	c, err := fog.New(fog.Config{
		Address: s.BaseURL(), APIKey: secret.New(apiKey), UserKey: secret.New(userKey), Timeout: timeout,
		Retry: retry.Policy{Initial: time.Millisecond, Max: 5 * time.Millisecond, Elapsed: elapsed},
	})
	require.NoError(t, err)
	return w, f, s, c
}

func TestADeploymentOnTheSimulatedFOG(t *testing.T) {
	for _, version := range []string{"1.5", "1.6"} {
		t.Run(version, func(t *testing.T) {
			w, _, s, c := simulated(t, version, 10*time.Second, 250*time.Millisecond)
			h, err := c.Host(t.Context(), "hpe13")
			require.NoError(t, err)
			img, err := c.Image(t.Context(), "centos8-x86_64")
			require.NoError(t, err)
			assert.Equal(t, 25, img.ID)
			require.NoError(t, c.AssignImage(t.Context(), h, img.ID))
			assert.Equal(t, 25, w.AssignedImage("hpe13"))
			task, err := c.Schedule(t.Context(), h, fog.Deploy, "laas job 1")
			require.NoError(t, err)
			assert.Equal(t, 25, task.ImageID)
			_, err = c.Schedule(t.Context(), h, fog.Deploy, "laas job 1")
			assert.Equal(t, fault.Refused, fault.KindOf(err))
			assert.Len(t, w.Tasks(), 1)
			require.NoError(t, c.CancelTask(t.Context(), task.ID))
			ended, err := c.Task(t.Context(), task.ID)
			require.NoError(t, err)
			assert.Equal(t, fog.TaskCancelled, ended.State)
			require.NoError(t, c.CancelTask(t.Context(), task.ID), "again")

			s.Enable(false)
			_, err = c.ActiveTasks(t.Context())
			assert.Equal(t, fault.Credentials, fault.KindOf(err))
			silent(t, err)
		})
	}
}

func TestFaultsOfTheSimulatedFOG(t *testing.T) {
	for _, version := range []string{"1.5", "1.6"} {
		for _, kind := range faults.Kinds {
			t.Run(version+" "+string(kind), func(t *testing.T) {
				timeout, elapsed := patience(kind)
				w, f, _, c := simulated(t, version, timeout, elapsed)
				h, err := c.Host(t.Context(), "hpe13")
				require.NoError(t, err)
				f.Add(faults.Fault{System: "fog", Kind: kind})
				assign := c.AssignImage(t.Context(), h, 25)
				task, schedule := c.Schedule(t.Context(), h, fog.Deploy, "laas job 1")
				for what, err := range map[string]error{"assign": assign, "schedule": schedule} {
					t.Log(what, fault.KindOf(err), err)
					if err != nil {
						silent(t, err)
					}
				}
				f.Heal()
				switch kind {
				case faults.Flap, faults.Slow:
					require.NoError(t, assign)
					require.NoError(t, schedule)
					assert.Equal(t, 25, w.AssignedImage("hpe13"))
					assert.Equal(t, 25, task.ImageID)
				case faults.Forget:
					assert.Equal(t, fault.Unproven, fault.KindOf(assign))
					assert.Equal(t, fault.Unproven, fault.KindOf(schedule))
				case faults.Lie: // nothing that FOG is asked shows it: the proof is what boots
				default:
					require.Error(t, assign)
					require.Error(t, schedule)
				}
				assert.LessOrEqual(t, len(w.Tasks()), 1, "never two tasks")
			})
		}
	}
}

// patience is how long one call and all tries of it may take: short for what never ends well.
func patience(kind faults.Kind) (timeout, elapsed time.Duration) {
	if kind == faults.Slow || kind == faults.Flap {
		return 30 * time.Second, time.Minute
	}
	return 100 * time.Millisecond, 250 * time.Millisecond
}
