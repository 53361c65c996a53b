package payload_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/inventory"
)

const (
	mac0  = inventory.MAC("48:df:37:1d:13:00")
	mac1  = inventory.MAC("48:df:37:1d:13:01")
	alice = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFbFG/vv1IYAM7Fdj0dSSZr3VskQ8dZM2MlsLbbMU6gC alice@laptop"
	bob   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFP4g3Fk8q5KzdSiVWCJgvu3xBypXlXe662xIKDhBNj0 bob@laptop"
)

// example decodes an example file: a list with one job, or a job alone.
func example(t testing.TB, name string) []Task {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	type job struct {
		ID      int
		Payload json.RawMessage
	}
	var jobs []job
	if json.Unmarshal(text, &jobs) != nil {
		jobs = make([]job, 1)
		require.NoError(t, json.Unmarshal(text, &jobs[0]))
	}
	if len(jobs) == 0 {
		return nil
	}
	require.Len(t, jobs, 1)
	tasks, problems := DecodeJob(jobs[0].ID, jobs[0].Payload)
	assert.Empty(t, problems)
	return tasks
}

// decode decodes one task of a type.
func decode(t *testing.T, kind, task string) Task {
	t.Helper()
	tasks, problems := DecodeJob(1, []byte(`{"`+kind+`":{"t":`+task+`}}`))
	require.Empty(t, problems)
	require.Len(t, tasks, 1)
	assert.Equal(t, "t", tasks[0].ID)
	return tasks[0]
}

func TestFirstDelivery(t *testing.T) {
	assert.Equal(t, []Task{
		{ID: "3e046c58-c9f7-4148-a792-f9efd511c528", Kind: KindHardware, Host: "hpe13", Hardware: &Hardware{Image: "23", Hostname: "my-dev-box", Power: "on", CreateBMC: true}},
		{ID: "3ec08013-291c-4824-bf42-9a2ef045fc44", Kind: KindNetwork, Host: "hpe13", Network: &Network{Ports: map[inventory.MAC][]VLAN{mac0: {{ID: 100}}, mac1: {}}}},
		{ID: "a30c20f0-f7f7-46b0-b61c-7a8acb168463", Kind: KindAccess, Access: &Access{Type: "ssh", User: 3, Keys: []string{bob}, Hosts: []string{"hpe13"}}},
		{ID: "a4234b9a-993e-4d32-97ee-a3f9c09561e6", Kind: KindAccess, Access: &Access{Type: "ssh", User: 2, Keys: []string{alice}, Hosts: []string{"hpe13"}}},
		{ID: "a4ecf491-d523-4c65-bfd5-b90ca61b4b50", Kind: KindAccess, Access: &Access{Type: "vpn", User: 3}},
		{ID: "c0f4cdf0-eea5-4a26-9130-9b55fd26d096", Kind: KindAccess, Access: &Access{Type: "vpn", User: 2}},
	}, example(t, "01_single_host_ssh_vpn"))
}

func TestBookingEnd(t *testing.T) {
	for name, tokens := range map[string][]string{
		"06_booking_end_cleanup_revoke":                   {"ipmiuser_hpe13", "", "vpn_frodo", "vpn_samwise"},
		"11_booking_end_cleanup_2022_still_has_image_key": {"", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			tasks := example(t, name)
			require.Len(t, tasks, 4)
			assert.True(t, tasks[0].Hardware.Release(), "power off is a release, whatever else is there")
			assert.True(t, tasks[1].Network.Empty())
			assert.True(t, tasks[2].Access.Revoke && tasks[3].Access.Revoke)
			for i, task := range tasks {
				assert.Equal(t, tokens[i], task.LabToken)
			}
			assert.Empty(t, Contradictory(tasks))
		})
	}
}

