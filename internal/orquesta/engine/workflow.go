package engine

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"stackstorm-laas/internal/orquesta"
	"stackstorm-laas/internal/orquesta/jinja"
)

// ended is what became of an action that a workflow started; err says that it could not be requested.
type ended struct {
	start  orquesta.Start
	status string
	result any
	err    error
}

// workflow runs an orquesta action: the conductor says what to start, and is told how it ended. One goroutine talks to the
// conductor.
func (e *Engine) workflow(r *run, inputs map[string]any) (status string, result any) {
	if errs := e.inspect(r.action); len(errs) > 0 {
		return failed, jinja.NewDict("errors", errs, "output", nil)
	}
	id := newID()
	e.mu.Lock()
	r.context["workflow_execution"] = id
	context := jinja.ToGo(jinja.FromGo(r.context))
	e.mu.Unlock()
	c := orquesta.NewConductor(r.action.spec, inputs, map[string]any{"parent": context, "st2": map[string]any{
		"action_execution_id": r.ID, "workflow_execution_id": id, "api_url": e.URL(), "user": r.context["user"],
		"pack": r.action.Pack, "action": r.action.Ref, "runner": "orquesta"}},
		orquesta.Functions{KV: e.scoped, StackStorm: true})
	c.Begin()

	events, active, cancel := make(chan ended), 0, r.cancel
	for {
		for _, s := range c.Next() {
			active++
			e.work.Add(1)
			go e.task(r, id, s, events)
		}
		if active == 0 {
			break
		}
		select {
		case ev := <-events:
			active--
			if ev.err != nil {
				c.Reject(ev.start, ev.err.Error())
			} else {
				c.Complete(ev.start, ev.status, ev.result)
			}
		case <-cancel:
			cancel = nil
			c.Cancel()
		}
	}
	out := jinja.NewDict("output", jinja.FromGo(c.Output()))
	if status = c.Status(); status == failed {
		out.Set("errors", jinja.FromGo(anyList(c.Errors())))
	}
	return status, out
}

func anyList(list []map[string]any) []any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}

// task starts one action of a workflow after its delay and tells when it ended.
func (e *Engine) task(r *run, workflow string, s orquesta.Start, events chan<- ended) {
	defer e.work.Done()
	if s.Delay > 0 {
		select {
		case <-time.After(time.Duration(s.Delay) * time.Second):
		case <-r.cancel:
			events <- ended{start: s, status: canceled}
			return
		case <-e.ctx.Done():
			events <- ended{start: s, status: abandoned}
			return
		}
	}
	child, err := e.request(order{action: s.Action, params: s.Input, parent: r, task: s.Task, item: s.Item, context: e.childContext(r, workflow, s)})
	if err != nil {
		events <- ended{start: s, err: err}
		return
	}
	select {
	case <-child.done:
	case <-r.cancel: // workflows are cancelled with their parent, this one too if it came too late to be seen there
		if child.action.Runner == "orquesta" {
			e.cancel(child)
		}
		<-child.done
	}
	e.mu.Lock()
	status, result := child.Status, child.result
	e.mu.Unlock()
	events <- ended{start: s, status: status, result: result}
}

func (e *Engine) childContext(r *run, workflow string, s orquesta.Start) map[string]any {
	e.mu.Lock()
	defer e.mu.Unlock()
	parent := maps.Clone(r.context)
	delete(parent, "workflow_execution")
	parent["execution_id"] = r.ID
	o := map[string]any{"workflow_execution_id": workflow, "task_execution_id": newID(), "task_name": s.Task, "task_id": s.Task, "task_route": s.Route}
	if s.Item >= 0 {
		o["item_id"] = s.Item
	}
	return map[string]any{"user": r.context["user"], "parent": parent, "orquesta": o}
}

// inspect finds what is wrong with a workflow before anything runs: what Orquesta finds, and actions named literally that are
// not registered, lack a required parameter or get one that they do not have.
func (e *Engine) inspect(a *action) (errs []any) {
	for _, p := range a.spec.Inspect("st2", "parent") {
		errs = append(errs, jinja.FromGo(p))
	}
	add := func(task, format string, args ...any) {
		errs = append(errs, jinja.NewDict("type", "content", "message", fmt.Sprintf(format, args...), "spec_path", "tasks."+task))
	}
	for _, t := range a.spec.Tasks() {
		if t.Action == "" || isTemplate(t.Action) {
			continue
		}
		target := e.pack.actions[t.Action]
		if target == nil {
			add(t.Name+".action", "The action \"%s\" is not registered in the database.", t.Action)
			continue
		}
		for _, name := range target.params() {
			s, _ := target.param(name)
			if _, given := t.Input[name]; is(s, "required") && !given && s["default"] == nil {
				add(t.Name+".input", "Action \"%s\" is missing required input \"%s\".", t.Action, name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(t.Input)) {
			if _, ok := target.param(name); !ok {
				add(t.Name+".input", "Action \"%s\" has unexpected input \"%s\".", t.Action, name)
			}
		}
	}
	return errs
}
