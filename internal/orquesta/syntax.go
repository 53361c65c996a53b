package orquesta

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"stackstorm-laas/internal/orquesta/jinja"
)

// Problem is what inspection finds wrong with a definition.
type Problem struct {
	Type       string // syntax, semantic, expression, context
	SpecPath   string // where, "" for the definition as a whole
	Message    string
	Expression string
	Line       int
}

var (
	word      = regexp.MustCompile(`^\w+$`)
	itemsForm = regexp.MustCompile(`^(\s+)?(\{\{.*?\}\}|<%.*?%>)(\s+)?$|^(\s+)?((\w+,\s?|\s+)+)?(\w+)\s+in\s+(\{\{.*?\}\}|<%.*?%>)(\s+)?$`)
)

// checker collects what the shape of a definition does not allow. Shapes that Orquesta cannot even load are refused.
type checker struct {
	spec     *Spec
	problems []Problem
	refused  error
}

func (s *Spec) checkSyntax() ([]Problem, error) {
	c := &checker{spec: s}
	d := s.doc
	c.known(d, "", "name", "version", "description", "tags", "vars", "input", "output", "tasks")
	for _, k := range []string{"name", "description"} {
		c.optional(d, "", k, isText)
	}
	c.optional(d, "", "version", func(v any) bool { return isText(v) || isCount(v) || isPositive(v) })
	c.optional(d, "", "tags", isTextList)
	c.list(d, "", "vars", isOneKey)
	c.list(d, "", "output", isOneKey)
	c.list(d, "", "input", func(v any) bool { return isText(v) || isOneKey(v) })
	v, ok := d.Get("tasks")
	tasks, isDict := v.(*jinja.Dict)
	switch {
	case !ok:
		c.add("", "'tasks' is a required property")
	case !isDict:
		c.refuse("tasks that are not a mapping", "tasks")
	case tasks.Len() == 0:
		c.refuse("a workflow without tasks", "tasks")
	default:
		for _, id := range tasks.Keys() {
			if !word.MatchString(id) {
				c.refuse("the task name "+id, "tasks", id)
			}
			c.task(get(tasks, id), id)
		}
	}
	return c.problems, c.refused
}

func (c *checker) add(path, message string) {
	c.problems = append(c.problems, Problem{Type: "syntax", SpecPath: path, Message: message, Line: c.spec.line(strings.Split(path, ".")...)})
}

func (c *checker) refuse(what string, path ...string) {
	if c.refused == nil {
		c.refused = &Unsupported{What: what, Line: c.spec.line(path...)}
	}
}

func (c *checker) task(v any, id string) {
	d, ok := v.(*jinja.Dict)
	path := "tasks." + id
	if !ok || d.Len() == 0 {
		c.refuse(fmt.Sprintf("the task %s without a body", id), "tasks", id)
		return
	}
	c.known(d, path, "delay", "join", "with", "action", "input", "retry", "next")
	c.optional(d, path, "delay", isTextOrCount)
	c.optional(d, path, "join", func(v any) bool { return v == "all" || isCount(v) })
	c.optional(d, path, "action", isText)
	c.optional(d, path, "input", func(v any) bool {
		m, ok := v.(*jinja.Dict)
		return isText(v) || ok && m.Len() > 0
	})
	if w, ok := d.Get("with"); ok {
		with, isDict := w.(*jinja.Dict)
		if !isDict || with.Len() == 0 {
			c.refuse("with of this shape", "tasks", id, "with")
		} else {
			c.known(with, path+".with", "items", "concurrency")
			c.optional(with, path+".with", "items", func(v any) bool {
				t, ok := v.(string)
				return ok && itemsForm.MatchString(t)
			})
			c.optional(with, path+".with", "concurrency", isTextOrCount)
			if _, ok := with.Get("items"); !ok {
				c.refuse("with without items", "tasks", id, "with")
			}
		}
	}
	if r, ok := d.Get("retry"); ok {
		retry, isDict := r.(*jinja.Dict)
		if !isDict || retry.Len() == 0 {
			c.refuse("retry of this shape", "tasks", id, "retry")
		} else {
			c.known(retry, path+".retry", "when", "count", "delay")
			c.optional(retry, path+".retry", "when", isText)
			c.optional(retry, path+".retry", "count", isTextOrCount)
			c.optional(retry, path+".retry", "delay", isTextOrCount)
			if _, ok := retry.Get("count"); !ok {
				c.add(path+".retry", "'count' is a required property")
			}
		}
	}
	if n, ok := d.Get("next"); ok {
		list, isList := n.([]any)
		if !isList {
			c.refuse("next that is not a list", "tasks", id, "next")
		}
		for i, tr := range list {
			c.transition(tr, fmt.Sprintf("%s.next[%d]", path, i), id)
		}
	}
}

func (c *checker) transition(v any, path, id string) {
	d, ok := v.(*jinja.Dict)
	if !ok || d.Len() == 0 {
		c.refuse("an empty transition", "tasks", id, "next")
		return
	}
	c.known(d, path, "when", "publish", "do")
	c.optional(d, path, "when", isText)
	c.optional(d, path, "publish", func(v any) bool { return isText(v) || isListOf(v, isOneKey) })
	c.optional(d, path, "do", func(v any) bool { return isText(v) || isTextList(v) })
}

// known reports all unexpected keys as one problem.
func (c *checker) known(d *jinja.Dict, path string, keys ...string) {
	var odd []string
	for _, k := range d.Keys() {
		if !slices.Contains(keys, k) {
			odd = append(odd, "'"+k+"'")
		}
	}
	if len(odd) > 0 {
		verb := "was"
		if len(odd) > 1 {
			verb = "were"
		}
		c.add(path, fmt.Sprintf("Additional properties are not allowed (%s %s unexpected)", strings.Join(odd, ", "), verb))
	}
}

func (c *checker) optional(d *jinja.Dict, path, key string, valid func(any) bool) {
	if v, ok := d.Get(key); ok && !valid(v) {
		c.add(strings.TrimPrefix(path+"."+key, "."), "is not valid under the schema")
	}
}

func (c *checker) list(d *jinja.Dict, path, key string, valid func(any) bool) {
	v, ok := d.Get(key)
	if !ok {
		return
	}
	list, isList := v.([]any)
	path = strings.TrimPrefix(path+"."+key, ".")
	if !isList || len(list) == 0 {
		c.add(path, "is not a list of at least one element")
		return
	}
	for i, e := range list {
		if !valid(e) {
			c.add(fmt.Sprintf("%s[%d]", path, i), "is not valid under the schema")
		}
	}
	if hasTwins(list) {
		c.add(path, "has non-unique elements")
	}
}

func hasTwins(list []any) bool {
	for i := range list {
		for j := range i {
			if jinja.Equal(list[i], list[j]) {
				return true
			}
		}
	}
	return false
}

func isText(v any) bool  { s, ok := v.(string); return ok && s != "" }
func isCount(v any) bool { n, ok := v.(int); return ok && n >= 0 }
func isPositive(v any) bool {
	f, ok := v.(float64)
	return ok && f >= 0
}
func isTextOrCount(v any) bool { return isText(v) || isCount(v) }
func isOneKey(v any) bool      { d, ok := v.(*jinja.Dict); return ok && d.Len() == 1 }
func isTextList(v any) bool    { return isListOf(v, isText) }

func isListOf(v any, valid func(any) bool) bool {
	list, ok := v.([]any)
	return ok && len(list) > 0 && !slices.ContainsFunc(list, func(e any) bool { return !valid(e) }) && !hasTwins(list)
}
