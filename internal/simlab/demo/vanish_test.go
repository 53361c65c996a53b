package demo_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
)

// reconciled is what the action reconcile says.
type reconciled struct {
	Resumed, Missing, Ended []int
	Summary                 string
}

func (p *play) reconcile() (out reconciled) {
	p.t.Helper()
	e := p.action("laas.reconcile", nil)
	require.Equal(p.t, "succeeded", e.Status, "%s", e.Result)
	text, err := json.Marshal(e.Result)
	require.NoError(p.t, err)
	require.NoError(p.t, json.Unmarshal(text, &struct{ Stdout *reconciled }{&out}))
	return out
}

func TestABookingThatIsDeletedIsTakenBackAfterAGrace(t *testing.T) {
	t.Parallel()
	b := recorded(t, "01")
	p := open(t, demo.Options{Bodies: b})
	p.deliver(b[0])
	before := p.host()
	assert.Empty(t, p.reconcile().Missing)

	p.Lab.Dashboard().Delete(job)
	said := p.reconcile()
	assert.Equal(t, []int{job}, said.Missing)
	assert.Contains(t, said.Summary, "unknown to the dashboard")
	assert.Equal(t, before, p.host(), "it is noticed first, and nothing is done")

	for len(p.reconcile().Ended) == 0 {
		require.NoError(t, p.ctx.Err())
	}
	p.asBefore()
	assert.Empty(t, p.reconcile().Missing, "it is done")
	record, _ := p.Engine.Keys().Get(booking.JobKey(job))
	assert.Contains(t, record, `"state":"done"`)
}

func TestABookingThatOnlyCannotBeShownIsNotEnded(t *testing.T) {
	t.Parallel()
	b := recorded(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: time.Second})
	p.deliver(b[0])
	before := p.host()
	p.Lab.Dashboard().Corrupt(job, true)
	e := p.action("laas.reconcile", nil)
	assert.Equal(t, "failed", e.Status, "without lists nothing is known")
	assert.Equal(t, before, p.host())
	p.Lab.Dashboard().Corrupt(job, false)
	assert.Empty(t, p.reconcile().Missing)
}
