package bmctest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
)

// health holds a driver that tells of health to Opts.Health, which the host is to be with power. Events are compared but for their time.
func (s *suite) health(t *testing.T, d bmc.Driver) {
	reader, ok := d.(bmc.HealthReader)
	if !ok {
		t.Skip("the driver does not tell of health")
	}
	ctx := t.Context()
	require.NoError(t, d.SetPower(ctx, bmc.PowerOn))
	s.reach(t, d, bmc.On)
	h, err := reader.Health(ctx, 100)
	require.NoError(t, err)
	if s.opts.Health == nil {
		assert.NotEmpty(t, h.Unread, "what it does not tell is named")
		assert.Empty(t, h.Sensors)
		assert.Empty(t, h.Events)
		return
	}
	want := *s.opts.Health
	assert.Equal(t, want.Sensors, h.Sensors)
	assert.Equal(t, want.Machine, h.Machine)
	assert.Equal(t, want.Unread, h.Unread)
	assert.Equal(t, timeless(want.Events), timeless(h.Events), "the newest first")
	if len(want.Events) > 1 {
		h, err = reader.Health(ctx, 1)
		require.NoError(t, err)
		assert.Equal(t, timeless(want.Events[:1]), timeless(h.Events))
	}
	h, err = reader.Health(ctx, 0)
	require.NoError(t, err)
	assert.Empty(t, h.Events)

	require.NoError(t, d.SetPower(ctx, bmc.PowerOff))
	s.reach(t, d, bmc.Off)
	h, err = reader.Health(ctx, 0)
	require.NoError(t, err)
	for _, one := range h.Sensors {
		if one.Kind == "fan" {
			assert.NotContains(t, []string{bmc.SensorCritical, bmc.SensorWarning}, one.State, "%s stands still because the host is off", one.Name)
		}
	}
}

func timeless(events []bmc.Event) []bmc.Event {
	var out []bmc.Event
	for _, e := range events {
		out = append(out, bmc.Event{ID: e.ID, Sensor: e.Sensor, Text: e.Text, Critical: e.Critical})
	}
	return out
}
