package inventory

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
)

func TestOneBadEntryLeavesTheOtherHostsUsable(t *testing.T) {
	for name, c := range map[string]struct {
		keys     store
		usable   []string
		unusable map[string]string
	}{
		"all is well":                 {store{"hosts": `["hpe1", "hpe2"]`, "hpe1": old, "hpe2": second}, []string{"hpe1", "hpe2"}, nil},
		"an entry is no JSON":         {store{"hosts": `["hpe1", "hpe2"]`, "hpe1": old, "hpe2": "x"}, []string{"hpe1"}, map[string]string{"hpe2": "not JSON"}},
		"an entry is missing":         {store{"hosts": `["hpe1", "hpe2"]`, "hpe1": old}, []string{"hpe1"}, map[string]string{"hpe2": "does not exist"}},
		"two of three hosts are one":  {store{"hosts": `["hpe1", "hpe2", "copy"]`, "hpe1": old, "hpe2": second, "copy": second}, []string{"hpe1"}, map[string]string{"hpe2": "is also at", "copy": "is also at"}},
		"a name is the other's start": {store{"hosts": `["hpe1", "hpe1.x"]`, "hpe1": old, "hpe1.x": "x"}, []string{"hpe1"}, map[string]string{"hpe1.x": "not JSON"}},
	} {
		t.Run(name, func(t *testing.T) {
			inv, unusable, err := LoadUsable(t.Context(), c.keys)
			require.NoError(t, err)
			assert.Equal(t, c.usable, inv.Names)
			for name, why := range c.unusable {
				assert.Contains(t, unusable[name], why)
				assert.Nil(t, inv.Hosts[name])
			}
			if c.unusable == nil {
				assert.Empty(t, unusable)
			}
		})
	}
}

func TestADatastoreThatCannotBeReachedIsNoBadEntry(t *testing.T) {
	for _, keys := range []store{{"hosts": "unreachable"}, {"hosts": `["hpe1"]`, "hpe1": "unreachable"}} {
		_, _, err := LoadUsable(t.Context(), keys)
		assert.True(t, fault.Is(err, fault.Transient), "%v", err)
	}
	_, _, err := LoadUsable(t.Context(), store{})
	assert.True(t, fault.Is(err, fault.Config))
}
