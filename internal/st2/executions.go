package st2

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"stackstorm-laas/internal/fault"
)

// Execution is one run of an action or a workflow.
type Execution struct {
	ID     string
	Status string
	// Action is the reference, e.g. laas.process_job.
	Action string
	// Parent is the id of the workflow's execution that started this one; empty for what was started by hand or by a rule.
	Parent     string
	Parameters map[string]any
	// Result is what the action or workflow gave; lists and chains leave it out.
	Result    json.RawMessage
	StartedAt time.Time
}

// Live are the statuses of executions that have not ended, in the order in which they are gone through.
var Live = []string{"requested", "delayed", "scheduled", "running", "pausing", "paused", "resuming", "pending", "canceling"}

// brief is what is asked for when the result is of no interest.
const brief = "action.ref,status,parent,parameters,start_timestamp"

// document is an execution as the API shows it.
type document struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Action struct {
		Ref string `json:"ref"`
	} `json:"action"`
	Parent     string          `json:"parent"`
	Parameters map[string]any  `json:"parameters"`
	Result     json.RawMessage `json:"result"`
	StartedAt  time.Time       `json:"start_timestamp"`
}

func (d document) execution() Execution {
	return Execution{ID: d.ID, Status: d.Status, Action: d.Action.Ref, Parent: d.Parent, Parameters: d.Parameters, Result: d.Result, StartedAt: d.StartedAt}
}

// Execution reads one execution with its result.
func (c *Client) Execution(ctx context.Context, id string) (Execution, error) {
	return c.execution(ctx, id, "")
}

func (c *Client) execution(ctx context.Context, id, attributes string) (Execution, error) {
	var d document
	q := url.Values{}
	if attributes != "" {
		q.Set("include_attributes", attributes)
	}
	err := c.do(ctx, call{method: http.MethodGet, path: executionPath(id), query: q, what: "read execution " + id}, &d)
	return d.execution(), err
}

// Executions lists the executions of an action that have one of the statuses, or all of them if none is given; an empty
// action means any. StackStorm ignores filters it does not know, so what it answers is checked here. The statuses
// are asked for one after another: give them in the order of Live, or what changes meanwhile is missed.
func (c *Client) Executions(ctx context.Context, action string, statuses ...string) ([]Execution, error) {
	asked := statuses
	if len(asked) == 0 {
		asked = []string{""}
	}
	var out []Execution
	seen := map[string]bool{}
	for _, status := range asked {
		err := pages(func(q url.Values) (int, error) {
			q.Set("include_attributes", brief)
			if action != "" {
				q.Set("action", action)
			}
			if status != "" {
				q.Set("status", status)
			}
			var page []document
			err := c.do(ctx, call{method: http.MethodGet, path: "/executions", query: q, what: "list executions of " + action}, &page)
			for _, d := range page {
				fits := (action == "" || d.Action.Ref == action) && (len(statuses) == 0 || slices.Contains(statuses, d.Status))
				if fits && !seen[d.ID] {
					seen[d.ID] = true
					out = append(out, d.execution())
				}
			}
			return len(page), err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Start requests an execution. It is never repeated: after a time-out nobody knows whether it was started.
func (c *Client) Start(ctx context.Context, action string, params map[string]any, traceTag string) (Execution, error) {
	if params == nil {
		params = map[string]any{}
	}
	body := map[string]any{"action": action, "parameters": params}
	if traceTag != "" {
		body["context"] = map[string]any{"trace_context": map[string]any{"trace_tag": traceTag}}
	}
	var d document
	err := c.once(ctx, call{method: http.MethodPost, path: "/executions", body: body}, &d)
	if err != nil {
		return Execution{}, fault.Wrap(err, "start %s in StackStorm at %s", action, c.cfg.URL)
	}
	return d.execution(), nil
}

// Cancel asks StackStorm to cancel an execution. It sends no signal to a running process.
func (c *Client) Cancel(ctx context.Context, id string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: executionPath(id), what: "cancel execution " + id}, nil)
}

// Chain reads an execution and its parents upwards. The status of a cancelled workflow does not reach what it started, so
// whoever wants to know whether to go on looks at the whole chain.
func (c *Client) Chain(ctx context.Context, id string) ([]Execution, error) {
	var out []Execution
	for id != "" && !slices.ContainsFunc(out, func(e Execution) bool { return e.ID == id }) {
		e, err := c.execution(ctx, id, brief)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
		id = e.Parent
	}
	return out, nil
}

func executionPath(id string) string { return "/executions/" + url.PathEscape(id) }
