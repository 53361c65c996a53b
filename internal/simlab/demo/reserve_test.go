package demo_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
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

func TestAReservationBeginsWithTheHostOffAndOnNoNetwork(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient, SpreadNICs: true})
	at := p.port(1)
	now, ok := p.Lab.World().Port(at.Switch, at.Port)
	require.True(t, ok)
	now.Native, now.Tagged, now.Shutdown = install, []int{99}, false // the pack never wrote it
	require.NoError(t, p.Lab.World().SetPort(at.Switch, at.Port, now))
	p.works("laas.power", map[string]any{"host": host, "do": "on"})
	require.Equal(t, "on", p.host().Power)

	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
	assert.Equal(t, "off", p.host().Power)
	assert.True(t, allShut(p.host()), "%+v", p.host().Ports)
	assert.Zero(t, p.drift().Differ)
	p.works("laas.network_create", map[string]any{"network": "storage"})
	p.works("laas.nic_connect", map[string]any{"host": host, "nic": p.port(0).MAC, "network": "storage"})
	p.works("laas.power", map[string]any{"host": host, "do": "on"})
	before := p.host()
	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
	assert.Equal(t, before, p.host(), "what alice has already is not switched off, and stays connected")
}

func TestAHostThatIsNotProvenOffAndOnNoNetworkIsNotReserved(t *testing.T) {
	t.Parallel()
	open98 := func(p *play) {
		at := p.port(1)
		now, ok := p.Lab.World().Port(at.Switch, at.Port)
		require.True(p.t, ok)
		now.Native, now.Shutdown = install, false
		require.NoError(p.t, p.Lab.World().SetPort(at.Switch, at.Port, now))
	}
	for name, c := range map[string]struct {
		broken func(p *play)
		word   string
	}{
		"it does not lose its power": {func(p *play) {
			p.works("laas.power", map[string]any{"host": host, "do": "on"})
			p.Lab.Faults().Add(faults.Fault{System: "bmc", Op: "power.set", Kind: faults.Forget})
		}, "power"},
		"its BMC does not answer": {func(p *play) { p.Lab.Faults().Add(faults.Fault{System: "bmc", Kind: faults.Refuse}) }, "BMC"},
		"one of its switches does not answer": {func(p *play) {
			p.Lab.Faults().Add(faults.Fault{System: "switch", Target: "sw2", Kind: faults.Error500})
		}, "sw2"},
		"one of its switches says ok and writes nothing": {func(p *play) {
			open98(p)
			p.Lab.Faults().Add(faults.Fault{System: "switch", Target: "sw2", Op: "conf", Kind: faults.Forget})
		}, "sw2"},
		"one of its switches does not save": {func(p *play) {
			open98(p)
			p.Lab.Faults().Add(faults.Fault{System: "switch", Target: "sw2", Op: "save", Kind: faults.Half})
		}, "sw2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: impatient, SpreadNICs: true})
			c.broken(p)
			p.refused("laas.reserve_host", map[string]any{"host": host, "by": "alice"}, "not reserved, and given back", c.word)
			assert.False(t, p.host().Quarantined, "it is in the dashboard's pool")
			assert.Empty(t, p.Engine.Keys().List(booking.OwnerPrefix))
			assert.Empty(t, p.Engine.Keys().List("laas.reservation."))
			journal, _ := p.laas("job", "show", strconv.Itoa(booking.OwnJobs))
			assert.Contains(t, journal, "failed")
			assert.Contains(t, journal, c.word)

			p.Lab.Faults().Heal()
			p.works("laas.reserve_host", map[string]any{"host": host, "by": "bob"})
			assert.Equal(t, "off", p.host().Power)
			assert.True(t, allShut(p.host()), "%+v", p.host().Ports)
			p.works("laas.free_host", map[string]any{"host": host})
			p.inPool()
		})
	}
}

func TestAReservationThatWasBrokenOffGoesOn(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient})
	p.works("laas.network_create", map[string]any{"network": "storage"})
	p.works("laas.take_host", map[string]any{"host": host, "purpose": "reserve", "by": "alice"}) // and then StackStorm was restarted
	connect := map[string]any{"host": host, "nic": p.port(0).MAC, "network": "storage"}
	p.refused("laas.nic_connect", connect, "not proven to be off", "laas.reserve_host")
	assert.True(t, allShut(p.host()))
	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
	p.works("laas.nic_connect", connect)
	assert.Equal(t, 2000, *p.port(0).Native)
}

