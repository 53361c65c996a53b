package redfish_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/bmctest"
	"stackstorm-laas/internal/bmc/redfish"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/simlab/faults"
	simredfish "stackstorm-laas/internal/simlab/redfish"
	"stackstorm-laas/internal/simlab/world"
)

// certificates are a server's, for 127.0.0.1, and what a client needs to trust it.
func certificates(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, &tls.Config{RootCAs: pool}
}

// lab is a host of the simulated lab and the administrator's login on its BMC.
func lab(t *testing.T, cfg simredfish.Config) (bmc.Target, *simredfish.Server, *faults.Set, *world.World) {
	t.Helper()
	return labWith(t, cfg, func(*tls.Config) {})
}

// labWith is lab with a say in how the BMC speaks TLS.
func labWith(t *testing.T, cfg simredfish.Config, change func(*tls.Config)) (bmc.Target, *simredfish.Server, *faults.Set, *world.World) {
	t.Helper()
	server, client := certificates(t)
	change(server)
	w, f := world.New(world.Pace{}), &faults.Set{}
	w.AddHost(world.HostSpec{Name: "hpe1", NICs: []world.NIC{{MAC: "02:00:00:00:00:01", Name: "ens1f0", Switch: "sw1", Port: "Ethernet1/1"}}})
	cfg.Host, cfg.Admin, cfg.Password, cfg.TLS = "hpe1", "admin", "secret", server
	s, err := simredfish.Serve(w, f, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return bmc.Target{
		Host: "hpe1", Address: "127.0.0.1", Port: s.Port(), TLS: client, User: "admin", Password: secret.New("secret"), Timeout: 5 * time.Second,
	}, s, f, w
}

func open(t *testing.T, target bmc.Target) bmc.Driver {
	t.Helper()
	d, err := redfish.Open(t.Context(), target)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	return d
}

func TestTheSimulatedBMCIsDrivenAsPromised(t *testing.T) {
	for name, cfg := range map[string]simredfish.Config{
		"a BMC with slots":                            {},
		"a BMC that makes and deletes accounts":       {Posted: true},
		"a BMC that insists on the resource's tag":    {Strict: true},
		"a BMC that makes accounts, and insists, too": {Posted: true, Strict: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, s, _, w := lab(t, cfg)
			makeAil(t, w, target.Host)
			_, err := s.AddUser(bmctest.Boss, bmctest.BossPassword)
			require.NoError(t, err)
			bmctest.Conformance(t, target, bmctest.Opts{Open: redfish.Open, TryLogin: redfish.TryLogin, OwnSlots: true, Deletes: cfg.Posted, Health: ailing(target), Starts: func() int { return w.Starts(target.Host) }})
			assert.Equal(t, []string{"admin", bmctest.Boss}, s.Users(), "no account is left over")
			assert.Zero(t, s.Sessions(), "no session is left over")
		})
	}
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
		{"it shows a web page for the boot device", faults.Fault{Op: "boot.get", Kind: faults.Garbage}, pxe, fault.Failed},
		{"it forgets the account", faults.Fault{Op: "user.set", Kind: faults.Forget}, put, fault.Unproven},
		{"it hangs with the account half made", faults.Fault{Op: "user.get", Kind: faults.Hang}, put, fault.Transient},
		{"it forgets to clear the account", faults.Fault{Op: "user.set", Kind: faults.Forget}, remove, fault.Unproven},
		{"it refuses to clear the account", faults.Fault{Op: "user.set", Kind: faults.Refuse}, remove, fault.Failed},
		{"it does not say whether the power is on", faults.Fault{Op: "power.get", Kind: faults.Hang}, powerOn, fault.Transient},
		{"it shows a web page for the power", faults.Fault{Op: "power.get", Kind: faults.Garbage}, powerOn, fault.Failed},
		{"it is busy with the power", faults.Fault{Op: "power.set", Kind: faults.Error500}, powerOn, fault.Transient},
	} {
		for style, cfg := range map[string]simredfish.Config{"slots": {}, "made": {Posted: true}} {
			t.Run(c.name+", accounts: "+style, func(t *testing.T) {
				t.Parallel()
				target, s, f, _ := lab(t, cfg)
				target.Timeout = time.Second
				d := open(t, target)
				slot, err := d.PutAccount(t.Context(), "former", secret.New("sixteen-or-less"))
				require.NoError(t, err)
				do := func() error { return c.do(context.WithValue(t.Context(), slotKey{}, slot), d) }

				c.fault.System = "bmc"
				f.Add(c.fault)
				err = do()
				assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
				assert.NotContains(t, s.Users(), "tenant")

				f.Heal()
				require.NoError(t, do(), "the same driver goes on when the BMC does")
			})
		}
	}
}

