package orquesta

import (
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"stackstorm-laas/internal/orquesta/jinja"
)

// lintWorkflows checks each workflow against its metadata.
func (l *linter) lintWorkflows() error {
	docs, err := l.read("workflows/*.yaml")
	if err != nil {
		return err
	}
	for _, d := range docs {
		m := l.metadataOf(d.file)
		if m == nil {
			l.add(d.file, 1, "no action of the runner orquesta has this file as its entry_point")
			m = &metadata{document: *d, parameters: jinja.NewDict()}
		}
		l.lintWorkflow(d, m)
	}
	return nil
}

func (l *linter) metadataOf(file string) *metadata {
	for _, m := range l.actions {
		if m.runner == "orquesta" && filepath.Clean(m.entryPoint) == filepath.Clean(file) {
			return m
		}
	}
	return nil
}

func (l *linter) lintWorkflow(d *document, m *metadata) {
	s, err := parseDocument(d.file, d.node, d.doc)
	var u *Unsupported
	if errors.As(err, &u) {
		l.add(d.file, u.Line, "%s is not supported by the embedded runner", u.What)
		return
	} else if err != nil {
		l.add(d.file, 1, "%v", err)
		return
	}
	for _, p := range s.Inspect("st2", "parent") {
		l.add(d.file, p.Line, "%s", p.Message)
	}
	l.inputs(d, s, m)
	types := s.types(m)
	for _, p := range s.places() {
		line := s.problem("", p.path, "", "").Line
		texts(p.value, func(text string) {
			for _, finding := range suspicious(text) {
				l.add(d.file, line, "%s: %s", p.path, finding)
			}
		})
	}
	known := with([]string{"st2", "parent"}, s.assigned()...)
	for _, id := range s.order {
		l.lintTask(d, s, s.tasks[id], types, known)
	}
}

// inputs holds metadata and workflow equal: StackStorm passes every parameter of the metadata, and nothing else.
func (l *linter) inputs(d *document, s *Spec, m *metadata) {
	if m.ref == "" {
		return
	}
	var names []string
	for _, e := range s.input {
		names = append(names, e.name)
		switch {
		case !has(m.parameters, e.name):
			l.at(d, []string{"input"}, "the input %s is no parameter in %s", e.name, m.file)
		case e.present:
			l.at(d, []string{"input"}, "StackStorm ignores the default of the input %s: put it into %s", e.name, m.file)
		}
	}
	for _, name := range m.parameters.Keys() {
		p := dictOf(get(m.parameters, name))
		if !slices.Contains(names, name) && get(p, "immutable") != true {
			l.at(&m.document, []string{"parameters", name}, "the parameter %s is no input of %s", name, d.file)
		}
		if has(p, "default") && get(p, "default") != nil && get(p, "required") == true {
			l.at(&m.document, []string{"parameters", name}, "the default of %s is ignored: the parameter is required", name)
		}
	}
	schema := dictOf(get(m.doc, "output_schema"))
	declared := dictOf(get(schema, "properties"))
	if get(schema, "additionalProperties") != false || declared.Len() == 0 {
		return
	}
	for _, e := range s.output {
		if !has(declared, e.name) {
			l.at(d, []string{"output"}, "the output %s is not in the output_schema of %s, which allows no others", e.name, m.file)
		}
	}
}

// assigned lists all names that are assigned anywhere.
func (s *Spec) assigned() (out []string) {
	for _, list := range [][]entry{s.input, s.vars} {
		for _, e := range list {
			out = with(out, e.name)
		}
	}
	for _, id := range s.order {
		for _, tr := range s.tasks[id].next {
			for _, e := range tr.publish {
				out = with(out, e.name)
			}
		}
	}
	return out
}

// types gives the declared types of inputs that nothing assigns anew.
func (s *Spec) types(m *metadata) map[string]any {
	out := map[string]any{}
	for _, e := range s.input {
		out[e.name] = get(dictOf(get(m.parameters, e.name)), "type")
	}
	again := &Spec{vars: s.vars, order: s.order, tasks: s.tasks}
	for _, name := range again.assigned() {
		delete(out, name)
	}
	return out
}

var (
	literal  = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	asMethod = regexp.MustCompile(`\.(items|keys|values|get|copy|pop|update|clear|setdefault|popitem|fromkeys)\b\s*([^(\s]|$)`)
)

// suspicious finds what is legal in a text and does not do what it looks like.
func suspicious(text string) (out []string) {
	exprs := inline.FindAllString(text, -1)
	if len(exprs) == 1 && text != exprs[0] && strings.TrimSpace(text) == exprs[0] {
		out = append(out, "a blank beside the expression makes its value text")
	}
	for _, e := range exprs {
		if m := asMethod.FindStringSubmatch(literal.ReplaceAllString(stripped(e), "''")); m != nil {
			out = append(out, "."+m[1]+" is Python's method, not a key: write ['"+m[1]+"']")
		}
	}
	if strings.Count(text, "{{") > strings.Count(strings.Join(exprs, ""), "{{") && !blocks.MatchString(text) {
		out = append(out, "an expression that is not closed on its line stays text")
	}
	return out
}