func TestExamples(t *testing.T) {
	// What each file is: kind and host of each task, with what is special about it.
	for name, want := range map[string]string{
		"02_multi_host_two_vlans_tagged_untagged":                  "hardware hpe14, hardware hpe13, network hpe14, network hpe13, access, access, access, access",
		"03_opnfv_software_two_hosts_collaborator_without_ssh_key": "hardware hpe13, hardware hpe14, network hpe14, network hpe13, access, access, access, software Fuel",
		"04_snapshot":                                      "snapshot hpe13 3",
		"05_reimage_delta":                                 "hardware hpe13, network hpe13, access, access",
		"07a_empty_new_jobs":                               "",
		"07b_get_job_with_no_tasks_yet":                    "",
		"08_polled_while_job_is_being_created":             "hardware hpe15 half-made, network hpe15 half-made, access half-made",
		"09_get_job_full_dict_single_host":                 "hardware hpe13, network hpe13, access, access, access, access",
		"10_single_host_2022":                              "hardware hpe13, network hpe13, access, access, access, access",
		"10b_get_job_full_dict_2022":                       "hardware hpe13, network hpe13, access, access, access, access",
		"13_analytics_active_users_in_new_jobs":            "analytics, analytics",
		"14_2020_may_july_bug_everything_off":              "hardware hpe13 release, network hpe13, access, access, access, access",
		"15a_reimage_to_unreported_snapshot_image_minus_1": "hardware hpe13, network hpe13, access, access",
		"15c_reflab_generate_job_non_uuid_task_ids":        "hardware pod1, network pod1, access key problem, access, software empty",
		"16_new_jobs_while_hardware_is_current":            "network hpe13, access, access, access, access",
		"16b_current_jobs":                                 "hardware hpe13",
		"17_done_jobs_after_provisioning":                  "hardware hpe13, network hpe13, access, access, access, access",
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, task := range example(t, name) {
				assert.Empty(t, task.Problem)
				words := []string{string(task.Kind)}
				add := func(is bool, word string) {
					if is && word != "" {
						words = append(words, word)
					}
				}
				add(true, task.Host)
				add(task.HalfMade != "", "half-made")
				add(task.Hardware != nil && task.Hardware.Release(), "release")
				add(task.Access != nil && task.Access.KeyProblem != "", "key problem")
				if task.Software != nil {
					add(task.Software.Empty, "empty")
					add(true, task.Software.Installer)
				}
				if task.Snapshot != nil {
					add(task.Snapshot.DashboardID == 3, "3")
				}
				got = append(got, strings.Join(words, " "))
			}
			assert.Equal(t, want, strings.Join(got, ", "))
		})
	}
	assert.Equal(t, "-1", example(t, "15a_reimage_to_unreported_snapshot_image_minus_1")[0].Hardware.Image)
	assert.Equal(t, Hardware{Image: "ubuntu2004-x86_64", Hostname: "my-dev-box", Power: "on", CreateBMC: true}, *example(t, "10_single_host_2022")[0].Hardware)
}

func TestHardware(t *testing.T) {
	for name, tc := range map[string]struct {
		task     string
		want     *Hardware
		halfMade bool
	}{
		"numbers and booleans":              {`{"id":"h","image":23,"hostname":"x","power":"on","ipmi_create":true}`, &Hardware{"23", "x", "on", true}, false},
		"the same as texts":                 {`{"id":"h","image":"23","hostname":"x","power":"on","ipmi_create":"True"}`, &Hardware{"23", "x", "on", true}, false},
		"the same as numbers with a point":  {`{"id":"h","image":23.0,"hostname":"x","power":"ON","ipmi_create":1}`, &Hardware{"23", "x", "on", true}, false},
		"what YAML makes of on":             {`{"id":"h","image":23,"hostname":"x","power":true}`, &Hardware{"23", "x", "on", false}, false},
		"a number for a host's id":          {`{"id":13,"power":"off"}`, &Hardware{Power: "off"}, false},
		"only what is to change":            {`{"id":"h","image":25,"lab_token":"t"}`, &Hardware{Image: "25"}, false},
		"nulls are as good as nothing":      {`{"id":"h","image":null,"hostname":null,"power":"off","ipmi_create":null,"lab_token":null}`, &Hardware{Power: "off"}, false},
		"unknown keys":                      {`{"id":"h","power":"off","colour":"red"}`, &Hardware{Power: "off"}, false},
		"a tenant may call a host hostname": {`{"id":"h","image":23,"hostname":"hostname","power":"off"}`, &Hardware{Image: "23", Hostname: "hostname", Power: "off"}, false},
		"the placeholder image with a name": {`{"id":"h","image":"defimage","hostname":"x","power":"on"}`, &Hardware{Image: "defimage", Hostname: "x", Power: "on"}, false},
		"placeholders":                      {`{"id":"h","image":"defimage","hostname":"hostname","power":"on"}`, nil, true},
		"no host":                           {`{"image":23,"power":"on"}`, nil, true},
		"a host and nothing to do":          {`{"id":"h","lab_token":"null"}`, nil, true},
		"nothing":                           {`{}`, nil, true},
		"a power that is neither":           {`{"id":"h","power":"maybe"}`, nil, false},
		"an image that is an object":        {`{"id":"h","image":{}}`, nil, false},
		"a host name that is a list":        {`{"id":"h","hostname":["x"]}`, nil, false},
		"an ipmi_create that is neither":    {`{"id":"h","power":"on","ipmi_create":"perhaps"}`, nil, false},
		"a host's id that is a boolean":     {`{"id":true,"power":"on"}`, nil, false},
		"text instead of an object":         {`"stuff"`, nil, false},
		"a list instead of an object":       {`[{"id":"h"}]`, nil, false},
		"null instead of an object":         {`null`, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := decode(t, "hardware", tc.task)
			assert.Equal(t, tc.want, got.Hardware)
			assert.Equal(t, tc.halfMade, got.HalfMade != "", got.HalfMade)
			assert.Equal(t, tc.want == nil && !tc.halfMade, got.Problem != "", got.Problem)
		})
	}
}

