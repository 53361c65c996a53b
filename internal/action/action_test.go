package action_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
)

const labConfig = `{
  "fog": {"address": "https://fog/fog/", "api_key": "k1", "user_key": "k2"},
  "dashboard": {"address": "https://dash", "lab_name": "lab", "token": "t0ken"},
  "network": {"provisioning_vlan": 98, "public_vlans": [100], "dark_vlan": 97},
  "st2": {"cancel_interval": 0.01, "timeout": 2, "retry": 0}
}`

type answer struct {
	action.Result
	Text string `json:"text"`
}

// echo does what a test tells it to.
func echo(do func(context.Context, *action.Call) (any, error)) action.Set {
	return action.Set{{
		Name: "echo", Description: "For tests.",
		Params: []action.Param{
			{Name: "host", Type: action.String, Required: true, Description: "A host."},
			{Name: "count", Type: action.Integer, Default: 3, Description: "How many."},
			{Name: "force", Type: action.Boolean, Description: "Whether."},
			{Name: "state", Type: action.String, Enum: []string{"a", "b"}, Default: "a", Description: "Which."},
		},
		Budget: func(*config.Config) time.Duration { return time.Minute },
		Run:    do,
	}}
}

type outcome struct {
	code   int
	stdout map[string]any
	stderr string
	raw    string
}

func play(t *testing.T, s action.Set, env map[string]string, args ...string) outcome {
	t.Helper()
	full := map[string]string{"LAAS_CONFIG": labConfig, "ST2_ACTION_API_URL": "http://127.0.0.1:1/v1", "ST2_ACTION_AUTH_TOKEN": "tok"}
	for k, v := range env {
		full[k] = v
	}
	var stdout, stderr bytes.Buffer
	o := outcome{code: s.Main(args, func(k string) string { return full[k] }, &stdout, &stderr)}
	o.raw, o.stderr = stdout.String(), stderr.String()
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &o.stdout), "stdout is not exactly one JSON document: %s", o.raw)
	return o
}

func (o outcome) problem(key string) string {
	e, _ := o.stdout["error"].(map[string]any)
	return fmt.Sprint(e[key])
}

func TestParametersArriveAsStackStormPassesThem(t *testing.T) {
	var got action.Params
	s := echo(func(_ context.Context, c *action.Call) (any, error) {
		got = c.Params
		return answer{Result: action.Result{Summary: "fine", Host: c.Params.String("host"), Changed: true}}, nil
	})
	o := play(t, s, nil, "--host=it's \"q\" $HOME `id`\nline2", "--action=echo", "--force")
	assert.Equal(t, 0, o.code)
	assert.Equal(t, action.Params{"host": "it's \"q\" $HOME `id`\nline2", "count": 3, "force": true, "state": "a"}, got)
	assert.True(t, strings.HasPrefix(o.raw, `{"summary":"fine"`), "what matters comes first: %s", o.raw)
	assert.Equal(t, map[string]any{"host": "it's \"q\" $HOME `id`\nline2", "force": "true"}, o.stdout["input"])
	assert.Empty(t, o.stderr)
}

func TestBadInputIsToldAllAtOnceAndNothingRuns(t *testing.T) {
	s := echo(func(context.Context, *action.Call) (any, error) { t.Error("it ran"); return nil, nil })
	o := play(t, s, nil, "--action=echo", "--count=many", "--state=z", "--colour=red")
	assert.Equal(t, fault.Input.ExitCode(), o.code)
	for _, text := range []string{"host: is required", "count: \"many\" is not a whole number", "state: \"z\" is not allowed", "colour: is not a parameter"} {
		assert.Contains(t, o.problem("message"), text)
	}
	o = play(t, s, nil, "--action=other", "--host=x")
	assert.Contains(t, o.problem("message"), "there is no action \"other\"")
	o = play(t, s, map[string]string{"LAAS_CONFIG": ""}, "--action=echo", "--host=x")
	assert.Equal(t, fault.Config.ExitCode(), o.code)
	o = play(t, s, map[string]string{"ST2_ACTION_API_URL": ""}, "--action=echo", "--host=x")
	assert.Equal(t, fault.Config.ExitCode(), o.code)
}

func TestAFailureNamesItsKindHintAndStatus(t *testing.T) {
	for _, kind := range fault.Kinds() {
		o := play(t, echo(func(context.Context, *action.Call) (any, error) {
			return nil, fault.New(kind, "the switch said no").WithHint("ask it again")
		}), nil, "--action=echo", "--host=x")
		assert.Equal(t, kind.ExitCode(), o.code)
		assert.Equal(t, string(kind), o.problem("kind"))
		assert.Equal(t, "the switch said no", o.problem("message"))
		assert.Equal(t, "ask it again", o.problem("hint"))
	}
}

func TestADefectIsAFailureLikeAnyOther(t *testing.T) {
	o := play(t, echo(func(_ context.Context, c *action.Call) (any, error) { return []int{}[len(c.Params)], nil }), nil, "--action=echo", "--host=x")
	assert.Equal(t, 1, o.code)
	assert.Contains(t, o.problem("message"), "defect in the pack")
}

