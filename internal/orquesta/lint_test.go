package orquesta

import (
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
