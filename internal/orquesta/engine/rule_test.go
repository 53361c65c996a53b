package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
)

func TestDispatch(t *testing.T) {
	e := start(t)
	t.Run("a rule starts its action with parameters from the payload, cast as declared", func(t *testing.T) {
		require.NoError(t, e.Dispatch(ctx, "laasx.job", map[string]any{"job_id": 7, "digest": "abc", "hosts": []any{"a", "b"}}, "booking-7"))
		require.NoError(t, e.Idle(ctx))
		x := e.Executions()[0]
		assert.Equal(t, "laasx.args", x.Action)
		assert.Equal(t, "booking-7", x.TraceTag)
		assert.Equal(t, "abc", x.Parameters["text"])
		assert.Equal(t, 7, x.Parameters["count"])
		assert.Equal(t, []any{"a", "b"}, x.Parameters["items"])
	})
	for _, tc := range []struct {
		name    string
		trigger string
		payload map[string]any
		want    string
	}{
		{"a payload without what is required starts nothing", "laasx.job", map[string]any{"job_id": 7}, "'digest' is a required property"},
		{"a payload with more starts nothing", "laasx.job", map[string]any{"job_id": 7, "digest": "a", "x": 1}, "'x' was unexpected"},
		{"a payload of another type starts nothing", "laasx.job", map[string]any{"job_id": "7", "digest": "a"}, "'7' is not of type 'integer'"},
		{"an unknown trigger starts nothing", "laasx.nothing", nil, "is not registered"},
		{"what the action refuses is told", "laasx.job", map[string]any{"job_id": 101, "digest": "a", "hosts": []any{}}, "101 is greater than the maximum of 100"},
		{"what cannot be rendered is told", "laasx.job", map[string]any{"job_id": 1, "digest": "a"}, "has no attribute 'hosts'"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(e.Executions())
			err := e.Dispatch(ctx, tc.trigger, tc.payload, "")
			assert.True(t, fault.Is(err, fault.Input) || err != nil)
			assert.ErrorContains(t, err, tc.want)
			assert.Len(t, e.Executions(), before)
		})
	}
	t.Run("criteria decide", func(t *testing.T) {
		before := len(e.Executions())
		require.NoError(t, e.Dispatch(ctx, "laasx.job", map[string]any{"job_id": 7, "digest": "abc", "kind": "ignored"}, ""))
		assert.Len(t, e.Executions(), before)
	})
}

func TestTimersStartTheirAction(t *testing.T) {
	ticked := make(chan Execution, 1)
	start(t, func(c *Config) {
		c.Timers = true
		c.OnEnd = func(x Execution) {
			select {
			case ticked <- x:
			default:
			}
		}
	})
	x := <-ticked
	assert.Equal(t, "laasx.probe", x.Action)
	assert.Equal(t, map[string]any{"host": "tick"}, x.Parameters)
}

func TestWhatIsWrongWithAPackIsToldAtOnce(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"pack.yaml":                "name: p\n",
		"config.schema.yaml":       "token: {type: string, required: true}\n",
		"actions/a.yaml":           "name: a\nrunner_type: remote-shell-cmd\n",
		"actions/b.yaml":           "name: b\nrunner_type: local-shell-script\nparameters:\n  cwd: {immutable: true}\n  a-b: {type: string}\n",
		"actions/c.yaml":           "name: c\nrunner_type: orquesta\nentry_point: workflows/c.yaml\n",
		"actions/workflows/c.yaml": "version: 1.0\ntasks:\n  one:\n    action: core.noop\n    input:\n      x: <% ctx(y) %>\n",
		"policies/r.yaml":          "name: r\npolicy_type: action.retry\nresource_ref: p.b\n",
		"rules/r.yaml":             "name: r\nenabled: true\ntrigger: {type: core.st2.CronTimer}\naction: {ref: p.b}\n",
		"rules/s.yaml":             "name: s\nenabled: true\ntrigger: {type: core.st2.IntervalTimer, parameters: {unit: seconds, delta: 1}}\ncriteria:\n  trigger.x: {type: timediff_lt, pattern: 1}\naction: {ref: p.b}\n",
	} {
		path := filepath.Join(dir, file)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	_, err := New(Config{PackDir: dir})
	require.Error(t, err)
	for _, want := range []string{`the runner "remote-shell-cmd" is not supported`, "Immutable param cwd requires a default value", `"a-b"`,
		"YAQL", `"action.retry" is not supported`, "core.st2.CronTimer", "timediff_lt"} {
		assert.ErrorContains(t, err, want)
	}
}

func TestAConfigurationWithoutWhatIsRequiredIsRefused(t *testing.T) {
	_, err := New(Config{PackDir: "testdata/pack", PackConfig: map[string]any{"fog": map[string]any{}}})
	assert.True(t, fault.Is(err, fault.Config))
	assert.ErrorContains(t, err, "fog.api_key")
}
