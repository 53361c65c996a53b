package ipmi_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/bmctest"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
	simbmc "stackstorm-laas/internal/simlab/bmc"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// lab is a host of the simulated lab, with its troubles, and the administrator's login on its BMC.
func lab(t *testing.T, troubles ...world.TroubleKind) (bmc.Target, *simbmc.Server, *faults.Set) {
	t.Helper()
	target, s, f, _ := labAndWorld(t, troubles...)
	return target, s, f
}

func labAndWorld(t *testing.T, troubles ...world.TroubleKind) (bmc.Target, *simbmc.Server, *faults.Set, *world.World) {
	t.Helper()
	w, f := world.New(world.Pace{}), &faults.Set{}
	w.AddHost(world.HostSpec{Name: "hpe1"})
	for _, kind := range troubles {
		require.NoError(t, w.AddTrouble("hpe1", world.Trouble{Kind: kind}))
	}
	s, err := simbmc.Serve(w, f, simbmc.Config{Host: "hpe1", Admin: "admin", Password: "secret"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return bmc.Target{
		Host: "hpe1", Address: "127.0.0.1", Port: s.Port(), CipherSuite: 17,
		User: "admin", Password: secret.New("secret"), Timeout: 5 * time.Second,
	}, s, f, w
}

func TestTheSimulatedBMCIsDrivenAsPromised(t *testing.T) {
	target, s, _, w := labAndWorld(t, world.FanFails, world.Warms, world.SupplyFails)
	_, err := s.AddUser(bmctest.Boss, bmctest.BossPassword)
	require.NoError(t, err)
	bmctest.Conformance(t, target, bmctest.Opts{Open: ipmi.Open, TryLogin: ipmi.TryLogin, Health: ailingLab, Starts: func() int { return w.Starts(target.Host) }})
	assert.Equal(t, []string{"admin", bmctest.Boss}, s.Users(), "no account is left over")
}

func TestWhatABMCDoesNotDoIsNotTakenForDone(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault faults.Fault
		do    func(context.Context, bmc.Driver) error
		kind  fault.Kind
	}{
		{"it forgets the boot device", faults.Fault{Op: "boot.set", Kind: faults.Forget}, pxe, fault.Unproven},
		{"it refuses the boot device", faults.Fault{Op: "boot.set", Kind: faults.Refuse}, pxe, fault.Failed},
		{"it is busy", faults.Fault{Op: "boot.set", Kind: faults.Error500}, pxe, fault.Transient},
		{"it does not answer", faults.Fault{Op: "boot.set", Kind: faults.Hang}, pxe, fault.Transient},
		{"it answers garbage", faults.Fault{Op: "boot.set", Kind: faults.Garbage}, pxe, fault.Transient},
		{"it forgets the account", faults.Fault{Op: "user.set", Kind: faults.Forget}, put, fault.Unproven},
		{"it hangs with the account half made", faults.Fault{Op: "user.get", Kind: faults.Hang}, put, fault.Transient},
		{"it forgets to clear the account", faults.Fault{Op: "user.set", Kind: faults.Forget}, remove, fault.Unproven},
		{"it refuses to clear the account", faults.Fault{Op: "user.set", Kind: faults.Refuse}, remove, fault.Failed},
		{"it does not say whether the power is on", faults.Fault{Op: "power.get", Kind: faults.Hang}, powerOn, fault.Transient},
		{"it is busy with the power", faults.Fault{Op: "power.set", Kind: faults.Error500}, powerOn, fault.Transient},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target, s, f := lab(t)
			target.Timeout = time.Second
			d, err := ipmi.Open(t.Context(), target)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, d.Close()) })
			_, err = d.PutAccount(t.Context(), "former", secret.New("sixteen-or-less"))
			require.NoError(t, err)

			c.fault.System = "bmc"
			f.Add(c.fault)
			err = c.do(t.Context(), d)
			assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			assert.NotContains(t, s.Users(), "tenant")

			f.Heal()
			require.NoError(t, c.do(t.Context(), d), "the same driver goes on when the BMC does")
		})
	}
}

func pxe(ctx context.Context, d bmc.Driver) error {
	return d.SetBootDevice(ctx, bmc.Boot{Device: bmc.DevicePXE, EFI: true})
}

func put(ctx context.Context, d bmc.Driver) error {
	_, err := d.PutAccount(ctx, "tenant", secret.New("sixteen-or-less"))
	return err
}

func remove(ctx context.Context, d bmc.Driver) error { return d.ClearAccount(ctx, 3) }

func powerOn(ctx context.Context, d bmc.Driver) error { return d.SetPower(ctx, bmc.PowerOn) }

