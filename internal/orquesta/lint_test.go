package orquesta

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestThePackItselfHasNoFindings(t *testing.T) {
	findings, err := Lint("../..")
	require.NoError(t, err)
	for _, f := range findings {
		assert.Fail(t, f.String())
	}
}

// goodPack has a workflow, a leaf action, a rule and a policy without findings.
var goodPack = map[string]string{
	"pack.yaml":      "name: lab\nref: lab\nversion: 0.1.0\n",
	"actions/run.sh": "",
	"actions/leaf.yaml": `name: leaf
runner_type: local-shell-script
entry_point: run.sh
parameters:
  host: {type: string, required: true}
  count: {type: integer}
  action: {type: string, immutable: true, default: leaf}
`,
	"actions/flow.yaml": `name: flow
runner_type: orquesta
entry_point: workflows/flow.yaml
parameters:
  host: {type: string, required: true}
  number: {type: integer, default: 3}
output_schema:
  properties: {summary: {type: string}}
  additionalProperties: false
`,
	"workflows/flow.yaml": `version: 1.0
input:
  - host
  - number
vars:
  - summary: ""
tasks:
  one:
    action: lab.leaf
    input:
      host: "{{ ctx().host }}"
      count: "{{ ctx().number }}"
    next:
      - when: "{{ succeeded() }}"
        publish:
          - summary: "{{ result().stdout.summary }}"
output:
  - summary: "{{ ctx().summary }}"
`,
	"rules/r.yaml":    "name: r\naction:\n  ref: lab.flow\n  parameters:\n    host: \"{{ trigger.host }}\"\n",
	"policies/p.yaml": "name: p\nresource_ref: lab.leaf\nparameters:\n  attributes: [host]\n",
}

func lintPack(t *testing.T, files map[string]string) []string {
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	require.NoError(t, os.Symlink("../workflows", filepath.Join(dir, "actions", "workflows")))
	findings, err := Lint(dir)
	require.NoError(t, err)
	var out []string
	for _, f := range findings {
		out = append(out, f.String())
	}
	return out
}

