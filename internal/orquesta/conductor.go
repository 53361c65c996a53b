package orquesta

import (
	"errors"

	"stackstorm-laas/internal/orquesta/jinja"
)

// Conductor holds one execution of a workflow. It is told what ended and says what starts; it is not safe for concurrent use.
type Conductor struct {
	spec      *Spec
	inputs    *jinja.Dict
	parent    *jinja.Dict
	functions Functions

	status   string
	contexts []*jinja.Dict
	merged   map[mergedKey][]int
	routes   [][]string
	sequence []*execution
	last     map[taskRoute]int // the latest execution of a task on a route
	staged   []*staged
	errors   []*jinja.Dict
	trace    []*jinja.Dict
	output   *jinja.Dict
	refused  *jinja.Unsupported
}

type taskRoute struct {
	id    string
	route int
}

// execution is one run of a task.
type execution struct {
	taskRoute
	status   string
	contexts []int
	next     map[string]bool // transitions by id, as far as they were evaluated
	retry    *retryState
	terminal bool
}

type retryState struct{ count, delay, tally int }

// staged is a task that is to run once it is ready, or a with-items task that runs.
type staged struct {
	taskRoute
	contexts []int
	ready    bool
	done     bool // a with-items task that failed stays staged
	onFail   bool // taken beside fail: runs although the workflow failed
	retry    *retryState
	items    []string // statuses of the items; nil before the task began
	results  []any
}

// Start is an action to start now.
type Start struct {
	Task  string
	Route int
	// Item is the index of the item, -1 for a task without items. Concurrency is 0 for no limit.
	Item, ItemsCount, Concurrency int
	Action                        string
	Input                         map[string]any
	// Delay is in seconds. Retry is 1 for the first repetition, 0 for the first run.
	Delay, Retry int
}

// NewConductor makes an execution of a definition that passed inspection. context is what the caller gives beside the inputs,
// such as {"st2": {...}}.
func NewConductor(s *Spec, inputs map[string]any, context map[string]any, f Functions) *Conductor {
	return newConductor(s, dictOf(jinja.FromGo(inputs)), dictOf(jinja.FromGo(context)), f)
}

func newConductor(s *Spec, inputs, context *jinja.Dict, f Functions) *Conductor {
	return &Conductor{
		spec: s, inputs: inputs, parent: context, functions: f, status: unset,
		merged: map[mergedKey][]int{}, last: map[taskRoute]int{},
	}
}

func dictOf(v any) *jinja.Dict {
	if d, ok := v.(*jinja.Dict); ok {
		return d
	}
	return jinja.NewDict()
}

func copyDict(d *jinja.Dict) *jinja.Dict { return jinja.Copy(d).(*jinja.Dict) }

// Begin renders input and vars and stages the first tasks. An error in them fails the workflow.
func (c *Conductor) Begin() {
	c.status = running
	inputs := copyDict(c.parent)
	ok := true
	for _, e := range c.spec.input {
		if v, given := c.inputs.Get(e.name); given {
			e.value = v
		}
		ok = c.assign(e, scope{vars: inputs}, inputs) && ok
	}
	initial := merge(copyDict(c.parent), inputs)
	rolling, vars := copyDict(initial), jinja.NewDict()
	for _, e := range c.spec.vars {
		ok = c.assign(e, scope{vars: rolling}, rolling, vars) && ok
	}
	if !ok {
		c.status = failed
		return
	}
	c.contexts = []*jinja.Dict{copyDict(merge(initial, vars))}
	c.routes = [][]string{{}}
	for _, id := range c.spec.startTasks() {
		c.staged = append(c.staged, &staged{taskRoute: taskRoute{id, 0}, contexts: []int{0}, ready: true})
	}
}

// assign evaluates one entry into dicts, or logs why it cannot be.
func (c *Conductor) assign(e entry, s scope, into ...*jinja.Dict) bool {
	v, err := evaluate(e.value, c.functions.env(s))
	if err != nil {
		c.logError(err)
		return false
	}
	for _, d := range into {
		d.Set(e.name, v)
	}
	return true
}

