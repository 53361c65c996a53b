package orquesta

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"stackstorm-laas/internal/orquesta/jinja"
)

// Outcome is how a rehearsal compares with its recording.
type Outcome int

// Outcomes of a rehearsal.
const (
	AsRecorded Outcome = iota
	Different
	Refused
)

func (o Outcome) String() string { return [...]string{"as recorded", "different", "refused"}[o] }

// script is what actions answer in a rehearsal.
type script struct {
	inputs, context, kv *jinja.Dict
	results             *jinja.Dict
	cancelAfter         int
	stackstorm          bool
	used                map[string]int
}

// Rehearse runs the workflow.yaml of a folder with the scripted results of script.json and compares what happens with what
// Orquesta did, as golden.json has it. details says what differs, or what is refused.
func Rehearse(dir string) (outcome Outcome, details []string, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "workflow.yaml"))
	if err != nil {
		return Different, nil, err
	}
	sc, err := readScript(filepath.Join(dir, "script.json"))
	if err != nil {
		return Different, nil, err
	}
	golden, err := readJSON(filepath.Join(dir, "golden.json"))
	if err != nil {
		return Different, nil, err
	}
	got, err := perform(filepath.Base(dir), text, sc)
	var u *Unsupported
	var ju *jinja.Unsupported
	switch {
	case errors.As(err, &u), errors.As(err, &ju):
		return Refused, []string{err.Error()}, nil
	case err != nil:
		return Different, []string{err.Error()}, nil
	}
	if details = differences(golden, got); len(details) > 0 {
		return Different, details, nil
	}
	return AsRecorded, nil, nil
}

// perform gives what happened in the form of golden.json.
func perform(name string, text []byte, sc *script) (*jinja.Dict, error) {
	got := jinja.NewDict("inspect", []any{}, "trace", []any{}, "status", failed, "output", nil, "errors", []any{})
	spec, err := Parse(name, text)
	if bad := (*NotReadable)(nil); errors.As(err, &bad) {
		got.Set("inspect", []any{jinja.NewDict("message", bad.Error())})
		return got, nil
	}
	if err != nil {
		return nil, err
	}
	if problems := spec.Inspect(sc.context.Keys()...); len(problems) > 0 {
		list := []any{}
		for _, p := range problems {
			d := jinja.NewDict("type", p.Type, "spec_path", p.SpecPath, "message", p.Message)
			if p.SpecPath == "" {
				d.Set("spec_path", nil)
			}
			list = append(list, d)
		}
		got.Set("inspect", list)
		return got, nil
	}
	c := newConductor(spec, sc.inputs, sc.context, Functions{KV: sc.key, StackStorm: sc.stackstorm || sc.context.Len() > 0 || sc.kv.Len() > 0})
	if err := sc.run(c); err != nil {
		return nil, err
	}
	if c.refused != nil {
		return nil, c.refused
	}
	got.Set("trace", anyList(c.trace))
	got.Set("errors", anyList(c.errors))
	got.Set("status", c.status)
	if c.output != nil {
		got.Set("output", c.output)
	}
	return got, nil
}

func anyList(list []*jinja.Dict) []any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}

// run takes actions in the order they were asked for, one at a time.
func (sc *script) run(c *Conductor) error {
	type asked struct {
		Start
		execution int
	}
	var queue []asked
	executions := map[taskRoute]int{}
	ended := 0
	more := func() {
		for _, s := range c.Next() {
			t := taskRoute{s.Task, s.Route}
			if s.Item <= 0 || s.Concurrency == 0 && s.Item == 0 {
				executions[t] = sc.used[s.Task]
				sc.used[s.Task]++
			}
			queue = append(queue, asked{s, executions[t]})
		}
	}
	c.Begin()
	for more(); len(queue) > 0; more() {
		if c.refused != nil {
			return nil
		}
		a := queue[0]
		queue = queue[1:]
		status, result, err := sc.result(a.Start, a.execution)
		if err != nil {
			return err
		}
		c.complete(taskRoute{a.Task, a.Route}, a.Item, status, result)
		if ended++; ended == sc.cancelAfter {
			more()
			c.Cancel()
		}
	}
	return nil
}

