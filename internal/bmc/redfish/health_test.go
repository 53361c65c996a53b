package redfish_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/bmctest"
	"stackstorm-laas/internal/bmc/redfish"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/simlab/faults"
	simredfish "stackstorm-laas/internal/simlab/redfish"
	"stackstorm-laas/internal/simlab/world"
)

// ailing is what the simulated BMC tells of a host whose fan fails, which is warm, and whose power supply and drive fail.
func ailing(target bmc.Target) *bmc.Health {
	return &bmc.Health{
		Sensors: []bmc.Sensor{
			{Name: "Inlet Temp", Kind: "temperature", Reading: "24 C", State: "ok"},
			{Name: "CPU1 Temp", Kind: "temperature", Reading: "88 C", State: "warning"},
			{Name: "FAN1", Kind: "fan", Reading: "5400 RPM", State: "ok"},
			{Name: "FAN2", Kind: "fan", Reading: "300 RPM", State: "critical"},
			{Name: "12V", Kind: "voltage", Reading: "12 V", State: "ok"},
			{Name: "PS1 Status", Kind: "power supply", State: "ok"},
			{Name: "PS2 Status", Kind: "power supply", State: "critical"},
			{Name: "Drive 1", Kind: "drive", Reading: "failure predicted", State: "critical"},
			{Name: "Processors", Kind: "processor", State: "ok"},
			{Name: "Memory", Kind: "memory", State: "ok"},
		},
		Events: []bmc.Event{
			{ID: 4, Sensor: "Drive Slot/Bay", Text: "Drive 1: Drive failure predicted", Critical: true},
			{ID: 3, Sensor: "Power Supply / Converter", Text: "PS2 Status: Power supply failed", Critical: true},
			{ID: 2, Sensor: "Temperature", Text: "CPU1 Temp: Temperature above the upper non-critical threshold"},
			{ID: 1, Sensor: "Fan", Text: "FAN2: Fan speed below the lower critical threshold", Critical: true},
		},
		Machine: bmc.Machine{Manufacturer: "Simulated", Model: "SIM 1000", Serial: "SN-" + target.Host, Firmware: "1.00", CPU: "Simulated processor",
			MemoryMiB: 64 << 10, MACs: []string{"02:00:00:00:00:01"}},
	}
}

// makeAil gives the host of the simulated lab those troubles.
func makeAil(t *testing.T, w *world.World, host string) {
	t.Helper()
	for _, kind := range []world.TroubleKind{world.FanFails, world.Warms, world.SupplyFails, world.DriveFails} {
		require.NoError(t, w.AddTrouble(host, world.Trouble{Kind: kind}))
	}
}

func TestHealthIsToldByThermalAndPowerOrBySensors(t *testing.T) {
	for name, cfg := range map[string]simredfish.Config{"Thermal and Power": {}, "sensors": {Sensors: true}} {
		t.Run(name, func(t *testing.T) {
			target, s, _, w := lab(t, cfg)
			makeAil(t, w, target.Host)
			_, err := s.AddUser(bmctest.Boss, bmctest.BossPassword)
			require.NoError(t, err)
			bmctest.Conformance(t, target, bmctest.Opts{Open: redfish.Open, TryLogin: redfish.TryLogin, OwnSlots: true, Health: ailing(target), Starts: func() int { return w.Starts(target.Host) }})
		})
	}
}

func TestWhatEndedIsNotCriticalAnyMore(t *testing.T) {
	target, _, _, w := lab(t, simredfish.Config{})
	require.NoError(t, w.AddTrouble(target.Host, world.Trouble{Kind: world.Overheats}))
	require.NoError(t, w.EndTroubles(target.Host))
	h, err := open(t, target).(bmc.HealthReader).Health(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, h.Events, 2)
	for _, e := range h.Events {
		assert.False(t, e.Critical, "%+v", e)
	}
	assert.Contains(t, h.Events[0].Text, "(ended)")
	assert.WithinDuration(t, time.Now(), h.Events[0].At, time.Hour)
	for _, s := range h.Sensors {
		assert.NotEqual(t, bmc.SensorCritical, s.State, "%+v", s)
	}
}

func TestHealthThatIsNotTold(t *testing.T) {
	for name, kind := range map[string]faults.Kind{
		"the BMC refuses": faults.Refuse, "the BMC is busy": faults.Error500, "the BMC hangs over it, and answers else": faults.Hang, "the BMC shows web pages": faults.Garbage,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, _, f, w := lab(t, simredfish.Config{})
			makeAil(t, w, target.Host)
			target.Timeout = 500 * time.Millisecond
			d := open(t, target)
			f.Add(faults.Fault{System: "bmc", Op: "health", Kind: kind})
			h, err := d.(bmc.HealthReader).Health(t.Context(), 3)
			require.NoError(t, err)
			assert.Len(t, h.Unread, 3)
			assert.Empty(t, h.Sensors)
			assert.Empty(t, h.Events)
			assert.Equal(t, "SN-"+target.Host, h.Machine.Serial, "what was read counts")
			f.Heal()
			h, err = d.(bmc.HealthReader).Health(t.Context(), 3)
			require.NoError(t, err)
			assert.Empty(t, h.Unread)
			assert.Len(t, h.Sensors, 10)
			assert.Len(t, h.Events, 3)
		})
	}
}

func TestHealthOfABMCThatDoesNotAnswerIsAnError(t *testing.T) {
	target, s, _, _ := lab(t, simredfish.Config{})
	target.Timeout = 200 * time.Millisecond
	d := open(t, target)
	require.NoError(t, s.Close())
	_, err := d.(bmc.HealthReader).Health(t.Context(), 3)
	assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
}

func TestHealthEndsWithItsContext(t *testing.T) {
	target, _, f, _ := lab(t, simredfish.Config{})
	target.Timeout = time.Hour
	d, err := redfish.Open(t.Context(), target)
	require.NoError(t, err)
	f.Add(faults.Fault{System: "bmc", Op: "health", Kind: faults.Hang})
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(fault.New(fault.Cancelled, "enough")) })
	_, err = d.(bmc.HealthReader).Health(ctx, 3)
	assert.Equal(t, fault.Cancelled, fault.KindOf(err), "%v", err)
	f.Heal()
	assert.NoError(t, d.Close())
}
