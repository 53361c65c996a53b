package orquesta

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryConformanceCaseRunsAsRecordedOrIsRefused(t *testing.T) {
	dirs, err := filepath.Glob("testdata/conformance/*/workflow.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	if more := os.Getenv("ORQUESTA_CASES"); more != "" {
		extra, _ := filepath.Glob(more + "/*/workflow.yaml")
		dirs = append(dirs, extra...)
	}
	good := 0
	for _, f := range dirs {
		dir := filepath.Dir(f)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			outcome, details, err := Rehearse(dir)
			require.NoError(t, err)
			assert.NotEqual(t, Different, outcome, details)
			if outcome == Refused {
				t.Log("refused:", details)
				return
			}
			good++
		})
	}
	t.Logf("%d of %d as recorded", good, len(dirs))
	assert.GreaterOrEqual(t, good*100, 85*len(dirs))
}
