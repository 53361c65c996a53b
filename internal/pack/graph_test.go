package pack

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/orquesta"
)

func TestTheDocumentationDrawsTheWorkflowsAsTheyAre(t *testing.T) {
	drawn, err := orquesta.Graph("../..")
	require.NoError(t, err)
	page, err := os.ReadFile("../../docs/workflows.md")
	require.NoError(t, err)
	assert.Contains(t, string(page), "```mermaid\n"+drawn+"```", "run: bin/laas-lab workflow graph . > docs/workflows.md")
}
