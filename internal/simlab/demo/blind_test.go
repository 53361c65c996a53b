package demo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
)

// A job that the dashboard cannot show makes every list that it is in HTTP 500.
func TestOneJobThatTheDashboardCannotShowHoldsNoHostHostage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ dashboard, body, image string }{
		"on the dashboard of 2019": {"2019", "01", "23"},
		"on the dashboard of 2022": {"2022", "10_", "ubuntu2004-x86_64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := recorded(t, c.body, c.body)
			b[1] = another(b[1], "hpe15", "100")
			p := open(t, demo.Options{Bodies: b, Dashboard: c.dashboard, Slack: 4 * time.Second})
			for _, body := range b {
				p.deliver(body)
			}
			other, id := p.named("hpe15"), p.machineID("hpe15")

			p.Lab.Dashboard().Corrupt(7, true)
			require.NoError(t, p.Lab.Dashboard().Reimage(7, "hpe15", c.image))
			require.NoError(t, p.Lab.Dashboard().End(job))
			require.NoError(t, p.Settle(p.ctx))
			state, reason := p.jobState(job)
			assert.Equal(t, demo.StateDone, state, reason)
			assert.Equal(t, "off", p.named(host).Power)
			assert.True(t, allShut(p.named(host)))
			assert.Equal(t, other, p.named("hpe15"), "what is not known to have ended is left alone")

			p.Lab.Dashboard().Corrupt(7, false)
			p.Engine.Keys().Delete("laas.DashboardSensor:state") // it would wait a while by now; the journal is enough
			require.NoError(t, p.Settle(p.ctx))
			assert.NotEqual(t, id, p.machineID("hpe15"), "the reset is done when the list can be read again")
			assert.Equal(t, 1, p.runs("laas.release_host", host))
			p.allAre(booking.StatusDone, "")
		})
	}
}