// lost gives the words of inline parameters that Orquesta drops.
func lost(text string) string {
	return strings.TrimSpace(parameter.ReplaceAllString(text, ""))
}

func (l *linter) lintTask(d *document, s *Spec, t *task, types map[string]any, known []string) {
	path := []string{"tasks", t.name}
	raw, _ := get(dictOf(get(dictOf(get(s.doc, "tasks")), t.name)), "action").(string)
	if name, rest, _ := strings.Cut(raw, " "); !hasExpression(name) && lost(rest) != "" {
		l.at(d, append(path, "action"), "%q is dropped: inline parameters need quotes, or better input", lost(rest))
	}
	if t.retry != nil {
		for _, v := range variables([]any{t.retry.when, t.retry.count, t.retry.delay}) {
			if !slices.Contains(known, v.name) {
				l.at(d, append(path, "retry"), "Variable %q is never assigned", v.name)
			}
		}
	}
	for i, tr := range t.next {
		next, _ := get(dictOf(get(dictOf(get(s.doc, "tasks")), t.name)), "next").([]any)
		if text, ok := get(dictOf(at(next, i)), "publish").(string); ok && lost(text) != "" {
			l.at(d, append(path, "next", strconv.Itoa(i), "publish"), "%q is dropped: publish needs quotes, or better its long form", lost(text))
		}
		if tr.when != "" && inline.FindString(tr.when) != tr.when {
			l.at(d, append(path, "next", strconv.Itoa(i), "when"), "when is text, which is always true: write one expression and nothing else")
		}
	}
	if t.action == "" || hasExpression(t.action) {
		return
	}
	m := l.actions[t.action]
	if m == nil {
		l.unknown(d, append(path, "action"), t.action)
		return
	}
	if _, whole := t.input.(string); whole {
		return // an expression gives the input
	}
	input := dictOf(t.input)
	where := append(path, "input")
	if t.input == nil {
		where = append(path, "action")
	}
	l.given(d, where, m, input)
	for _, name := range input.Keys() {
		want := get(dictOf(get(m.parameters, name)), "type")
		v := get(input, name)
		if text, ok := v.(string); ok {
			if ref := variables(text); len(ref) == 1 && isReference(text) && types[ref[0].name] != nil {
				l.mismatch(d, append(where, name), name, types[ref[0].name], want)
			}
		}
		l.typed(d, append(where, name), "the parameter "+name, v, want)
	}
}

var wholeReference = regexp.MustCompile(`^\{\{\s*ctx(\(\)\.\w+|\('\w+'\)|\("\w+"\))\s*\}\}$`)

// isReference says whether a text is a variable and nothing else.
func isReference(text string) bool { return wholeReference.MatchString(text) }

func (l *linter) mismatch(d *document, path []string, name string, have, want any) {
	if want == "string" && have != "string" {
		l.at(d, path, "the parameter %s is a string and gets a value of type %s, which StackStorm refuses: write | string", name, have)
	}
}

// typed checks a value that stands in the file against a declared type, with the casts that StackStorm makes.
func (l *linter) typed(d *document, path []string, what string, v, want any) {
	ok := true
	text, isText := v.(string)
	if v == nil || isText && hasExpression(text) {
		return
	}
	switch want {
	case "string":
		ok = isText
	case "integer":
		_, isInt := v.(int)
		_, err := strconv.Atoi(text)
		ok = isInt || isText && err == nil
	case "number":
		_, isFloat := v.(float64)
		_, isInt := v.(int)
		ok = isFloat || isInt
	case "boolean":
		_, isBool := v.(bool)
		ok = isBool || isText // StackStorm reads the text
	case "array":
		_, isList := v.([]any)
		ok = isList || isText
	case "object":
		_, isDict := v.(*jinja.Dict)
		ok = isDict || isText
	}
	if !ok {
		l.at(d, path, "%s is of type %s and gets %s, which is a %s", what, want, asJSON(v), jinja.TypeName(v))
	}
}

// given checks the names of parameters against those the action declares.
func (l *linter) given(d *document, path []string, m *metadata, input *jinja.Dict) {
	for _, name := range input.Keys() {
		switch p := dictOf(get(m.parameters, name)); {
		case !has(m.parameters, name):
			l.at(d, append(path, name), "the action %s has no parameter %s", m.ref, name)
		case get(p, "immutable") == true:
			l.at(d, append(path, name), "the parameter %s of the action %s is immutable", name, m.ref)
		}
	}
	for _, name := range m.parameters.Keys() {
		p := dictOf(get(m.parameters, name))
		if get(p, "required") == true && !has(p, "default") && !has(input, name) {
			l.at(d, path, "the action %s needs the parameter %s", m.ref, name)
		}
	}
}
