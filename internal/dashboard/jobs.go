package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
)

// List is one of the dashboard's lists of jobs. Each shows the tasks of one status only; a task in error is in none.
type List string

const (
	ListNew     List = "new"
	ListCurrent List = "current"
	ListDone    List = "done"
)

// Job is a job and its payload, {type: {task id: {...}}}.
type Job struct {
	ID      int
	Payload json.RawMessage
}

// Jobs reads a list. Elements that are no jobs are told as problems and left out. One job that the dashboard itself cannot write
// makes the whole list an error: keep what was known before, and ask for known jobs one by one.
func (c *Client) Jobs(ctx context.Context, list List) (jobs []Job, problems []fault.Problem, err error) {
	what := fmt.Sprintf("read the list of %s jobs of lab %s", list, c.lab)
	v, err := c.do(ctx, call{path: "jobs/" + string(list), what: what})
	if err != nil {
		return nil, nil, err
	}
	jobs, problems, err = decodeJobs(list, v)
	return jobs, problems, c.wrap(err, what)
}

func decodeJobs(list List, v gjson.Result) (jobs []Job, problems []fault.Problem, err error) {
	if !v.IsArray() {
		return nil, nil, fault.New(fault.Failed, "the answer is not a list")
	}
	seen := map[int]bool{}
	for i, element := range v.Array() {
		path := fmt.Sprintf("jobs/%s[%d]", list, i)
		job, ok := decodeJob(element)
		switch {
		case !ok:
			problems = append(problems, fault.Problem{Path: path, Text: "not a job: an object with a numeric id and a payload was expected"})
		case seen[job.ID]:
			problems = append(problems, fault.Problem{Path: path, Text: fmt.Sprintf("job %d is listed twice; the first one counts", job.ID)})
		default:
			seen[job.ID] = true
			jobs = append(jobs, job)
		}
	}
	return jobs, problems, nil
}

func decodeJob(v gjson.Result) (Job, bool) {
	id, ok := integer(v.Get("id"))
	if !ok || id < 1 || !v.Get("payload").IsObject() {
		return Job{}, false
	}
	return Job{ID: id, Payload: json.RawMessage(v.Get("payload").Raw)}, true
}

// Job reads all tasks of a job, whatever their status. NotFound means that the job is gone: it is in no list and the dashboard,
// which is in order otherwise, answers 500 to it. A job that breaks the lists is never taken for gone.
func (c *Client) Job(ctx context.Context, id int) (Job, error) {
	what := fmt.Sprintf("read job %d", id)
	v, err := c.do(ctx, call{
		path: fmt.Sprintf("jobs/%d", id), what: what,
		missing: func(ctx context.Context) bool { return c.listed(ctx, id, "") == no },
	})
	if err != nil {
		return Job{}, err
	}
	job, ok := decodeJob(v)
	if !ok || job.ID != id {
		return Job{}, c.wrap(fault.New(fault.Failed, "the answer is not that job"), what)
	}
	return job, nil
}

// Task reads one task as the lists show it. NotFound means that it is gone: in no list, and the dashboard answers 500 to it alone.
func (c *Client) Task(ctx context.Context, job int, task string) (json.RawMessage, error) {
	if err := checkID("task", task); err != nil {
		return nil, err
	}
	what := fmt.Sprintf("read task %s of job %d", task, job)
	v, err := c.do(ctx, call{
		path: taskPath(job, task), what: what,
		missing: func(ctx context.Context) bool { return c.listed(ctx, job, task) == no },
	})
	if err != nil {
		return nil, err
	}
	if !v.IsObject() {
		return nil, c.wrap(fault.New(fault.Failed, "the answer is not a task"), what)
	}
	return json.RawMessage(v.Raw), nil
}

func taskPath(job int, task string) string { return fmt.Sprintf("jobs/%d/%s", job, task) }

type verdict int

const (
	unsure verdict = iota
	yes
	no
)

// listed looks for a job, or a task of it, in all lists. It is sure only if each of them can be read.
func (c *Client) listed(ctx context.Context, id int, task string) verdict {
	for _, list := range []List{ListNew, ListCurrent, ListDone} {
		v, err := c.once(ctx, call{path: "jobs/" + string(list)})
		if err != nil {
			return unsure
		}
		jobs, problems, err := decodeJobs(list, v)
		if err != nil || len(problems) > 0 {
			return unsure
		}
		for _, job := range jobs {
			if job.ID == id && (task == "" || holds(job, task)) {
				return yes
			}
		}
	}
	return no
}

func holds(job Job, task string) (found bool) {
	gjson.ParseBytes(job.Payload).ForEach(func(_, group gjson.Result) bool {
		group.ForEach(func(id, _ gjson.Result) bool {
			found = found || id.Str == task
			return !found
		})
		return !found
	})
	return found
}

// integer reads a whole number, also one that was sent as text.
func integer(v gjson.Result) (int, bool) {
	if v.Type != gjson.Number && v.Type != gjson.String {
		return 0, false
	}
	n, err := strconv.Atoi(v.String())
	return n, err == nil
}
