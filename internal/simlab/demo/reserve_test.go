package demo_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/demo"
)

func TestAReservedHostOnTwoSwitchesIsConnectedIsolatedAndGivenBack(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient, SpreadNICs: true})
	require.NotEqual(t, p.port(0).Switch, p.port(1).Switch)
	p.dispatch(b[0])
	p.asBooked()
	p.dispatch(b[1])
	p.asBefore() // both ports are labelled as idle from here on

	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
	assert.True(t, allShut(p.host()), "%+v", p.host().Ports)
	p.works("laas.network_create", map[string]any{"network": "storage"})
	p.works("laas.network_create", map[string]any{"network": "cluster"})
	on := func(nic int, network string) map[string]any {
		return map[string]any{"host": host, "nic": p.port(nic).MAC, "network": network}
	}
	p.works("laas.nic_connect", on(0, "storage"))
	assert.Equal(t, 2000, *p.port(0).Native)
	assert.True(t, p.port(1).Shutdown)
	tagged := on(1, "cluster")
	tagged["tagged"] = true
	p.works("laas.nic_connect", tagged)
	p.works("laas.nic_connect", tagged)
	connected := p.host().Ports
	assert.Equal(t, 2000, *connected[0].Native)
	assert.Equal(t, []int{2001}, connected[1].Tagged)
	assert.Zero(t, p.drift().Differ)

	isolation := map[string]any{"host": host, "confirm": host}
	p.works("laas.isolate_host", isolation)
	assert.True(t, allShut(p.host()), "%+v", p.host().Ports)
	p.refused("laas.nic_connect", on(0, "cluster"), "native")
	p.works("laas.rejoin_host", isolation)
	assert.Equal(t, connected, p.host().Ports)
	p.works("laas.image_host", map[string]any{"host": host, "image": "23", "confirm": host})
	assert.Equal(t, connected, p.host().Ports)

	p.refused("laas.free_host", map[string]any{"host": host}, "still has 2 network")
	p.works("laas.nic_disconnect", on(1, "cluster"))
	assert.True(t, p.port(1).Shutdown)
	assert.Equal(t, 2000, *p.port(0).Native, "the other switch's port stays connected")
	p.works("laas.nic_disconnect", on(0, "storage"))
	assert.True(t, allShut(p.host()), "%+v", p.host().Ports)
	p.works("laas.network_delete", map[string]any{"network": "storage"})
	p.works("laas.network_delete", map[string]any{"network": "cluster"})
	p.works("laas.free_host", map[string]any{"host": host})
	p.inPool()
}
