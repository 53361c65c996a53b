package orquesta

import (
	"slices"

	"stackstorm-laas/internal/orquesta/jinja"
)

func (c *Conductor) stagedTask(t taskRoute) *staged {
	for _, st := range c.staged {
		if st.taskRoute == t {
			return st
		}
	}
	return nil
}

// unstage takes a task out unless items of it run.
func (c *Conductor) unstage(t taskRoute) {
	st := c.stagedTask(t)
	if st == nil || slices.Contains(st.items, running) {
		return
	}
	c.staged = slices.DeleteFunc(c.staged, func(o *staged) bool { return o == st })
}

func (c *Conductor) execution(t taskRoute) *execution {
	if i, ok := c.last[t]; ok {
		return c.sequence[i]
	}
	return nil
}

// latest lists the last execution of each task on each route, in the order they began.
func (c *Conductor) latest() (out []*execution) {
	for i, e := range c.sequence {
		if c.last[e.taskRoute] == i {
			out = append(out, e)
		}
	}
	return out
}

func (c *Conductor) addExecution(t taskRoute, contexts []int) *execution {
	e := &execution{taskRoute: t, status: unset, contexts: contexts, next: map[string]bool{}}
	if spec := c.spec.tasks[t.id]; spec != nil && spec.retry != nil {
		s := scope{vars: c.context(contexts)}
		e.retry = &retryState{count: c.number(spec.retry.count, s), delay: c.number(spec.retry.delay, s)}
	}
	c.sequence = append(c.sequence, e)
	c.last[t] = len(c.sequence) - 1
	return e
}

// number evaluates what retry gives. Orquesta breaks on errors there; they are refused.
func (c *Conductor) number(v any, s scope) int {
	v, err := evaluate(v, c.env(s))
	n, ok := v.(int)
	if err != nil || v != nil && !ok || n < 0 {
		c.refuse("a retry whose count or delay does not come out as a number")
	}
	return n
}

func (c *Conductor) wantsRetry(e *execution, s scope) (bool, error) {
	if e.retry == nil || e.retry.tally >= e.retry.count {
		return false, nil
	}
	when := c.spec.tasks[e.id].retry.when
	if when == "" {
		return e.status == failed, nil
	}
	v, err := evaluate(when, c.env(s))
	if err != nil {
		return false, &jinja.Unsupported{What: "an error in retry"}
	}
	return jinja.Truth(v), nil
}

// restage puts a task that is to be repeated back.
func (c *Conductor) restage(e *execution) {
	e.status = retrying
	e.retry.tally++
	again := *e.retry
	c.staged = slices.DeleteFunc(c.staged, func(o *staged) bool { return o.taskRoute == e.taskRoute })
	c.staged = append(c.staged, &staged{taskRoute: e.taskRoute, contexts: slices.Clone(e.contexts), ready: true, retry: &again})
}

func (c *Conductor) hasActive() bool { return c.hasStatus(running, canceling) }

func (c *Conductor) hasStatus(statuses ...string) bool {
	return slices.ContainsFunc(c.latest(), func(e *execution) bool { return slices.Contains(statuses, e.status) })
}

func (c *Conductor) hasStaged() bool {
	return slices.ContainsFunc(c.staged, func(st *staged) bool { return st.ready && !st.done })
}

type inboundState int

const (
	notSatisfied inboundState = iota
	pending
	satisfied
)

// inboundStatus says whether as many tasks as required have taken a transition to a task, or still may.
func (c *Conductor) inboundStatus(id string, route int) inboundState {
	taken, known := map[string]bool{}, map[string]bool{}
	for _, e := range c.spec.inbound(id) {
		prev := c.execution(taskRoute{e.from, route})
		if _, ok := taken[e.from]; !ok {
			taken[e.from] = false
		}
		if prev != nil {
			known[e.from] = true
			taken[e.from] = taken[e.from] || prev.next[e.id()]
		}
	}
	required, count := 1, 0
	if t := c.spec.tasks[id]; t != nil {
		switch n := t.join.(type) {
		case string:
			required = len(taken)
		case int:
			required = max(n, 1)
		}
	}
	for _, yes := range taken {
		if yes {
			count++
		}
	}
	switch {
	case count >= required:
		return satisfied
	case len(known) < len(taken) && (c.hasActive() || c.hasStaged()):
		return pending
	}
	return notSatisfied
}

// hasNext says whether something other than continue follows from a task that ended; joins that cannot be satisfied count as
// well, since a failure that leads to one counts as remediated.
func (c *Conductor) hasNext(e *execution) (next, barrier bool) {
	for _, edge := range c.spec.edges[e.id] {
		if edge.to == "continue" || !e.next[edge.id()] {
			continue
		}
		if c.spec.isJoin(edge.to) {
			barrier = true
			if c.inboundStatus(edge.to, e.route) == notSatisfied {
				continue
			}
		}
		next = true
	}
	return next, barrier
}

// taskStatus is the status of a task as seen from a route: on it, or on the longest route that it came from.
func (c *Conductor) taskStatus(id string, route int) string {
	if e := c.execution(taskRoute{id, route}); e != nil {
		return e.status
	}
	for earlier := route - 1; earlier >= 0; earlier-- {
		if subset(c.routes[earlier], c.routes[route]) {
			return c.taskStatus(id, earlier)
		}
	}
	return unset
}

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}
