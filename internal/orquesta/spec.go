package orquesta

import (
	"fmt"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v3"

	"stackstorm-laas/internal/orquesta/jinja"
)

// Spec is a workflow definition.
type Spec struct {
	Name string

	doc    *jinja.Dict
	node   *yaml.Node
	syntax []Problem
	input  []entry
	vars   []entry
	output []entry
	tasks  map[string]*task
	order  []string // tasks as written
	edges  map[string][]edge
}

// entry is one name with its value, in the order of the definition.
type entry struct {
	name    string
	value   any
	present bool // an input may come without a default
}

type task struct {
	name        string
	join        any // nil, "all" or a count
	items       string
	concurrency any
	action      string
	input       any
	delay       any
	retry       *retry
	next        []transition
}

type retry struct {
	when         string
	count, delay any
}

type transition struct {
	when    string
	publish []entry
	do      []string
	text    string // do as written, if it is a text
}

// edge is a transition of the graph: the n-th between its two tasks.
type edge struct {
	from, to string
	n        int
	ref      int // index of the transition in next
	when     string
}

func (e edge) id() string { return fmt.Sprintf("%s__t%d", e.to, e.n) }

// back is how the next task names the transition that led to it.
func (e edge) back() string { return fmt.Sprintf("%s__t%d", e.from, e.n) }

// Parse reads a definition. A construct that is not supported is an *Unsupported error; mistakes that Orquesta's inspection
// finds are left to Inspect.
func Parse(name string, text []byte) (*Spec, error) {
	node, err := parseYAML(text)
	if err != nil {
		return nil, err
	}
	if node == nil {
		return nil, fmt.Errorf("the definition is empty")
	}
	v, err := fromNode(node)
	if err != nil {
		return nil, err
	}
	doc, ok := v.(*jinja.Dict)
	if !ok {
		return nil, &Unsupported{What: "a definition that is not a mapping", Line: node.Line}
	}
	return parseDocument(name, node, doc)
}

func parseDocument(name string, node *yaml.Node, doc *jinja.Dict) (*Spec, error) {
	var err error
	s := &Spec{Name: name, doc: doc, node: node, tasks: map[string]*task{}, edges: map[string][]edge{}}
	s.withShorthand()
	if s.syntax, err = s.checkSyntax(); err != nil {
		return nil, err
	}
	s.input, s.vars, s.output = entries(get(doc, "input")), entries(get(doc, "vars")), entries(get(doc, "output"))
	tasks, ok := get(doc, "tasks").(*jinja.Dict)
	if !ok {
		if len(s.syntax) == 0 {
			return nil, &Unsupported{What: "tasks of this shape", Line: s.line("tasks")}
		}
		tasks = jinja.NewDict()
	}
	for _, id := range tasks.Keys() {
		body, _ := tasks.Get(id)
		t, err := s.readTask(id, body)
		if err != nil {
			return nil, err
		}
		s.tasks[id] = t
		s.order = append(s.order, id)
	}
	s.compose()
	if err := s.checkSupported(); err != nil {
		return nil, err
	}
	return s, nil
}

func get(d *jinja.Dict, key string) any { v, _ := d.Get(key); return v }

// withShorthand turns "with: text" into "with: {items: text}", as Orquesta does before it looks at anything else.
func (s *Spec) withShorthand() {
	tasks, _ := get(s.doc, "tasks").(*jinja.Dict)
	if tasks == nil {
		return
	}
	for _, id := range tasks.Keys() {
		if body, ok := get(tasks, id).(*jinja.Dict); ok {
			if text, ok := get(body, "with").(string); ok {
				body.Set("with", jinja.NewDict("items", text))
			}
		}
	}
}

func entries(v any) []entry {
	list, _ := v.([]any)
	var out []entry
	for _, e := range list {
		switch e := e.(type) {
		case string:
			out = append(out, entry{name: e})
		case *jinja.Dict:
			if e.Len() > 0 {
				k := e.Keys()[0]
				out = append(out, entry{k, get(e, k), true})
			}
		}
	}
	return out
}

func (s *Spec) readTask(id string, v any) (*task, error) {
	t := &task{name: id}
	body, ok := v.(*jinja.Dict)
	if !ok {
		return nil, &Unsupported{What: fmt.Sprintf("the task %s without a body", id), Line: s.line("tasks", id)}
	}
	t.join, t.delay, t.input = get(body, "join"), get(body, "delay"), get(body, "input")
	t.action, _ = get(body, "action").(string)
	if params := inlineParameters(t.action); len(params) > 0 {
		d := jinja.NewDict()
		for _, p := range params {
			d.Set(p.name, p.value)
		}
		name, _, ok := strings.Cut(t.action, " ")
		if !ok {
			return nil, &Unsupported{What: "this form of an action with parameters", Line: s.line("tasks", id, "action")}
		}
		t.action, t.input = name, d
	}
	if with, ok := get(body, "with").(*jinja.Dict); ok {
		t.items, _ = get(with, "items").(string)
		t.concurrency = get(with, "concurrency")
	}
	if r, ok := get(body, "retry").(*jinja.Dict); ok && r.Len() > 0 {
		t.retry = &retry{count: get(r, "count"), delay: get(r, "delay")}
		t.retry.when, _ = get(r, "when").(string)
	}
	next, _ := get(body, "next").([]any)
	for _, n := range next {
		d, ok := n.(*jinja.Dict)
		if !ok || d.Len() == 0 {
			return nil, &Unsupported{What: "an empty transition", Line: s.line("tasks", id, "next")}
		}
		t.next = append(t.next, readTransition(d))
	}
	return t, nil
}

func readTransition(d *jinja.Dict) transition {
	tr := transition{}
	tr.when, _ = get(d, "when").(string)
	switch p := get(d, "publish").(type) {
	case string:
		tr.publish = inlineParameters(p)
	case []any:
		tr.publish = entries(p)
	}
	switch do := get(d, "do").(type) {
	case string:
		tr.text = do
	case []any:
		for _, n := range do {
			if id, ok := n.(string); ok {
				tr.do = append(tr.do, id)
			}
		}
	}
	if tr.text == "" && len(tr.do) == 0 {
		tr.text = "continue"
	}
	for _, n := range strings.Split(tr.text, ",") {
		if tr.text != "" {
			tr.do = append(tr.do, strings.TrimSpace(n))
		}
	}
	return tr
}

// line finds a path of the definition in its text; the line of what is there of it.
func (s *Spec) line(path ...string) int {
	n := s.node
	line := n.Line
	for _, p := range path {
		found := false
		if n.Kind == yaml.MappingNode {
			for i := 0; i < len(n.Content); i += 2 {
				if n.Content[i].Value == p {
					n, line, found = n.Content[i+1], n.Content[i].Line, true
					break
				}
			}
		}
		if i, err := strconv.Atoi(p); n.Kind == yaml.SequenceNode && err == nil && i < len(n.Content) {
			n, line, found = n.Content[i], n.Content[i].Line, true
		}
		if !found {
			return line
		}
	}
	return line
}
