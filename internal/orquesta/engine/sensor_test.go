package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/testreal"
)

// lockedBuffer is a log that may be written to and read at the same time.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// sensorLab is an engine whose pack has the real sensor and a script in the place of the pack's binary; the script
// keeps what it got on stdin in the file "given".
func sensorLab(t *testing.T, script string) (*Engine, string, *lockedBuffer) {
	t.Helper()
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	dir, log := t.TempDir(), &lockedBuffer{}
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/pack")))
	require.NoError(t, os.Remove(filepath.Join(dir, "sensors", "dashboard_sensor.yaml")))
	require.NoError(t, os.CopyFS(filepath.Join(dir, "sensors"), os.DirFS("../../../sensors")))
	rule := must(os.ReadFile(filepath.Join(dir, "rules", "job.yaml")))
	rule = bytes.Replace(rule, []byte("    items: \"{{ trigger.hosts }}\"\n"), nil, 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules", "job.yaml"), rule, 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "bin"), 0o755))
	text := fmt.Sprintf("#!/bin/sh\n[ \"$*\" = 'sensor poll' ] || exit 9\ncat > %s/given\n%s\n", dir, script)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bin", "laas-"+machine), []byte(text), 0o755))
	e := start(t, func(c *Config) {
		c.PackDir = dir
		c.Log = slog.New(slog.NewTextHandler(log, nil))
	})
	return e, dir, log
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// given is what the child got at the last poll.
func given(t *testing.T, dir string) (v struct {
	Config map[string]any
	State  *string
	Keys   map[string]string
}) {
	require.NoError(t, json.Unmarshal(must(os.ReadFile(filepath.Join(dir, "given"))), &v))
	return v
}

func TestRealPython3Sensor(t *testing.T) {
	testreal.Need(t, "python3")
	const state = "laasx.DashboardSensor:state"
	t.Run("stores, dispatches and then keeps the state", func(t *testing.T) {
		e, dir, log := sensorLab(t, `
echo '{"store":{"name":"laas.plan.7.abc","value":"{\"hosts\":[]}"}}'
echo '{"trigger":"laasx.job","payload":{"job_id":7,"digest":"abc"},"trace_tag":"booking-7"}'
echo '{"log":{"level":"warning","message":"one thing to look at"}}'
echo '{"state":"{\"polls\":1}"}'`)
		for i := range 150 {
			e.Keys().Set(fmt.Sprintf("laas.task.7.t%03d", i), "v")
		}
		e.Keys().Set("laas.job.7", "{}")
		e.Keys().Set("laas.other", "not for the sensor")
		e.Keys().put("laas.job.secret", "hidden", true, 0)
		require.NoError(t, e.PollSensor(ctx))
		first := given(t, dir)
		assert.Nil(t, first.State, "there is no state before the first poll")
		assert.Len(t, first.Keys, 151, "all pages of tasks and jobs, nothing else and nothing encrypted")
		assert.Equal(t, `s3cr"et`, first.Config["fog"].(map[string]any)["api_key"], "the configuration is resolved")

		require.NoError(t, e.Idle(ctx))
		plan, _ := e.Keys().Get("laas.plan.7.abc")
		assert.Equal(t, `{"hosts":[]}`, plan)
		x := e.Executions()[0]
		assert.Equal(t, "laasx.args", x.Action)
		assert.Equal(t, "booking-7", x.TraceTag)
		assert.Contains(t, log.String(), "level=WARN msg=\"one thing to look at\"")
		assert.NotContains(t, log.String(), "s3cr", "nothing of the configuration is logged")

		require.NoError(t, e.PollSensor(ctx))
		assert.Equal(t, `{"polls":1}`, *given(t, dir).State)
	})
	for _, tc := range []struct{ name, script, log string }{
		{"a child that fails changes nothing", `echo '{"store":{"name":"laas.x","value":"1"}}'; echo '{"state":"new"}'; echo first >&2; echo "the dashboard is on fire" >&2; exit 7`, "the dashboard is on fire"},
		{"a child that prints no JSON changes nothing", `echo '{"state":"new"}'; echo oops`, "JSONDecodeError"},
		{"a child that hangs is killed and changes nothing", `echo '{"state":"new"}'; exec sleep 1000`, "timed out"},
		{"a store that fails keeps the state from being stored", `echo '{"store":{"name":"laas.x","value":"1"}}'; echo '{"store":{"name":"a/b","val":"1"}}'; echo '{"state":"new"}'`, "KeyError"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, dir, log := sensorLab(t, tc.script)
			shim := filepath.Join(dir, "sensors", "dashboard_sensor.py")
			require.NoError(t, os.WriteFile(shim, bytes.Replace(must(os.ReadFile(shim)), []byte("TIMEOUT = 120"), []byte("TIMEOUT = 1"), 1), 0o644))
			e.Keys().Set(state, "old")
			require.NoError(t, e.PollSensor(ctx))
			v, _ := e.Keys().Get(state)
			assert.Equal(t, "old", v)
			assert.Contains(t, log.String(), tc.log)
			assert.NotContains(t, log.String(), "first", "one line of what the child said is enough")
		})
	}
	t.Run("a payload that does not fit the trigger is dropped with a warning", func(t *testing.T) {
		e, _, log := sensorLab(t, `echo '{"trigger":"laasx.job","payload":{"job_id":"7","digest":"abc"}}'; echo '{"state":"new"}'`)
		require.NoError(t, e.PollSensor(ctx))
		assert.Empty(t, e.Executions())
		assert.Contains(t, log.String(), "level=WARN")
		assert.Contains(t, log.String(), "is not of type 'integer'")
	})
	t.Run("a pack without its binary says so", func(t *testing.T) {
		e, dir, log := sensorLab(t, "")
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "bin")))
		require.NoError(t, e.PollSensor(ctx))
		assert.Contains(t, log.String(), "No such file or directory")
	})
	t.Run("a sensor that cannot be loaded is an error", func(t *testing.T) {
		e, dir, _ := sensorLab(t, "")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "sensors", "dashboard_sensor.py"), []byte("import nothing_like_it\n"), 0o644))
		assert.ErrorContains(t, e.PollSensor(ctx), "nothing_like_it")
	})
}
