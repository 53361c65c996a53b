package world_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/world"
)

func TestTroublesOfTheHardwareAreWhatTheSensorsShow(t *testing.T) {
	w := world.New(world.Pace{})
	w.AddHost(world.HostSpec{Name: "hpe1", NICs: []world.NIC{{MAC: "48:df:37:00:00:01", Switch: "sw", Port: "1"}}})
	require.NoError(t, w.PowerOn("hpe1"))
	sensor := func(name string) world.Sensor {
		for _, s := range w.Sensors("hpe1") {
			if s.Name == name {
				return s
			}
		}
		require.Fail(t, "no sensor "+name)
		return world.Sensor{}
	}
	for kind, c := range map[world.TroubleKind]struct {
		sensor string
		shows  func(world.Sensor) bool
	}{
		world.FanFails:    {"FAN2", func(s world.Sensor) bool { return s.Value < s.LowCritical }},
		world.Overheats:   {"CPU1 Temp", func(s world.Sensor) bool { return s.Value > s.HighCritical }},
		world.Warms:       {"CPU1 Temp", func(s world.Sensor) bool { return s.Value > s.High && s.Value < s.HighCritical }},
		world.SupplyFails: {"PS2 Status", func(s world.Sensor) bool { return s.Failed }},
		world.DriveFails:  {"Drive 1", func(s world.Sensor) bool { return s.Failing }},
	} {
		t.Run(string(kind), func(t *testing.T) {
			logged := len(w.HardwareEvents("hpe1"))
			assert.False(t, c.shows(sensor(c.sensor)))
			require.NoError(t, w.AddTrouble("hpe1", world.Trouble{Kind: kind}))
			assert.True(t, c.shows(sensor(c.sensor)))
			require.NoError(t, w.EndTroubles("hpe1"))
			assert.False(t, c.shows(sensor(c.sensor)))
			events := w.HardwareEvents("hpe1")[logged:]
			require.Len(t, events, 2)
			for i, ended := range []bool{false, true} {
				assert.Equal(t, logged+1+i, events[i].ID)
				assert.Equal(t, c.sensor, events[i].Sensor)
				assert.Equal(t, ended, events[i].Ended)
			}
		})
	}
	require.NoError(t, w.AddTrouble("hpe1", world.Trouble{Kind: world.NoBoot}))
	assert.Len(t, w.HardwareEvents("hpe1"), 10, "a BMC sees nothing of that")
	require.NoError(t, w.PowerOff("hpe1"))
	assert.Zero(t, sensor("FAN1").Value)
	assert.Equal(t, []string{"48:df:37:00:00:01"}, w.Machine("hpe1").MACs)
	assert.Empty(t, w.Sensors("other"))
}
