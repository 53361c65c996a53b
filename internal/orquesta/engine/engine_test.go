package engine

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

var ctx = context.Background()

// start makes an engine with the probe pack.
func start(t *testing.T, change ...func(*Config)) *Engine {
	t.Helper()
	cfg := Config{PackDir: "testdata/pack", PackConfig: map[string]any{"fog": map[string]any{"api_key": "{{ st2kv.system.fog_api_key }}"}}}
	for _, c := range change {
		c(&cfg)
	}
	dir, err := filepath.Abs(cfg.PackDir)
	require.NoError(t, err)
	cfg.PackDir = dir
	e, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(e.Close)
	e.Keys().SetSecret("fog_api_key", secret.New(`s3cr"et`))
	e.Keys().Set("lab.host", "pod1")
	return e
}

// finished runs an action to its end.
func finished(t *testing.T, e *Engine, action string, params map[string]any) Execution {
	t.Helper()
	x, err := e.Run(ctx, action, params, "")
	require.NoError(t, err)
	return x
}

func result(x Execution, key string) any {
	r, _ := x.Result.(map[string]any)
	return r[key]
}

// args are the arguments that the program got.
func args(t *testing.T, e *Engine, params map[string]any) []string {
	t.Helper()
	x := finished(t, e, "laasx.args", params)
	require.Equal(t, succeeded, x.Status, "%v", x.Result)
	text, _ := result(x, "stdout").(string)
	return strings.Split(strings.Trim(text, "[]"), "]\n[")
}

// gate is the directory through which a test and the action "wait" keep in step.
type gate struct {
	t   *testing.T
	dir string
}

func newGate(t *testing.T) gate {
	g := gate{t, t.TempDir()}
	for _, name := range []string{"began", "ended"} {
		require.NoError(t, syscall.Mkfifo(filepath.Join(g.dir, name), 0o600))
	}
	return g
}

// began waits until the action runs and gives its token.
func (g gate) began() string { return g.read("began") }

// release lets the action go on and gives the number of SIGTERMs that it got.
func (g gate) release() string {
	require.NoError(g.t, os.WriteFile(filepath.Join(g.dir, "go"), nil, 0o600))
	return g.read("ended")
}

func (g gate) read(name string) string {
	b, err := os.ReadFile(filepath.Join(g.dir, name))
	require.NoError(g.t, err)
	return strings.TrimSpace(string(b))
}