type slotKey struct{}

func pxe(ctx context.Context, d bmc.Driver) error {
	return d.SetBootDevice(ctx, bmc.Boot{Device: bmc.DevicePXE, EFI: true})
}

func put(ctx context.Context, d bmc.Driver) error {
	_, err := d.PutAccount(ctx, "tenant", secret.New("sixteen-or-less"))
	return err
}

func remove(ctx context.Context, d bmc.Driver) error {
	return d.ClearAccount(ctx, ctx.Value(slotKey{}).(int))
}

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
		{"a refusal is final", faults.Refuse, 300 * time.Millisecond, fault.Credentials},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target, s, f, _ := lab(t, simredfish.Config{})
			target.Timeout = 100 * time.Millisecond
			target.Retry = retry.Policy{Initial: 10 * time.Millisecond, Max: 50 * time.Millisecond, Elapsed: 20 * time.Second}
			if c.until == 0 {
				target.Retry.Elapsed = 300 * time.Millisecond
			}
			for what, login := range map[string]func() error{
				"open": func() error {
					d, err := redfish.Open(t.Context(), target)
					if err == nil {
						err = d.Close()
					}
					return err
				},
				"try": func() error { return redfish.TryLogin(t.Context(), target) },
			} {
				bad := faults.Fault{System: "bmc", Op: "session", Kind: c.kind}
				if c.until > 0 {
					bad.Until = time.Now().Add(c.until)
				}
				f.Heal()
				f.Add(bad)
				err := login()
				if c.want == "" {
					assert.NoError(t, err, what)
				} else {
					assert.Equal(t, c.want, fault.KindOf(err), "%s: %v", what, err)
				}
			}
			assert.Zero(t, s.Sessions())
		})
	}
}

func TestABMCWhoseSessionsAreUsedUpIsWaitedFor(t *testing.T) {
	target, s, _, _ := lab(t, simredfish.Config{Sessions: 1})
	first := open(t, target)
	_, err := redfish.Open(t.Context(), target)
	assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, "SessionLimitExceeded")
	assert.NotEmpty(t, fault.HintOf(err))
	require.NoError(t, first.Close())
	second := open(t, target)
	_, err = second.PowerState(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, s.Sessions())
}

func TestASessionThatTheBMCForgotIsMadeAnewOnce(t *testing.T) {
	target, s, _, _ := lab(t, simredfish.Config{})
	d := open(t, target)
	require.Equal(t, 1, s.Opened())
	for _, do := range []func() error{
		func() error { _, err := d.PowerState(t.Context()); return err },
		func() error { return pxe(t.Context(), d) },
		func() error { return put(t.Context(), d) },
	} {
		s.EndSessions()
		before := s.Opened()
		require.NoError(t, do())
		assert.Equal(t, before+1, s.Opened())
	}
	require.NoError(t, powerOn(t.Context(), d))
	assert.Equal(t, 4, s.Opened())
	assert.Equal(t, 1, s.Sessions())
}

func TestALoginWithFewerRightsIsNoProofEitherWay(t *testing.T) {
	target, s, _, _ := lab(t, simredfish.Config{})
	d := open(t, target)
	slot, err := d.PutAccount(t.Context(), "guest", secret.New("guest"))
	require.NoError(t, err)
	s.Demote(slot)
	target.User, target.Password = "guest", secret.New("guest")
	err = redfish.TryLogin(t.Context(), target)
	assert.Equal(t, fault.Failed, fault.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, "not with operator's rights")

	g := open(t, target)
	assert.Equal(t, fault.Credentials, fault.KindOf(powerOn(t.Context(), g)))
	assert.Equal(t, fault.Credentials, fault.KindOf(put(t.Context(), g)))
}

func TestHowAHostBootsOutlivesOneBoot(t *testing.T) {
	target, _, _, w := lab(t, simredfish.Config{})
	d := open(t, target)
	require.NoError(t, pxe(t.Context(), d))
	require.NoError(t, w.SetBoot("hpe1", world.Boot{})) // used up
	b, err := d.BootDevice(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bmc.Boot{Device: bmc.DeviceNone, EFI: true}, b)
}

func TestALoginEndsWithItsContext(t *testing.T) {
	target, _, f, _ := lab(t, simredfish.Config{})
	target.Timeout = time.Hour
	f.Add(faults.Fault{System: "bmc", Op: "session", Kind: faults.Hang})
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, fault.New(fault.Deadline, "enough"))
	defer cancel()
	_, err := redfish.Open(ctx, target)
	assert.Equal(t, fault.Deadline, fault.KindOf(err), "%v", err)
}
