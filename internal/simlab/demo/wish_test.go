package demo_test

import (
	"encoding/json"
	"slices"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
)

// wish is what somebody wants of a port, and what comes of it.
type wish struct {
	// config changes the lab's network settings, before is what happened before, body the booking that is wished, or do the action.
	config map[string]any
	before func(p *play)
	body   []byte
	do     func(p *play) engine.Execution
	// kind and says are the refusal; for what is allowed they are empty. "booking" is a booking that ends in error when it is claimed, "held" one that is not begun.
	kind, says string
	// ports are what the hosts' first ports carry in the end, by host. After a refusal, every other port is what it was.
	ports map[string]string
	// after is what else holds in the end.
	after func(p *play)
}

func (p *play) wishes(w wish) {
	p.t.Helper()
	if w.before != nil {
		w.before(p)
	}
	before, ran := p.allPorts(), len(p.Engine.Executions())
	if w.do == nil {
		p.deliver(w.body)
		p.claimed(w)
	} else {
		e := w.do(p)
		kinds, texts := p.errors(ran)
		if w.kind == "" {
			assert.Equal(p.t, "succeeded", e.Status, texts)
		} else {
			assert.Equal(p.t, "failed", e.Status)
			assert.Contains(p.t, kinds, w.kind)
			assert.Contains(p.t, texts, w.says)
		}
	}
	if w.kind != "" {
		assert.Equal(p.t, before, p.allPorts(), "nothing was written")
	}
	for host, carries := range w.ports {
		assert.Equal(p.t, carries, p.on(host), host)
	}
	if w.after != nil {
		w.after(p)
	}
}

// oneAfterTheOther holds that job 7 was begun when job 1 had been taken back.
func (p *play) oneAfterTheOther() {
	p.t.Helper()
	var runs []engine.Execution
	for _, e := range p.Engine.Executions() {
		if e.Action == "laas.process_job" {
			runs = append(runs, e)
		}
	}
	slices.SortFunc(runs, func(a, b engine.Execution) int { return a.StartedAt.Compare(b.StartedAt) })
	require.Len(p.t, runs, 3)
	assert.EqualValues(p.t, 1, runs[1].Parameters["job_id"])
	assert.EqualValues(p.t, 7, runs[2].Parameters["job_id"])
	assert.False(p.t, runs[2].StartedAt.Before(runs[1].EndedAt), "the VLAN is off the first booking's ports")
}

// claimed holds the booking that came last to what is wished: held or in error with the reason, or done.
func (p *play) claimed(w wish) {
	p.t.Helper()
	var jobs []struct{ ID int }
	require.NoError(p.t, json.Unmarshal(w.body, &jobs))
	state, reason := p.jobState(jobs[0].ID)
	if w.kind == "" {
		assert.Equal(p.t, demo.StateDone, state, reason)
		return
	}
	assert.Contains(p.t, reason, w.says)
	if w.kind == "held" {
		assert.Equal(p.t, demo.StateHeld, state)
		assert.Empty(p.t, p.Engine.Executions())
		return
	}
	assert.Equal(p.t, demo.StateFailed, state)
	for _, j := range p.Report().Jobs {
		for _, task := range j.Tasks {
			if j.ID == jobs[0].ID && (task.Type == "hardware" || task.Type == "network") {
				p.tells(task, booking.StatusError, w.says)
			}
		}
	}
	for _, e := range slices.Backward(p.Engine.Executions()) {
		if e.Action == "laas.claim_hosts" {
			var out struct{ Provision, Refused []string }
			stdout(p.t, e, &out)
			assert.Empty(p.t, out.Provision)
			assert.Len(p.t, out.Refused, 1)
			return
		}
	}
	assert.Fail(p.t, "nothing was claimed")
}

// errors are the kinds and the messages of what failed since.
func (p *play) errors(since int) (kinds []string, texts string) {
	for _, e := range p.Engine.Executions()[since:] {
		text, err := json.Marshal(e.Result)
		require.NoError(p.t, err)
		var result struct {
			Stdout struct {
				Error struct{ Kind, Message string }
			}
		}
		if json.Unmarshal(text, &result) == nil && result.Stdout.Error.Kind != "" {
			kinds = append(kinds, result.Stdout.Error.Kind)
			texts += result.Stdout.Error.Message + "\n"
		}
	}
	return kinds, texts
}