// status is what the API answers to a token.
func status(t *testing.T, e *Engine, token string) int {
	req, err := http.NewRequest(http.MethodGet, e.URL()+"/keys/lab.host", nil)
	require.NoError(t, err)
	req.Header.Set("X-Auth-Token", token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func TestArguments(t *testing.T) {
	e := start(t)
	fixed := []string{"--action=args", "--from_config=https://fog.example/", "--from_key=pod1", "--items_json=null", "--kind=a"}
	for _, tc := range []struct {
		name   string
		params map[string]any
		want   []string
	}{
		{"defaults are passed, also immutable and rendered ones", nil, fixed},
		{"text arrives byte for byte", map[string]any{"text": "it's \"q\" $HOME `id` ; | & * ~ \\ é\nline2\ttab"},
			append([]string{"--text=it's \"q\" $HOME `id` ; | & * ~ \\ é\nline2\ttab"}, fixed...)},
		{"empty, null and false are left out", map[string]any{"text": "", "count": nil, "force": false}, fixed},
		{"true is a bare flag", map[string]any{"force": true}, append([]string{"--force"}, fixed...)},
		{"zero is passed", map[string]any{"count": 0, "ratio": 0}, append([]string{"--count=0", "--ratio=0.0"}, fixed...)},
		{"numbers are cast from text", map[string]any{"count": "3", "ratio": "1.5"}, append([]string{"--count=3", "--ratio=1.5"}, fixed...)},
		{"an object is Python's text", map[string]any{"obj": map[string]any{"k": "v", "n": []any{1, true, nil}}},
			append([]string{"--obj={'k': 'v', 'n': [1, True, None]}"}, fixed...)},
		{"a caller's text is rendered", map[string]any{"text": "{{ 1+1 }}"}, append([]string{"--text=2"}, fixed...)},
		{"a caller's text reads the pack's secrets", map[string]any{"text": "{{ config_context.fog.api_key }}"}, append([]string{`--text=s3cr"et`}, fixed...)},
		{"braces that are no template stay", map[string]any{"text": "{{ a b }}"}, append([]string{"--text={{ a b }}"}, fixed...)},
		{"raw keeps braces", map[string]any{"text": "{% raw %}{{ 1+1 }}{% endraw %}"}, append([]string{"--text={{ 1+1 }}"}, fixed...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			assert.ElementsMatch(t, tc.want, args(t, e, tc.params))
		})
	}
	t.Run("a list is Python's text, and JSON where the metadata makes it so", func(t *testing.T) {
		got := args(t, e, map[string]any{"items": []any{"a", "c d"}})
		assert.Contains(t, got, "--items=['a', 'c d']")
		assert.Contains(t, got, `--items_json=["a","c d"]`)
	})
}

func TestRefusedParameters(t *testing.T) {
	e := start(t)
	for _, tc := range []struct {
		name, action string
		params       map[string]any
		want         string
	}{
		{"unknown", "laasx.args", map[string]any{"zzz": 1}, "Additional properties are not allowed ('zzz' was unexpected)"},
		{"missing", "laasx.probe", nil, "'host' is a required property"},
		{"not a number", "laasx.args", map[string]any{"count": "x"}, "invalid literal for int() with base 10: 'x'"},
		{"too great", "laasx.args", map[string]any{"count": 101}, "101 is greater than the maximum of 100"},
		{"not in the list", "laasx.args", map[string]any{"kind": "c"}, "'c' is not one of ['a', 'b']"},
		{"a number for text", "laasx.args", map[string]any{"text": 5}, `Value "5" must either be a string or None. Got "int".`},
		{"immutable", "laasx.args", map[string]any{"action": "probe"}, "Override of immutable parameter(s) ['action'] is unsupported."},
		{"the runner's, immutable", "laasx.args", map[string]any{"timeout": 9}, "Override of immutable parameter(s) ['timeout'] is unsupported."},
		{"a template with an unknown name", "laasx.args", map[string]any{"text": "{{ nobody }}"}, `Dependency unsatisfied in variable "nobody"`},
		{"a default that cannot be rendered", "laasx.missing_config", nil, "'dict object' has no attribute 'nothing'"},
		{"an action nobody has", "laasx.nothing", nil, `Action "laasx.nothing" cannot be found.`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := e.Start(tc.action, tc.params, "")
			require.Error(t, err)
			assert.True(t, fault.Is(err, fault.Input))
			assert.ErrorContains(t, err, tc.want)
		})
	}
	assert.Empty(t, e.Executions(), "nothing was executed")
}

func TestOutput(t *testing.T) {
	e := start(t)
	t.Run("one JSON value is parsed, also when the action fails", func(t *testing.T) {
		x := finished(t, e, "laasx.probe", map[string]any{"host": "bad"})
		assert.Equal(t, failed, x.Status)
		assert.Equal(t, map[string]any{"failed": true, "succeeded": false, "return_code": 3, "stdout": map[string]any{}, "stderr": ""}, x.Result)
	})
	t.Run("two JSON lines stay text", func(t *testing.T) {
		assert.Equal(t, "{\"a\": 1}\n{\"b\": 2}", result(finished(t, e, "laasx.lines", nil), "stdout"))
	})
	t.Run("text that is not UTF-8 fails the action", func(t *testing.T) {
		x := finished(t, e, "laasx.binary", nil)
		assert.Equal(t, failed, x.Status)
		assert.Contains(t, result(x, "error"), "codec can't decode")
	})
}

func TestEnvironment(t *testing.T) {
	e := start(t)
	t.Run("the whole resolved configuration is one JSON text, with defaults and secrets", func(t *testing.T) {
		x := finished(t, e, "laasx.config", nil)
		assert.Equal(t, map[string]any{"fog": map[string]any{"address": "https://fog.example/", "api_key": `s3cr"et`, "timeout": 30},
			"lists": []any{}}, result(x, "stdout"))
		assert.Empty(t, x.Parameters)
	})
	t.Run("a secret whose key is missing is null", func(t *testing.T) {
		e := start(t)
		e.Keys().Delete("fog_api_key")
		x := finished(t, e, "laasx.config", nil)
		assert.Nil(t, result(x, "stdout").(map[string]any)["fog"].(map[string]any)["api_key"])
	})
	t.Run("a secret whose key is stored in clear fails the action", func(t *testing.T) {
		e := start(t)
		e.Keys().Set("fog_api_key", "plain")
		x := finished(t, e, "laasx.config", nil)
		assert.Equal(t, failed, x.Status)
		assert.Contains(t, result(x, "error"), "fog.api_key")
		assert.NotContains(t, result(x, "error"), "plain")
	})
	t.Run("StackStorm's variables are there", func(t *testing.T) {
		x := finished(t, e, "laasx.environment", nil)
		assert.Equal(t, map[string]any{"pack": "laasx", "id": x.ID, "url": e.URL(), "debug": "False"}, result(x, "stdout"))
	})
	t.Run("the command line has a limit", func(t *testing.T) {
		x := finished(t, e, "laasx.args", map[string]any{"text": strings.Repeat("x", 140000)})
		assert.Equal(t, failed, x.Status)
		assert.Contains(t, result(x, "error"), "Argument list too long")
	})
}

func TestTokenDiesWithTheExecution(t *testing.T) {
	e, g := start(t), newGate(t)
	id, err := e.Start("laasx.wait", map[string]any{"dir": g.dir}, "")
	require.NoError(t, err)
	token := g.began()
	assert.Equal(t, 200, status(t, e, token))
	assert.Equal(t, "0", g.release())
	_, err = e.Wait(ctx, id)
	require.NoError(t, err)
	assert.Equal(t, 401, status(t, e, token))
	assert.Equal(t, 200, status(t, e, e.Token()))
}

func TestTimeoutIsOneSIGTERM(t *testing.T) {
	e, g := start(t), newGate(t)
	id, err := e.Start("laasx.stubborn", map[string]any{"dir": g.dir}, "")
	require.NoError(t, err)
	token := g.began()
	x, err := e.Wait(ctx, id)
	require.NoError(t, err)
	assert.Equal(t, timedOut, x.Status)
	assert.Equal(t, "partial output", result(x, "stdout"), "what was printed is kept")
	assert.Equal(t, -9, result(x, "return_code"))
	assert.Equal(t, "Action failed to complete in 1 seconds", result(x, "error"))
	assert.Equal(t, 401, status(t, e, token))
	require.NoError(t, syscall.Kill(x.PID, 0), "what ignores the signal lives on")
	assert.Equal(t, "1", g.release())
}

func TestCancelOfAnActionIsNoSignal(t *testing.T) {
	e, g := start(t), newGate(t)
	id, err := e.Start("laasx.wait", map[string]any{"dir": g.dir}, "")
	require.NoError(t, err)
	token := g.began()
	require.NoError(t, e.Cancel(id))
	x, err := e.Wait(ctx, id)
	require.NoError(t, err)
	assert.Equal(t, canceled, x.Status)
	assert.Equal(t, 200, status(t, e, token), "the token lives as long as the process")
	assert.Equal(t, []int{x.PID}, e.PIDs())
	assert.Equal(t, "0", g.release())
	x, err = e.Execution(id)
	require.NoError(t, err)
	assert.Equal(t, "Action canceled by user.", result(x, "message"), "the result of the process is dropped")
	assert.Error(t, e.Cancel(id))
}

func TestPolicyHoldsExecutionsApart(t *testing.T) {
	e := start(t)
	one, two, other := newGate(t), newGate(t), newGate(t)
	begin := func(g gate, sw string) string {
		id, err := e.Start("laasx.wait", map[string]any{"dir": g.dir, "switch": sw}, "")
		require.NoError(t, err)
		return id
	}
	begin(one, "tor1")
	second := begin(two, "tor1")
	begin(other, "tor2")
	one.began()
	other.began()
	x, err := e.Execution(second)
	require.NoError(t, err)
	assert.Equal(t, delayed, x.Status)
	one.release()
	two.began()
	two.release()
	other.release()
	require.NoError(t, e.Idle(ctx))
}

func TestKillRunningEndsProcesses(t *testing.T) {
	e, g := start(t), newGate(t)
	id, err := e.Start("laasx.wait", map[string]any{"dir": g.dir}, "")
	require.NoError(t, err)
	g.began()
	e.KillRunning()
	x, err := e.Wait(ctx, id)
	require.NoError(t, err)
	assert.Equal(t, failed, x.Status)
	assert.Equal(t, 137, result(x, "return_code"))
	assert.Empty(t, e.PIDs())
}

func TestHundredExecutionsAtOnce(t *testing.T) {
	e := start(t)
	var all []string
	for range 100 {
		id, err := e.Start("laasx.probe", map[string]any{"host": "a"}, "")
		require.NoError(t, err)
		all = append(all, id)
	}
	for _, id := range all {
		x, err := e.Wait(ctx, id)
		require.NoError(t, err)
		assert.Equal(t, succeeded, x.Status)
	}
}
