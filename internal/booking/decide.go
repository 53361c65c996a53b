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
	// PublicVLANs may be in several bookings at once.
	PublicVLANs []int
	// Blind says that the offers are whole jobs of bookings that have ended, because the dashboard cannot say which tasks are new: only
	// changed content is new work then.
	Blind bool
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
	if !v.Blind || st.Held == nil { // who sees only some jobs knows nothing of what holds the others
		st.Held = map[int]Held{}
	}
	offered, unwired := map[int][]payload.Task{}, map[int]string{}
	for _, o := range v.Offers {
		tasks, _ := payload.DecodeJob(o.Job, o.Payload)
		if !v.Blind {
			unwired[o.Job] = payload.Unwired(tasks)
		}
		tasks = slices.DeleteFunc(tasks, func(t payload.Task) bool {
			return t.Problem != "" || t.Kind == payload.KindAnalytics || t.Kind == payload.KindUnknown
		})
		if v.Blind {
			tasks = endingOnly(tasks)
		}
		if len(tasks) > 0 || unwired[o.Job] != "" {
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
		delete(st.Held, job)
		if why := unwired[job]; why != "" {
			js.Seen, st.Held[job] = "", Held{Job: job, Reason: why}
			continue
		}
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
	var all, fresh []Planned
	h := sha256.New()
	for _, t := range tasks {
		p := js.generation(job, t, v)
		if r := v.Records[TaskKey(job, t.ID)]; js.Tasks[t.ID].Generation != p.Generation && (r == nil || r.Generation != p.Generation) {
			fresh = append(fresh, p)
		}
		all = append(all, p)
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
	return NewPlan(job, whole(all, snapshotsFirst(job, fresh, v)), v.Began), nil
}

// snapshotsFirst leaves everything else to a later plan while there are snapshots to be made: a host that is set up anew in the same breath would
// be captured as it is afterwards, or not at all. The end of a booking waits for none.
func snapshotsFirst(job int, fresh []Planned, v View) []Planned {
	releases := slices.ContainsFunc(fresh, func(p Planned) bool { return p.Hardware != nil && p.Hardware.Release() })
	first := slices.DeleteFunc(slices.Clone(fresh), func(p Planned) bool {
		return p.Snapshot == nil || !slices.ContainsFunc(v.Owners, func(o *Owner) bool { return o.Job == job && o.LabID == p.Host && !o.Ending && o.Quarantine == "" })
	})
	if releases || len(first) == 0 {
		return fresh
	}
	return first
}

// whole adds to what is fresh what else is offered for hosts that are provisioned: a new image needs its host's networks and keys, also those that were dispatched with
// the image before it and that nobody has begun with.
func whole(all, fresh []Planned) []Planned {
	imaged := map[string]bool{}
	for _, t := range fresh {
		if t.Hardware != nil && !t.Hardware.Release() {
			imaged[t.Host] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(t Planned) bool {
		if slices.ContainsFunc(fresh, func(f Planned) bool { return f.ID == t.ID }) {
			return false
		}
		return !(t.Network != nil && imaged[t.Host] || t.Access != nil && slices.ContainsFunc(t.Access.Hosts, func(h string) bool { return imaged[h] }))
	})
}

// generation numbers the work that a task offers.
func (js *JobState) generation(job int, t payload.Task, v View) Planned {
	p := Planned{Task: t, Content: t.Digest()}
	r := v.Records[TaskKey(job, t.ID)]
	before, known := js.Tasks[t.ID]
	if r != nil && r.Generation > before.Generation { // the state was lost, or reconcile ended a job that had vanished
		before, known = TaskState{Generation: r.Generation, Content: r.Content}, true
	}
	p.Generation = before.Generation
	switch {
	case !known || before.Content != p.Content:
		p.Generation++
	case !v.Blind && r != nil && r.Generation == before.Generation && r.Acked != nil && r.Acked.At.Before(v.Began):
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