func TestLoggingInIsRepeatedOnlyForWhatPasses(t *testing.T) {
	for _, c := range []struct {
		name  string
		kind  faults.Kind
		until time.Duration // zero for never
		want  fault.Kind    // empty for a login
	}{
		{"no sessions left for a while", faults.Error500, 300 * time.Millisecond, ""},
		{"no answer for a while", faults.Hang, 300 * time.Millisecond, ""},
		{"no answer at all", faults.Hang, 0, fault.Transient},
		{"garbage at first", faults.Garbage, 300 * time.Millisecond, ""},
		{"a refusal is final", faults.Refuse, 300 * time.Millisecond, fault.Credentials},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target, _, f := lab(t)
			target.Timeout = 100 * time.Millisecond
			target.Retry = retry.Policy{Initial: 10 * time.Millisecond, Max: 50 * time.Millisecond, Elapsed: 20 * time.Second}
			bad := faults.Fault{System: "bmc", Op: "session", Kind: c.kind}
			if c.until > 0 {
				bad.Until = time.Now().Add(c.until)
			} else {
				target.Retry.Elapsed = 300 * time.Millisecond
			}
			f.Add(bad)
			for what, login := range map[string]func() error{
				"open": func() error {
					d, err := ipmi.Open(t.Context(), target)
					if err == nil {
						err = d.Close()
					}
					return err
				},
				"try": func() error { return ipmi.TryLogin(t.Context(), target) },
			} {
				err := login()
				if c.want == "" {
					assert.NoError(t, err, what)
				} else {
					assert.Equal(t, c.want, fault.KindOf(err), "%s: %v", what, err)
				}
				if c.want == fault.Credentials {
					f.Heal()
					f.Add(faults.Fault{System: "bmc", Op: "session", Kind: c.kind})
				}
			}
		})
	}
}

func TestALoginWithFewerRightsIsNoProofEitherWay(t *testing.T) {
	target, b := startServer(t)
	require.NoError(t, guest(b, "guest"))
	target.User, target.Password = "guest", secret.New("guest")
	err := ipmi.TryLogin(t.Context(), target)
	assert.Equal(t, fault.Failed, fault.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, "not with operator's rights")
	_, err = ipmi.Open(t.Context(), target)
	assert.Equal(t, fault.Credentials, fault.KindOf(err), "no administrator: %v", err)
}

func TestNoSlotIsLeft(t *testing.T) {
	target, s, _ := lab(t)
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	for range 10 {
		_, err := s.AddUser(string(rune('a'+len(s.Users())))+"-user", "x")
		require.NoError(t, err)
	}
	_, err = d.PutAccount(t.Context(), "tenant", secret.New("sixteen-or-less"))
	assert.Equal(t, fault.Refused, fault.KindOf(err), "%v", err)
	assert.NotEmpty(t, fault.HintOf(err))
}

func TestACipherSuiteThatProtectsNothingIsRefused(t *testing.T) {
	target, _, _ := lab(t)
	for _, suite := range []int{0, 1, 2, 99} {
		target.CipherSuite = suite
		_, err := ipmi.Open(t.Context(), target)
		assert.Equal(t, fault.Config, fault.KindOf(err), "%d: %v", suite, err)
	}
}

func TestALoginEndsWithItsContext(t *testing.T) {
	target, _, f := lab(t)
	target.Timeout = time.Hour
	f.Add(faults.Fault{System: "bmc", Op: "session", Kind: faults.Hang})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := ipmi.Open(ctx, target)
	assert.Equal(t, fault.Cancelled, fault.KindOf(err), "%v", err)
}

func TestACallEndsWithItsContext(t *testing.T) {
	target, _, f := lab(t)
	target.Timeout = time.Hour
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	f.Add(faults.Fault{System: "bmc", Op: "power.get", Kind: faults.Hang})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = d.PowerState(ctx)
	assert.Equal(t, fault.Cancelled, fault.KindOf(err), "%v", err)
	assert.NoError(t, d.Close())
}

func TestHowAHostBootsOutlivesOneBoot(t *testing.T) {
	target, _, _, w := labAndWorld(t)
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	require.NoError(t, pxe(t.Context(), d))
	require.NoError(t, w.SetBoot("hpe1", world.Boot{})) // used up
	b, err := d.BootDevice(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bmc.Boot{Device: bmc.DeviceNone, EFI: true}, b)
	require.NoError(t, d.SetBootDevice(t.Context(), bmc.Boot{Device: bmc.DevicePXE}))
	require.NoError(t, w.SetBoot("hpe1", world.Boot{}))
	b, err = d.BootDevice(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bmc.Boot{Device: bmc.DeviceNone}, b)
}
