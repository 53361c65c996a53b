package dashboard_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
)

func TestJobs(t *testing.T) {
	type job struct {
		id      int
		payload string
	}
	for name, tc := range map[string]struct {
		body     string
		jobs     []job
		problems []string
	}{
		"an empty list is no job":              {`[]`, nil, nil},
		"a payload comes as it is":             {`[{"id": 7, "payload": {"hardware": {"t": {"image": 23.0}}}}]`, []job{{7, `{"hardware": {"t": {"image": 23.0}}}`}}, nil},
		"an id may be text":                    {`[{"id":"7","payload":{}}]`, []job{{7, `{}`}}, nil},
		"a payload may be empty":               {`[{"id":7,"payload":{}}]`, []job{{7, `{}`}}, nil},
		"types within a job are not looked at": {`[{"id":7,"payload":{"hardware":"stuff"}}]`, []job{{7, `{"hardware":"stuff"}`}}, nil},
		"a broken element hides no other": {
			`[null, "x", {"payload":{}}, {"id":1}, {"id":2,"payload":[]}, {"id":3,"payload":{}}, {"id":-1,"payload":{}}, {"id":1.5,"payload":{}}]`,
			[]job{{3, `{}`}}, []string{"jobs/new[0]", "jobs/new[1]", "jobs/new[2]", "jobs/new[3]", "jobs/new[4]", "jobs/new[6]", "jobs/new[7]"},
		},
		"of a job that is there twice the first counts": {`[{"id":3,"payload":{"a":{}}},{"id":3,"payload":{"b":{}}}]`, []job{{3, `{"a":{}}`}}, []string{"jobs/new[1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			jobs, problems, err := serve(t, map[string][]any{"GET jobs/new": {tc.body}}).client(t, retry.Policy{}).Jobs(t.Context(), dashboard.ListNew)
			require.NoError(t, err)
			var got []job
			for _, j := range jobs {
				got = append(got, job{j.ID, string(j.Payload)})
			}
			assert.Equal(t, tc.jobs, got)
			var paths []string
			for _, p := range problems {
				paths = append(paths, p.Path)
			}
			assert.Equal(t, tc.problems, paths)
		})
	}
}

func TestATroubleThatPassesIsWaitedFor(t *testing.T) {
	ok := `[{"id":1,"payload":{"hardware":{"t1":{}}}}]`
	task := `{"id":"hpe13"}`
	answer := `{"task":{"id":"hpe13"},"meta":{"status":"100","job":"Job object (1)","message":""}}`
	s := serve(t, map[string][]any{
		"GET jobs/new":     {502, 500, ok},
		"GET jobs/1/t1":    {500, 503, 500, task},
		"POST jobs/1/t1":   {500, 500, 504, answer},
		"GET jobs/current": {`[]`}, "GET jobs/done": {`[]`},
	})
	c := s.client(t, patient)
	jobs, _, err := c.Jobs(t.Context(), dashboard.ListNew)
	require.NoError(t, err)
	assert.Len(t, jobs, 1)
	raw, err := c.Task(t.Context(), 1, "t1")
	require.NoError(t, err)
	assert.JSONEq(t, task, string(raw))
	raw, err = c.Update(t.Context(), 1, "t1", dashboard.Update{Status: ptr(100)})
	require.NoError(t, err)
	assert.JSONEq(t, task, string(raw))
	assert.Equal(t, 4, s.count("POST jobs/1/t1"))
}

func TestGone(t *testing.T) {
	list := func(s string) []any { return []any{s} }
	lists := func(new, current, done string) map[string][]any {
		return map[string][]any{"GET jobs/new": list(new), "GET jobs/current": list(current), "GET jobs/done": list(done)}
	}
	none := `[]`
	holding := `[{"id":9,"payload":{}},{"id":1,"payload":{"network":{"t0":{}},"hardware":{"t1":{}}}}]`
	otherTask := `[{"id":1,"payload":{"hardware":{"t2":{}}}}]`
	status := dashboard.Update{Status: ptr(200)}
	calls := map[string]func(*testing.T, *dashboard.Client) error{
		"job":  func(t *testing.T, c *dashboard.Client) error { _, err := c.Job(t.Context(), 1); return err },
		"task": func(t *testing.T, c *dashboard.Client) error { _, err := c.Task(t.Context(), 1, "t1"); return err },
		"update": func(t *testing.T, c *dashboard.Client) error {
			_, err := c.Update(t.Context(), 1, "t1", status)
			return err
		},
	}
	for name, tc := range map[string]struct {
		answers map[string][]any
		want    map[string]fault.Kind
	}{
		"in no list": {
			lists(none, none, none), map[string]fault.Kind{"job": fault.NotFound, "task": fault.NotFound, "update": fault.NotFound},
		},
		"still in the last list": {
			lists(none, none, holding), map[string]fault.Kind{"job": fault.Transient, "task": fault.Transient, "update": fault.Transient},
		},
		"the job is listed with other tasks": {
			lists(none, otherTask, none), map[string]fault.Kind{"job": fault.Transient, "task": fault.NotFound, "update": fault.NotFound},
		},
		"one list cannot be read": {
			map[string][]any{"GET jobs/new": list(none), "GET jobs/current": list(none)},
			map[string]fault.Kind{"job": fault.Transient, "task": fault.Transient, "update": fault.Transient},
		},
		"one list has something in it that is no job": {
			lists(none, `["?"]`, none), map[string]fault.Kind{"job": fault.Transient, "task": fault.Transient, "update": fault.Transient},
		},
		"the whole dashboard is out of order": {
			nil, map[string]fault.Kind{"job": fault.Transient, "task": fault.Transient, "update": fault.Transient},
		},
	} {
		for policy, p := range map[string]retry.Policy{"without retries": {}, "with retries": impatient} {
			for call, want := range tc.want {
				t.Run(call+" "+name+" "+policy, func(t *testing.T) {
					answers := map[string][]any{}
					for k, v := range tc.answers {
						answers[k] = v
					}
					err := calls[call](t, serve(t, answers).client(t, p))
					silent(t, err)
					assert.Equal(t, want, fault.KindOf(err), err)
				})
			}
		}
	}
}

func TestATaskInErrorIsNotGone(t *testing.T) {
	// It is in no list, but can be read: only the update has trouble.
	s := serve(t, map[string][]any{
		"GET jobs/new": {`[]`}, "GET jobs/current": {`[]`}, "GET jobs/done": {`[]`},
		"GET jobs/1/t1": {`{"id":"hpe13"}`},
	})
	_, err := s.client(t, impatient).Update(t.Context(), 1, "t1", dashboard.Update{Status: ptr(0)})
	assert.Equal(t, fault.Transient, fault.KindOf(err), err)
}

func TestAJobIsReadWhole(t *testing.T) {
	s := serve(t, map[string][]any{"GET jobs/4": {`{"id":4,"payload":{}}`}, "GET jobs/5": {`{"id":4,"payload":{}}`}, "GET jobs/6": {404}})
	job, err := s.client(t, patient).Job(t.Context(), 4)
	require.NoError(t, err)
	assert.Equal(t, dashboard.Job{ID: 4, Payload: []byte(`{}`)}, job)
	_, err = s.client(t, patient).Job(t.Context(), 5)
	assert.Equal(t, fault.Failed, fault.KindOf(err), "another job than asked for")
	_, err = s.client(t, patient).Job(t.Context(), 6)
	assert.Equal(t, fault.Config, fault.KindOf(err), "the dashboard itself has no 404 for jobs: the address is wrong, the job is not gone")
}
