package dashboard_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/dashboard"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

const (
	lab   = "UNH_IOL"
	token = "lab-token"
	hw    = "3e046c58-c9f7-4148-a792-f9efd511c528" // ids of the job in 01
	netw  = "3ec08013-291c-4824-bf42-9a2ef045fc44"
	vpn   = "a4ecf491-d523-4c65-bfd5-b90ca61b4b50"
	ssh   = "a30c20f0-f7f7-46b0-b61c-7a8acb168463"
)

type site struct {
	*dashboard.Server
	t      *testing.T
	faults *faults.Set
}

func serve(t *testing.T, mode string, files ...string) *site {
	t.Helper()
	s := &site{t: t, faults: &faults.Set{}}
	var err error
	s.Server, err = dashboard.Serve(world.New(world.Pace{}), s.faults, dashboard.Config{
		Mode: mode, Lab: lab, Token: token, HostType: "hpe",
		Users: []dashboard.User{{ID: 2, Username: "alice", Email: "alice@x.org"}},
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	for _, f := range files {
		require.NoError(t, s.Deliver(body(t, f)))
	}
	return s
}

func body(t *testing.T, prefix string) []byte {
	t.Helper()
	names, err := filepath.Glob("testdata/" + prefix + "*")
	require.NoError(t, err)
	require.Len(t, names, 1)
	text, err := os.ReadFile(names[0])
	require.NoError(t, err)
	return text
}

// call sends a request below /api/labs/ with the lab's token.
func (s *site) call(method, path, contentType, text string) (status int, answer string) {
	s.t.Helper()
	return s.callAs(token, method, path, contentType, text)
}

func (s *site) callAs(token, method, path, contentType, text string) (status int, answer string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.URL()+"/api/labs/"+path, strings.NewReader(text))
	require.NoError(s.t, err)
	req.Header.Set("auth-token", token)
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, string(b)
}

func (s *site) get(path string) (int, string) {
	s.t.Helper()
	return s.call("GET", lab+"/"+path, "", "")
}

func (s *site) post(path string, form url.Values) (int, string) {
	s.t.Helper()
	return s.call("POST", lab+"/"+path, "application/x-www-form-urlencoded", form.Encode())
}

func TestErrorsAreTheDashboardsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		mode, token, method, path, body string
		status                          int
	}{
		"a wrong token":                      {token: "nope", path: lab + "/jobs/new", status: 403},
		"an unknown lab":                     {path: "other/jobs/new", status: 403},
		"a wrong token at a wrong method":    {token: "nope", method: "DELETE", path: lab + "/hosts/hpe13", status: 403},
		"a trailing slash":                   {path: lab + "/jobs/new/", status: 404},
		"a host id that is no slug":          {path: lab + "/hosts/hpe13.example.org", status: 404},
		"an unknown job":                     {path: lab + "/jobs/99", status: 500},
		"an unknown task":                    {path: lab + "/jobs/1/nope", status: 500},
		"a task of an unknown job":           {path: lab + "/jobs/99/" + hw, status: 500},
		"a status that is no number":         {method: "POST", path: lab + "/jobs/1/" + hw, body: "status=done", status: 500},
		"a token too long for its column":    {method: "POST", path: lab + "/jobs/1/" + hw, body: "lab_token=" + strings.Repeat("x", 51), status: 500},
		"another method on a task":           {method: "DELETE", path: lab + "/jobs/1/" + hw, status: 500},
		"another method on a host":           {method: "PUT", path: lab + "/hosts/hpe13", status: 500},
		"reading a BMC":                      {path: lab + "/hosts/hpe13/bmc", status: 500},
		"an unknown host in 2019":            {path: lab + "/hosts/hpe99", status: 404},
		"an unknown host in 2022":            {mode: "2022", path: lab + "/hosts/hpe99", status: 500},
		"users in 2019":                      {path: lab + "/users/2", status: 404},
		"an unknown user in 2022":            {mode: "2022", path: lab + "/users/9", status: 500},
		"posting to a list":                  {method: "POST", path: lab + "/jobs/new", status: 403},
		"posting a downtime":                 {method: "POST", path: lab + "/downtime", status: 403},
		"the inventory":                      {path: lab + "/inventory", status: 500},
		"posting to a job, which is ignored": {method: "POST", path: lab + "/jobs/1", status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, or(c.mode, "2019"), "01")
			status, answer := s.callAs(or(c.token, token), or(c.method, "GET"), c.path, "application/x-www-form-urlencoded", c.body)
			assert.Equal(t, c.status, status, answer)
			got, _, _ := s.TaskState(1, hw)
			assert.Equal(t, dashboard.New, got)
		})
	}
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func TestWhatIsDeliveredIsListedAsItCame(t *testing.T) {
	for _, file := range []string{"01", "02", "03", "04", "05", "06", "07a", "08", "10_", "11", "13", "14", "15a", "15c", "16_"} {
		t.Run(file, func(t *testing.T) {
			mode := "2019"
			if file == "10_" || file == "11" {
				mode = "2022"
			}
			s := serve(t, mode, file)
			status, got := s.get("jobs/new")
			require.Equal(t, 200, status)
			assert.JSONEq(t, string(body(t, file)), got)
		})
	}
}

