package dashboard_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
	sim "stackstorm-laas/internal/simlab/dashboard"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

const (
	hardware = "3e046c58-c9f7-4148-a792-f9efd511c528"
	booking  = "../booking/payload/testdata/01_single_host_ssh_vpn.json"
)

func simulated(t *testing.T, mode string, timeout, elapsed time.Duration) (*faults.Set, *sim.Server, *dashboard.Client) {
	t.Helper()
	w, f := world.New(world.Pace{}), &faults.Set{}
	w.AddHost(world.HostSpec{Name: "hpe13", NICs: []world.NIC{{MAC: "48:df:37:1d:13:00", Name: "eno1", Switch: "sw", Port: "1/13"}}})
	s, err := sim.Serve(w, f, sim.Config{Mode: mode, Lab: "UNH_IOL", Token: token, HostType: "hpe", Users: []sim.User{{ID: 2, Username: "alice"}}})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	body, err := os.ReadFile(booking)
	require.NoError(t, err)
	require.NoError(t, s.Book(body))
	c, err := dashboard.New(dashboard.Config{
		Address: s.URL(), Lab: "UNH_IOL", Token: secret.New(token), Timeout: timeout,
		Retry: retry.Policy{Initial: time.Millisecond, Max: 5 * time.Millisecond, Elapsed: elapsed},
	})
	require.NoError(t, err)
	return f, s, c
}

func TestABookingOnTheSimulatedDashboard(t *testing.T) {
	for _, mode := range []string{"2019", "2022"} {
		t.Run(mode, func(t *testing.T) {
			_, s, c := simulated(t, mode, 10*time.Second, 100*time.Millisecond)
			jobs, problems, err := c.Jobs(t.Context(), dashboard.ListNew)
			require.NoError(t, err)
			assert.Empty(t, problems)
			require.Len(t, jobs, 1)
			id := jobs[0].ID
			_, err = c.Job(t.Context(), id)
			require.NoError(t, err)
			_, err = c.Task(t.Context(), id, hardware)
			require.NoError(t, err)
			_, err = c.Update(t.Context(), id, hardware, dashboard.Update{Status: ptr(100), Message: ptr("a & b\nc"), LabToken: ptr("x")})
			require.NoError(t, err)
			status, message, labToken := s.TaskState(id, hardware)
			assert.Equal(t, []any{100, "a & b\nc", "x"}, []any{status, message, labToken})

			h, err := c.Host(t.Context(), "hpe13")
			require.NoError(t, err)
			assert.Equal(t, dashboard.Host{Booked: true, Working: true, Type: "hpe"}, h)
			_, err = c.SetWorking(t.Context(), "hpe13", false)
			require.NoError(t, err)
			assert.False(t, s.HostWorking("hpe13"))
			_, err = c.SetWorking(t.Context(), "hpe13", true)
			require.NoError(t, err)
			assert.True(t, s.HostWorking("hpe13"))
			require.NoError(t, c.PostBMC(t.Context(), "hpe13", dashboard.BMCInfo{Address: "10.0.0.13", MAC: "48:df:37:1d:13:ff", User: "OPNFV", Password: secret.New(password)}))

			_, err = c.Host(t.Context(), "hpe99")
			assert.Equal(t, map[string]fault.Kind{"2019": fault.NotFound, "2022": fault.Transient}[mode], fault.KindOf(err))
			user, err := c.User(t.Context(), 2)
			if mode == "2019" {
				assert.Equal(t, fault.NotFound, fault.KindOf(err))
			} else {
				require.NoError(t, err)
				assert.Equal(t, "alice", user.Username)
				_, err = c.User(t.Context(), 99)
				assert.Equal(t, fault.NotFound, fault.KindOf(err))
			}
			_, err = c.Update(t.Context(), id, hardware, dashboard.Update{Status: ptr(300)})
			require.NoError(t, err, "in error, and in no list")
			_, err = c.Task(t.Context(), id, hardware)
			require.NoError(t, err)
			_, err = c.Update(t.Context(), id, "unknown", dashboard.Update{Status: ptr(200)})
			assert.Equal(t, fault.NotFound, fault.KindOf(err))

			s.Corrupt(id, true)
			_, _, err = c.Jobs(t.Context(), dashboard.ListNew)
			assert.Equal(t, fault.Transient, fault.KindOf(err))
			_, err = c.Job(t.Context(), id)
			assert.Equal(t, fault.Transient, fault.KindOf(err), "a job that cannot be written is not gone")
			s.Corrupt(id, false)

			s.Delete(id)
			_, err = c.Job(t.Context(), id)
			assert.Equal(t, fault.NotFound, fault.KindOf(err))
			_, err = c.Update(t.Context(), id, hardware, dashboard.Update{Status: ptr(200)})
			assert.Equal(t, fault.NotFound, fault.KindOf(err))
			err = c.PostBMC(t.Context(), "hpe13", dashboard.BMCInfo{Address: "10.0.0.13", MAC: "48:df:37:1d:13:ff", User: "OPNFV", Password: secret.New(password)})
			assert.Equal(t, fault.Failed, fault.KindOf(err), "the host is in no booking")
			silent(t, err)
		})
	}
}

func TestFaultsOfTheSimulatedDashboard(t *testing.T) {
	for _, kind := range faults.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			timeout, elapsed := patience(kind)
			f, s, c := simulated(t, "2019", timeout, elapsed)
			f.Add(faults.Fault{System: "dashboard", Kind: kind})
			_, _, list := c.Jobs(t.Context(), dashboard.ListNew)
			_, update := c.Update(t.Context(), 1, hardware, dashboard.Update{Status: ptr(100)})
			_, working := c.SetWorking(t.Context(), "hpe13", false)
			f.Heal()
			status, _, _ := s.TaskState(1, hardware)
			for what, err := range map[string]error{"list": list, "update": update, "working": working} {
				t.Log(what, fault.KindOf(err), err)
				if err != nil {
					silent(t, err)
					assert.NotEqual(t, fault.NotFound, fault.KindOf(err), "a dashboard in trouble says nothing about what exists")
				}
			}
			switch kind {
			case faults.Slow, faults.Flap:
				require.NoError(t, list)
				require.NoError(t, update)
				require.NoError(t, working)
				assert.Equal(t, 100, status)
				assert.False(t, s.HostWorking("hpe13"))
			case faults.Forget:
				assert.Equal(t, fault.Unproven, fault.KindOf(working))
			case faults.Lie: // no read shows it
			default:
				require.Error(t, list)
				require.Error(t, update)
				require.Error(t, working)
			}
		})
	}
}

// patience is how long one call and all tries of it may take: short for what never ends well.
func patience(kind faults.Kind) (timeout, elapsed time.Duration) {
	if kind == faults.Slow || kind == faults.Flap {
		return 30 * time.Second, time.Minute
	}
	return 100 * time.Millisecond, 250 * time.Millisecond
}
