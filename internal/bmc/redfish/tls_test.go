package redfish_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
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
	"stackstorm-laas/internal/secret"
	simredfish "stackstorm-laas/internal/simlab/redfish"
)

func TestABMCIsToldWhoItIsTalkingToOnlyWhenItIsKnown(t *testing.T) {
	target, s, _, _ := lab(t, simredfish.Config{})
	for name, conf := range map[string]*tls.Config{
		"nobody signed it whom the system trusts": nil,
		"it names another host":                   {RootCAs: target.TLS.RootCAs, ServerName: "bmc.lab.other"},
	} {
		t.Run(name, func(t *testing.T) {
			target := target
			target.TLS = conf
			_, err := redfish.Open(t.Context(), target)
			assert.Equal(t, fault.Config, fault.KindOf(err), "%v", err)
			assert.Contains(t, fault.HintOf(err), "bmc.ca")
			assert.Equal(t, fault.Config, fault.KindOf(redfish.TryLogin(t.Context(), target)))
			assert.Zero(t, s.Opened())
		})
	}
	target.TLS = &tls.Config{InsecureSkipVerify: true} // the operator says so
	d := open(t, target)
	_, err := d.PowerState(t.Context())
	require.NoError(t, err)
}

func TestWhatIsNoBMCIsNotTakenForOne(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	_, err := redfish.Open(t.Context(), targetOf(t, plain, nil))
	assert.Equal(t, fault.Config, fault.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, "does not speak TLS")
}

func targetOf(t *testing.T, s *httptest.Server, conf *tls.Config) bmc.Target {
	t.Helper()
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	port, err := strconv.Atoi(u.Port())
	require.NoError(t, err)
	return bmc.Target{Host: "hpe1", Address: u.Hostname(), Port: port, TLS: conf, User: "admin", Password: secret.New("secret"), Timeout: 5 * time.Second}
}

// A BMC that somebody took over must not get the lab's login sent elsewhere, nor make the pack wait for ever.
func TestALoginGoesToTheBMCAndNowhereElse(t *testing.T) {
	var stolen atomic.Int64
	thief := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
	defer thief.Close()
	there := thief.Listener.Addr().String()
	for name, sessions := range map[string]string{
		"a link that becomes another host behind the address": "@" + there + "/redfish/v1/SessionService/Sessions",
		"a link to another host":                              "https://" + there + "/sessions",
		"a link without a scheme":                             "//" + there + "/sessions",
		"a redirect":                                          "/redirect",
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("/redfish/v1/", func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"Links": {"Sessions": {"@odata.id": "` + sessions + `"}}}`))
			})
			mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
			})
			s := httptest.NewTLSServer(mux)
			defer s.Close()
			_, err := redfish.Open(t.Context(), targetOf(t, s, &tls.Config{InsecureSkipVerify: true}))
			require.Error(t, err)
			assert.Contains(t, []fault.Kind{fault.Failed, fault.Config, fault.NotFound}, fault.KindOf(err), "%v", err)
			assert.NotContains(t, err.Error(), "secret")
			assert.Zero(t, stolen.Load())
		})
	}
}
