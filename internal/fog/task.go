package fog

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
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
	// TaskFailed is in FOG since August 2026, when hosts began to report what fails; before, such a task stays in progress.
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

// TaskType is FOG's number of what a task does (taskTypes in FOG's database scheme; the same in 1.5 and 1.6).
type TaskType int

const (
	// Deploy writes the host's image to its disk.
	Deploy TaskType = 1
	// Capture reads the host's disk into its image, whatever was in that before.
	Capture TaskType = 2
	// FastWipe, NormalWipe and FullWipe overwrite the host's disk: docs/hardware.md tells how much of it.
	FastWipe   TaskType = 18
	NormalWipe TaskType = 19
	FullWipe   TaskType = 20
)

var typeNames = map[TaskType]string{Deploy: "deployment", Capture: "capture", FastWipe: "fast wipe", NormalWipe: "normal wipe", FullWipe: "full wipe"}

func (t TaskType) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return "task of type " + strconv.Itoa(int(t))
}

// Task is a task of FOG.
type Task struct {
	ID, HostID, TypeID, ImageID int
	State                       TaskState
	// Percent is how much is written or read, 0 to 100. Only imaging reports it (progress.php): a wipe is at 0 until it is complete.
	Percent int
	// Name is the name that the task was given. FOG writes the host's name behind it, and 1.6 the time (Host::createImagePackage), which is
	// not part of it here.
	Name, CreatedBy string
	// CheckIn is when the host checked in, or while it waits for a slot when it last asked in time; zero if it never did. It does not move
	// while the host works. It is by FOG's clock and in FOG's time zone, which its answers do not tell: compare it with another CheckIn,
	// not with the time here. (taskqueue.class.php)
	CheckIn time.Time
	// Rate and Left are FOG's own texts of the rate and of the time that is left, for progress only. They may be stale or empty.
	Rate, Left string
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
			return nil, unreadable("an entry of the active tasks is not a task: id, host and state were expected")
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
		return Task{}, c.wrap(unreadable("the answer is not that task"), what)
	}
	return t, nil
}

// decodeTask reads what the versions agree on, and from the nested objects where they differ.
func decodeTask(v gjson.Result) (Task, bool) {
	t := Task{Name: given(v.Get("name").String(), v.Get("host.name").String()), CreatedBy: v.Get("createdBy").String()}
	var idOK, hostOK, stateOK bool
	t.ID, idOK = number(first(v, "id"))
	t.HostID, hostOK = number(first(v, "hostID", "host.id"))
	t.TypeID, _ = number(first(v, "typeID", "type.id"))
	t.ImageID, _ = number(first(v, "imageID", "image.id"))
	state, stateOK := number(first(v, "stateID", "state.id"))
	t.State = TaskState(max(state, int(TaskQueued))) // 0 is queued too
	t.Percent = percent(v)
	t.CheckIn = stamp(v.Get("checkInTime"))
	t.Rate, t.Left = strings.TrimSpace(v.Get("bpm").String()), strings.TrimSpace(v.Get("timeRemaining").String())
	return t, idOK && t.ID > 0 && hostOK && stateOK && state >= 0
}

// given takes " - HOST", or " - HOST TIME", from the end of a task's name. Without a host to compare with, whatever is behind the last
// hyphen goes.
func given(name, host string) string {
	i := strings.LastIndex(name, " - ")
	if i < 0 {
		return name
	}
	if rest := name[i+len(" - "):]; host != "" && rest != host && !strings.HasPrefix(rest, host+" ") {
		return name
	}
	return name[:i]
}

// first gives the first of the fields that holds a number.
func first(v gjson.Result, paths ...string) (found gjson.Result) {
	for _, p := range paths {
		if found = v.Get(p); found.Exists() {
			if _, ok := number(found); ok {
				return found
			}
		}
	}
	return found
}

// stamp reads one of FOG's times; zero for what is none, as 0000-00-00 00:00:00. The zone is not told, so it is taken for UTC.
func stamp(v gjson.Result) time.Time {
	t, err := time.Parse(time.DateTime, strings.TrimSpace(v.String()))
	if err != nil || t.Year() < 1971 {
		return time.Time{}
	}
	return t
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
