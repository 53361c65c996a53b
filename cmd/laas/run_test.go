package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/terminal"
)

// stackstorm answers to one execution, which goes through the statuses, and keeps what was started.
func stackstorm(t *testing.T, result string, statuses ...string) (started func() map[string]any) {
	t.Helper()
	var body map[string]any
	look := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodPost {
			assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{"id": "e1", "status": "requested"}`))
			return
		}
		answer := map[string]any{"id": "e1", "status": statuses[min(look, len(statuses)-1)]}
		if look++; look >= len(statuses) {
			answer["result"] = json.RawMessage(result)
		}
		assert.NoError(t, json.NewEncoder(w).Encode(answer))
	}))
	t.Cleanup(server.Close)
	t.Setenv("ST2_API_URL", server.URL)
	t.Setenv("ST2_AUTH_TOKEN", "token")
	before := lookEvery
	lookEvery = time.Millisecond
	t.Cleanup(func() { lookEvery = before })
	return func() map[string]any { return body }
}

// laasCommand runs the command line and gives what it printed and its status.
func laasCommand(t *testing.T, line string) (out, errs string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	app := &cli.App{Name: "laas", Commands: []*cli.Command{runCommand(), jobCommand(), portsCommand()}, Writer: &stdout, ErrWriter: &stderr}
	status = terminal.Main(t.Context(), app, append([]string{"laas"}, strings.Fields(line)...))
	return stdout.String(), stderr.String(), status
}

func TestAWorkflowIsStartedWithWhatWasGivenAndNothingElse(t *testing.T) {
	for line, want := range map[string]map[string]any{
		"run process_job --job_id 7":                   {"action": "laas.process_job", "parameters": map[string]any{"job_id": 7.0}},
		"run nic_connect --host a --nic b --network c": {"action": "laas.nic_connect", "parameters": map[string]any{"host": "a", "nic": "b", "network": "c"}},
		"run nic_connect --host a --nic b --network c --tagged": {"action": "laas.nic_connect",
			"parameters": map[string]any{"host": "a", "nic": "b", "network": "c", "tagged": true}},
		"run clear_host --host a --job_id 1 --epoch 2 --switches sw1,sw2": {"action": "laas.clear_host",
			"parameters": map[string]any{"host": "a", "job_id": 1.0, "epoch": 2.0, "switches": []any{"sw1", "sw2"}}},
		"run power --host a": {"action": "laas.power", "parameters": map[string]any{"host": "a"}},
	} {
		started := stackstorm(t, `{"output": {"summary": "well"}}`, "running", "pending", "succeeded")
		out, errs, status := laasCommand(t, line)
		assert.Zero(t, status, "%s: %s", line, errs)
		assert.Equal(t, want, started(), line)
		assert.Contains(t, out, `"summary": "well"`, "%s: it waits for the end, whatever comes before", line)
	}
}

func TestAWorkflowThatFailedFailsTheCommand(t *testing.T) {
	stackstorm(t, `{"output": {"summary": "hpe13: not wiped"}, "errors": [{"task_id": "wipe", "result": {"output": null, "errors": [
		{"task_id": "power", "result": {"stdout": {"error": {"kind": "transient", "message": "the BMC does not answer"}}, "return_code": 7}}, {"task_id": "fail"}]}}]}`, "failed")
	out, errs, status := laasCommand(t, "run wipe_host --host hpe13")
	assert.Equal(t, fault.Failed.ExitCode(), status)
	assert.Contains(t, out, "hpe13: not wiped")
	assert.Contains(t, errs, "wipe, power: the BMC does not answer")

	stackstorm(t, `{"stdout": {"error": {"kind": "refused", "message": "no"}}, "return_code": 5}`, "failed")
	_, _, status = laasCommand(t, "run power --host hpe13")
	assert.Equal(t, fault.Refused.ExitCode(), status, "an action's status is the command's")
}

func TestParametersAreCheckedBeforeAnythingIsStarted(t *testing.T) {
	for line, want := range map[string][]string{
		"run wipe_host --method thrice":              {"host: is required", `"thrice" is not allowed`},
		"run process_job --job_id x":                 {`"x" is not a whole number`},
		"run process_job --job_id 1 --notify x":      {"not defined: -notify"},
		"run set_ports --state open --job_id x":      {"switch: is required", `"open" is not allowed`, `job_id: "x"`},
		"run nic_connect --host a --network b extra": {`"extra" is too much`},
	} {
		started := stackstorm(t, `{}`, "succeeded")
		_, errs, status := laasCommand(t, line)
		assert.Equal(t, fault.Input.ExitCode(), status, line)
		for _, text := range want {
			assert.Contains(t, errs, text, line)
		}
		assert.Nil(t, started(), line)
	}
}

func TestEveryActionAndWorkflowCanBeStartedAndSaysWhatItTakes(t *testing.T) {
	files, err := filepath.Glob("../../actions/*.yaml")
	require.NoError(t, err)
	names := map[string]*cli.Command{}
	for _, c := range runCommand().Subcommands {
		names[c.Name] = c
	}
	require.NotEmpty(t, files)
	assert.Len(t, names, len(files))
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".yaml")
		require.Contains(t, names, name)
		assert.NotContains(t, names[name].Usage, ". ", "one sentence in the list")
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		if strings.Contains(string(text), "required: true") {
			help, _, _ := laasCommand(t, "run "+name+" --help")
			assert.Contains(t, help, "(required)", name)
		}
	}
	help, _, _ := laasCommand(t, "run wipe_host --help")
	assert.Contains(t, strings.Join(strings.Fields(help), " "), "One of normal, fast, full. (default: normal)")
	flows, err := workflows()
	require.NoError(t, err)
	for _, a := range flows {
		for _, p := range a.Params {
			assert.Contains(t, []action.Type{action.String, action.Integer, action.Boolean, wordList}, p.Type, "%s.%s", a.Name, p.Name)
		}
	}
}
