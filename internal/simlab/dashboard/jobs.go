package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"stackstorm-laas/internal/simlab/faults"
)

// column limits of the dashboard's database.
const maxToken = 50

// listed gives all jobs that have tasks of which keep says yes.
func (s *Server) listed(keep func(*task) bool) []any {
	out := []any{}
	for _, j := range s.jobs {
		payload := map[string]any{}
		for _, t := range j.tasks {
			if !keep(t) {
				continue
			}
			if payload[t.typ] == nil {
				payload[t.typ] = map[string]json.RawMessage{}
			}
			payload[t.typ].(map[string]json.RawMessage)[t.id] = s.delta(j, t)
		}
		if len(payload) > 0 {
			out = append(out, map[string]any{"id": j.id, "payload": payload})
		}
	}
	return out
}

func (s *Server) list(status int) func(*request) {
	return func(q *request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, j := range s.jobs {
			if j.corrupt {
				q.page(http.StatusInternalServerError)
				return
			}
		}
		out := s.listed(func(t *task) bool { return t.read().Status == status })
		if status == New {
			out = s.withOdd(out)
		}
		q.json(out)
	}
}

// withOdd adds what was delivered and is no task to the list of new jobs.
func (s *Server) withOdd(out []any) []any {
	for _, j := range s.jobs {
		if len(j.odd) == 0 {
			continue
		}
		payload := map[string]any{}
		for _, e := range out {
			if m := e.(map[string]any); m["id"] == j.id {
				payload = m["payload"].(map[string]any)
			}
		}
		if len(payload) == 0 {
			out = append(out, map[string]any{"id": j.id, "payload": payload})
		}
		for typ, value := range j.odd {
			payload[typ] = value
		}
	}
	for _, e := range s.odd {
		out = append(out, e)
	}
	return out
}

func (s *Server) oneJob(q *request) {
	if q.Method == http.MethodPost {
		q.json(nil)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.job(q.id())
	if j == nil || j.corrupt {
		q.page(http.StatusInternalServerError)
		return
	}
	payload := map[string]map[string]json.RawMessage{}
	for _, t := range j.tasks {
		if payload[t.typ] == nil {
			payload[t.typ] = map[string]json.RawMessage{}
		}
		payload[t.typ][t.id] = s.full(j, t)
	}
	q.json(map[string]any{"id": j.id, "payload": payload})
}

func (s *Server) job(id int) *job {
	for _, j := range s.jobs {
		if j.id == id {
			return j
		}
	}
	return nil
}

// task finds a task by its id alone, as the dashboard does; the job must exist too.
func (s *Server) task(jobID int, id string) (*job, *task) {
	if s.job(jobID) == nil {
		return nil, nil
	}
	for _, j := range s.jobs {
		for _, t := range j.tasks {
			if t.id == id && t.typ != analyticsType {
				return j, t
			}
		}
	}
	return nil, nil
}

func (s *Server) oneTask(q *request) {
	form := q.form()
	s.mu.Lock()
	defer s.mu.Unlock()
	j, t := s.task(q.id(), q.vars[1])
	var answer any
	wrote := false
	switch {
	case t == nil:
	case q.Method == http.MethodGet:
		answer = s.delta(j, t)
	case q.Method == http.MethodPost:
		answer, wrote = s.update(j, t, form, q.fault)
	}
	if wrote {
		s.wrote("task.post", "")
	}
	if answer == nil {
		q.page(http.StatusInternalServerError)
		return
	}
	q.json(answer)
}

// update takes what a lab says about a task. Any integer is a status. The answer is nil for what the dashboard stumbles over.
func (s *Server) update(j *job, t *task, form map[string][]string, fault faults.Kind) (answer any, wrote bool) {
	next, u := t.read(), Update{}
	if v := form["status"]; v != nil {
		n, err := strconv.Atoi(v[len(v)-1])
		if err != nil {
			return nil, false
		}
		next.Status, u.Status = n, &n
	}
	if v := form["message"]; v != nil {
		next.Message, u.Message = v[len(v)-1], &v[len(v)-1]
	}
	if v := form["lab_token"]; v != nil {
		next.Token, u.Token = v[len(v)-1], &v[len(v)-1]
	}
	if len(next.Token) > maxToken {
		return nil, false
	}
	answered := *t // what the answer tells, whether it was saved or not
	answered.shown = &next
	switch fault {
	case faults.Forget:
	case faults.Lie:
		t.shown = &next
	default:
		t.state, t.shown = next, nil
		t.history = append(t.history, u)
		wrote = true
	}
	status := any(next.Status)
	if u.Status != nil {
		status = strconv.Itoa(next.Status)
	}
	return map[string]any{
		"task": s.delta(j, &answered),
		"meta": map[string]any{"status": status, "job": fmt.Sprintf("Job object (%d)", j.id), "message": next.Message},
	}, wrote
}
