package demo_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
)

func TestACancelledRunStopsAndIsToldAndCanBeResumed(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	slow := pace
	slow.Image = 4 * time.Second
	p := open(t, demo.Options{Bodies: b, Pace: slow, Slack: patient})
	imaging := make(chan struct{}, 2)
	p.starting(func(e engine.Execution) {
		if e.Action == "laas.follow_imaging" {
			imaging <- struct{}{}
		}
	})
	go func() {
		<-imaging
		for _, e := range p.Engine.Executions() {
			if e.Action == "laas.process_job" {
				_ = p.Engine.Cancel(e.ID)
			}
		}
	}()
	p.dispatch(b[0])

	for _, e := range p.Engine.Executions() {
		switch e.Action {
		case "laas.process_job":
			assert.Equal(t, "canceled", e.Status)
		case "laas.follow_imaging":
			text, err := json.Marshal(e.Result)
			require.NoError(t, err)
			assert.Contains(t, string(text), `"kind":"cancelled"`, "the action notices by itself")
			assert.Less(t, e.EndedAt.Sub(e.StartedAt), slow.Image, "and does not go on to its end")
		case "laas.verify_host", "laas.report_job":
			assert.Fail(t, "nothing starts after a cancel", e.Action)
		}
	}
	require.Equal(t, "succeeded", p.action("laas.reconcile", nil).Status)
	p.settle()
	p.tells(p.tasks("hardware")[0], booking.StatusError, "cancelled")
	p.allAre(booking.StatusError, "network")
	assert.NotEmpty(t, p.Engine.Keys().List(booking.OwnerKey(host)), "the host is still the job's")

	require.Equal(t, "succeeded", p.action("laas.resume_job", map[string]any{"job_id": job}).Status)
	p.settle()
	p.asBooked()
	p.neverEarly()
	p.deliver(b[1])
	p.asBefore()
}