func TestNetwork(t *testing.T) {
	ports := func(vlans ...VLAN) *Network {
		return &Network{Ports: map[inventory.MAC][]VLAN{mac0: append([]VLAN{}, vlans...)}}
	}
	for name, tc := range map[string]struct {
		task     string
		want     *Network
		halfMade bool
		problem  string
	}{
		"a MAC in other letters":              {`{"h":{"48:DF:37:1D:13:00":[{"vlan_id":100,"tagged":false}]}}`, ports(VLAN{ID: 100}), false, ""},
		"texts for number and boolean":        {`{"h":{"48:df:37:1d:13:00":[{"vlan_id":"100","tagged":"True"}]}}`, ports(VLAN{100, true}), false, ""},
		"the token among the hosts":           {`{"lab_token":"null","h":{"48:df:37:1d:13:00":[]}}`, ports(), false, ""},
		"null instead of no VLANs":            {`{"h":{"48:df:37:1d:13:00":null}}`, ports(), false, ""},
		"several untagged, in the order sent": {`{"h":{"48:df:37:1d:13:00":[{"vlan_id":200,"tagged":false},{"vlan_id":100,"tagged":false}]}}`, ports(VLAN{ID: 200}, VLAN{ID: 100}), false, ""},
		"the same VLAN twice":                 {`{"h":{"48:df:37:1d:13:00":[{"vlan_id":200,"tagged":true},{"vlan_id":200,"tagged":true}]}}`, ports(VLAN{200, true}), false, ""},
		"no interfaces":                       {`{"h":{}}`, nil, true, ""},
		"no host":                             {`{"lab_token":"x"}`, nil, true, ""},
		"null for a host":                     {`{"h":null}`, nil, true, ""},
		"two hosts":                           {`{"h":{},"i":{}}`, nil, false, "names 2 hosts"},
		"text for a host":                     {`{"h":"stuff"}`, nil, false, "not an object"},
		"an interface that is no MAC":         {`{"h":{"ens4f0":[]}}`, nil, false, "no MAC address"},
		"an interface twice":                  {`{"h":{"48:df:37:1d:13:00":[],"48:DF:37:1D:13:00":[]}}`, nil, false, "listed twice"},
		"VLANs that are no list":              {`{"h":{"48:df:37:1d:13:00":{"vlan_id":100}}}`, nil, false, "not a list"},
		"a VLAN that is a number":             {`{"h":{"48:df:37:1d:13:00":[100]}}`, nil, false, "not an object"},
		"VLAN 0":                              {`{"h":{"48:df:37:1d:13:00":[{"vlan_id":0,"tagged":true}]}}`, ports(VLAN{0, true}), false, ""},
		"VLAN 4095":                           {`{"h":{"48:df:37:1d:13:00":[{"vlan_id":4095,"tagged":true}]}}`, ports(VLAN{4095, true}), false, ""},
		"a VLAN without a number":             {`{"h":{"48:df:37:1d:13:00":[{"tagged":true}]}}`, nil, false, "no number"},
		"neither tagged nor untagged":         {`{"h":{"48:df:37:1d:13:00":[{"vlan_id":100}]}}`, nil, false, "neither tagged nor untagged"},
		"both tagged and untagged":            {`{"h":{"48:df:37:1d:13:00":[{"vlan_id":100,"tagged":true},{"vlan_id":100,"tagged":false}]}}`, ports(VLAN{100, true}, VLAN{ID: 100}), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := decode(t, "network", tc.task)
			assert.Equal(t, tc.want, got.Network)
			assert.Equal(t, tc.halfMade, got.HalfMade != "", got.HalfMade)
			assert.Contains(t, got.Problem, tc.problem)
			assert.Equal(t, tc.problem != "", got.Problem != "", got.Problem)
			if got.Network != nil {
				assert.Equal(t, "h", got.Host)
			}
		})
	}
}