func TestMalformedPartsAreDeliveredToo(t *testing.T) {
	s := serve(t, "2019")
	text := `[{"id":1,"payload":{"hardware":"stuff","network":{"n":{"h":{},"lab_token":"null"},"m":7}}},"no job",{"id":"x","payload":3}]`
	require.NoError(t, s.Deliver([]byte(text)))
	_, got := s.get("jobs/new")
	assert.JSONEq(t, text, got)
	require.Error(t, s.Deliver([]byte(`{"id":1}`)))
}

func TestAJobMovesThroughTheListsByTheStatusOfItsTasks(t *testing.T) {
	s := serve(t, "2019", "01")
	post := func(task string, form url.Values) string {
		status, answer := s.post("jobs/1/"+task, form)
		require.Equal(t, 200, status)
		return answer
	}
	assert.JSONEq(t, string(body(t, "resp_01")), post(hw, url.Values{"status": {"100"}}))
	_, got := s.get("jobs/new")
	assert.JSONEq(t, string(body(t, "16_")), got)
	_, got = s.get("jobs/current")
	assert.JSONEq(t, string(body(t, "16b")), got)

	var want struct{ Meta struct{ Message string } }
	require.NoError(t, json.Unmarshal(body(t, "resp_02"), &want))
	answer := post(hw, url.Values{"message": {want.Meta.Message}, "lab_token": {"ipmiuser_hpe13"}})
	assert.JSONEq(t, string(body(t, "resp_02")), answer)

	post(vpn, url.Values{"status": {"200"}, "lab_token": {"vpn_frodo"}})
	post("c0f4cdf0-eea5-4a26-9130-9b55fd26d096", url.Values{"status": {"200"}, "lab_token": {"vpn_samwise"}})
	for _, task := range []string{hw, netw, ssh, "a4234b9a-993e-4d32-97ee-a3f9c09561e6"} {
		post(task, url.Values{"status": {"200"}})
	}
	_, got = s.get("jobs/done")
	assert.JSONEq(t, string(body(t, "17")), got)
	_, got = s.get("jobs/new")
	assert.JSONEq(t, "[]", got)

	post(hw, url.Values{"status": {"300"}})
	for _, list := range []string{"new", "current"} {
		_, got = s.get("jobs/" + list)
		assert.NotContains(t, got, hw, "an error is in no list")
	}
	_, _, stored := s.TaskState(1, hw)
	assert.Equal(t, "ipmiuser_hpe13", stored)
	assert.Len(t, s.History(1, hw), 4)
}

func TestAnUpdateThatIsNoFormChangesNothing(t *testing.T) {
	s := serve(t, "2019", "01")
	status, answer := s.call("POST", lab+"/jobs/1/"+hw, "application/json", `{"status":200}`)
	assert.Equal(t, 200, status)
	assert.Contains(t, answer, `"status":0`, "a number when none was sent")
	got, _, _ := s.TaskState(1, hw)
	assert.Equal(t, dashboard.New, got)
}

func TestASnapshotHasNoToken(t *testing.T) {
	s := serve(t, "2019", "04")
	_, answer := s.post("jobs/1/3d572622-9d3b-4072-a9f2-4c2a4ac7efc1", url.Values{"status": {"200"}, "lab_token": {"x"}})
	assert.JSONEq(t, string(body(t, "resp_04")), answer)
}

func TestAWholeJobHasAFormOfItsOwn(t *testing.T) {
	for mode, files := range map[string][2]string{"2019": {"01", "09"}, "2022": {"10_", "10b"}} {
		t.Run(mode, func(t *testing.T) {
			s := serve(t, mode, files[0])
			_, got := s.get("jobs/1")
			assert.JSONEq(t, string(body(t, files[1])), got)
		})
	}
	t.Run("in 2019 a clean-up still lists the image", func(t *testing.T) {
		s := serve(t, "2019", "01", "06")
		_, got := s.get("jobs/1")
		assert.Contains(t, got, `"image":"23"`)
	})
	t.Run("without tasks it has an empty payload", func(t *testing.T) {
		s := serve(t, "2019")
		require.NoError(t, s.Deliver([]byte(`[{"id":4,"payload":{}}]`)))
		_, got := s.get("jobs/4")
		assert.JSONEq(t, string(body(t, "07b")), got)
		_, got = s.get("jobs/new")
		assert.JSONEq(t, "[]", got)
	})
}

