package fog

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
	"stackstorm-laas/internal/retry"
)

// TaskState is how far a task is.
type TaskState int

const (
	TaskQueued TaskState = iota + 1
	TaskCheckedIn
	TaskInProgress
	TaskComplete
	TaskCancelled
	TaskFailed
)

var stateNames = map[TaskState]string{
	TaskQueued: "queued", TaskCheckedIn: "checked in", TaskInProgress: "in progress",
	TaskComplete: "complete", TaskCancelled: "cancelled", TaskFailed: "failed",
}

func (s TaskState) String() string {
	if name, ok := stateNames[s]; ok {
		return name
	}
	return "state " + strconv.Itoa(int(s))
}

// Active says whether the task may still run.
func (s TaskState) Active() bool { return s >= TaskQueued && s <= TaskInProgress }

// deploy is FOG's number of the task type that writes an image to a host.
const deploy = 1

// Task is a task of FOG.
type Task struct {
	ID, HostID, TypeID, ImageID int
	State                       TaskState
	// Percent is how much is written, 0 to 100.
	Percent         int
	Name, CreatedBy string
}

// ActiveTasks lists the tasks that are queued or run. A task that is not among them is not therefore complete: ask for it.
func (c *Client) ActiveTasks(ctx context.Context) ([]Task, error) {
	tasks, err := retry.Do(ctx, c.retry, func() ([]Task, error) { return c.activeTasks(ctx) })
	return tasks, c.wrap(err, "list the active tasks")
}

