package orquesta

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/orquesta/jinja"
	"stackstorm-laas/internal/testreal"
)

// work is what both sides evaluate.
type work struct {
	Vars        map[string]any `json:"vars"`
	Expressions []string       `json:"expressions"`
	Templates   []string       `json:"templates"`
}

// realJinja2 gives the answers of the original: a value as Python writes it, "undefined", or the class of an exception.
func realJinja2(t *testing.T, w work) []string {
	python := testreal.Need(t, "python3")[0]
	for _, p := range []string{"/usr/bin/python3", python} {
		if exec.Command(p, "-c", "import jinja2").Run() == nil {
			python = p
			break
		}
	}
	if exec.Command(python, "-c", "import jinja2").Run() != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("Jinja2 for Python is not installed")
		}
		t.Skip("Jinja2 for Python is not installed")
	}
	in, err := json.Marshal(w)
	require.NoError(t, err)
	cmd := exec.Command(python, "testdata/jinja2_reference.py")
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	var answers []string
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var a []string
		require.NoError(t, json.Unmarshal(lines.Bytes(), &a))
		answers = append(answers, strings.Join(a, " "))
	}
	require.Len(t, answers, len(w.Expressions)+len(w.Templates))
	return answers
}

const refusal = "refused"

// ours gives the answers of this package in the same form.
func ours(w work) []string {
	env := sampleEnv(w.Vars)
	var out []string
	for _, text := range w.Expressions {
		p, err := jinja.ParseExpression(text)
		var v any
		if err == nil {
			v, err = env.Eval(p)
		}
		out = append(out, shown(v, err))
	}
	for _, text := range w.Templates {
		tpl, err := jinja.ParseTemplate(text)
		var v any
		if err == nil {
			v, err = env.Render(tpl)
		}
		out = append(out, shown(v, err))
	}
	return out
}

func shown(v any, err error) string {
	var e *jinja.Error
	if errors.As(err, &e) {
		return "error " + e.Class
	}
	if err != nil {
		return refusal + " " + err.Error()
	}
	switch x := v.(type) {
	case jinja.Undefined:
		return "undefined"
	case *jinja.Iter:
		if x.Generator {
			v = append([]any{}, x.Items...)
		}
	case jinja.Markup:
		v = string(x)
	}
	text, err := jinja.TextOf([]any{v})
	if err != nil {
		return refusal + " " + err.Error()
	}
	return "value " + text[1:len(text)-1]
}

func sampleEnv(vars map[string]any) *jinja.Env {
	status, _ := vars["status"].(string)
	if status == "" {
		status = succeeded
	}
	s := scope{
		vars: dictOf(jinja.FromGo(vars["ctx"])), item: jinja.FromGo(vars["item"]),
		task:   &currentTask{id: "t", result: jinja.FromGo(vars["result"])},
		status: func(string, int) string { return status },
	}
	env := Functions{StackStorm: true}.env(s)
	names, _ := vars["names"].(map[string]any)
	for k, v := range names {
		env.Names[k] = jinja.FromGo(v)
	}
	return env
}

// compareWithReal fails for every different answer and gives how many were refused.
func compareWithReal(t *testing.T, w work) (refused []string) {
	t.Helper()
	want, got := realJinja2(t, w), ours(w)
	var different []string
	for i, text := range append(append([]string{}, w.Expressions...), w.Templates...) {
		if strings.HasPrefix(got[i], refusal) {
			refused = append(refused, text+"   "+got[i])
			continue
		}
		if want[i] != got[i] {
			different = append(different, text+"   real: "+want[i]+"   ours: "+got[i])
		}
	}
	assert.Empty(t, strings.Join(different, "\n"))
	return refused
}

var operands = []string{
	"none", "true", "false", "0", "7", "-3", "2", "1.5", "-0.25", "3.0", "1e20", "''", "'abc'", "'Hello wide World'", "'42'", "' -7 '", "'4.9'", "'a,b,,c'",
	"'É'", "[]", "[3, 1, 2]", "['b', 'a', 'B']", "[1, 'a', none]", "[[1, 2], [0, 3]]", "(1, 2)", "{}", "{'b': 1, 'a': 2}", "d", "l", "hosts", "missing", "d.missing", "range(3)",
}

