package redfish_test

import (
	"context"
	"crypto/tls"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
	simredfish "stackstorm-laas/internal/simlab/redfish"
	"stackstorm-laas/internal/simlab/world"
)

// running brings the host up, with an operating system.
func running(t *testing.T, d bmc.Driver, w *world.World) {
	t.Helper()
	w.AddImage(world.Image{ID: 1, Name: "ubuntu", OS: "ubuntu", Version: "22.04"})
	require.NoError(t, w.Install("hpe1", 1))
	require.NoError(t, d.SetPower(t.Context(), bmc.PowerOn))
	require.Eventually(t, func() bool { return w.Up("hpe1") }, 10*time.Second, time.Millisecond)
}

// bmclib says of each shut-down that worked that it did not.
func TestAShutDownThatWorksIsNoFailure(t *testing.T) {
	target, _, _, w := lab(t, simredfish.Config{})
	d := open(t, target)
	running(t, d, w)
	require.NoError(t, d.SetPower(t.Context(), bmc.PowerSoft))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, bmc.Reach(ctx, d, bmc.Off, time.Millisecond))
	assert.False(t, w.Power("hpe1"))
}

func TestAnActionThatTheBMCDoesNotOfferHasAStandInOrIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		offers []string
		action bmc.PowerAction
		kind   fault.Kind // empty for done
	}{
		"a cycle by a restart":              {[]string{"On", "ForceOff", "ForceRestart"}, bmc.PowerCycle, ""},
		"a cycle as such":                   {[]string{"On", "PowerCycle"}, bmc.PowerCycle, ""},
		"no cycle and no restart":           {[]string{"On", "ForceOff"}, bmc.PowerCycle, fault.Refused},
		"a reset is no cycle":               {[]string{"On", "PowerCycle"}, bmc.PowerReset, fault.Refused},
		"a reset never shuts anything down": {[]string{"On", "GracefulShutdown"}, bmc.PowerReset, fault.Refused},
		"no shut-down":                      {[]string{"On", "ForceOff"}, bmc.PowerSoft, fault.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			target, _, _, w := lab(t, simredfish.Config{Resets: c.offers})
			d := open(t, target)
			running(t, d, w)
			err := d.SetPower(t.Context(), c.action)
			if c.kind != "" {
				assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
				assert.True(t, w.Up("hpe1"), "nothing happened to the host")
				return
			}
			require.NoError(t, err)
			assert.True(t, w.Power("hpe1"))
		})
	}
}

// A TLS handshake is what costs a BMC most.
func TestASessionIsOneConnection(t *testing.T) {
	var connections atomic.Int64
	target, _, _, _ := labWith(t, simredfish.Config{}, func(conf *tls.Config) {
		conf.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			connections.Add(1)
			return nil, nil
		}
	})
	d := open(t, target)
	for range 3 {
		_, err := d.PowerState(t.Context())
		require.NoError(t, err)
		_, err = d.Accounts(t.Context())
		require.NoError(t, err)
		require.NoError(t, pxe(t.Context(), d))
	}
	require.NoError(t, d.Close())
	assert.EqualValues(t, 1, connections.Load())
}