// activeTasks is a single read.
func (c *Client) activeTasks(ctx context.Context) ([]Task, error) {
	v, err := c.once(ctx, http.MethodGet, "task/active", nil)
	if err != nil {
		return nil, err
	}
	elements, err := list(v, "tasks")
	if err != nil {
		return nil, err
	}
	tasks := make([]Task, 0, len(elements))
	for _, e := range elements {
		t, ok := decodeTask(e)
		if !ok {
			return nil, fault.New(fault.Failed, "an entry of the active tasks is not a task: id, host and state were expected")
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// Task reads one task, also one that ended.
func (c *Client) Task(ctx context.Context, id int) (Task, error) {
	what := fmt.Sprintf("read task %d", id)
	v, err := c.get(ctx, path("task/%d", id), what)
	if err != nil {
		return Task{}, err
	}
	t, ok := decodeTask(v)
	if !ok || t.ID != id {
		return Task{}, c.wrap(fault.New(fault.Failed, "the answer is not that task"), what)
	}
	return t, nil
}

// decodeTask reads what the versions agree on, and from the nested objects where they differ.
func decodeTask(v gjson.Result) (Task, bool) {
	first := func(paths ...string) (int, bool) {
		for _, p := range paths {
			if n, ok := number(v.Get(p)); ok {
				return n, true
			}
		}
		return 0, false
	}
	t := Task{Name: v.Get("name").String(), CreatedBy: v.Get("createdBy").String()}
	var idOK, hostOK, stateOK bool
	t.ID, idOK = first("id")
	t.HostID, hostOK = first("hostID", "host.id")
	t.TypeID, _ = first("typeID", "type.id")
	t.ImageID, _ = first("imageID", "image.id")
	state, stateOK := first("stateID", "state.id")
	t.State = TaskState(max(state, int(TaskQueued))) // 0 is queued too
	t.Percent = percent(v)
	return t, idOK && t.ID > 0 && hostOK && stateOK && state >= 0
}

// percent reads the larger of FOG's two percentages: which of them moves depends on the version and on the imaging tool.
func percent(v gjson.Result) int {
	var most float64
	for _, key := range []string{"percent", "pct"} {
		text := strings.TrimSuffix(strings.TrimSpace(v.Get(key).String()), "%")
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			most = max(most, f)
		}
	}
	return int(min(most, 100))
}

// ScheduleDeploy queues the writing of the host's image, and gives the task. FOG does not tell which task it made, so it is looked
// for among the active ones. Refused if the host has an active task already.
func (c *Client) ScheduleDeploy(ctx context.Context, h Host, name string) (Task, error) {
	s := scheduling{c: c, host: h, name: name}
	t, err := retry.Do(ctx, c.retry, func() (Task, error) { return s.try(ctx) })
	if s.accepted && fault.Is(err, fault.Transient) {
		err = fault.As(fault.Unproven, err)
	}
	return t, c.wrap(err, fmt.Sprintf("schedule a deployment to host %s", h.Name))
}

// scheduling is what is known between two tries. No step that succeeded is repeated, so that a FOG that fails every other call is
// enough.
type scheduling struct {
	c    *Client
	host Host
	name string
	// free says that the host had no task, sent that FOG may have made ours, unanswered that it did not say, accepted that it has.
	free, sent, unanswered, accepted bool
}

func (s *scheduling) try(ctx context.Context) (Task, error) {
	if !s.free {
		t, found, err := s.c.activeOf(ctx, s.host)
		switch {
		case err != nil:
			return Task{}, err
		case found:
			return Task{}, occupied(t)
		}
		s.free = true
	}
	if s.unanswered { // it may be there already
		if t, found, err := s.c.activeOf(ctx, s.host); err != nil || found {
			return s.ours(t, err)
		}
		s.unanswered = false
	}
	if !s.accepted {
		if err := s.post(ctx); err != nil {
			return Task{}, err
		}
	}
	t, found, err := s.c.activeOf(ctx, s.host)
	if err == nil && !found {
		err = fault.New(fault.Transient, "FOG accepted it, but shows no active task of the host")
	}
	return s.ours(t, err)
}

// post sends the task. FOG's own rule of one task to a host keeps a second sending from doing harm: that it refuses one after a
// failure is as good as an acceptance, if the task turns out to be ours.
func (s *scheduling) post(ctx context.Context) error {
	_, err := s.c.once(ctx, http.MethodPost, path("host/%d/task", s.host.ID), map[string]any{
		"taskTypeID": deploy, "taskName": s.name, "shutdown": false, "debug": false, "deploySnapins": false, "wol": false,
	})
	switch {
	case err == nil:
		s.accepted = true
		return nil
	case fault.Is(err, fault.Refused) && s.sent:
		return nil
	case fault.Is(err, fault.Transient):
		s.sent, s.unanswered = true, rest.StatusOf(err) == 0
	}
	return err
}

// ours checks that the host's active task is the one that was sent.
func (s *scheduling) ours(t Task, err error) (Task, error) {
	switch {
	case err != nil:
		return Task{}, err
	case t.TypeID == deploy && (s.accepted || t.Name == s.name):
		return t, nil
	}
	return Task{}, occupied(t)
}

func occupied(t Task) error {
	return fault.New(fault.Refused, "the host has an active task already (task %d, %s)", t.ID, t.State).
		WithHint("look at FOG's active tasks; cancel the one of this host if nobody needs it")
}

// activeOf finds the active task of a host, by a single read. FOG allows one at a time.
func (c *Client) activeOf(ctx context.Context, h Host) (Task, bool, error) {
	tasks, err := c.activeTasks(ctx)
	if err != nil {
		return Task{}, false, err
	}
	for _, t := range tasks {
		if t.HostID == h.ID && t.State.Active() {
			return t, true, nil
		}
	}
	return Task{}, false, nil
}

// CancelTask ends a task, and proves that it does not run any more; one that ended already is fine. FOG says ok to cancelling what
// it does not cancel, and 409 or 500 to what has ended, so only the task's state counts.
func (c *Client) CancelTask(ctx context.Context, id int) error {
	what := fmt.Sprintf("cancel task %d", id)
	_, failed := retry.Do(ctx, c.retry, func() (gjson.Result, error) {
		_, err := c.once(ctx, http.MethodDelete, path("task/%d/cancel", id), nil)
		return gjson.Result{}, err
	})
	if fault.Is(failed, fault.Credentials) || fault.Is(failed, fault.NotFound) {
		return c.wrap(failed, what)
	}
	t, err := c.Task(ctx, id)
	switch {
	case err != nil:
		return fault.Wrap(err, "%s", what)
	case !t.State.Active():
		return nil
	case failed != nil:
		return c.wrap(failed, what)
	}
	return c.wrap(fault.New(fault.Unproven, "FOG accepted it, but the task is still %s", t.State), what)
}
