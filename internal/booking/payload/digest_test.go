package payload_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	. "stackstorm-laas/internal/booking/payload"
)

// digests by task id.
func digests(tasks []Task) map[string]string {
	out := map[string]string{}
	for _, t := range tasks {
		out[t.ID] = t.Digest()
	}
	return out
}

func TestTheSameWorkHasTheSameDigest(t *testing.T) {
	first := digests(example(t, "01_single_host_ssh_vpn"))
	assert.Equal(t, first, digests(example(t, "09_get_job_full_dict_single_host")), "the job alone writes numbers and booleans as texts, and no tokens")
	assert.Equal(t, first, digests(example(t, "17_done_jobs_after_provisioning")), "the lab's own tokens are no content")
	assert.Equal(t, digests(example(t, "10_single_host_2022")), digests(example(t, "10b_get_job_full_dict_2022")))

	reimage := digests(example(t, "05_reimage_delta"))
	const hardware = "3e046c58-c9f7-4148-a792-f9efd511c528"
	for id, digest := range reimage {
		if id == hardware {
			assert.NotEqual(t, first[id], digest, "another image is other work")
		} else {
			assert.Equal(t, first[id], digest)
		}
	}
	for id, digest := range digests(example(t, "06_booking_end_cleanup_revoke")) {
		assert.NotEqual(t, first[id], digest, "the end is other work")
	}
	for _, digest := range first {
		assert.Regexp(t, `^[0-9a-f]{12}$`, digest)
	}
}

