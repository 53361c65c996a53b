package nxos_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/netswitch/nxos"
	"stackstorm-laas/internal/netswitch/switchtest"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/nxapi"
	"stackstorm-laas/internal/simlab/world"
)

// lab is a switch of the simulated lab with two ports.
func lab(t *testing.T) (netswitch.Driver, *world.World, *faults.Set) {
	t.Helper()
	w, f := world.New(world.Pace{}), &faults.Set{}
	w.AddPort("sw1", "Ethernet1/1")
	w.AddPort("sw1", "Ethernet1/2")
	s, err := nxapi.Serve(w, f, nxapi.Config{Switch: "sw1", User: "admin", Password: "secret"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	d, err := nxos.New(nxos.Config{
		Switch: "sw1", Address: s.URL(), User: "admin", Password: secret.New("secret"), DarkVLAN: 999, Timeout: 5 * time.Second,
	})
	require.NoError(t, err)
	return d, w, f
}

func TestTheSimulatedSwitchIsDrivenAsPromised(t *testing.T) {
	d, _, _ := lab(t)
	switchtest.Conformance(t, d, []string{"Ethernet1/1", "Ethernet1/2"})
}

func TestTheWorldHasWhatWasWanted(t *testing.T) {
	d, w, f := lab(t)
	_, err := netswitch.Set(t.Context(), d, []netswitch.Port{{Name: "Ethernet1/1", Native: 100, Tagged: []int{200}}})
	require.NoError(t, err)
	have, _ := w.Port("sw1", "Ethernet1/1")
	assert.Equal(t, world.Port{Native: 100, Tagged: []int{200}}, have)

	f.Add(faults.Fault{System: "switch", Op: "conf", Kind: faults.Forget})
	_, err = netswitch.Set(t.Context(), d, []netswitch.Port{{Name: "Ethernet1/1", Shutdown: true}})
	assert.Equal(t, fault.Unproven, fault.KindOf(err), "%v", err)
	have, _ = w.Port("sw1", "Ethernet1/1")
	assert.Equal(t, world.Port{Native: 100, Tagged: []int{200}}, have)
}
