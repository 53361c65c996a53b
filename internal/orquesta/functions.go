package orquesta

import (
	"strings"

	"stackstorm-laas/internal/orquesta/jinja"
)

// Functions are what expressions may call beside Orquesta's own.
type Functions struct {
	// KV reads the datastore; the key is as written in the workflow. nil has no keys.
	KV func(key string, decrypt bool) (string, bool, error)
	// StackStorm adds the functions that StackStorm registers.
	StackStorm bool
}

// currentTask is the task that an expression belongs to. The result is there only once the task has ended.
type currentTask struct {
	id     string
	route  int
	result any
}

// scope is what an expression is evaluated in.
type scope struct {
	vars *jinja.Dict
	task *currentTask
	item any
	// status gives the status of a task as seen from a route.
	status func(task string, route int) string
}

// env makes the names of an expression.
func (f Functions) env(s scope) *jinja.Env {
	env := &jinja.Env{Names: map[string]any{}, Filters: map[string]jinja.Func{"json": jsonFunction, "zip": zip}}
	for _, n := range []string{"ctx", "item", "result", "succeeded", "failed", "completed", "task_status"} {
		env.Filters[n] = func([]any, map[string]any) any { jinja.Refuse("%s as a filter", n); return nil }
	}
	if f.StackStorm {
		for n, fn := range stackstormFunctions {
			env.Filters[n] = fn
		}
		env.Filters["st2kv"] = f.st2kv
	}
	for n, fn := range env.Filters {
		env.Names[n] = fn
	}
	current := func() *currentTask {
		if s.task == nil {
			jinja.Raise("ExpressionEvaluationException", "The current task is not set in the context.")
		}
		return s.task
	}
	in := func(statuses ...string) jinja.Func {
		return exactly(0, func([]any) any {
			t := current()
			now := s.statusOf(t.id, t.route)
			for _, want := range statuses {
				if now == want {
					return true
				}
			}
			return false
		})
	}
	env.Names["ctx"] = optionalKey("key", s.ctx)
	env.Names["item"] = optionalKey("key", s.itemOf)
	env.Names["result"] = exactly(0, func([]any) any { return current().result })
	env.Names["succeeded"] = in(succeeded)
	env.Names["failed"] = in(failed)
	env.Names["completed"] = in(completed...)
	env.Names["task_status"] = jinja.Func(func(args []any, kwargs map[string]any) any {
		id, ok := first(args, kwargs, "task_id").(string)
		if !ok || len(args)+len(kwargs) != 1 {
			jinja.Refuse("task_status() with these arguments")
		}
		route := 0
		if s.task != nil {
			route = s.task.route
		}
		return s.statusOf(id, route)
	})
	return env
}

func (s scope) statusOf(task string, route int) string {
	if s.status == nil {
		return unset
	}
	return s.status(task, route)
}

func (s scope) ctx(key any) any {
	if key == nil || key == "" {
		all := jinja.NewDict()
		for _, k := range s.vars.Keys() {
			if v, _ := s.vars.Get(k); !strings.HasPrefix(k, "__") {
				all.Set(k, v)
			}
		}
		return all
	}
	name, ok := key.(string)
	if !ok {
		jinja.Refuse("ctx() of a %s", jinja.TypeName(key))
	}
	v, ok := s.vars.Get(name)
	if !ok || strings.HasPrefix(name, "__") {
		jinja.Raise("VariableUndefinedError", `The variable "%s" is undefined.`, name)
	}
	return v
}

func (s scope) itemOf(key any) any {
	if key == nil || key == "" {
		return s.item
	}
	d, ok := s.item.(*jinja.Dict)
	if !ok {
		jinja.Raise("ExpressionEvaluationException", "Item is not type of collections.Mapping.")
	}
	name, ok := key.(string)
	if !ok {
		jinja.Refuse("item() of a %s", jinja.TypeName(key))
	}
	v, ok := d.Get(name)
	if !ok {
		jinja.Raise("ExpressionEvaluationException", `Item does not have key "%s".`, name)
	}
	return v
}

// first is the first argument, by place or by name.
func first(args []any, kwargs map[string]any, name string) any {
	var v any
	if len(args) > 0 {
		v = args[0]
	} else {
		v = kwargs[name]
	}
	if u, ok := v.(jinja.Undefined); ok {
		jinja.Raise("UndefinedError", "%s", u.Text)
	}
	return v
}

func exactly(n int, f func([]any) any) jinja.Func {
	return func(args []any, kwargs map[string]any) any {
		if len(args) != n || len(kwargs) > 0 {
			jinja.Raise("TypeError", "takes %d positional arguments but %d were given", n, len(args)+len(kwargs))
		}
		return f(args)
	}
}

func optionalKey(name string, f func(any) any) jinja.Func {
	return func(args []any, kwargs map[string]any) any {
		if len(args) > 1 || len(kwargs) > 1 || len(args)+len(kwargs) > 1 {
			jinja.Raise("TypeError", "takes at most 1 argument (%d given)", len(args)+len(kwargs))
		}
		if _, ok := kwargs[name]; len(kwargs) == 1 && !ok {
			jinja.Raise("TypeError", "got an unexpected keyword argument")
		}
		return f(first(args, kwargs, name))
	}
}

func jsonFunction(args []any, kwargs map[string]any) any {
	v := first(args, kwargs, "s")
	if len(args) != 1 {
		jinja.Raise("TypeError", "json() takes 1 argument")
	}
	if _, ok := v.(*jinja.Dict); ok {
		return v
	}
	text, ok := v.(string)
	if !ok {
		jinja.Raise("TypeError", "Given object is not typeof string.")
	}
	return loadJSON(text)
}

func loadJSON(text string) any {
	for _, odd := range []string{"NaN", "Infinity"} {
		if strings.Contains(text, odd) {
			jinja.Refuse("JSON with %s in it", odd)
		}
	}
	v, err := jinja.DecodeJSON([]byte(text))
	if err != nil {
		jinja.Raise("JSONDecodeError", "%s", err)
	}
	return v
}

// zip pads shorter lists with null or what pad gives.
func zip(args []any, kwargs map[string]any) any {
	pad := kwargs["pad"]
	longest := 0
	lists := make([][]any, len(args))
	for i, a := range args {
		if a == nil {
			a = []any{}
		}
		if len(args) == 1 {
			return a
		}
		lists[i] = jinja.Elements(a)
		longest = max(longest, len(lists[i]))
	}
	out := make([]any, longest)
	for i := range out {
		row := jinja.Tuple{}
		for _, l := range lists {
			if i < len(l) {
				row = append(row, l[i])
			} else {
				row = append(row, pad)
			}
		}
		out[i] = row
	}
	return out
}

func (f Functions) st2kv(args []any, kwargs map[string]any) any {
	key, ok := first(args, kwargs, "key_").(string)
	if !ok || len(args) != 1 {
		jinja.Raise("TypeError", "Given key is not typeof string.")
	}
	for k := range kwargs {
		if k != "decrypt" && k != "default" {
			jinja.Raise("TypeError", "st2kv_() got an unexpected keyword argument '%s'", k)
		}
	}
	if f.KV != nil {
		v, found, err := f.KV(key, jinja.Truth(kwargs["decrypt"]))
		if err != nil {
			jinja.Raise("ExpressionEvaluationException", "%s", err)
		}
		if found {
			return v
		}
	}
	if v, ok := kwargs["default"]; ok {
		return v
	}
	jinja.Raise("ExpressionEvaluationException", `The key "%s" does not exist in the StackStorm datastore.`, key)
	return nil
}
