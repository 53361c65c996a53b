package booking

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"stackstorm-laas/internal/booking/payload"
)

// State is what the sensor remembers from poll to poll.
type State struct {
	Jobs map[int]*JobState `json:"jobs"`
	// Failures in a row, and when to poll again after them.
	Failures  int       `json:"failures,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
	// Trouble is what was logged last about the dashboard, and Held which jobs wait and why: each is said once, until it changes.
	Trouble string       `json:"trouble,omitempty"`
	Held    map[int]Held `json:"held,omitempty"`
}

// JobState is what was dispatched of a job.
type JobState struct {
	// Seen is the digest of what the job offered in the last poll and was not dispatched.
	Seen  string               `json:"seen,omitempty"`
	Tasks map[string]TaskState `json:"tasks,omitempty"`
	Last  time.Time            `json:"last"`
}

// TaskState is what was dispatched of a task last.
type TaskState struct {
	Generation int    `json:"generation"`
	Content    string `json:"content"`
}

// Offer is a job in the dashboard's list of new jobs.
type Offer struct {
	Job     int
	Payload []byte
}

// View is what a decision rests on.
type View struct {
	// Began is when the poll began, before the dashboard was asked.
	Began  time.Time
	Offers []Offer
	// Records is the journal by task key, Owners and Jobs the rest of it.
	Records map[string]*TaskRecord
	Owners  []*Owner
	Jobs    map[int]*JobRecord
}

// Held is a job that is not dispatched now.
type Held struct {
	Job    int    `json:"job"`
	Reason string `json:"reason"`
	// Expected says that waiting is normal and no operator has to look.
	Expected bool `json:"expected,omitempty"`
}

// forget is after how long a job that the dashboard does not offer is dropped from the state.
const forget = 400 * 24 * time.Hour

// Decide finds what is new in the dashboard's list and changes the state to say what was dispatched and what is held.
//
// A task is new work when its content changed, or when it is NEW again although the dashboard had acknowledged our work
// on it before the poll began (a user who resets to the same image sends the same content). A job is dispatched once what it offers
// was the same in two polls in a row, because the dashboard makes and changes jobs in several steps.
func Decide(st *State, v View) (plans []*Plan) {
	if st.Jobs == nil {
		st.Jobs = map[int]*JobState{}
	}
	st.Held = map[int]Held{}
	offered := map[int][]payload.Task{}
	for _, o := range v.Offers {
		tasks, _ := payload.DecodeJob(o.Job, o.Payload)
		tasks = slices.DeleteFunc(tasks, func(t payload.Task) bool {
			return t.Problem != "" || t.Kind == payload.KindAnalytics || t.Kind == payload.KindUnknown
		})
		if len(tasks) > 0 {
			offered[o.Job] = tasks
		}
	}
	for _, job := range slices.Sorted(maps.Keys(offered)) {
		js := st.Jobs[job]
		if js == nil {
			js = &JobState{}
			st.Jobs[job] = js
		}
		js.Last = v.Began
		plan, h := js.decide(job, offered[job], v)
		if plan != nil {
			h = waits(plan, v)
		}
		switch {
		case h != nil:
			st.Held[job] = *h
		case plan != nil:
			js.dispatched(plan)
			plans = append(plans, plan)
		}
	}
	for id, js := range st.Jobs {
		if v.Began.Sub(js.Last) > forget {
			delete(st.Jobs, id)
		}
	}
	return plans
}

// decide makes the plan of what is new in a job, or says why it is held; neither when nothing is new.
func (js *JobState) decide(job int, tasks []payload.Task, v View) (*Plan, *Held) {
	for _, t := range tasks {
		if t.HalfMade != "" {
			js.Seen = ""
			return nil, &Held{Job: job, Reason: fmt.Sprintf("%s task %s is half made: %s", t.Kind, t.ID, t.HalfMade)}
		}
	}
	if why := payload.Contradictory(tasks); why != "" {
		js.Seen = ""
		return nil, &Held{Job: job, Reason: why}
	}
	var fresh []Planned
	h := sha256.New()
	for _, t := range tasks {
		p := js.generation(job, t, v)
		if r := v.Records[TaskKey(job, t.ID)]; js.Tasks[t.ID].Generation != p.Generation && (r == nil || r.Generation != p.Generation) {
			fresh = append(fresh, p)
		}
		fmt.Fprintln(h, p.ID, p.Generation, p.Content)
	}
	if len(fresh) == 0 {
		js.Seen = ""
		return nil, nil
	}
	if seen := hex.EncodeToString(h.Sum(nil)); js.Seen != seen {
		js.Seen = seen
		return nil, &Held{Job: job, Reason: "seen for the first time; dispatched when the next poll shows the same", Expected: true}
	}
	return NewPlan(job, fresh, v.Began), nil
}

// generation numbers the work that a task offers.
func (js *JobState) generation(job int, t payload.Task, v View) Planned {
	p := Planned{Task: t, Content: t.Digest()}
	r := v.Records[TaskKey(job, t.ID)]
	before, known := js.Tasks[t.ID]
	if !known && r != nil { // the state was lost; the journal was not
		before, known = TaskState{Generation: r.Generation, Content: r.Content}, true
	}
	p.Generation = before.Generation
	switch {
	case !known || before.Content != p.Content:
		p.Generation++
	case r != nil && r.Generation == before.Generation && r.Acked != nil && r.Acked.At.Before(v.Began):
		p.Generation++
	}
	return p
}

func (js *JobState) dispatched(p *Plan) {
	js.Seen = ""
	if js.Tasks == nil {
		js.Tasks = map[string]TaskState{}
	}
	for _, t := range p.Tasks {
		js.Tasks[t.ID] = TaskState{Generation: t.Generation, Content: t.Content}
	}
}

// waits says what a plan has to wait for: the clean-up of one of its hosts, or an earlier run of the same job that it does
// not replace.
func waits(p *Plan, v View) *Held {
	for _, w := range p.Work() {
		if w.Mode == Release {
			continue
		}
		if w.Mode == Configure && !slices.ContainsFunc(v.Owners, func(o *Owner) bool { return o.LabID == w.LabID && o.Job == p.Job }) {
			return &Held{Job: p.Job, Reason: fmt.Sprintf("host %s has no hardware task, and was not handed to this job before: nothing is known of the machine", w.LabID)}
		}
		for _, o := range v.Owners {
			if o.LabID != w.LabID || o.Job == p.Job {
				continue
			}
			if o.Quarantine != "" {
				return &Held{Job: p.Job, Reason: fmt.Sprintf("host %s is in quarantine since job %d: %s", w.LabID, o.Job, o.Quarantine)}
			}
			return &Held{Job: p.Job, Reason: fmt.Sprintf("host %s still belongs to job %d", w.LabID, o.Job), Expected: true}
		}
		for _, o := range v.Offers {
			if o.Job != p.Job && releases(o, w.LabID) {
				return &Held{Job: p.Job, Reason: fmt.Sprintf("host %s is being taken back from job %d first", w.LabID, o.Job), Expected: true}
			}
		}
	}
	run := v.Jobs[p.Job]
	if run == nil || run.State != "running" {
		return nil
	}
	for _, t := range p.Tasks {
		if r := v.Records[TaskKey(p.Job, t.ID)]; r != nil && r.Plan == run.Plan && r.Outcome == Open {
			return nil // it replaces work in progress
		}
	}
	return &Held{Job: p.Job, Reason: "an earlier part of the job is still being worked on", Expected: true}
}

func releases(o Offer, labID string) bool {
	tasks, _ := payload.DecodeJob(o.Job, o.Payload)
	return slices.ContainsFunc(tasks, func(t payload.Task) bool {
		return t.Hardware != nil && t.Host == labID && t.Hardware.Release()
	})
}

// Describe puts a plan into one line.
func (p *Plan) Describe(w io.Writer) {
	var parts []string
	for _, work := range p.Work() {
		parts = append(parts, string(work.Mode)+" "+work.LabID)
	}
	for _, t := range p.Of(payload.KindAccess) {
		if t.Access.Type != "ssh" {
			verb := "grant "
			if t.Access.Revoke {
				verb = "revoke "
			}
			parts = append(parts, verb+t.Access.Type+" of user "+strconv.Itoa(t.Access.User))
		}
	}
	fmt.Fprintf(w, "job %d, plan %s: %s", p.Job, p.Digest, strings.Join(parts, ", "))
}
