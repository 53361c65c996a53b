package redfish_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/redfish"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/simlab/faults"
	simredfish "stackstorm-laas/internal/simlab/redfish"
)

// steps are calls, each with what is done to the BMC in the middle of it.
var steps = []struct {
	name, op string
	do       func(context.Context, bmc.Driver) error
}{
	{"the power is read", "power.get", func(ctx context.Context, d bmc.Driver) error { _, err := d.PowerState(ctx); return err }},
	{"the host is switched off", "power.set", func(ctx context.Context, d bmc.Driver) error { return d.SetPower(ctx, bmc.PowerOff) }},
	{"the host is reset", "power.set", func(ctx context.Context, d bmc.Driver) error { return d.SetPower(ctx, bmc.PowerReset) }},
	{"the boot device is set", "boot.set", pxe},
	{"the boot device is read", "boot.get", pxe},
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
		for style, cfg := range map[string]simredfish.Config{"slots": {}, "made": {Posted: true, Strict: true}} {
			for kind, busy := range map[string]faults.Fault{"for a while": {Kind: faults.Error500}, "again and again": {Kind: faults.Flap}} {
				t.Run(step.name+", accounts: "+style+", busy "+kind, func(t *testing.T) {
					t.Parallel()
					target, s, f, _ := lab(t, cfg)
					target.Retry = patient
					d := open(t, target)
					require.NoError(t, powerOn(t.Context(), d))
					slot, err := d.PutAccount(t.Context(), "former", secret.New("sixteen-or-less"))
					require.NoError(t, err)
					if busy.System, busy.Op = "bmc", step.op; busy.Kind == faults.Error500 {
						busy.Until = time.Now().Add(200 * time.Millisecond)
					}
					f.Add(busy)
					require.NoError(t, step.do(context.WithValue(t.Context(), slotKey{}, slot), d))
					assert.LessOrEqual(t, s.Sessions(), 1)
				})
			}
		}
	}
}

func TestACallIsNotRepeatedForEver(t *testing.T) {
	target, s, f, _ := lab(t, simredfish.Config{})
	target.Retry = retry.Policy{Initial: 5 * time.Millisecond, Max: 10 * time.Millisecond, Elapsed: 100 * time.Millisecond}
	d := open(t, target)
	f.Add(faults.Fault{System: "bmc", Op: "power.get", Kind: faults.Error500})
	_, err := d.PowerState(t.Context())
	assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
	assert.Equal(t, 1, s.Opened())
}

// unlucky is something in front of a BMC that answers the first of the requests that count, or does not.
func unlucky(t *testing.T, target bmc.Target, counts func(*http.Request) bool, answer func(w http.ResponseWriter, pass func())) (bmc.Target, *atomic.Int64) {
	t.Helper()
	behind, err := url.Parse("https://127.0.0.1:" + strconv.Itoa(target.Port))
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(behind)
	proxy.Transport = &http.Transport{TLSClientConfig: target.TLS}
	asked := new(atomic.Int64)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pass := func() { proxy.ServeHTTP(w, r) }
		if counts(r) && asked.Add(1) == 1 {
			answer(w, pass)
			return
		}
		pass()
	}))
	t.Cleanup(s.Close)
	front := targetOf(t, s, target.TLS.Clone())
	front.TLS.RootCAs.AddCert(s.Certificate())
	front.Retry = patient
	return front, asked
}

func TestAnAnswerThatIsLostIsAskedForAgainWhereThatDoesNothing(t *testing.T) {
	lost := func(http.ResponseWriter, func()) { panic(http.ErrAbortHandler) }
	for name, c := range map[string]struct {
		method string
		answer func(http.ResponseWriter, func())
		do     func(context.Context, bmc.Driver) error
		asked  int64
		kind   fault.Kind // empty for done
	}{
		"a look":                       {http.MethodGet, lost, steps[0].do, 2, ""},
		"a reset":                      {http.MethodPost, lost, steps[2].do, 1, fault.Transient},
		"a reset that a gateway lost":  {http.MethodPost, func(w http.ResponseWriter, _ func()) { w.WriteHeader(http.StatusGatewayTimeout) }, steps[2].do, 1, fault.Transient},
		"a reset for which it is busy": {http.MethodPost, func(w http.ResponseWriter, _ func()) { w.WriteHeader(http.StatusTooManyRequests) }, steps[2].do, 2, ""},
		"a reset it is not there for":  {http.MethodPost, func(w http.ResponseWriter, _ func()) { w.WriteHeader(http.StatusServiceUnavailable) }, steps[2].do, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			target, _, _, w := lab(t, simredfish.Config{})
			require.NoError(t, w.PowerOn(target.Host))
			front, asked := unlucky(t, target, func(r *http.Request) bool {
				return r.Method == c.method && (r.URL.Path == "/redfish/v1/Systems/1" || r.URL.Path == "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset")
			}, c.answer)
			d, err := redfish.Open(t.Context(), front)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, d.Close()) })
			err = c.do(t.Context(), d)
			if c.kind == "" {
				require.NoError(t, err)
			} else {
				assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			}
			if c.method == http.MethodPost {
				assert.Equal(t, c.asked, asked.Load())
			} else {
				assert.GreaterOrEqual(t, asked.Load(), c.asked)
			}
		})
	}
}