func TestAHostWorksOnlyIfTheTextIsTrue(t *testing.T) {
	for text, want := range map[string]bool{"true": true, "True": false, "1": false, "false": false} {
		s := serve(t, "2019", "01")
		status, answer := s.post("hosts/hpe13", url.Values{"working": {text}})
		assert.Equal(t, 200, status)
		assert.Equal(t, want, s.HostWorking("hpe13"), text)
		assert.Contains(t, answer, `"booked":true`)
	}
	s := serve(t, "2019", "01")
	_, _ = s.post("hosts/hpe13", nil)
	assert.True(t, s.HostWorking("hpe13"), "no text changes nothing")
}

func TestBMC(t *testing.T) {
	form := func(without string) url.Values {
		v := url.Values{"address": {"10.0.0.13"}, "mac_address": {"48:df:37:1d:13:aa"}, "password": {"p"}, "user": {"OPNFV"}, "type": {"ipmi"}, "versions": {"2.0"}}
		v.Del(without)
		return v
	}
	s := serve(t, "2019", "01")
	status, answer := s.post("hosts/hpe13/bmc", form("password"))
	assert.Equal(t, 200, status)
	assert.JSONEq(t, string(body(t, "resp_06")), answer)
	_, known := s.HostBMC("hpe13")
	assert.False(t, known)

	_, answer = s.post("hosts/hpe13/bmc", form(""))
	assert.JSONEq(t, string(body(t, "resp_05")), answer)
	bmc, _ := s.HostBMC("hpe13")
	assert.Equal(t, "10.0.0.13", bmc.Address)

	s.Delete(1)
	status, _ = s.post("hosts/hpe13/bmc", form(""))
	assert.Equal(t, 500, status, "saved, and yet an error, without a booking")
}

func TestABookingsPodIsDescribed(t *testing.T) {
	s := serve(t, "2019", "03")
	status, idf := s.get("booking/3/idf")
	assert.Equal(t, 200, status)
	assert.Empty(t, idf, "until a BMC is reported")
	_, _ = s.post("hosts/hpe14/bmc", url.Values{"address": {"10.0.0.14"}, "mac_address": {"48:df:37:1d:14:aa"}, "password": {"a<b"}, "user": {"OPNFV"}, "type": {"ipmi"}, "versions": {"2.0"}})
	_, idf = s.get("booking/3/idf")
	assert.Contains(t, idf, "net_config")
	_, pdf := s.get("booking/3/pdf")
	assert.Contains(t, pdf, "- name: hpe13")
	assert.Contains(t, pdf, "pass: a&lt;b")
	status, _ = s.get("booking/9/pdf")
	assert.Equal(t, 404, status)
}

func TestUsersAreKnownIn2022(t *testing.T) {
	s := serve(t, "2022")
	_, answer := s.get("users/2")
	assert.JSONEq(t, `{"id":2,"username":"alice","email":"alice@x.org","first_name":"","last_name":"","company":""}`, answer)
	_, answer = s.get("users")
	assert.Contains(t, answer, `{"users":[`)
	status, _ := s.get("users/3")
	assert.Equal(t, 500, status)
	require.NoError(t, s.Deliver(body(t, "10_")))
	_, answer = s.get("users/3")
	assert.Contains(t, answer, `"username":"user3"`, "who has a booking is a user")
}

func TestAnalyticsTasksCannotBeTouched(t *testing.T) {
	s := serve(t, "2022", "13")
	status, _ := s.post("jobs/3/f5a5c011-67cf-4427-89cd-e51a5e310d6b", url.Values{"status": {"200"}})
	assert.Equal(t, 500, status)
	_, got := s.get("jobs/getByType/DATA")
	assert.JSONEq(t, string(body(t, "13")), got)
	status, _ = s.call("POST", lab+"/jobs/getByType/DATA", "application/json", `{"active_users":3}`)
	assert.Equal(t, 200, status)
	status, _ = s.call("POST", lab+"/jobs/getByType/DATA", "application/json", `{}`)
	assert.Equal(t, 500, status)
}
