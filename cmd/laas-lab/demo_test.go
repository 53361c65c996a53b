package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/fault"

	_ "stackstorm-laas/internal/actions" // the program is built from them: a result that go test kept ends with a change
	_ "stackstorm-laas/internal/sensor"
)

// builtPack is a copy of the pack with its program built.
func builtPack(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"actions", "workflows", "rules", "policies", "sensors"} {
		require.NoError(t, os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join("../..", name))))
	}
	for _, name := range []string{"pack.yaml", "config.schema.yaml"} {
		text, err := os.ReadFile(filepath.Join("../..", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
	machine, err := exec.Command("uname", "-m").Output()
	require.NoError(t, err)
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "bin", "laas-"+strings.TrimSpace(string(machine))), "../laas")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}

// demonstrate runs the command and gives what it prints and its exit status.
func demonstrate(t *testing.T, args ...string) (stdout []byte, status int) {
	t.Helper()
	var out bytes.Buffer
	app := &cli.App{Name: "laas-lab", Writer: &out, Commands: []*cli.Command{demoCommand()}, ExitErrHandler: func(*cli.Context, error) {}}
	err := app.RunContext(t.Context(), append([]string{"laas-lab", "demo"}, args...))
	var code cli.ExitCoder
	if errors.As(err, &code) {
		return out.Bytes(), code.ExitCode()
	}
	require.NoError(t, err)
	return out.Bytes(), 0
}

func keysOf(t *testing.T, v any) []string {
	t.Helper()
	o, ok := v.(map[string]any)
	require.True(t, ok, "%v", v)
	return slices.Sorted(maps.Keys(o))
}

func TestTheReportOfADemo(t *testing.T) {
	pack := builtPack(t)
	recorded := func(prefixes ...string) (args []string) {
		for _, p := range prefixes {
			names, err := filepath.Glob("../../internal/booking/payload/testdata/" + p + "*")
			require.NoError(t, err)
			require.Len(t, names, 1)
			args = append(args, "--jobs", names[0])
		}
		return append(args, "--json", "--pack", pack)
	}
	for name, c := range map[string]struct {
		bodies []string
		status int
		states []string
	}{
		"all done is 0":                      {[]string{"01"}, 0, []string{"done"}},
		"there and back is 0":                {[]string{"01", "06"}, 0, []string{"done"}},
		"nothing is 0":                       {[]string{"07a"}, 0, nil},
		"something failed is 1":              {[]string{"04"}, 1, []string{"failed"}},
		"something held is 4":                {[]string{"08"}, 4, []string{"held"}},
		"something failed beside a held one": {[]string{"08", "04"}, 1, []string{"held", "failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, status := demonstrate(t, recorded(c.bodies...)...)
			assert.Equal(t, c.status, status)
			var report map[string]any
			require.NoError(t, json.Unmarshal(out, &report), "JSON alone: %s", out)
			assert.Equal(t, []string{"executions", "hosts", "jobs", "seconds", "vpn_users"}, keysOf(t, report))
			assert.Equal(t, []string{"actions", "workflows"}, keysOf(t, report["executions"]))
			var states []string
			for _, j := range report["jobs"].([]any) {
				assert.Equal(t, []string{"id", "reason", "state", "tasks"}, keysOf(t, j))
				states = append(states, j.(map[string]any)["state"].(string))
				for _, task := range j.(map[string]any)["tasks"].([]any) {
					assert.Equal(t, []string{"id", "message", "status", "type"}, keysOf(t, task))
				}
			}
			slices.Sort(states)
			slices.Sort(c.states)
			assert.Equal(t, c.states, states)
			for _, h := range report["hosts"].([]any) {
				assert.Equal(t, []string{"bmc_users", "hostname", "image", "name", "ports", "power", "quarantined", "reachable", "ssh_keys"}, keysOf(t, h))
				for _, p := range h.(map[string]any)["ports"].([]any) {
					assert.Equal(t, []string{"mac", "native", "port", "shutdown", "switch", "tagged"}, keysOf(t, p))
				}
			}
		})
	}
}

func TestADemoOfWhatIsNoJobListIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "jobs.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"id": 1}`), 0o644))
	app := &cli.App{Commands: []*cli.Command{demoCommand()}, ExitErrHandler: func(*cli.Context, error) {}}
	for _, args := range [][]string{{"--jobs", file}, {"--jobs", file + ".none"}, {"--jobs", "../../datastore/hosts.json"}, {"--dashboard", "2018"}} {
		assert.Error(t, app.RunContext(t.Context(), append([]string{"laas-lab", "demo", "--pack", "../.."}, args...)))
	}
}

func TestALabThatIsNotThereIsNotStarted(t *testing.T) {
	app := &cli.App{Commands: []*cli.Command{upCommand()}, ExitErrHandler: func(*cli.Context, error) {}}
	for _, args := range [][]string{{"--dashboard", "2020"}, {"--fog", "2"}, {"--redfish", "nope"}, {"--port", "70000"}, {"--port", "-1"}, {"--pace", "slow"}} {
		err := app.RunContext(t.Context(), append([]string{"laas-lab", "up", "--pack", "../..", "--dir", t.TempDir()}, args...))
		assert.Equal(t, fault.Input, fault.KindOf(err), "%v: %v", args, err)
	}
}

func TestAMessageIsToldByItsFirstLineThatSaysSomething(t *testing.T) {
	assert.Equal(t, "hpe13 is ready", firstLine("hpe13 is ready\nmore"))
	assert.Equal(t, "what was done: host off, ...", firstLine("what was done:\n  host off\n  more"))
	assert.Equal(t, "alone:", firstLine("alone:"))
}
