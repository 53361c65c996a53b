package engine

import (
	"fmt"
	"maps"
	"time"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/orquesta/jinja"
)

// The statuses of an execution.
const (
	requested = "requested"
	delayed   = "delayed"
	scheduled = "scheduled"
	running   = "running"
	canceling = "canceling"
	canceled  = "canceled"
	succeeded = "succeeded"
	failed    = "failed"
	timedOut  = "timeout"
	abandoned = "abandoned"
)

// Execution is the record of one run of an action or a workflow.
type Execution struct {
	ID, Action, Status string
	// Parent is the workflow's execution that started this one, Task its task and Item the index in a task with items, or -1.
	Parent, Task string
	Item         int
	TraceTag     string
	Parameters   map[string]any
	// Result is what the execution gave: nil until it ended.
	Result             any
	StartedAt, EndedAt time.Time
	// PID is the process of a leaf action, 0 before it started.
	PID int
}

// run is an execution on its way; the engine's lock guards what changes.
type run struct {
	Execution
	action   *action
	context  map[string]any
	children []*run
	log      []logEntry
	result   any           // as the Result, with keys in order
	liveID   string        // StackStorm's second id of the same thing
	done     chan struct{} // closed at the end
	cancel   chan struct{} // closed when a cancel was asked for
}

type logEntry struct {
	at     time.Time
	status string
}

// order is what is asked for.
type order struct {
	action   string
	params   map[string]any
	context  map[string]any
	traceTag string
	parent   *run
	task     string
	item     int
}

// record is a copy for others. The engine's lock is held.
func (r *run) record() Execution {
	x := r.Execution
	x.Parameters = maps.Clone(r.Parameters)
	x.Result = jinja.ToGo(r.result)
	return x
}

// request makes an execution of an order, or says why it cannot be, in StackStorm's words.
func (e *Engine) request(o order) (*run, error) {
	a := e.pack.actions[o.action]
	switch {
	case a == nil:
		return nil, refusal("Action \"%s\" cannot be found.", o.action)
	case a.Enabled != nil && !*a.Enabled:
		return nil, refusal("Unable to execute. Action \"%s\" is disabled.", o.action)
	}
	context := maps.Clone(o.context)
	context["pack"] = a.Pack
	params, _ := jsonable(o.params).(map[string]any)
	live, err := e.liveParams(a, params, context)
	if err != nil {
		return nil, err
	}
	r := &run{action: a, context: context, liveID: newID(), done: make(chan struct{}), cancel: make(chan struct{}),
		Execution: Execution{ID: newID(), Action: a.Ref, Status: requested, Task: o.task, Item: -1, TraceTag: o.traceTag, Parameters: live, StartedAt: now()}}
	if o.parent != nil {
		r.Parent, r.Item, r.TraceTag = o.parent.ID, o.item, o.parent.TraceTag
	}
	e.mu.Lock()
	if e.ctx.Err() != nil {
		e.mu.Unlock()
		return nil, refusal("StackStorm is stopping")
	}
	r.log = []logEntry{{now(), requested}}
	e.all = append(e.all, r)
	e.byID[r.ID], e.live[r] = r, true
	if o.parent != nil {
		o.parent.children = append(o.parent.children, r)
	}
	start := e.schedule(r)
	e.mu.Unlock()
	start()
	return r, nil
}

// set changes the status. The engine's lock is held.
func (r *run) set(status string) {
	r.Status = status
	r.log = append(r.log, logEntry{now(), status})
}

// schedule applies the policies to a requested or delayed execution. The engine's lock is held; what is given back has to be
// called without it.
func (e *Engine) schedule(r *run) (start func()) {
	verdict := e.admit(r)
	if r.Status != verdict {
		r.set(verdict)
	}
	switch verdict {
	case scheduled:
		r.set(running)
		e.work.Add(1)
		return func() { go e.execute(r) }
	case canceled:
		return func() { e.end(r, canceled, nil) }
	}
	return func() {}
}

// execute runs a scheduled execution to its end.
func (e *Engine) execute(r *run) {
	defer e.work.Done()
	e.tell(e.cfg.OnStart, r)
	own, runners_, err := e.finalParams(r.action, r.Parameters, r.context)
	if err != nil {
		e.end(r, failed, jinja.NewDict("error", err.Error(), "traceback", ""))
		return
	}
	switch r.action.Runner {
	case "noop":
		e.end(r, succeeded, jinja.NewDict("failed", false, "succeeded", true, "return_code", 0))
	case "orquesta":
		status, result := e.workflow(r, own)
		e.end(r, status, result)
	default:
		status, result := e.script(r, own, runners_)
		e.end(r, status, result)
	}
}

// end gives an execution its final status, once, and lets those go on that waited for it. A cancelled execution has
// ended already when its process does; that result is dropped.
func (e *Engine) end(r *run, status string, result any) {
	e.mu.Lock()
	if !e.live[r] {
		e.mu.Unlock()
		return
	}
	delete(e.live, r)
	if r.Status != status {
		r.set(status)
	}
	r.result, r.EndedAt = result, now()
	starts := e.release(r.action)
	e.mu.Unlock()
	e.tell(e.cfg.OnEnd, r)
	close(r.done)
	for _, start := range starts {
		start()
	}
}

// release schedules what policies delayed, the oldest first. The engine's lock is held.
func (e *Engine) release(a *action) (starts []func()) {
	if len(e.pack.policies[a.Ref]) == 0 || e.ctx.Err() != nil {
		return nil
	}
	for _, r := range e.all {
		if r.action == a && r.Status == delayed {
			starts = append(starts, e.schedule(r))
		}
	}
	return starts
}

func (e *Engine) tell(f func(Execution), r *run) {
	if f == nil {
		return
	}
	e.mu.Lock()
	x := r.record()
	e.mu.Unlock()
	f(x)
}

// Cancel asks for the end of an execution. What has not started never starts. A running leaf action gets no signal: it
// counts as canceled and its process runs on. A workflow starts nothing more and ends when what it started has ended;
// the workflows it started are cancelled with it.
func (e *Engine) Cancel(id string) error {
	r, err := e.find(id)
	if err != nil {
		return err
	}
	if !e.cancel(r) {
		x, _ := e.Execution(id)
		return fault.New(fault.Refused, "Action cannot be canceled. State = %s.", x.Status)
	}
	return nil
}

// cancel says whether there was something to cancel.
func (e *Engine) cancel(r *run) bool {
	e.mu.Lock()
	if !e.live[r] || r.Status == canceling || e.ctx.Err() != nil {
		e.mu.Unlock()
		return false
	}
	started := r.Status == running
	r.context["cancelled_by"] = "st2admin"
	r.result = jinja.NewDict("message", "Action canceled by user.", "user", "st2admin")
	r.set(canceling)
	close(r.cancel)
	result := r.result
	if r.action.Runner == "orquesta" && started {
		e.mu.Unlock()
		return true // its goroutines see it
	}
	e.work.Add(1)
	e.mu.Unlock()
	go func() {
		defer e.work.Done()
		e.end(r, canceled, result)
	}()
	return true
}

// told is an error in StackStorm's own words, which its API answers.
type told string

func (t told) Error() string { return string(t) }

func refusal(format string, args ...any) error { return told(fmt.Sprintf(format, args...)) }
