package demo_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/lab"
)

// moves corrects the inventory: the host's second interface hangs on another port of its first one's switch. It gives where it was before.
func (p *play) moves() lab.Port {
	p.t.Helper()
	was := p.port(1)
	p.Lab.World().AddPort(p.port(0).Switch, "Ethernet1/40")
	p.edit(host, func(nics map[string]map[string]any) {
		nics[was.MAC]["port"], nics[was.MAC]["switch"] = "Ethernet1/40", p.port(0).Switch
	})
	return was
}

func (p *play) isShut(at lab.Port) {
	p.t.Helper()
	w, ok := p.Lab.World().Port(at.Switch, at.Port)
	require.True(p.t, ok)
	assert.True(p.t, w.Shutdown, "%s %s: %+v", at.Switch, at.Port, w)
	assert.Zero(p.t, w.Native)
	assert.Empty(p.t, w.Tagged)
}

// A cable was moved, or its entry corrected, while a tenant had the host: his network must not stay where nobody looks.
func TestAPortThatTheInventoryNoLongerNamesIsClosedWithItsHost(t *testing.T) {
	t.Parallel()
	body := recorded(t, "02")[0] // hpe13 and hpe14, with VLAN 200 on their second interfaces
	for name, spread := range map[string]bool{"on the same switch": false, "on a switch that the host has nothing else on": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: [][]byte{body}, Dashboard: "2019", Slack: patient, SpreadNICs: spread})
			p.deliver(body)
			require.True(t, p.anyCarries(foreign))
			assert.Zero(t, p.drift().Differ)
			was := p.moves()
			assert.Equal(t, spread, was.Switch != p.port(0).Switch)
			assert.Equal(t, 1, p.drift().Differ, "an open port that belongs to nobody is told")
			require.NoError(t, p.Lab.Dashboard().End(2))
			require.NoError(t, p.Settle(p.ctx))
			p.isShut(was)
			assert.True(t, allShut(p.host()))
			assert.Zero(t, p.drift().Differ)
			assert.Empty(t, p.Engine.Keys().List(booking.OwnerPrefix))
		})
	}
}

func TestAHostIsKeptWhileAPortThatItHadIsOpen(t *testing.T) {
	t.Parallel()
	body := recorded(t, "02")[0]
	p := open(t, demo.Options{Bodies: [][]byte{body}, Dashboard: "2019", Slack: impatient, SpreadNICs: true})
	p.deliver(body)
	was := p.moves()
	p.Lab.Switch(was.Switch).Close() // it is gone for good, or so it looks
	require.NoError(t, p.Lab.Dashboard().End(2))
	require.NoError(t, p.Settle(p.ctx))
	owner := p.owner()
	assert.NotEmpty(t, owner.Quarantine)
	assert.Contains(t, owner.VLANs, foreign, "nobody else may have it")

	// The operator knows that the switch is gone, and says so.
	p.refused("laas.return_host", map[string]any{"host": host, "confirm": host}, "stays in quarantine")
	p.Engine.Keys().Delete("laas.intent." + was.Switch)
	p.works("laas.return_host", map[string]any{"host": host, "confirm": host})
}

func TestAnIsolatedHostIsCutOffFromThePortThatItHad(t *testing.T) {
	t.Parallel()
	body := recorded(t, "02")[0]
	p := open(t, demo.Options{Bodies: [][]byte{body}, Dashboard: "2019", Slack: patient, SpreadNICs: true})
	p.deliver(body)
	was := p.moves()
	p.works("laas.isolate_host", map[string]any{"host": host, "confirm": host})
	p.isShut(was)
	assert.True(t, allShut(p.host()))
}

// What the host had on the switch is shut, but the switch did not save that; then the cable was moved.
func TestASwitchThatAHostHasNoPortOnAnyMoreSavesBeforeTheHostIsFree(t *testing.T) {
	t.Parallel()
	body := recorded(t, "02")[0]
	p := open(t, demo.Options{Bodies: [][]byte{body}, Dashboard: "2019", Slack: impatient, SpreadNICs: true})
	p.deliver(body)
	was := p.port(1)
	p.Lab.Faults().Add(faults.Fault{System: "switch", Target: was.Switch, Op: "save", Kind: faults.Half})
	require.NoError(t, p.Lab.Dashboard().End(2))
	require.NoError(t, p.Settle(p.ctx))
	require.NotEmpty(t, p.owner().Quarantine)
	p.moves()
	p.refused("laas.return_host", map[string]any{"host": host, "confirm": host}, "would not be after a restart", was.Switch)

	p.Lab.Faults().Heal()
	p.works("laas.return_host", map[string]any{"host": host, "confirm": host})
	assert.True(t, allShut(p.host()))
	p.isShut(was)
	assert.Equal(t, p.Lab.World().Ports(was.Switch), p.Lab.Switch(was.Switch).Saved(), "and it stays so when the switch restarts")
	_, owned := p.Engine.Keys().Get(booking.OwnerKey(host))
	assert.False(t, owned)
}
