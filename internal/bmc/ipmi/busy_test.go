package ipmi_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
	simbmc "stackstorm-laas/internal/simlab/bmc"
	"stackstorm-laas/internal/simlab/faults"
)

// most watches how many sessions the BMC has at once, until the test ends or stop is called.
func most(t *testing.T, s *simbmc.Server) (stop func() int) {
	t.Helper()
	highest, quit := 0, make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			highest = max(highest, s.Sessions())
			select {
			case <-quit:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	stop = sync.OnceValue(func() int {
		close(quit)
		wg.Wait()
		return highest
	})
	t.Cleanup(func() { stop() })
	return stop
}

func TestABMCThatIsBusyKeepsTheOneSession(t *testing.T) {
	target, s, f := lab(t)
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	sessions := most(t, s)
	busy := faults.Fault{System: "bmc", Op: "power.get", Kind: faults.Error500}
	f.Add(busy)
	for range 40 {
		_, err := d.PowerState(t.Context())
		require.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	time.AfterFunc(200*time.Millisecond, f.Heal)
	require.NoError(t, bmc.Reach(ctx, d, bmc.Off, 5*time.Millisecond))
	assert.Equal(t, 1, sessions())
	assert.Equal(t, 1, s.Logins().Accepted)
	require.NoError(t, d.Close())
	assert.Zero(t, s.Sessions())
}

func TestASessionWhoseBMCFellSilentIsEndedBeforeTheNextOne(t *testing.T) {
	target, s, f := lab(t)
	target.Timeout = 300 * time.Millisecond
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	sessions := most(t, s)
	for range 5 {
		f.Add(faults.Fault{System: "bmc", Op: "power.get", Kind: faults.Hang})
		_, err := d.PowerState(t.Context())
		require.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
		f.Heal()
		_, err = d.PowerState(t.Context())
		require.NoError(t, err)
	}
	assert.Equal(t, 1, sessions())
	assert.Equal(t, 6, s.Logins().Accepted)
	f.Add(faults.Fault{System: "bmc", Op: "power.get", Kind: faults.Hang})
	_, err = d.PowerState(t.Context())
	require.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
	f.Heal()
	require.NoError(t, d.Close())
	assert.Zero(t, s.Sessions(), "nor is one left when there is no next one")
}

func TestACallThatIsCutOffLeavesNoSession(t *testing.T) {
	target, s, f := lab(t)
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	sessions := most(t, s)
	for range 3 {
		f.Add(faults.Fault{System: "bmc", Op: "power.get", Kind: faults.Hang})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err = d.PowerState(ctx)
		cancel()
		assert.Error(t, err)
		f.Heal()
		_, err = d.PowerState(t.Context())
		require.NoError(t, err)
	}
	assert.Equal(t, 1, sessions())
	require.NoError(t, d.Close())
	assert.Zero(t, s.Sessions())
}

// steps are calls, each with what is done to the BMC in the middle of it.
var steps = []struct {
	name, op string
	do       func(context.Context, bmc.Driver) error
}{
	{"the power is read", "power.get", func(ctx context.Context, d bmc.Driver) error { _, err := d.PowerState(ctx); return err }},
	{"the host is switched off", "power.set", func(ctx context.Context, d bmc.Driver) error { return d.SetPower(ctx, bmc.PowerOff) }},
	{"the host is reset", "power.set", func(ctx context.Context, d bmc.Driver) error { return d.SetPower(ctx, bmc.PowerReset) }},
	{"the boot device is set", "boot.set", pxe},
	{"the boot device is read back", "boot.get", pxe},
	{"the accounts are listed", "user.get", func(ctx context.Context, d bmc.Driver) error { _, err := d.Accounts(ctx); return err }},
	{"an account is made", "user.set", put},
	{"an account is cleared", "user.set", remove},
	{"the password is changed", "user.set", func(ctx context.Context, d bmc.Driver) error {
		return d.(bmc.AdminPassword).SetAdminPassword(ctx, secret.New("n3wSecret.Admin1"))
	}},
}

// patient repeats for longer than any fault here lasts.
var patient = retry.Policy{Initial: 10 * time.Millisecond, Max: 50 * time.Millisecond, Elapsed: time.Minute}

func TestABMCThatIsBusyForAWhileIsWaitedForInTheMiddleOfACall(t *testing.T) {
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			target, s, f := lab(t)
			target.Retry = patient
			d, err := ipmi.Open(t.Context(), target)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, d.Close()) })
			require.NoError(t, powerOn(t.Context(), d))
			_, err = d.PutAccount(t.Context(), "former", secret.New("sixteen-or-less"))
			require.NoError(t, err)
			f.Add(faults.Fault{System: "bmc", Op: step.op, Kind: faults.Error500, Until: time.Now().Add(200 * time.Millisecond)})
			require.NoError(t, step.do(t.Context(), d))
			assert.LessOrEqual(t, s.Sessions(), 1)
			assert.Zero(t, s.Logins().Refused())
		})
	}
}

// A busy answer is no word on what was asked: taken for one, it would show a slot without its name, or let a right stay.
func TestABMCThatIsBusyIsNotMisunderstood(t *testing.T) {
	for name, busy := range map[string]faults.Fault{
		"with a pause":      {Op: "user", Kind: faults.Error500},
		"with every second": {Op: "user.set", Kind: faults.Flap},
	} {
		t.Run(name, func(t *testing.T) {
			target, s, f := lab(t)
			d, err := ipmi.Open(t.Context(), target)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, d.Close()) })
			slot, err := d.PutAccount(t.Context(), "former", secret.New("sixteen-or-less"))
			require.NoError(t, err)
			before := s.Accounts()
			busy.System = "bmc"
			f.Add(busy)
			for range 8 {
				for _, err := range []error{put(t.Context(), d), d.ClearAccount(t.Context(), slot)} {
					require.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
				}
			}
			assert.NotContains(t, s.Users(), "tenant", "no account is half made")
			f.Heal()
			require.NoError(t, d.ClearAccount(t.Context(), slot))
			require.NoError(t, put(t.Context(), d))
			assert.Len(t, s.Accounts(), len(before), "in the slot that was free")
		})
	}
}

func TestACallWhoseAnswerIsLostIsRepeatedUnlessThatWouldDoItTwice(t *testing.T) {
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			target, s, f := lab(t)
			target.Timeout, target.Retry = 300*time.Millisecond, patient
			d, err := ipmi.Open(t.Context(), target)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, d.Close()) })
			require.NoError(t, powerOn(t.Context(), d))
			_, err = d.PutAccount(t.Context(), "former", secret.New("sixteen-or-less"))
			require.NoError(t, err)
			f.Add(faults.Fault{System: "bmc", Op: step.op, Kind: faults.Hang, Until: time.Now().Add(500 * time.Millisecond)})
			switch err := step.do(t.Context(), d); step.name {
			case "the host is reset", "the password is changed":
				assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
			default:
				require.NoError(t, err)
			}
			assert.Zero(t, s.Logins().Refused())
		})
	}
}
