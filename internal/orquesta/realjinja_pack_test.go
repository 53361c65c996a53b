package orquesta

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/orquesta/jinja"
)

var referred = regexp.MustCompile(`\bctx\(\)\.(\w+)|\bctx\(['"](\w+)['"]\)`)

// sample is a value that most expressions can do something with, different for each name.
func sample(name string, turn int) any {
	switch turn {
	case 0:
		return name + " 7"
	case 1:
		return len(name)
	case 2:
		return []any{name, 1, map[string]any{"name": name}}
	case 3:
		return nil
	}
	return map[string]any{"summary": name, "failed": []any{}, "epoch": 3, "stdout": map[string]any{"summary": "s"}}
}

// packVars make a context for the expressions of a pack: every variable they refer to, results in the shape of an action's.
func packVars(names []string, turn int) map[string]any {
	context := map[string]any{"st2": map[string]any{"user": "alice", "action_execution_id": "65f0"}}
	stdout := map[string]any{}
	for _, n := range names {
		context[n], stdout[n] = sample(n, turn), sample(n, turn+1)
	}
	item := map[string]any{}
	for _, n := range []string{"host", "switch", "task_id", "job", "job_id"} {
		item[n] = sample(n, turn)
	}
	return map[string]any{
		"ctx": context, "item": item, "status": []string{succeeded, failed}[turn%2],
		"result": map[string]any{"stdout": stdout, "stderr": "", "return_code": 0, "output": stdout},
		"names": map[string]any{
			"trigger": stdout, "action_context": map[string]any{"user": "alice"},
			"config_context": map[string]any{"fog": map[string]any{"url": "http://a/?b='c'&d=<e>"}, "n": 1.5, "é": []any{true, nil}},
		},
	}
}

// TestRealJinja2AgreesOnEveryExpressionOfThePack holds each expression of workflows to the original by itself, and each text of
// metadata and rules as the template that StackStorm renders.
func TestRealJinja2AgreesOnEveryExpressionOfThePack(t *testing.T) {
	var expressions, templates, names []string
	for _, dir := range []string{"workflows", "rules", "actions", "policies", "aliases"} {
		files, err := filepath.Glob("../../" + dir + "/*.yaml")
		require.NoError(t, err)
		for _, f := range files {
			text, err := os.ReadFile(f)
			require.NoError(t, err)
			v, err := ReadYAML(text)
			require.NoError(t, err, f)
			texts(v, func(s string) {
				if !hasExpression(s) {
					return
				}
				for _, m := range referred.FindAllStringSubmatch(s, -1) {
					names = with(names, m[1]+m[2])
				}
				if dir != "workflows" || blocks.MatchString(s) {
					templates = with(templates, s)
					return
				}
				for _, e := range inline.FindAllString(s, -1) {
					expressions = with(expressions, stripped(e))
				}
			})
			for _, m := range regexp.MustCompile(`stdout\.(\w+)|trigger\.(\w+)`).FindAllStringSubmatch(string(text), -1) {
				names = with(names, m[1]+m[2])
			}
		}
	}
	require.NotEmpty(t, expressions)
	for turn := range 5 {
		refused := compareWithReal(t, work{Vars: packVars(names, turn), Expressions: expressions, Templates: templates})
		require.Empty(t, refused, "the pack uses what the embedded runner refuses")
	}
	t.Logf("%d expressions, %d templates, %d names", len(expressions), len(templates), len(names))
}

func TestRenderGivesTextAsStackStormDoes(t *testing.T) {
	read := func(key string, decrypt bool) (string, bool, error) {
		v, ok := map[string]string{"system.laas.fog": "clear", "system.token": "ciphertext"}[key]
		if decrypt {
			v = "secret of " + key
		}
		return v, ok, nil
	}
	vars := map[string]any{
		"st2kv": Keys{Read: read}, "trigger": map[string]any{"job_id": 7, "list": []any{1, "a"}},
		"config_context": map[string]any{"a": "b"},
	}
	for _, c := range []struct{ name, text, want string }{
		{"a number becomes text", "{{ trigger.job_id }}", "7"},
		{"a list is written as Python writes it", "{{ trigger.list }}", "[1, 'a']"},
		{"a key is read by its dotted name", "{{ st2kv.system.laas.fog }}", "clear"},
		{"a missing key is empty", "<{{ st2kv.system.nothing }}>", "<>"},
		{"decrypt_kv reads the secret", "{{ st2kv.system.token | decrypt_kv }}", "secret of system.token"},
		{"JSON has StackStorm's separators", "{{ config_context | to_json_string }}", `{"a": "b"}`},
		{"text without braces stays", "plain }} {", "plain }} {"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Render(c.text, vars)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	for _, c := range []struct{ name, text string }{
		{"an undefined name is an error", "{{ nothing }}"},
		{"a missing attribute is an error", "x{{ trigger.nope }}"},
		{"a missing secret is an error", "{{ st2kv.system.nope | decrypt_kv }}"},
		{"an unknown filter is an error", "{{ 1 | nosuch }}"},
		{"a text that does not parse is an error", "{{ 1 + }}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Render(c.text, vars)
			require.Error(t, err)
			var e *jinja.Error
			require.ErrorAs(t, err, &e)
			require.True(t, strings.HasPrefix(err.Error(), "render "))
		})
	}
}
