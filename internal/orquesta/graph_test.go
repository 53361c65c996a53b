package orquesta

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGraphDrawsTasksTransitionsAndSubWorkflows(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	write("pack.yaml", "name: lab\nref: lab\n")
	write("actions/sub.yaml", "name: sub\nrunner_type: orquesta\nentry_point: workflows/sub.yaml\n")
	write("workflows/sub.yaml", "version: 1.0\ntasks:\n  only: {action: lab.leaf}\n")
	write("workflows/other.yaml", "version: 1.0\ntasks:\n  alone: {action: lab.leaf}\n")
	write("workflows/main.yaml", `version: 1.0
tasks:
  start:
    with: h in {{ [1, 2] }}
    action: lab.sub
    next:
      - when: "{{ succeeded() }}"
        do: meet
      - when: "{{ failed() and result() | length > 1 }}"
        do: fail
  meet: {join: all}
`)
	text, err := Graph(filepath.Join(dir, "workflows", "main.yaml"))
	require.NoError(t, err)
	assert.Equal(t, `flowchart TD
  subgraph main
    main__start[["<b>start</b><br/>lab.sub"]]
    main__start -- "succeeded" --> main__meet
    main__start_fail(("fail"))
    main__start -- "failed and result() | length &gt; 1" --> main__start_fail
    main__meet{{"<b>meet</b>"}}
  end
  subgraph sub
    sub__only["<b>only</b><br/>lab.leaf"]
  end
  main__start -.-> sub
`, text)
	all, err := Graph(dir)
	require.NoError(t, err)
	assert.Contains(t, all, "other__alone")
}