func TestLintFindsEachMistakeAndAcceptsItsGoodTwin(t *testing.T) {
	require.Empty(t, lintPack(t, goodPack))
	const flow, leaf, meta = "workflows/flow.yaml", "actions/leaf.yaml", "actions/flow.yaml"
	for _, c := range []struct{ name, file, was, bad, want, good string }{
		{"an unknown action", flow, "action: lab.leaf", "action: lab.laef", `flow.yaml:9: there is no action "lab.laef"`, "action: lab.leaf"},
		{"an unknown parameter", flow, "count:", "cuont:", "flow.yaml:12: the action lab.leaf has no parameter cuont", "count:"},
		{"a missing parameter", flow, "      host: \"{{ ctx().host }}\"\n", "", "needs the parameter host", "      host: x\n"},
		{"an immutable parameter", flow, "count: \"{{ ctx().number }}\"", "action: x", "is immutable", "count: 1"},
		{"a number for a string parameter", flow, "host: \"{{ ctx().host }}\"", "host: 5", "the parameter host is of type string and gets 5", "host: \"5\""},
		{"a variable that is a number for a string parameter", flow, "host: \"{{ ctx().host }}\"", "host: \"{{ ctx().number }}\"", "write | string", "host: \"{{ ctx().number | string }}\""},
		{"a text for an integer parameter", flow, "count: \"{{ ctx().number }}\"", "count: many", "count is of type integer", "count: \"7\""},
		{"an undefined variable", flow, "{{ ctx().host }}", "{{ ctx().hots }}", `flow.yaml:10: Variable "hots" is referenced before assignment`, "{{ ctx().host }}"},
		{"an undefined variable in retry", flow, "    next:", "    retry: {count: \"{{ ctx().nope }}\"}\n    next:", `Variable "nope" is never assigned`, "    retry: {count: \"{{ ctx().number }}\"}\n    next:"},
		{"unquoted inline words", flow, "action: lab.leaf\n    input:\n      host: \"{{ ctx().host }}\"\n      count: \"{{ ctx().number }}\"", "action: lab.leaf host=\"x\" count=two", `"count=two" is dropped`, "action: lab.leaf host=\"x\" count=2"},
		{"unquoted words in publish", flow, "publish:\n          - summary: \"{{ result().stdout.summary }}\"", "publish: summary=done", `"summary=done" is dropped`, "publish: summary=\"done\""},
		{"a blank after an expression", flow, "\"{{ ctx().host }}\"", "\"{{ ctx().host }} \"", "a blank beside the expression", "\"{{ ctx().host }}.\""},
		{"a method of Python for a key", flow, "{{ result().stdout.summary }}", "{{ result().items }}", "write ['items']", "{{ result()['items'] }}"},
		{"when that is text", flow, "when: \"{{ succeeded() }}\"", "when: \"not {{ failed() }}\"", "flow.yaml:14: when is text", "when: \"{{ not failed() }}\""},
		{"an expression over two lines", flow, "\"{{ ctx().host }}\"", "\"{{ ctx().host\\n }}\"", "is not closed on its line", "\"{{ ctx().host }}\""},
		{"an input that is no parameter", flow, "  - number\n", "  - number\n  - other\n", "the input other is no parameter", "  - number\n"},
		{"a parameter that is no input", meta, "  number:", "  another: {type: string}\n  number:", "actions/flow.yaml:6: the parameter another is no input", "  notify: {immutable: true, default: []}\n  number:"},
		{"a default that StackStorm ignores", flow, "  - number\n", "  - number: 3\n", "ignores the default of the input number", "  - number\n"},
		{"a default of a required parameter", meta, "number: {type: integer, default: 3}", "number: {type: integer, required: true, default: 3}", "the default of number is ignored", "number: {type: integer, required: false, default: 3}"},
		{"an output that the schema does not allow", flow, "output:\n", "output:\n  - more: 1\n", "the output more is not in the output_schema", "output:\n"},
		{"a word that is a boolean in YAML 1.1 only", leaf, "parameters:", "enabled: yes\nparameters:", "leaf.yaml:4: yes is not the same", "enabled: true\nparameters:"},
		{"a MAC that is a number in YAML 1.1", flow, "host: \"{{ ctx().host }}\"", "host: 52:54:00:12:34:56", "52:54:00:12:34:56 is not the same", "host: \"52:54:00:12:34:56\""},
		{"a number with a leading zero", flow, "count: \"{{ ctx().number }}\"", "count: 010", "StackStorm reads 8", "count: 8"},
		{"a key given twice", flow, "  - number\n", "  - number\nvars: []\n", "given twice", "  - number\n"},
		{"a construct that is not supported", flow, "{{ result().stdout.summary }}", "{{ result() | urlize }}", "flow.yaml:15: the filter urlize", "{{ result() | string }}"},
		{"YAQL", flow, "{{ ctx().host }}", "<% ctx().host %>", "YAQL", "{{ ctx().host }}"},
		{"an unknown task", flow, "        publish:", "        do: two\n        publish:", `The task "two" is not defined`, "        do: noop\n        publish:"},
		{"a missing entry point", leaf, "run.sh", "walk.sh", "there is no file walk.sh", "run.sh"},
		{"a default that does not parse", leaf, "count: {type: integer}", "count: {type: integer, default: \"{{ 1 + }}\"}", "leaf.yaml:6: ", "count: {type: integer, default: \"{{ config_context.n }}\"}"},
		{"a default of the wrong type", leaf, "count: {type: integer}", "count: {type: integer, default: many}", "the default of count is of type integer", "count: {type: integer, default: 2}"},
		{"a rule for an unknown action", "rules/r.yaml", "lab.flow", "lab.flou", `rules/r.yaml:3: there is no action "lab.flou"`, "lab.flow"},
		{"a rule without a needed parameter", "rules/r.yaml", "host:", "number:", "needs the parameter host", "host:"},
		{"a policy on an unknown parameter", "policies/p.yaml", "[host]", "[hots]", "has no parameter hots", "[host]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := maps.Clone(goodPack)
			require.Contains(t, files[c.file], c.was)
			files[c.file] = strings.Replace(goodPack[c.file], c.was, c.bad, 1)
			findings := lintPack(t, files)
			assert.True(t, slices.ContainsFunc(findings, func(f string) bool { return strings.Contains(f, c.want) }), "%q not in %q", c.want, findings)
			files[c.file] = strings.Replace(goodPack[c.file], c.was, c.good, 1)
			assert.Empty(t, lintPack(t, files))
		})
	}
}
