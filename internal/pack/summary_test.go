package pack

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"stackstorm-laas/internal/orquesta"
)

// The web UI shows the first lines of a workflow's output: there an operator reads what became of it, and which task to open.
func TestAWorkflowThatFailsSaysSoFirst(t *testing.T) {
	for _, path := range files(t, "workflows") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			var doc struct {
				Output []map[string]any
				Tasks  map[string]any
			}
			require.NoError(t, yaml.Unmarshal(read(t, path), &doc))
			require.Greater(t, len(doc.Output), 2)
			assert.Contains(t, doc.Output[0], "summary")
			assert.Contains(t, doc.Output[1], "failed")
			for way, answers := range ways {
				good := perform(t, path, answers, "")
				good.isWell(t, way)
				for task := range doc.Tasks {
					if end := perform(t, path, answers, task); end.status == "failed" {
						end.isTold(t, good, way+", "+task+" fails")
					} else {
						end.isWell(t, way+", "+task+" fails, which something else makes good")
					}
				}
			}
		})
	}
}

func TestAReportOfFailedTasksIsTheSummaryOfTheJob(t *testing.T) {
	answers := map[string]any{"failed": []any{"hardware of hpe13"}}
	end := perform(t, "workflows/process_job.yaml", answers, "")
	end.isTold(t, ending{}, "the report says so")
	assert.Equal(t, "the task report said so", end.output["summary"])
	assert.Equal(t, answers["failed"], end.output["failed"])
}

// ways are what workflows decide by.
var ways = map[string]map[string]any{
	"a host that nobody has":               {},
	"a host that a booking has":            {"booking": true},
	"an image that is tried a second time": {"again": true},
}

// ending is how a workflow ended.
type ending struct {
	status string
	output map[string]any
}

func (e ending) isWell(t *testing.T, when string) {
	t.Helper()
	assert.Equal(t, "succeeded", e.status, when)
	assert.NotEmpty(t, e.output["summary"], when)
	assert.Empty(t, e.output["failed"], when)
}

// isTold holds that a failure is told, and not in the words of the success.
func (e ending) isTold(t *testing.T, good ending, when string) {
	t.Helper()
	require.Equal(t, "failed", e.status, when)
	assert.NotEmpty(t, e.output["summary"], when)
	assert.NotEqual(t, good.output["summary"], e.output["summary"], when)
	assert.NotEmpty(t, e.output["failed"], when)
	assert.IsType(t, []any{}, e.output["failed"], when)
}

// perform runs a workflow in which the task failing fails and all others answer like an action that did what it is for, with answers instead.
func perform(t *testing.T, path string, answers map[string]any, failing string) ending {
	t.Helper()
	spec, err := orquesta.Parse(path, read(t, path))
	require.NoError(t, err)
	c := orquesta.NewConductor(spec, map[string]any{"job_id": 1, "epoch": 1, "host": "hpe13", "image": "23", "name": "new", "confirm": "", "digest": "d", "by": "alice", "nic": "ens1f0",
		"network": "storage", "tagged": false, "method": "", "switches": []any{"sw1"}, "rest": "idle"}, map[string]any{"st2": map[string]any{}}, orquesta.Functions{StackStorm: true})
	c.Begin()
	for open := c.Next(); len(open) > 0; open = append(open[1:], c.Next()...) {
		said := map[string]any{"summary": "the task " + open[0].Task + " said so", "job_id": 1, "epoch": 1, "digest": "d", "booking": false, "rest": "idle", "again": false, "image_id": 7,
			"failed": []any{}, "switches": []any{"sw1"}, "provision": []any{"hpe13"}, "release": []any{"hpe14"}, "capture": []any{"hpe15"}, "provision_switches": []any{"sw1"},
			"release_switches": []any{"sw1"}, "grant": []any{"t1"}, "revoke": []any{"t2"}}
		for k, v := range answers {
			said[k] = v
		}
		status, result := "succeeded", map[string]any{"stdout": said, "output": said}
		if open[0].Task == failing {
			status, result = "failed", map[string]any{"stdout": map[string]any{"error": map[string]any{"kind": "failed"}}, "output": nil}
		}
		c.Complete(open[0], status, result)
	}
	output, _ := c.Output().(map[string]any)
	return ending{c.Status(), output}
}
