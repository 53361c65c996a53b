package actions

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/st2"
)

func TestEverySwitchDriverThatTheInventoryMayNameIsThere(t *testing.T) {
	assert.ElementsMatch(t, inventory.Drivers, slices.Collect(maps.Keys(switchDrivers)))
}

func TestADriverAsksForTheLoginThatItsSwitchAsksFor(t *testing.T) {
	for driver, address := range map[string]string{"nxos": "10.0.0.2", "ovs": "ssl:10.0.0.2:6640"} {
		var asked []string
		_, err := switchDrivers[driver](switchTarget{
			Switch: &inventory.Switch{Name: "sw1", Driver: driver, Address: address},
			Login: func() (string, secret.String, error) {
				asked = append(asked, "password")
				return "u", secret.New("p"), nil
			},
			Certificate: func() (string, secret.String, error) {
				asked = append(asked, "certificate")
				return "", secret.String{}, nil
			},
		})
		require.NoError(t, err)
		assert.Equal(t, []string{map[string]string{"nxos": "password", "ovs": "certificate"}[driver]}, asked)
	}
}

func TestWhichBMCsAreTrustedIsTheOperatorsSay(t *testing.T) {
	bad, none := filepath.Join(t.TempDir(), "empty.pem"), filepath.Join(t.TempDir(), "none.pem")
	require.NoError(t, os.WriteFile(bad, []byte("no certificate"), 0o600))
	for name, c := range map[string]struct {
		bmc      config.BMC
		lab      string
		verified bool
		wrong    string // the setting that is told
	}{
		"the system's authorities":             {config.BMC{VerifyTLS: true}, "", true, ""},
		"anybody":                              {config.BMC{VerifyTLS: false, CA: bad}, bad, false, ""},
		"those of the lab's CA":                {config.BMC{VerifyTLS: true}, none, true, "tls.ca_file"},
		"those of their own CA, not the lab's": {config.BMC{VerifyTLS: true, CA: bad}, none, true, "bmc.ca"},
	} {
		t.Run(name, func(t *testing.T) {
			l := &lab{Call: &action.Call{Config: &config.Config{BMC: c.bmc, TLS: config.TLS{CAFile: c.lab}}}}
			got, err := l.bmcTLS()
			if c.wrong != "" {
				assert.Equal(t, fault.Config, fault.KindOf(err))
				assert.ErrorContains(t, err, c.wrong)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, !c.verified, got.InsecureSkipVerify)
		})
	}
}

func TestADriverGoesByTheLabsConfigurationOfBMCs(t *testing.T) {
	datastore := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.True(t, strings.HasSuffix(r.URL.Path, "/keys/laas.secret.bmc_admin.hpe13"), r.URL.Path)
		_, _ = w.Write([]byte(`{"name": "laas.secret.bmc_admin.hpe13", "value": "{\"user\": \"admin\", \"password\": \"s3cret\"}", "encrypted": true, "secret": true}`))
	}))
	defer datastore.Close()
	c := &config.Config{BMC: config.BMC{Timeout: config.Duration(7 * time.Second), Retry: config.Duration(40 * time.Second), MinInterval: config.Duration(300 * time.Millisecond)}}
	l := &lab{Call: &action.Call{Config: c, ST2: st2.New(st2.Config{URL: datastore.URL, Timeout: 5 * time.Second})}}
	target, err := l.bmcTarget(t.Context(), &inventory.Host{Name: "hpe13",
		BMC: &inventory.BMC{Protocol: "ipmi", Address: "10.0.0.13", Port: 623, CipherSuite: 3, Credentials: "laas.secret.bmc_admin.hpe13"}})
	require.NoError(t, err)
	assert.Equal(t, bmc.Target{Host: "hpe13", Address: "10.0.0.13", Port: 623, CipherSuite: 3, User: "admin", Password: secret.New("s3cret"),
		Timeout: 7 * time.Second, MinInterval: 300 * time.Millisecond, Retry: action.Policy(c.BMC.Retry)}, target)
}
