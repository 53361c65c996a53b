package orquesta

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"stackstorm-laas/internal/orquesta/jinja"
)

// prepared is a staged task with its actions rendered.
type prepared struct {
	*staged
	items       bool
	count       int
	concurrency int
	delay       int
	actions     []action
}

type action struct {
	item  int // -1 without items
	name  any // nil for a task without action
	input any
}

// maxRounds ends loops of tasks without action, which Orquesta would go round for ever.
const maxRounds = 200

// Next gives the actions that are to start now and counts them as running. Tasks without action and with an empty list of items
// succeed on the way.
func (c *Conductor) Next() []Start {
	var out []Start
	for round := 0; ; round++ {
		if round == maxRounds {
			c.refuse("a loop of tasks without action that does not end")
		}
		if c.refused != nil {
			return out
		}
		tasks := c.nextTasks()
		c.renderOutput()
		if len(tasks) == 0 {
			return out
		}
		for _, t := range tasks {
			if len(t.actions) == 0 {
				c.update(t.taskRoute, event{status: running, item: -1})
			}
			for _, a := range t.actions {
				c.update(t.taskRoute, event{status: running, item: a.item})
			}
		}
		for _, t := range tasks {
			if len(t.actions) == 0 {
				t.actions = []action{{item: -1, input: jinja.NewDict()}}
			}
			for _, a := range t.actions {
				s := t.start(a)
				c.traceStart(t, a, s)
				if a.name == nil {
					c.complete(t.taskRoute, -1, succeeded, nil)
				} else {
					out = append(out, s)
				}
			}
		}
	}
}

func (t *prepared) start(a action) Start {
	s := Start{Task: t.id, Route: t.route, Item: a.item, ItemsCount: t.count, Concurrency: t.concurrency, Delay: t.delay}
	s.Action, _ = a.name.(string)
	s.Input, _ = jinja.ToGo(a.input).(map[string]any)
	if t.items && t.concurrency > 0 && a.item >= t.concurrency {
		s.Delay = 0
	}
	if t.retry != nil {
		s.Retry = t.retry.tally
	}
	return s
}

func (c *Conductor) traceStart(t *prepared, a action, s Start) {
	d := jinja.NewDict("event", "start", "task", t.id, "route", t.route, "action", a.name, "input", jinja.Copy(a.input))
	if a.item >= 0 {
		d.Set("item_id", a.item)
	}
	if t.items {
		d.Set("items_count", t.count)
		if t.concurrency > 0 {
			d.Set("concurrency", t.concurrency)
		}
	}
	if s.Delay > 0 {
		d.Set("delay", s.Delay)
	}
	if s.Retry > 0 {
		d.Set("retry", s.Retry)
	}
	c.trace = append(c.trace, d)
}

// nextTasks renders what is staged and ready. If one cannot be rendered, none starts and the workflow fails.
func (c *Conductor) nextTasks() []*prepared {
	var candidates []*staged
	for _, st := range c.staged {
		if st.ready && !st.done && (c.status == running || c.status == failed && st.onFail) {
			candidates = append(candidates, st)
		}
	}
	var out []*prepared
	good := true
	for _, st := range candidates {
		t, err := c.prepare(st)
		if err != nil {
			c.logError(err, "task_id", st.id, "route", st.route)
			good = false
			continue
		}
		if len(t.actions) > 0 || t.items && t.count == 0 {
			out = append(out, t)
		}
	}
	if !good {
		c.status = failed
		return nil
	}
	sort.SliceStable(out, func(a, b int) bool {
		if out[a].id != out[b].id {
			return out[a].id < out[b].id
		}
		return out[a].route < out[b].route
	})
	return out
}

