package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

var update = flag.Bool("update", false, "write the golden files anew")

// plan runs the command and gives what it prints.
func plan(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	app := &cli.App{Writer: &out, Commands: []*cli.Command{jobCommand()}, ExitErrHandler: func(*cli.Context, error) {}}
	require.NoError(t, app.Run(append([]string{"laas", "job", "plan"}, args...)))
	return out.String()
}

const (
	payloads = "../../internal/booking/payload/testdata/"
	lab      = "testdata/plan/hosts.json"
	settings = "testdata/plan/laas.yaml"
)

func TestThePlanOfEveryRecordedBody(t *testing.T) {
	files, err := filepath.Glob(payloads + "*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			got := plan(t, "--jobs", file, "--hosts", lab, "--config", settings)
			golden := "testdata/plan/" + name + ".txt"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

func TestThePlanAsJSON(t *testing.T) {
	var got jobPlan
	require.NoError(t, json.Unmarshal([]byte(plan(t, "--json", "--jobs", payloads+"02_multi_host_two_vlans_tagged_untagged.json", "--hosts", lab, "--config", settings)), &got))
	require.Len(t, got.Jobs, 1)
	require.Len(t, got.Jobs[0].Hosts, 2)
	h := got.Jobs[0].Hosts[1]
	assert.Equal(t, "hpe14", h.ID)
	assert.Equal(t, "provision", h.Action)
	assert.Equal(t, "23", h.Image)
	require.Len(t, h.Ports, 2)
	assert.Equal(t, "sw1", h.Ports[1].Switch)
	assert.Nil(t, h.Ports[1].Before, "nobody read the switch")
	assert.Equal(t, []int{100, 200}, h.Ports[1].After.Tagged)
	assert.Len(t, got.Jobs[0].Grant, 4)
	assert.Equal(t, []string{"ports before: the switches were not read"}, got.Unchecked)
}

func TestThePlanSaysWhatItCouldNotCheck(t *testing.T) {
	got := plan(t, "--jobs", payloads+"01_single_host_ssh_vpn.json")
	assert.Contains(t, got, "no inventory was given")
	assert.Contains(t, got, "VLAN rules: no configuration was given")
	assert.Contains(t, got, "48:df:37:1d:13:00: not read -> untagged 100")

	text, err := os.ReadFile(payloads + "02_multi_host_two_vlans_tagged_untagged.json")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "jobs.json")
	require.NoError(t, os.WriteFile(file, bytes.ReplaceAll(text, []byte(`"tagged": true`), []byte(`"tagged": false`)), 0o644))
	assert.Contains(t, plan(t, "--jobs", file), "VLANs 100 and 200 are both untagged", "what needs no inventory is checked without one")
}

func TestThePlanRefusesWhatALabMustNotDo(t *testing.T) {
	text, err := os.ReadFile(payloads + "02_multi_host_two_vlans_tagged_untagged.json")
	require.NoError(t, err)
	job := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(text)), "["), "]")
	for name, c := range map[string]struct {
		change *strings.Replacer
		second bool
		want   string
	}{
		"the lab's own VLAN":            {strings.NewReplacer(`"vlan_id": 200`, `"vlan_id": 98`), false, "VLAN 98 is the lab's own"},
		"a host that is not in the lab": {strings.NewReplacer("hpe14", "hpe99"), false, `no host with the dashboard id "hpe99"`},
		"an interface of another host":  {strings.NewReplacer("48:df:37:1d:14:01", "48:df:37:1d:13:01"), false, "is not an interface of hpe14"},
		"an image that is none":         {strings.NewReplacer(`"image": 23`, `"image": "unknown"`), false, `no usable image ("unknown")`},
		"a private VLAN in two jobs":    {strings.NewReplacer(`"id": 2,`, `"id": 9,`, "hpe13", "hpe15", "hpe14", "hpe16", ":13:", ":15:", ":14:", ":16:"), true, "VLAN 200 is private and on the ports of hpe1"},
		"a host whose booking ends too": {strings.NewReplacer(`"power": "on"`, `"power": "off"`, `"id": 2,`, `"id": 9,`, `"vlan_id": 100`, `"vlan_id": 100`), true, "waits, host hpe13 is being taken back from job 9 first"},
	} {
		t.Run(name, func(t *testing.T) {
			body := c.change.Replace(job)
			if c.second {
				body = job + "," + body
			}
			file := filepath.Join(t.TempDir(), "jobs.json")
			require.NoError(t, os.WriteFile(file, []byte("["+body+"]"), 0o644))
			assert.Contains(t, plan(t, "--jobs", file, "--hosts", lab, "--config", settings), c.want)
		})
	}
}

func TestThePlanSaysWhatBecomesOfTheDisk(t *testing.T) {
	for setting, want := range map[string]string{
		"":                        "its first disk wiped (normal)",
		"release: {wipe: full}\n": "its first disk wiped (full)",
		"release: {wipe: none}\n": "its disk NOT wiped",
	} {
		text, err := os.ReadFile(settings)
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "laas.yaml")
		require.NoError(t, os.WriteFile(file, append(text, setting...), 0o644))
		got := plan(t, "--jobs", payloads+"06_booking_end_cleanup_revoke.json", "--hosts", lab, "--config", file)
		assert.Contains(t, got, "SSH keys gone, power off, BMC accounts gone, "+want)
	}
	assert.Contains(t, plan(t, "--jobs", payloads+"06_booking_end_cleanup_revoke.json"), "wiped unless release.wipe is none")
}
