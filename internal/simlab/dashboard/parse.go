package dashboard

import (
	"encoding/json"
	"fmt"
)

// parse reads a body of jobs/new as tolerantly as it is delivered. odd are the elements that are no jobs.
func parse(body []byte) (jobs []*job, odd []json.RawMessage, err error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(body, &elements); err != nil {
		return nil, nil, fmt.Errorf("no list of jobs as in GET jobs/new: %w", err)
	}
	for _, e := range elements {
		var in struct {
			ID      *int
			Payload map[string]json.RawMessage
		}
		if json.Unmarshal(e, &in) != nil || in.ID == nil || in.Payload == nil {
			odd = append(odd, e)
			continue
		}
		j := &job{id: *in.ID, odd: map[string]json.RawMessage{}}
		for typ, value := range in.Payload {
			var tasks map[string]json.RawMessage
			if json.Unmarshal(value, &tasks) != nil || tasks == nil {
				j.odd[typ] = value
				continue
			}
			for id, t := range tasks {
				j.tasks = append(j.tasks, parseTask(typ, id, t))
			}
		}
		jobs = append(jobs, j)
	}
	return jobs, odd, nil
}

func parseTask(typ, id string, value json.RawMessage) *task {
	t := &task{id: id, typ: typ, state: state{Token: "null"}}
	if json.Unmarshal(value, &t.content) != nil || t.content == nil {
		t.raw = value
		return t
	}
	if token, ok := t.content["lab_token"]; ok {
		_ = json.Unmarshal(token, &t.Token)
		delete(t.content, "lab_token")
	}
	return t
}