// Status is that of the workflow.
func (c *Conductor) Status() string { return c.status }

// Output is the rendered output, nil if there is none.
func (c *Conductor) Output() any {
	if c.output == nil {
		return nil
	}
	return jinja.ToGo(c.output)
}

// Errors are the entries in the order they were logged. A failure that was remediated stays in.
func (c *Conductor) Errors() []map[string]any { return goDicts(c.errors) }

func goDicts(list []*jinja.Dict) []map[string]any {
	out := make([]map[string]any, len(list))
	for i, d := range list {
		out[i] = jinja.ToGo(d).(map[string]any)
	}
	return out
}

func (c *Conductor) ended() bool {
	return c.status == succeeded || c.status == failed || c.status == canceled
}

// env is that of an expression of a task.
func (c *Conductor) env(s scope) *jinja.Env {
	s.status = c.taskStatus
	return c.functions.env(s)
}

// logError adds an entry made of an exception; with gives the keys and values that apply.
func (c *Conductor) logError(err error, with ...any) {
	message := "Error: " + err.Error()
	var e *jinja.Error
	var u *jinja.Unsupported
	switch {
	case errors.As(err, &e):
		message = e.Error()
	case errors.As(err, &u):
		message = "Unsupported: " + u.Error()
		if c.refused == nil {
			c.refused = u
		}
	}
	c.log(message, with...)
}

// refuse fails the workflow over something that this runner does not do as Orquesta does.
func (c *Conductor) refuse(what string) {
	c.logError(&jinja.Unsupported{What: what})
	c.status = failed
}

// log adds an entry unless there is an equal one.
func (c *Conductor) log(message string, with ...any) {
	entry := jinja.NewDict("type", "error", "message", message)
	for i := 0; i+1 < len(with); i += 2 {
		if with[i+1] != nil {
			entry.Set(with[i].(string), with[i+1])
		}
	}
	for _, e := range c.errors {
		if jinja.Equal(e, entry) {
			return
		}
	}
	c.errors = append(c.errors, entry)
}

// Cancel asks the workflow to end: what runs goes on to its end, nothing more starts.
func (c *Conductor) Cancel() {
	for _, e := range c.latest() {
		st := c.stagedTask(e.taskRoute)
		if e.status != running || st == nil || st.items == nil {
			continue
		}
		if active, incomplete := countItems(st.items, -1); incomplete > 0 && active > 0 {
			e.status = canceling
		} else if incomplete > 0 {
			e.status = canceled
		}
	}
	if c.status == running {
		c.status = canceled
		if c.hasActive() {
			c.status = canceling
		}
	}
	c.trace = append(c.trace, jinja.NewDict("event", "cancel", "workflow_status", c.status))
	c.renderOutput()
}

// renderOutput is done whenever the workflow is found ended, until it gives something.
func (c *Conductor) renderOutput() {
	if !c.ended() || c.output != nil || len(c.contexts) == 0 {
		return
	}
	rolling, out := c.terminalContext(), jinja.NewDict()
	ok := true
	for _, e := range c.spec.output {
		ok = c.assign(e, scope{vars: rolling, status: c.taskStatus}, rolling, out) && ok
	}
	if out.Len() > 0 {
		c.output = copyDict(out)
	}
	if !ok && c.status != canceled {
		c.status = failed
	}
}

// terminalContext merges the contexts that the terminal tasks started with.
func (c *Conductor) terminalContext() *jinja.Dict {
	out := jinja.NewDict()
	first := true
	for _, e := range c.sequence {
		if !e.terminal {
			continue
		}
		indexes := e.contexts
		if !first {
			indexes = withoutRoot(indexes)
		}
		merge(out, c.context(indexes))
		first = false
	}
	return out
}
