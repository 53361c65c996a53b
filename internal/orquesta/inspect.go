package orquesta

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"stackstorm-laas/internal/orquesta/jinja"
)

// Inspect finds what Orquesta finds wrong before it runs anything. known are the variables that the caller's context brings.
func (s *Spec) Inspect(known ...string) []Problem {
	out := append([]Problem{}, s.syntax...)
	out = append(out, s.semantics()...)
	out = append(out, s.expressions()...)
	out = append(out, s.contexts(known)...)
	sort.SliceStable(out, func(a, b int) bool {
		if out[a].Type != out[b].Type {
			return out[a].Type < out[b].Type
		}
		if out[a].SpecPath != out[b].SpecPath {
			return out[a].SpecPath < out[b].SpecPath
		}
		return out[a].Message < out[b].Message
	})
	return out
}

func (s *Spec) problem(kind, path, message, expression string) Problem {
	at := strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	return Problem{kind, path, message, expression, s.line(at...)}
}

func (s *Spec) semantics() (out []Problem) {
	add := func(path, format string, args ...any) {
		out = append(out, s.problem("semantic", path, fmt.Sprintf(format, args...), ""))
	}
	for _, id := range s.order {
		if slices.Contains(commands, id) {
			add("tasks."+id, `The task name "%s" is reserved with special function.`, id)
		}
		if t := s.tasks[id]; t.items != "" && t.action == "" {
			add("tasks."+id, "The action property is required for with items task.")
		}
	}
	if len(s.order) > 0 && len(s.startTasks()) == 0 {
		add("tasks", "Unable to identify any tasks to start the workflow. If the workflow has a loop, please add a task that "+
			"serves as an entry point (or lead) into the loop.")
	}
	var seen []string
	for queue := s.startTasks(); len(queue) > 0; {
		id := queue[0]
		queue = queue[1:]
		seen = append(seen, id)
		for i, tr := range s.tasks[id].next {
			for _, to := range tr.do {
				switch {
				case slices.Contains(seen, to), slices.Contains(commands, to):
				case s.tasks[to] != nil:
					queue = append(queue, to)
				default:
					add(fmt.Sprintf("tasks.%s.next[%d].do", id, i), `The task "%s" is not defined.`, to)
				}
			}
		}
	}
	for _, id := range s.unreachableJoins() {
		add("tasks."+id, `The join task "%s" is unreachable. A join task is determined to be unreachable if there are nested forks `+
			"from multi-referenced tasks that join on the said task. This is ambiguous to the workflow engine because it does not "+
			"know at which level should the join occurs.", id)
	}
	return out
}

// unreachableJoins finds joins whose branches come through different tasks that are referred to more than once.
func (s *Spec) unreachableJoins() (out []string) {
	type visit struct {
		from, id string
		splits   []string
	}
	splits, prev, order := map[string][]string{}, map[string][]string{}, []string{}
	union := func(list []string, more ...string) []string {
		for _, m := range more {
			if !slices.Contains(list, m) {
				list = append(slices.Clone(list), m)
			}
		}
		return list
	}
	var queue []visit
	for _, id := range s.startTasks() {
		queue = append(queue, visit{id: id})
	}
	for len(queue) > 0 {
		v := queue[0]
		queue = queue[1:]
		if s.tasks[v.id] == nil {
			continue
		}
		if s.isSplit(v.id) && !s.inCycle(v.id) {
			v.splits = append(slices.Clone(v.splits), v.id)
		}
		if _, ok := splits[v.id]; !ok {
			order = append(order, v.id)
			splits[v.id] = []string{}
		}
		splits[v.id] = union(splits[v.id], v.splits...)
		if v.from != "" {
			prev[v.id] = union(prev[v.id], v.from)
		}
		for _, e := range s.following(v.id) {
			if _, staged := splits[e.to]; !staged || !s.inCycle(e.to) {
				queue = append(queue, visit{v.id, e.to, v.splits})
			}
		}
	}
	same := func(a, b []string) bool { return len(union(a, b...)) == len(a) && len(a) == len(b) }
	for _, id := range order {
		if s.isJoin(id) && slices.ContainsFunc(prev[id], func(p string) bool { return !same(splits[id], splits[p]) }) {
			out = append(out, id)
		}
	}
	return out
}

// place is a part of the definition that may hold expressions.
type place struct {
	path  string
	value any
}

