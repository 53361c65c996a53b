package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"stackstorm-laas/internal/fault"
)

// maxToken is how much of a lab token the dashboard stores; more is a 500 that never passes.
const maxToken = 50

// Update is what is told about a task; nil leaves a value as it is.
type Update struct {
	Status *int
	// Message replaces the one before. Users see the latest, as plain text.
	Message *string
	// LabToken comes back with the task. Every lab's token reads it: no secrets.
	LabToken *string
}

// Update tells the dashboard about a task and gives the task as it is by then, which shows whether it was changed in the meantime.
// It is repeated after time-outs and 5xx, since an update can be saved although its answer is a 500. NotFound means that the task
// is gone: no list shows it, it cannot be read, and the dashboard is in order otherwise.
func (c *Client) Update(ctx context.Context, job int, task string, u Update) (json.RawMessage, error) {
	if err := checkID("task", task); err != nil {
		return nil, err
	}
	form := url.Values{}
	if u.Status != nil {
		form.Set("status", strconv.Itoa(*u.Status))
	}
	if u.Message != nil {
		form.Set("message", *u.Message)
	}
	if u.LabToken != nil {
		if len(*u.LabToken) > maxToken {
			return nil, fault.New(fault.Input, "the lab token of task %s is longer than the %d characters that the dashboard keeps", task, maxToken)
		}
		form.Set("lab_token", *u.LabToken)
	}
	what := fmt.Sprintf("update task %s of job %d", task, job)
	v, err := c.do(ctx, call{
		path: taskPath(job, task), form: form, what: what,
		missing: func(ctx context.Context) bool { return c.unknownTask(ctx, job, task) },
	})
	if err != nil {
		return nil, err
	}
	t, status := v.Get("task"), v.Get("meta.status")
	switch {
	case !t.IsObject():
		return nil, c.wrap(fault.New(fault.Failed, "the answer does not show the task"), what)
	case u.Status != nil && status.Exists() && status.String() != strconv.Itoa(*u.Status):
		return nil, c.wrap(fault.New(fault.Unproven, "status %d was accepted, but the answer shows another one", *u.Status), what)
	}
	return json.RawMessage(t.Raw), nil
}

// unknownTask is sure that a task does not exist. A task in error is in no list either, but can be read.
func (c *Client) unknownTask(ctx context.Context, job int, task string) bool {
	if c.listed(ctx, job, task) != no {
		return false
	}
	_, err := c.once(ctx, call{path: taskPath(job, task)})
	return serverError(err)
}