func fuzzVars() map[string]any {
	host := func(n string, cpu int, up bool) map[string]any {
		return map[string]any{"name": n, "cpu": cpu, "up": up, "deep": map[string]any{"x": []any{cpu, n}}}
	}
	return map[string]any{"names": map[string]any{
		"d": map[string]any{"name": "n1", "n": 5, "nothing": nil, "items": "key", "list": []any{1, 2.5, "x"}},
		"l": []any{"x", "y"}, "hosts": []any{host("n2", 8, true), host("n1", 4, false), host("N3", 4, true)},
	}}
}

func TestRealJinja2AgreesOnEveryFilterTestAndOperator(t *testing.T) {
	filters := []string{
		"abs", "capitalize", "count", "length", "default('x')", "default('x', true)", "d(none, boolean=true)", "dictsort", "dictsort(by='value')",
		"dictsort(reverse=true)", "first", "last", "float", "float(9.5)", "int", "int(-1)", "items", "items | list", "join", "join('-')", "join('/', attribute='name')",
		"list", "lower", "upper", "title", "trim", "trim('x')", "string", "map('upper') | list", "map('int')", "map(attribute='name') | list",
		"map(attribute='deep.x.1') | list", "map(attribute='nope', default='-') | list", "max", "min", "max(attribute='cpu')", "min(attribute='name')",
		"reject('none') | list", "rejectattr('up') | list", "selectattr('up') | map(attribute='name') | join(',')", "selectattr('cpu', 'ge', 5) | list",
		"selectattr('nope', 'defined') | list", "select | list", "select('mapping') | list", "select('string') | first", "select('in', [1, 'a']) | list", "reverse", "reverse | list",
		"replace('b', 'X')", "replace('b', 'X', 1)", "round", "round(1)", "sort", "sort(reverse=true)", "sort(attribute='cpu')", "sort(attribute='cpu,name')",
		"sort(case_sensitive=true)", "sum", "sum(attribute='cpu')", "sum(start=10)", "tojson", "unique | list", "unique(attribute='cpu') | list", "wordcount", "to_json_string",
		"to_json_string(sort_keys=true)", "nosuchfilter", "format", "format(1)", "attr('name')", "first | upper", "list | length > 1", "default([]) | length",
	}
	tests := []string{
		"defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping", "sequence", "iterable", "odd", "even",
		"lower", "upper", "divisibleby 2", "divisibleby(0)", "eq 7", "equalto 'abc'", "ne(none)", "gt 1", "lessthan(2)", "ge 'a'", "in [1, 7, 'abc']", "in('abcd')", "nosuchtest",
	}
	postfix := []string{
		".name", "['name']", "[0]", "[-1]", "[7]", "['items']", ".items", ".items()", ".get('name')", ".get('nope', 3)", ".keys()", ".values() | list", "[1:]", "[:-1]", "[:1]", ".upper()", ".split(',')",
		".split()", ".split(',', 1)", ".strip()", ".startswith('a')", ".endswith(('c', 'd'))", ".replace('a', 'b')", ".title()", ".find('c')", ".count('b')", ".isdigit()",
		".join(['a', 'b'])", ".zfill(5)", ".nope.deeper", ".index(2)", ".copy()", "()", "[none]", "[d]", "['a']", ".real", ".0", ".splitlines()", ".format(1)", ".rsplit(',', 1)", ".capitalize()",
	}
	binary := []string{"+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"}
	w := work{Vars: fuzzVars()}
	for _, o := range operands {
		for _, f := range filters {
			w.Expressions = append(w.Expressions, o+" | "+f)
		}
		for _, x := range tests {
			w.Expressions = append(w.Expressions, o+" is "+x, o+" is not "+x)
		}
		for _, p := range postfix {
			w.Expressions = append(w.Expressions, "("+o+")"+p)
		}
		w.Expressions = append(w.Expressions, o, "-"+o, "not "+o, "+"+o, o+" | abs | string", "'yes' if "+o+" else 'no'", "["+o+"]", "{'k': "+o+"}")
		for i, o2 := range operands {
			for j, b := range binary {
				if (i+j)%3 != 0 { // each operator meets a third of the pairs
					continue
				}
				w.Expressions = append(w.Expressions, o+" "+b+" "+o2)
			}
		}
	}
	refused := compareWithReal(t, w)
	t.Logf("%d expressions, %d refused", len(w.Expressions), len(refused))
	if os.Getenv("SHOW_REFUSED") != "" {
		t.Log(strings.Join(refused, "\n"))
	}
}