// places lists all of them in the order of the definition.
func (s *Spec) places() (out []place) {
	for _, k := range []string{"input", "vars"} {
		out = append(out, place{k, get(s.doc, k)})
	}
	for _, id := range s.order {
		t, path := s.tasks[id], "tasks."+id
		out = append(out, place{path + ".delay", t.delay}, place{path + ".with.items", t.items},
			place{path + ".with.concurrency", t.concurrency}, place{path + ".action", t.action}, place{path + ".input", t.input})
		if t.retry != nil {
			out = append(out, place{path + ".retry.when", t.retry.when}, place{path + ".retry.count", t.retry.count},
				place{path + ".retry.delay", t.retry.delay})
		}
		for i, tr := range t.next {
			at := path + ".next[" + strconv.Itoa(i) + "]"
			out = append(out, place{at + ".when", tr.when}, place{at + ".publish", pairs(tr.publish)}, place{at + ".do", names(tr)})
		}
	}
	return append(out, place{"output", get(s.doc, "output")})
}

func names(tr transition) any {
	if tr.text != "" {
		return tr.text
	}
	out := make([]any, len(tr.do))
	for i := range tr.do {
		out[i] = tr.do[i]
	}
	return out
}

func pairs(list []entry) any {
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = jinja.NewDict(e.name, e.value)
	}
	return out
}

// texts calls f for every text in a value, keys included.
func texts(v any, f func(string)) {
	switch x := v.(type) {
	case string:
		f(x)
	case []any:
		for _, e := range x {
			texts(e, f)
		}
	case *jinja.Dict:
		for _, k := range x.Keys() {
			f(k)
			texts(get(x, k), f)
		}
	}
}

// expressions finds expressions that do not parse.
func (s *Spec) expressions() (out []Problem) {
	for _, p := range s.places() {
		texts(p.value, func(text string) {
			for _, e := range badExpressions(text) {
				out = append(out, s.problem("expression", p.path, e[1], e[0]))
			}
		})
	}
	return out
}

// badExpressions gives what does not parse in a text: the whole as a template, then each expression, with the reasons.
func badExpressions(text string) (out [][2]string) {
	if !hasExpression(text) {
		return nil
	}
	if yaql.MatchString(text) {
		return [][2]string{{text, "Expression with multiple types is not supported."}}
	}
	var e *jinja.Error
	if _, err := jinja.ParseTemplate(text); errors.As(err, &e) {
		out = append(out, [2]string{text, e.Text})
	}
	for _, expr := range inline.FindAllString(text, -1) {
		if slices.ContainsFunc(out, func(o [2]string) bool { return o[0] == expr }) {
			continue
		}
		if err := jinja.ParsePrefix(stripped(expr)); errors.As(err, &e) {
			out = append(out, [2]string{expr, e.Text})
		}
	}
	return out
}

// checkSupported refuses what an expression or the graph uses and this runner has not.
func (s *Spec) checkSupported() error {
	for _, id := range s.order {
		for i, tr := range s.tasks[id].next {
			if slices.Contains(tr.do, "retry") {
				return &Unsupported{What: "do: retry", Line: s.line("tasks", id, "next", strconv.Itoa(i))}
			}
		}
	}
	env := Functions{StackStorm: true}.env(scope{vars: jinja.NewDict()})
	var refused error
	for _, p := range s.places() {
		texts(p.value, func(text string) {
			if err := unsupportedIn(text, env); err != nil && refused == nil {
				refused = &Unsupported{What: err.What + " (in " + p.path + ")", Line: s.problem("", p.path, "", "").Line}
			}
		})
	}
	return refused
}

func unsupportedIn(text string, env *jinja.Env) *jinja.Unsupported {
	var u *jinja.Unsupported
	if yaql.MatchString(text) && !hasExpression(text) {
		return &jinja.Unsupported{What: "YAQL (<% %>)"}
	}
	if !hasExpression(text) {
		return nil
	}
	if _, err := jinja.ParseTemplate(text); errors.As(err, &u) {
		return u
	}
	for _, expr := range inline.FindAllString(text, -1) {
		p, err := jinja.ParseExpression(stripped(expr))
		if err == nil {
			err = env.Check(p)
		}
		if errors.As(err, &u) {
			return u
		}
	}
	return nil
}