func (sc *script) result(s Start, n int) (string, any, error) {
	list, _ := get(sc.results, s.Task).([]any)
	if n >= len(list) {
		return "", nil, fmt.Errorf("there is no result %d for the task %s", n, s.Task)
	}
	v := list[n]
	if s.Item >= 0 {
		items, _ := v.([]any)
		if s.Item >= len(items) {
			return "", nil, fmt.Errorf("there is no result for item %d of the task %s", s.Item, s.Task)
		}
		v = items[s.Item]
	}
	d := dictOf(v)
	status, _ := get(d, "status").(string)
	return status, get(d, "result"), nil
}

func (sc *script) key(key string, _ bool) (string, bool, error) {
	v, ok := sc.kv.Get(key)
	if !ok {
		return "", false, nil
	}
	text, err := jinja.TextOf(v)
	return text, true, err
}

func readJSON(path string) (*jinja.Dict, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	v, err := jinja.DecodeJSON(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	d, ok := v.(*jinja.Dict)
	if !ok {
		return nil, fmt.Errorf("read %s: not a JSON object", path)
	}
	return d, nil
}

func readScript(path string) (*script, error) {
	d, err := readJSON(path)
	if err != nil {
		return nil, err
	}
	sc := &script{used: map[string]int{}}
	for key, into := range map[string]**jinja.Dict{"inputs": &sc.inputs, "context": &sc.context, "kv": &sc.kv, "results": &sc.results} {
		*into = dictOf(get(d, key))
	}
	sc.cancelAfter, _ = get(d, "cancel_after").(int)
	sc.stackstorm, _ = get(d, "st2_functions").(bool)
	return sc, nil
}

// differences compares as the README of the conformance cases says.
func differences(golden, got *jinja.Dict) (out []string) {
	differ := func(what string, want, have any) {
		if !jinja.Equal(want, have) || asJSON(want) != asJSON(have) {
			out = append(out, fmt.Sprintf("%s: recorded %s, got %s", what, asJSON(want), asJSON(have)))
		}
	}
	differ("inspect", inOrder(reduced(get(golden, "inspect"), inspected)), inOrder(reduced(get(got, "inspect"), inspected)))
	for _, k := range []string{"status", "output"} {
		differ(k, get(golden, k), get(got, k))
	}
	want, have := listOf(get(golden, "trace")), listOf(get(got, "trace"))
	for i := range max(len(want), len(have)) {
		differ(fmt.Sprintf("trace[%d]", i), at(want, i), at(have, i))
	}
	differ("errors", reduced(get(golden, "errors"), logged), reduced(get(got, "errors"), logged))
	return out
}

func at(l []any, i int) any {
	if i < len(l) {
		return l[i]
	}
	return "nothing"
}

// asJSON is JSON with sorted keys, which also tells 1 from 1.0 and true.
func asJSON(v any) string { return jinja.Dumper{Item: ", ", Key: ": ", Sort: true}.Dump(v) }

func listOf(v any) []any { l, _ := v.([]any); return l }

// inOrder sorts inspection errors: they are recorded by a schema path that this runner does not keep.
func inOrder(v any) any {
	list := listOf(v)
	sort.Slice(list, func(a, b int) bool { return asJSON(list[a]) < asJSON(list[b]) })
	return list
}

func reduced(v any, f func(*jinja.Dict) any) any {
	out := []any{}
	for _, e := range listOf(v) {
		out = append(out, f(dictOf(e)))
	}
	return out
}

// inspected leaves what is compared of an inspection error.
func inspected(d *jinja.Dict) any {
	out := jinja.NewDict("type", get(d, "type"), "spec_path", get(d, "spec_path"))
	if t := get(d, "type"); t == "context" || t == "semantic" {
		out.Set("message", get(d, "message"))
	}
	return out
}

func logged(d *jinja.Dict) any {
	out := jinja.NewDict()
	for _, k := range []string{"type", "task_id", "task_transition_id", "result"} {
		if v, ok := d.Get(k); ok {
			out.Set(k, v)
		}
	}
	message, _ := get(d, "message").(string)
	class, _, _ := strings.Cut(message, ": ")
	out.Set("message", class)
	return out
}
