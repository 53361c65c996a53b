package orquesta

import (
	"slices"

	"stackstorm-laas/internal/orquesta/jinja"
)

// event is what happened to a task or to one of its items.
type event struct {
	status  string
	item    int // -1 for the task itself
	result  any
	command bool
}

// Complete tells what became of an action that Next gave: succeeded, failed, timeout, abandoned or canceled.
func (c *Conductor) Complete(s Start, status string, result any) {
	c.complete(taskRoute{s.Task, s.Route}, s.Item, status, jinja.FromGo(result))
}

func (c *Conductor) complete(t taskRoute, item int, status string, result any) {
	e := c.update(t, event{status: status, item: item, result: result})
	c.renderOutput()
	d := jinja.NewDict("event", "complete", "task", t.id, "route", t.route, "status", status, "task_status", e.status,
		"workflow_status", c.status)
	if item >= 0 {
		d.Set("item_id", item)
	}
	c.trace = append(c.trace, d)
}

// update brings a task, and with it the workflow, to its next state.
func (c *Conductor) update(t taskRoute, ev event) *execution {
	st := c.stagedTask(t)
	e := c.execution(t)
	if st == nil && (e == nil || ev.command) || ev.item >= 0 && (st == nil || ev.item >= len(st.items)) {
		c.refuse("an event for the task " + t.id + ", which was started anew meanwhile,")
		return &execution{taskRoute: t, status: failed}
	}
	if e == nil || ev.command || slices.Contains(completed, e.status) && ev.status == running {
		e = c.addExecution(t, st.contexts)
	}
	if st != nil && st.items == nil {
		c.unstage(t)
	}
	if st != nil && ev.item >= 0 {
		st.items[ev.item] = ev.status
		if ev.status != running {
			st.results[ev.item] = ev.result
		}
	}
	if ev.status == failed {
		c.log("Execution failed. See result for details.", "task_id", t.id, "result", ev.result)
	}
	before := e.status
	e.status = nextTaskStatus(e.status, ev, st)
	if slices.Contains(completed, e.status) {
		if c.spec.tasks[t.id] != nil && c.spec.tasks[t.id].items != "" && e.status == failed && st != nil {
			st.done = true
		} else {
			c.unstage(t)
		}
		s := scope{vars: c.context(e.contexts), task: &currentTask{t.id, t.route, c.resultOf(t, ev, st)}}
		if c.status == running || c.status == canceling {
			if again, err := c.wantsRetry(e, s); err != nil {
				c.logError(err, "task_id", t.id, "route", t.route)
				c.status = failed
			} else if again {
				c.restage(e)
				c.react(e)
				e.terminal = c.ended()
				return e
			}
		}
		if e.status != before {
			return c.leave(e, s)
		}
	}
	c.react(e)
	if c.ended() {
		e.terminal = true
	}
	return e
}

// resultOf is what result() gives: for a task with items the list of their results.
func (c *Conductor) resultOf(t taskRoute, ev event, st *staged) any {
	if spec := c.spec.tasks[t.id]; spec == nil || spec.items == "" {
		return jinja.Copy(ev.result)
	}
	if st == nil || st.results == nil {
		return []any{}
	}
	return jinja.Copy(st.results)
}

// leave evaluates the transitions of a task that ended and stages what follows.
func (c *Conductor) leave(e *execution, s scope) *execution {
	edges := c.spec.edges[e.id]
	if len(edges) == 0 {
		e.terminal = true
	}
	var queue []taskRoute
	var ready []*staged
	manual := false
	for _, edge := range edges {
		next := c.take(e, edge, s)
		switch {
		case next == nil:
		case slices.Contains(commands, next.id):
			queue = append(queue, next.taskRoute)
			manual = manual || next.id == "fail"
		case next.ready:
			ready = append(ready, next)
		}
	}
	if manual {
		for _, st := range ready {
			st.onFail = true
		}
	}
	c.react(e)
	for _, t := range queue {
		status := succeeded
		if t.id == "fail" {
			status = failed
		}
		c.update(t, event{status: status, item: -1, command: true})
	}
	if c.ended() {
		e.terminal = true
	}
	return e
}

// maxContexts ends loops that reach a task twice per round, which doubles what it starts with each time.
const maxContexts = 2000

// take evaluates one transition and gives what it staged, nil if it is not taken.
func (c *Conductor) take(e *execution, edge edge, s scope) *staged {
	where := []any{"task_id", e.id, "route", e.route, "task_transition_id", edge.id()}
	if edge.when != "" {
		v, err := evaluate(edge.when, c.env(s))
		if err != nil {
			c.logError(err, where...)
			c.status = failed
			return nil
		}
		e.next[edge.id()] = jinja.Truth(v)
	} else {
		e.next[edge.id()] = true
	}
	if !e.next[edge.id()] {
		return nil
	}
	rolling, published := copyDict(s.vars), jinja.NewDict()
	good := true
	for _, p := range c.spec.tasks[e.id].next[edge.ref].publish {
		v, err := evaluate(p.value, c.env(scope{vars: rolling, task: s.task}))
		if err != nil {
			c.logError(err, where...)
			good = false
			continue
		}
		rolling.Set(p.name, v)
		published.Set(p.name, v)
	}
	if !good {
		c.status = failed
		return nil
	}
	contexts := slices.Clone(e.contexts)
	if published.Len() > 0 {
		c.contexts = append(c.contexts, copyDict(published))
		contexts = append(contexts, len(c.contexts)-1)
	}
	t := taskRoute{edge.to, c.routeTo(edge, e.route)}
	st := c.stagedTask(t)
	if st == nil {
		st = &staged{taskRoute: t, contexts: contexts}
		c.staged = append(c.staged, st)
	} else {
		if slices.Contains(st.items, running) {
			c.refuse("a task with items that is reached again while its items run")
		}
		if len(st.contexts)+len(contexts) > maxContexts {
			c.refuse("a loop in which contexts multiply")
			return nil
		}
		st.contexts = append(st.contexts, withoutRoot(contexts)...)
		st.items, st.results, st.done = nil, nil, false
	}
	st.ready = c.inboundStatus(edge.to, e.route) == satisfied
	return st
}

// routeTo is the route of the next task: a new one if the task is reached from several and no join gathers them.
func (c *Conductor) routeTo(edge edge, from int) int {
	if !c.spec.isSplit(edge.to) || c.spec.inCycle(edge.to) || slices.Contains(c.routes[from], edge.back()) {
		return from
	}
	c.routes = append(c.routes, append(slices.Clone(c.routes[from]), edge.back()))
	return len(c.routes) - 1
}

// Reject tells that an action could not be requested, such as one that is unknown or whose parameters do not fit. The workflow
// fails directly; the task's own transitions are not evaluated. message is that of an exception, "Class: text".
func (c *Conductor) Reject(s Start, message string) {
	c.log(message, "task_id", s.Task, "route", s.Route)
	t := taskRoute{s.Task, s.Route}
	if e := c.execution(t); e != nil {
		e.status = failed
	}
	if st := c.stagedTask(t); st != nil {
		st.done = true
	}
	if c.status == running || c.status == canceling {
		c.status = failed
	}
	c.renderOutput()
}
