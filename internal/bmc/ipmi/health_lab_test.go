package ipmi_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// ailingLab is what the simulated BMC tells of a host whose fan fails, which is warm, and whose power supply failed.
var ailingLab = &bmc.Health{
	Sensors: []bmc.Sensor{
		{Name: "Inlet Temp", Kind: "temperature", Reading: "24 C", State: "ok"},
		{Name: "CPU1 Temp", Kind: "temperature", Reading: "88 C", State: "warning"},
		{Name: "FAN1", Kind: "fan", Reading: "5400 RPM", State: "ok"},
		{Name: "FAN2", Kind: "fan", Reading: "300 RPM", State: "critical"},
		{Name: "12V", Kind: "voltage", Reading: "12 V", State: "ok"},
		{Name: "PS1 Status", Kind: "power supply", Reading: "presence detected", State: "ok"},
		{Name: "PS2 Status", Kind: "power supply", Reading: "power supply failure detected, presence detected", State: "critical"},
		{Name: "Drive 1", Kind: "drive", Reading: "drive presence", State: "ok"},
	},
	Events: []bmc.Event{
		{ID: 3, Sensor: "PS2 Status", Text: "power supply failure detected", Critical: true},
		{ID: 2, Sensor: "CPU1 Temp", Text: "upper non-critical - going high"},
		{ID: 1, Sensor: "FAN2", Text: "lower critical - going low", Critical: true},
	},
	Machine: bmc.Machine{Manufacturer: "Simulated", Model: "SIM 1000", Serial: "SN-hpe1", Firmware: "1.00"},
}

func TestHealthThatIsNotTold(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   faults.Kind
		unread int
	}{
		{"the BMC refuses", faults.Refuse, 3},
		{"the BMC is busy", faults.Error500, 3},
		{"the BMC drops the commands, and answers others", faults.Hang, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target, _, f := lab(t, world.SupplyFails)
			target.Timeout = 500 * time.Millisecond
			d, err := ipmi.Open(t.Context(), target)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, d.Close()) })
			f.Add(faults.Fault{System: "bmc", Op: "health", Kind: c.kind})
			h, err := d.(bmc.HealthReader).Health(t.Context(), 3)
			require.NoError(t, err)
			assert.Len(t, h.Unread, c.unread)
			assert.Equal(t, bmc.Health{Machine: bmc.Machine{Firmware: "1.00"}, Unread: h.Unread}, h)
			f.Heal()
			h, err = d.(bmc.HealthReader).Health(t.Context(), 3)
			require.NoError(t, err)
			assert.Len(t, h.Sensors, 8)
		})
	}
}

func TestHealthOfABMCThatDoesNotAnswerIsAnError(t *testing.T) {
	target, s, _ := lab(t)
	target.Timeout = 200 * time.Millisecond
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = d.(bmc.HealthReader).Health(t.Context(), 3)
	assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
	assert.NoError(t, d.Close())
}

func TestHealthEndsWithItsContext(t *testing.T) {
	target, _, f := lab(t)
	target.Timeout = time.Hour
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	f.Add(faults.Fault{System: "bmc", Op: "health", Kind: faults.Hang})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = d.(bmc.HealthReader).Health(ctx, 3)
	assert.Equal(t, fault.Cancelled, fault.KindOf(err), "%v", err)
	assert.NoError(t, d.Close())
}