func (c *Conductor) prepare(st *staged) (*prepared, error) {
	t := c.spec.tasks[st.id]
	out := &prepared{staged: st, items: t.items != ""}
	s := scope{vars: c.context(st.contexts), task: &currentTask{id: st.id, route: st.route}}
	if err := c.renderActions(out, t, s); err != nil {
		return nil, err
	}
	if t.delay != nil && t.delay != 0 {
		v, err := evaluate(t.delay, c.env(s))
		if err != nil {
			return nil, err
		}
		n, ok := v.(int)
		if _, isBool := v.(bool); isBool || n < 0 {
			return nil, &jinja.Unsupported{What: "a delay that is a boolean or below 0"}
		}
		if !ok {
			return nil, &jinja.Error{Class: "TypeError", Text: "The value of task delay is not type of integer."}
		}
		out.delay = n
	}
	if out.items {
		if err := c.limit(out, t, s); err != nil {
			return nil, err
		}
	}
	if st.retry != nil {
		out.delay = st.retry.delay
	}
	return out, nil
}

func (c *Conductor) renderActions(out *prepared, t *task, s scope) error {
	if !out.items {
		a, err := c.renderAction(t, s, -1)
		out.actions = []action{a}
		return err
	}
	names, expr, named := strings.Cut(t.items, " in ")
	if !named {
		expr = t.items
	}
	expr = strings.TrimSpace(expr)
	v, err := evaluate(expr, c.env(s))
	if err != nil {
		return err
	}
	list, ok := v.([]any)
	if !ok {
		return &jinja.Error{Class: "TypeError", Text: fmt.Sprintf("The value of %q is not type of list.", expr)}
	}
	keys := strings.Split(strings.ReplaceAll(names, " ", ""), ",")
	for i, item := range list {
		s.item = item
		if named {
			s.item = namedItem(keys, item)
		}
		a, err := c.renderAction(t, s, i)
		if err != nil {
			return err
		}
		out.actions = append(out.actions, a)
	}
	out.count = len(list)
	return nil
}

// namedItem gives an item its names: a list is unpacked, one name takes anything else.
func namedItem(keys []string, item any) any {
	var values []any
	switch x := item.(type) {
	case []any:
		values = x
	case jinja.Tuple:
		values = x
	default:
		if len(keys) > 1 {
			return item
		}
		values = []any{item}
	}
	d := jinja.NewDict()
	for i := range min(len(keys), len(values)) {
		d.Set(keys[i], values[i])
	}
	return d
}

func (c *Conductor) renderAction(t *task, s scope, item int) (action, error) {
	a := action{item: item, input: jinja.NewDict()}
	env := c.env(s)
	var err error
	if t.action != "" {
		if a.name, err = evaluate(t.action, env); err != nil {
			return a, err
		}
		if _, ok := a.name.(string); !ok {
			return a, &jinja.Unsupported{What: "an action whose name does not come out as text"}
		}
	}
	if t.input != nil {
		if a.input, err = evaluate(t.input, env); err != nil {
			return a, err
		}
		if _, ok := a.input.(*jinja.Dict); !ok {
			return a, &jinja.Unsupported{What: "an input that does not come out as a dict"}
		}
	}
	if t.action == "" && t.input != nil {
		return a, &jinja.Unsupported{What: "input of a task without action"}
	}
	return a, nil
}

// limit leaves the items that did not run yet, as many as the limit allows.
func (c *Conductor) limit(out *prepared, t *task, s scope) error {
	v, err := evaluate(t.concurrency, c.env(s))
	if err != nil {
		return err
	}
	if v != nil {
		n, ok := v.(int)
		if !ok || n < 1 {
			return &jinja.Unsupported{What: "a concurrency that is not a number above 0"}
		}
		out.concurrency = n
	}
	st := out.staged
	if len(st.items) != out.count && len(st.items) > 0 {
		return &jinja.Unsupported{What: "a list of items that changes while they run"}
	}
	if len(st.items) == 0 {
		st.items = slices.Repeat([]string{unset}, out.count)
		st.results = make([]any, out.count)
	}
	active, _ := countItems(st.items, -1)
	var left []action
	for i, a := range out.actions {
		if st.items[i] == unset && (out.concurrency == 0 || len(left) < out.concurrency-active) {
			left = append(left, a)
		}
	}
	out.actions = left
	return nil
}

// countItems counts the items that run and those that did not end, leaving one out.
func countItems(items []string, except int) (active, incomplete int) {
	for i, status := range items {
		switch {
		case i == except:
		case status == running:
			active++
			incomplete++
		case status == unset:
			incomplete++
		}
	}
	return active, incomplete
}