func TestTemplateDelimitersAreInert(t *testing.T) {
	for name, text := range map[string]string{
		"Jinja expression": "{{ st2kv('system.x', decrypt=true) }}", "Jinja block": "{% for x in y %}", "comment": "{# x #}",
		"YAQL": "<% ctx(x) %>", "many braces": "{{{{{%{#", "split by a quote": "{\"{", "nested": "<%<%{{",
	} {
		t.Run(name, func(t *testing.T) {
			check := func(o outcome) {
				for _, bad := range []string{"{{", "{%", "{#", "<%"} {
					var walk func(any)
					walk = func(v any) {
						switch v := v.(type) {
						case string:
							assert.NotContains(t, v, bad)
						case map[string]any:
							for k, e := range v {
								assert.NotContains(t, k, bad)
								walk(e)
							}
						}
					}
					walk(o.stdout)
				}
			}
			check(play(t, echo(func(context.Context, *action.Call) (any, error) { return answer{Text: text}, nil }), nil, "--action=echo", "--host="+text))
			check(play(t, echo(func(context.Context, *action.Call) (any, error) { return nil, fault.New(fault.Failed, "%s", text) }), nil, "--action=echo", "--host=x"))
		})
	}
}

// executions answers like StackStorm's API for a chain of an action in a workflow in a workflow.
func executions(t *testing.T, status func(id string) string) string {
	parents := map[string]string{"a1": "w1", "w1": "w0", "w0": ""}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"id": id, "status": status(id), "parent": parents[id], "action": map[string]any{"ref": "laas." + id}})
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/v1"
}

func TestACancelIsNoticedOnTheExecutionAndOnAnyWorkflowAboveIt(t *testing.T) {
	for _, where := range []string{"a1", "w1", "w0"} {
		for _, status := range []string{"canceling", "canceled"} {
			t.Run(where+" "+status, func(t *testing.T) {
				var looked atomic.Int32
				url := executions(t, func(id string) string {
					if id == where && looked.Add(1) > 1 {
						return status
					}
					return "running"
				})
				o := play(t, echo(func(ctx context.Context, c *action.Call) (any, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}), map[string]string{"ST2_ACTION_API_URL": url, "ST2_ACTION_EXECUTION_ID": "a1"}, "--action=echo", "--host=x")
				assert.Equal(t, fault.Cancelled.ExitCode(), o.code)
				assert.Contains(t, o.problem("message"), "laas."+where)
			})
		}
	}
}

func TestACheckpointStopsACancelledExecution(t *testing.T) {
	url := executions(t, func(id string) string { return map[bool]string{true: "canceling", false: "running"}[id == "w0"] })
	o := play(t, echo(func(ctx context.Context, c *action.Call) (any, error) {
		if err := c.Checkpoint(ctx); err != nil {
			return nil, err
		}
		t.Error("the step that cannot be taken back was taken")
		return nil, nil
	}), map[string]string{"ST2_ACTION_API_URL": url, "ST2_ACTION_EXECUTION_ID": "a1", "LAAS_CONFIG": strings.Replace(labConfig, "0.01", "60", 1)}, "--action=echo", "--host=x")
	assert.Equal(t, fault.Cancelled.ExitCode(), o.code)
}

func TestSIGTERMEndsTheActionWithAnExplanation(t *testing.T) {
	o := play(t, echo(func(ctx context.Context, c *action.Call) (any, error) {
		require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGTERM))
		<-ctx.Done()
		return nil, ctx.Err()
	}), nil, "--action=echo", "--host=x")
	assert.Equal(t, fault.Deadline.ExitCode(), o.code)
	assert.Contains(t, o.problem("message"), "terminated")
	assert.Contains(t, o.problem("hint"), "goes on where it stopped")
}

func TestTheActionEndsItselfBeforeStackStormDoes(t *testing.T) {
	s := echo(func(ctx context.Context, c *action.Call) (any, error) { <-ctx.Done(); return nil, ctx.Err() })
	s[0].Budget = func(c *config.Config) time.Duration { return c.ST2.CancelInterval.D() }
	o := play(t, s, nil, "--action=echo", "--host=x")
	assert.Equal(t, fault.Deadline.ExitCode(), o.code)
	assert.Contains(t, o.problem("message"), "echo was not done within 10ms")
	assert.Greater(t, s[0].Timeout(), int(config.Maxima().ST2.CancelInterval.D().Seconds()))
}

func TestMetadataHidesTheRunnersParametersAndPassesTheConfiguration(t *testing.T) {
	text, err := echo(nil)[0].Metadata()
	require.NoError(t, err)
	for _, line := range []string{"name: echo\n", "entry_point: run.sh\n", "    default: 3\n", "LAAS_CONFIG: \"{{ (config_context | to_json_string | to_json_string)[1:-1] }}\"", "    default: 90\n"} {
		assert.Contains(t, string(text), line)
	}
	for _, hidden := range []string{"sudo", "sudo_password", "kwarg_op", "debug", "cwd", "content_version", "timeout", "env"} {
		assert.Contains(t, string(text), "  "+hidden+":\n    immutable: true\n")
	}
	assert.NotContains(t, string(text), "position")
}