func TestDigestsOfVariants(t *testing.T) {
	for name, tc := range map[string]struct {
		kind, a, b string
		same       bool
	}{
		"a release is only host and power": {
			"hardware", `{"id":"h","power":"off"}`, `{"id":"h","power":"off","image":25,"hostname":"next","ipmi_create":"True","lab_token":"x"}`, true,
		},
		"a release of another host": {"hardware", `{"id":"h","power":"off"}`, `{"id":"i","power":"off"}`, false},
		"another host name":         {"hardware", `{"id":"h","power":"on","hostname":"a"}`, `{"id":"h","power":"on","hostname":"b"}`, false},
		"power switched on":         {"hardware", `{"id":"h","power":"on"}`, `{"id":"h","power":"off"}`, false},
		"a release of the network counts no interfaces": {
			"network", `{"h":{"48:df:37:1d:13:00":[]}}`, `{"h":{"48:df:37:1d:13:01":[],"48:df:37:1d:13:02":null}}`, true,
		},
		"the order of VLANs": {
			"network", `{"h":{"48:df:37:1d:13:00":[{"vlan_id":1,"tagged":true},{"vlan_id":2,"tagged":true}]}}`,
			`{"h":{"48:DF:37:1D:13:00":[{"tagged":"True","vlan_id":"2"},{"tagged":1,"vlan_id":"1"}]}}`, true,
		},
		"tagged or not": {
			"network", `{"h":{"48:df:37:1d:13:00":[{"vlan_id":1,"tagged":true}]}}`, `{"h":{"48:df:37:1d:13:00":[{"vlan_id":1,"tagged":false}]}}`, false,
		},
		"the order of hosts in an access": {
			"access", `{"access_type":"ssh","user":2,"context":{"key":"` + alice + `","hosts":["h","i"]}}`,
			`{"access_type":"SSH","user":"2","revoke":"False","context":{"hosts":["i","h"],"key":"` + alice + `\n"}}`, true,
		},
		"another key":            {"access", `{"access_type":"ssh","user":2,"context":{"key":"` + alice + `","hosts":["h"]}}`, `{"access_type":"ssh","user":2,"context":{"key":"` + bob + `","hosts":["h"]}}`, false},
		"access is revoked":      {"access", `{"access_type":"vpn","user":2}`, `{"access_type":"vpn","user":2,"revoke":true}`, false},
		"the order of software":  {"software", `{"opnfv":{"installer":"Fuel","scenario":"a"}}`, `{"lab_token":"x","opnfv": {"scenario":"a", "installer":"Fuel"}}`, true},
		"another scenario":       {"software", `{"opnfv":{"installer":"Fuel","scenario":"a"}}`, `{"opnfv":{"installer":"Fuel","scenario":"b"}}`, false},
		"half-made and complete": {"hardware", `{"id":"h"}`, `{"id":"h","power":"on"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := decode(t, tc.kind, tc.a).Digest(), decode(t, tc.kind, tc.b).Digest()
			assert.Equal(t, tc.same, a == b)
		})
	}
}

func TestADigestChangesNothing(t *testing.T) {
	task := decode(t, "network", `{"lab_token":"x","h":{"48:df:37:1d:13:00":[{"vlan_id":2,"tagged":true},{"vlan_id":1,"tagged":true}]}}`)
	task.Digest()
	assert.Equal(t, []VLAN{{2, true}, {1, true}}, task.Network.Ports[mac0])
	assert.Equal(t, "x", task.LabToken)
}

func TestContradictory(t *testing.T) {
	assert.NotEmpty(t, Contradictory(example(t, "14_2020_may_july_bug_everything_off")))
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	for _, file := range files {
		name := filepath.Base(file[:len(file)-len(".json")])
		if name != "14_2020_may_july_bug_everything_off" {
			assert.Empty(t, Contradictory(example(t, name)), name)
		}
	}
	const off = `"hardware":{"a":{"id":"h","power":"off"}},`
	const ssh = `"s":{"access_type":"ssh","user":2,"context":{"key":"` + alice + `","hosts":["h"]}}`
	for name, tc := range map[string]struct {
		payload string
		want    string
	}{
		"VLANs on the host":                              {`{` + off + `"network":{"n":{"h":{"48:df:37:1d:13:00":[{"vlan_id":1,"tagged":true}]}}}}`, "host h is to be released, but its network still carries VLANs"},
		"VLANs on another host":                          {`{` + off + `"network":{"n":{"i":{"48:df:37:1d:13:00":[{"vlan_id":1,"tagged":true}]}}}}`, ""},
		"SSH access to the host":                         {`{` + off + `"access":{` + ssh + `}}`, "host h is to be released, but SSH access to it is being granted"},
		"SSH access never begun, while the network ends": {`{` + off + `"network":{"n":{"h":{"48:df:37:1d:13:00":[]}}},"access":{` + ssh + `}}`, ""},
		"SSH access never begun, while VPN is revoked":   {`{` + off + `"access":{` + ssh + `,"v":{"access_type":"vpn","user":2,"revoke":true}}}`, ""},
		"a release alone":                                {`{` + off + `"software":{}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tasks, _ := DecodeJob(1, []byte(tc.payload))
			assert.Equal(t, tc.want, Contradictory(tasks))
		})
	}
}

// FuzzDecodeJob: whatever is sent, decoding ends, ids are ids, and a task survives being stored.
func FuzzDecodeJob(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		v := gjson.ParseBytes(text)
		for _, job := range append(v.Array(), v) {
			f.Add([]byte(job.Get("payload").Raw))
		}
	}
	for _, text := range []string{
		`{"hardware":"stuff"}`, `{"hardware":{"t":{"id":1e999,"image":1e999}}}`, `{"software":{"t":{"opnfv":{"x":1e999}}}}`, `{"access":{"t":{"access_type":"ssh","user":1,"context":{"key":"\u0000\n","hosts":[[]]}}}}`,
		"{\"network\":{\"t\":{\"\xff\":{\"00:00:00:00:00:00\":[]}}}}", `{"snapshot":{"t":{"dashboard_id":-0,"host":"\ud800"}}}`, `{"a":{"a":{"a":{}}},"a":{"a":[]}}`, `{"":{"":""}}`, `[`, ``,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tasks, _ := DecodeJob(1, text)
		Contradictory(tasks)
		for _, task := range tasks {
			assert.Regexp(t, `^[-A-Za-z0-9_]+$`, task.ID)
			stored, err := json.Marshal(task)
			require.NoError(t, err)
			var again Task
			require.NoError(t, json.Unmarshal(stored, &again))
			assert.Equal(t, task.Digest(), again.Digest())
		}
	})
}
