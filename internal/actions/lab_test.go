package actions

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/secret"
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