func TestAReservedHostIsNotConnectedToWhatIsABookings(t *testing.T) {
	t.Parallel()
	theirs := bookingOf(t, "hpe15", "2000")
	var network map[string]any
	p := open(t, demo.Options{Bodies: [][]byte{recorded(t, "01")[0], theirs}, Dashboard: "2019", Slack: patient,
		Config: func(all map[string]any) { network = all["network"].(map[string]any) }})
	network["lab_vlans"] = "2000-2009"
	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
	p.works("laas.network_create", map[string]any{"network": "storage"})
	connect := map[string]any{"host": host, "nic": p.port(0).MAC, "network": "storage"}

	network["lab_vlans"] = "2100-2109" // 2000 is anybody's from here on
	p.refused("laas.nic_connect", connect, "network storage is VLAN 2000, which is not in network.lab_vlans")
	assert.True(t, allShut(p.host()))
	p.deliver(theirs)
	require.Equal(t, "2000", p.on("hpe15"))

	network["lab_vlans"] = "2000-2009"
	p.refused("laas.nic_connect", connect, "VLAN 2000 of network storage is on the ports of hpe15, which belongs to job 7")
	assert.True(t, allShut(p.host()))
	p.works("laas.network_delete", map[string]any{"network": "storage"})
	p.works("laas.network_create", map[string]any{"network": "storage"})
	p.works("laas.nic_connect", connect)
	assert.Equal(t, "2001", p.on(host))
	assert.Equal(t, "2000", p.on("hpe15"))
}

func TestAHostOnTwoSwitchesIsReleasedOnlyWhenBothAreProven(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at    string
		fault faults.Fault
	}{
		"one does not answer":                {"idle", faults.Fault{Kind: faults.Error500}},
		"one says ok and writes nothing":     {"idle", faults.Fault{Op: "conf", Kind: faults.Forget}},
		"one does not save":                  {"idle", faults.Fault{Op: "save", Kind: faults.Half}},
		"one does not answer before it ends": {"wiping", faults.Fault{Kind: faults.Error500}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: recorded(t, "02", "05", "06"), Dashboard: "2019", Slack: impatient, SpreadNICs: true})
			p.deliver(recorded(t, "02")[0])
			ports := p.host().Ports
			require.NotEqual(t, ports[0].Switch, ports[1].Switch)
			c.fault.System, c.fault.Target = "switch", ports[1].Switch
			p.breakAt(stage{action: "set_ports", which: c.at}, c.fault)
			require.NoError(t, p.Lab.Dashboard().End(2))
			require.NoError(t, p.Settle(p.ctx))
			p.starting(nil)
			assert.True(t, p.host().Quarantined)
			assert.Equal(t, "off", p.host().Power)
			assert.True(t, p.port(0).Shutdown, "the port on the switch that is well is closed")

			p.Lab.Faults().Heal()
			for _, name := range []string{"hpe13", "hpe14"} {
				if p.named(name).Quarantined {
					p.works("laas.return_host", map[string]any{"host": name, "confirm": name})
				}
				assert.True(t, allShut(p.named(name)), "%+v", p.named(name).Ports)
			}
			assert.Empty(t, p.Engine.Keys().List(booking.OwnerPrefix))
			assert.Empty(t, p.Engine.Keys().List("laas.wiring."))
		})
	}
}

// Reservations did not say before that they have begun; one that has networks has.
func TestAReservationThatDoesNotSayThatItBeganHasBegun(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: impatient, SpreadNICs: true})
	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
	p.works("laas.network_create", map[string]any{"network": "storage"})
	at := map[string]any{"host": host, "nic": p.port(0).MAC, "network": "storage"}
	p.works("laas.nic_connect", at)
	p.works("laas.power", map[string]any{"host": host, "do": "on"})
	key := "laas.reservation." + host
	text, _ := p.Engine.Keys().Get(key)
	var r map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &r))
	require.Contains(t, r, "apart")
	delete(r, "apart")
	old, err := json.Marshal(r)
	require.NoError(t, err)
	p.Engine.Keys().Set(key, string(old))

	before := p.host()
	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
	assert.Equal(t, before, p.host(), "its power is alice's business")
	p.Engine.Keys().Set(key, string(old))
	p.Lab.Faults().Add(faults.Fault{System: "switch", Kind: faults.Error500})
	require.Equal(t, "failed", p.action("laas.reserve_host", map[string]any{"host": host, "by": "alice"}).Status)
	p.Lab.Faults().Heal()
	_, reserved := p.Engine.Keys().Get(key)
	assert.True(t, reserved, "it is not given back under her hands")
	assert.Equal(t, "on", p.host().Power)
	p.Engine.Keys().Set(key, string(old))
	p.works("laas.nic_disconnect", at)
	p.works("laas.free_host", map[string]any{"host": host})
	p.inPool()
}
