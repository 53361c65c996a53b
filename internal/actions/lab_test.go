package actions

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
