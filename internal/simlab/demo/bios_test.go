package demo_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
)

func TestABIOSPasswordIsSetKeptAndTakenAway(t *testing.T) {
	t.Parallel()
	p := open(t, overRedfish(demo.Options{Bodies: bodies(t, "01"), Slack: patient}))
	const action, kept, waits, former = "laas.set_bios_password", "laas.secret.bios." + host, "laas.secret.bios_next." + host, "laas.secret.bios_former." + host
	bmc := p.Lab.Redfish(host)
	set, remove := map[string]any{"host": host, "confirm": host}, map[string]any{"host": host, "confirm": host, "remove": true}
	stored := func(key string) string {
		t.Helper()
		text, found := p.Engine.Keys().GetSecret(key)
		if !found {
			return ""
		}
		_, plain := p.Engine.Keys().List("")[key]
		assert.False(t, plain, "%s is in clear", key)
		return text.Reveal()
	}
	p.refused(action, map[string]any{"host": host, "confirm": "another"}, "confirm must be")
	p.works(action, remove)
	assert.Empty(t, bmc.BIOSPassword())

	p.works(action, set)
	first := bmc.BIOSPassword()
	assert.Len(t, first, 16)
	assert.Equal(t, first, stored(kept))
	assert.Empty(t, stored(waits))

	// The BMC hangs: the password that waits is the one that the next run sets.
	p.Lab.Faults().Add(faults.Fault{System: "bmc", Op: "bios.set", Kind: faults.Hang})
	p.refused(action, set)
	p.Lab.Faults().Heal()
	next := stored(waits)
	require.NotEmpty(t, next)
	assert.Equal(t, first, bmc.BIOSPassword())
	p.works(action, set)
	assert.Equal(t, next, bmc.BIOSPassword())
	assert.Equal(t, next, stored(kept))

	// A run ended after the BMC had taken the new one and before it was kept.
	const third = "Third.password-3"
	p.Engine.Keys().SetSecret(waits, secret.New(third))
	bmc.SetBIOSPassword(third)
	p.refused(action, remove, "broken off", "without remove")
	p.works(action, set)
	assert.Equal(t, third, bmc.BIOSPassword())
	assert.Equal(t, third, stored(kept))
	assert.Equal(t, next, stored(former))

	// Somebody changed it by hand: nobody is told that it is set.
	bmc.SetBIOSPassword("by hand")
	p.refused(action, set, "refuses every BIOS password that the pack knows", "st2 key set --encrypt "+kept)
	assert.Equal(t, "by hand", bmc.BIOSPassword())
	assert.Equal(t, third, stored(kept))
	bmc.SetBIOSPassword(third)
	p.works(action, set)
	last := bmc.BIOSPassword()
	assert.Equal(t, last, stored(kept))

	p.works(action, remove)
	assert.Empty(t, bmc.BIOSPassword())
	assert.Empty(t, stored(kept)+stored(waits))
	assert.Equal(t, last, stored(former), "if the BIOS thinks otherwise when the host boots, this one opens it")
	for _, password := range []string{first, next, third, last} {
		assert.NotContains(t, p.executions(), password)
	}
}

func TestABMCThatSpeaksIPMIHasNoBIOSPassword(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient})
	p.refused("laas.set_bios_password", map[string]any{"host": host, "confirm": host}, "refused", "over ipmi", "redfish")
}