func TestSoftwareAndSnapshot(t *testing.T) {
	assert.Equal(t, &Software{Empty: true}, decode(t, "software", `{"opnfv":{},"lab_token":"null"}`).Software)
	fuel := decode(t, "software", `{"opnfv":{"installer":"Fuel","roles":[{"h":"Jumphost"}]}}`).Software
	assert.Equal(t, "Fuel", fuel.Installer)
	assert.False(t, fuel.Empty)
	other := decode(t, "software", `{"kubernetes":{"version":1}}`).Software
	assert.False(t, other.Empty, "what is not known is not nothing")
	assert.NotEmpty(t, decode(t, "software", `{"lab_token":"null"}`).HalfMade)
	assert.NotEmpty(t, decode(t, "software", `{"opnfv":"x"}`).Problem)

	assert.Equal(t, &Snapshot{DashboardID: 3, Host: "h"}, decode(t, "snapshot", `{"dashboard_id":"3","host":"h"}`).Snapshot)
	assert.Equal(t, &Snapshot{DashboardID: 3, Host: "h", Image: "23"}, decode(t, "snapshot", `{"dashboard_id":3,"host":"h","image":23}`).Snapshot)
	assert.NotEmpty(t, decode(t, "snapshot", `{"dashboard_id":3}`).HalfMade)
	assert.NotEmpty(t, decode(t, "snapshot", `{"host":"h"}`).HalfMade)
	assert.NotEmpty(t, decode(t, "snapshot", `{"dashboard_id":"x","host":"h"}`).Problem)
}

func TestOneBadPartHidesNoOther(t *testing.T) {
	tasks, problems := DecodeJob(7, []byte(`{
		"hardware": {"b": "stuff", "a": {"id":"h","power":"off"}, "": {}, "../x": {}},
		"network": "stuff", "access": [], "software": null,
		"teleport": {"z": {"to": "mars"}}, "{{ evil }}": {"y": 1},
		"snapshot": {"s": {"dashboard_id":1,"host":"h"}}
	}`))
	var ids []string
	for _, task := range tasks {
		ids = append(ids, string(task.Kind)+" "+task.ID)
	}
	assert.Equal(t, []string{"hardware a", "hardware b", "snapshot s", "unknown y", "unknown z"}, ids)
	assert.NotEmpty(t, tasks[1].Problem)
	assert.Equal(t, `unknown type of task "teleport"`, tasks[4].Problem)
	assert.NotContains(t, tasks[3].Problem, "{")
	var paths []string
	for _, p := range problems {
		paths = append(paths, p.Path)
	}
	assert.Equal(t, []string{"job 7.hardware", "job 7.hardware", "job 7.network", "job 7.access", "job 7.software"}, paths)

	for _, text := range []string{``, `null`, `[]`, `"stuff"`, `{"hardware":`, `{} {}`} {
		tasks, problems := DecodeJob(7, []byte(text))
		assert.Empty(t, tasks)
		assert.Len(t, problems, 1, text)
	}
}
