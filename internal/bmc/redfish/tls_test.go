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

func TestABMCThatLeadsAboutForEverIsGivenUp(t *testing.T) {
	for name, page := range map[string]string{
		"by pages that come one after another": `{"Members": [], "Members@odata.nextLink": "/redfish/v1/Systems?more"}`,
		"by a list that names itself":          `{"Members": [{"@odata.id": "/redfish/v1/Systems"}, {"@odata.id": "/redfish/v1/Systems"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			answer := func(path, text string) {
				mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("X-Auth-Token", "t")
					w.Header().Set("Location", "/sessions")
					_, _ = w.Write([]byte(text))
				})
			}
			answer("/redfish/v1/", `{"Systems": {"@odata.id": "/redfish/v1/Systems"}, "Links": {"Sessions": {"@odata.id": "/sessions"}},
				"AccountService": {"@odata.id": "/accounts"}}`)
			answer("/redfish/v1/Systems", page)
			answer("/accounts", `{"Accounts": {"@odata.id": "/redfish/v1/Systems"}}`)
			answer("/sessions", `{}`)
			s := httptest.NewTLSServer(mux)
			defer s.Close()
			d := open(t, targetOf(t, s, &tls.Config{InsecureSkipVerify: true}))
			for what, do := range map[string]func() error{
				"power":    func() error { _, err := d.PowerState(t.Context()); return err },
				"boot":     func() error { _, err := d.BootDevice(t.Context()); return err },
				"accounts": func() error { _, err := d.Accounts(t.Context()); return err },
			} {
				err := do()
				assert.Contains(t, []fault.Kind{fault.Failed, fault.Config}, fault.KindOf(err), "%s: %v", what, err)
				assert.Regexp(t, "has no end|2 systems|two accounts", err.Error(), what)
			}
		})
	}
}

// gofish follows the pages of a list for as long as there are any.
func TestABMCThatBeginsToLeadAboutLaterIsGivenUp(t *testing.T) {
	var asked atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/redfish/v1/", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"Systems": {"@odata.id": "/redfish/v1/Systems"}, "Links": {"Sessions": {"@odata.id": "/sessions"}}}`))
	})
	mux.HandleFunc("/sessions", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Auth-Token", "t")
		w.Header().Set("Location", "/sessions/1")
	})
	mux.HandleFunc("/redfish/v1/Systems", func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			_, _ = w.Write([]byte(`{"Members": [{"@odata.id": "/redfish/v1/Systems/1"}]}`))
			return
		}
		_, _ = w.Write([]byte(`{"Members": [], "Members@odata.nextLink": "/redfish/v1/Systems?more"}`))
	})
	s := httptest.NewTLSServer(mux)
	defer s.Close()
	_, err := open(t, targetOf(t, s, &tls.Config{InsecureSkipVerify: true})).PowerState(t.Context())
	assert.Equal(t, fault.Failed, fault.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, "without end")
	assert.Less(t, asked.Load(), int64(2100))
}
