package fog_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	client "stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/fog"
	"stackstorm-laas/internal/simlab/world"
)

type site struct {
	*fog.Server
	t      *testing.T
	world  *world.World
	faults *faults.Set
}

func serve(t *testing.T, version string) *site {
	t.Helper()
	w := world.New(world.Pace{POST: time.Hour})
	w.AddHost(world.HostSpec{Name: "hpe13", NICs: []world.NIC{{MAC: "48:df:37:1d:13:00", Switch: "sw1", Port: "Ethernet1/1"}, {MAC: "48:df:37:1d:13:01", Switch: "sw1", Port: "Ethernet1/2"}}})
	w.AddHost(world.HostSpec{Name: "hpe130"})
	w.AddImage(world.Image{ID: 23, Name: "ubuntu2004", OS: "ubuntu", Version: "20.04"})
	w.AddImage(world.Image{ID: 25, Name: "centos7", OS: "centos", Version: "7"})
	s := &site{t: t, world: w, faults: &faults.Set{}}
	var err error
	s.Server, err = fog.Serve(w, s.faults, fog.Config{Version: version, APIKey: "api", UserKey: "user", ADPassword: "ad-secret"})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func (s *site) call(method, path, body string) (int, string) {
	s.t.Helper()
	resp, text := s.callAs("api", "user", method, path, body)
	return resp.StatusCode, text
}

func (s *site) callAs(api, user, method, path, body string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.BaseURL()+path, strings.NewReader(body))
	require.NoError(s.t, err)
	req.Header.Set("fog-api-token", base64.StdEncoding.EncodeToString([]byte(api)))
	req.Header.Set("fog-user-token", base64.StdEncoding.EncodeToString([]byte(user)))
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp, string(b)
}

func TestBothTokensAreNeeded(t *testing.T) {
	s := serve(t, "1.5")
	resp, text := s.callAs("wrong", "user", "GET", "host", "")
	assert.Equal(t, 403, resp.StatusCode)
	assert.Empty(t, text)
	resp, text = s.callAs("api", "wrong", "GET", "host", "")
	assert.Equal(t, 401, resp.StatusCode)
	assert.Empty(t, text)

	s.Enable(false)
	resp, _ = s.callAs("api", "user", "GET", "host", "")
	assert.Equal(t, 302, resp.StatusCode)
	resp, err := http.Get(s.URL() + resp.Header.Get("Location"))
	require.NoError(t, err)
	defer resp.Body.Close()
	page, _ := io.ReadAll(resp.Body)
	assert.Equal(t, 200, resp.StatusCode)
	assert.Contains(t, string(page), "<html>")
}

func TestAnswersHaveTheShapeOfTheVersion(t *testing.T) {
	for name, c := range map[string]struct {
		version, method, path, body string
		status                      int
		want                        map[string]string // by path in the answer
	}{
		"hosts in 1.5":               {"1.5", "GET", "host", "", 200, map[string]string{"count": "2", "hosts.0.id": "1", "hosts.1.name": "hpe130"}},
		"hosts in 1.6":               {"1.6", "GET", "host/list", "", 200, map[string]string{"_lang": "host", "recordsTotal": "2", "data.0.name": "hpe13"}},
		"an exact filter in 1.5":     {"1.5", "GET", "host", `{"name":"hpe130"}`, 200, map[string]string{"count": "1", "hosts.0.id": "2"}},
		"an exact filter in 1.6":     {"1.6", "GET", "host/list/name=hpe13", "", 200, map[string]string{"data.#": "1"}},
		"hosts of an image in 1.5":   {"1.5", "GET", "host", `{"imageID":0}`, 200, map[string]string{"count": "2"}},
		"hosts of an image in 1.6":   {"1.6", "GET", "host/list/imageID=25", "", 200, map[string]string{"data.#": "0"}},
		"no such filter in 1.5":      {"1.5", "GET", "host/list/name=hpe13", "", 501, nil},
		"no filter of a body in 1.6": {"1.6", "GET", "host", `{"name":"hpe130"}`, 200, map[string]string{"data.#": "2", "data.0.ADPass": "", "data.0.imageID": "0"}},
		"names regardless of case":   {"1.6", "GET", "host/list/name=HPE13", "", 200, map[string]string{"data.0.name": "hpe13"}},
		"all names in 1.6":           {"1.6", "GET", "host/names", "", 200, map[string]string{"1.name": "hpe130", "#": "2"}},
		"no list of names in 1.5":    {"1.5", "GET", "host/names", "", 501, nil},
		"names in 1.6":               {"1.6", "GET", "host/names/name=hpe130", "", 200, map[string]string{"0.id": "2", "#": "1"}},
		"a search finds parts":       {"1.5", "GET", "host/search/pe13", "", 200, map[string]string{"count": "2"}},
		"a host, secrets included":   {"1.5", "GET", "host/1", "", 200, map[string]string{"ADPass": "ad-secret", "primac": "48:df:37:1d:13:00", "macs.#": "2", "imageID": "0"}},
		"an unknown host":            {"1.5", "GET", "host/9", "", 404, nil},
		"images in 1.5":              {"1.5", "GET", "image", "", 200, map[string]string{"count": "2", "images.0.id": "23", "images.0.os.name": "Linux"}},
		"images in 1.6":              {"1.6", "GET", "image", "", 200, map[string]string{"data.1.name": "centos7"}},
		"an image":                   {"1.5", "GET", "image/25", "", 200, map[string]string{"name": "centos7"}},
		"an unknown image":           {"1.5", "GET", "image/7", "", 404, nil},
		"an assignment":              {"1.5", "PUT", "host/1/edit", `{"name":"hpe13","imageID":"25"}`, 200, map[string]string{"imageID": "25", "imagename": "centos7", "image.id": "25"}},
		"a name that is taken":       {"1.5", "PUT", "host/1", `{"name":"hpe130"}`, 500, map[string]string{"error": "Already created"}},
		"no active tasks":            {"1.5", "GET", "task/active", "", 200, map[string]string{"count": "0", "tasks.#": "0"}},
		"storage nodes in 1.5":       {"1.5", "GET", "storagenode", "", 200, map[string]string{"count": "2", "storagenodes.0.maxClients": "10", "storagenodes.1.isEnabled": "0"}},
		"storage nodes in 1.6":       {"1.6", "GET", "storagenode", "", 200, map[string]string{"data.0.maxClients": "10"}},
		"a disk in the inventory":    {"1.5", "GET", "host/1", "", 200, map[string]string{"inventory.hdserial": "SIM-hpe13", "inventory.hdmodel": "SIMDISK"}},
		"sizes of an image":          {"1.5", "GET", "image/25", "", 200, map[string]string{"srvsize": "1073741824", "size": "536870912.000000:1610612736.000000:", "path": "centos7", "protected": "0"}},
		"a new image":                {"1.5", "POST", "image/create", `{"name":"new","path":"new","osID":"50","imageTypeID":1}`, 200, map[string]string{"id": "26", "name": "new", "size": "", "srvsize": "0", "deployed": "0000-00-00 00:00:00"}},
		"a new image, the short way": {"1.6", "POST", "image", `{"name":"new","path":"new","osID":50,"imageTypeID":1}`, 200, map[string]string{"id": "26"}},
		"an image of a taken name":   {"1.5", "POST", "image", `{"name":"centos7","path":"x","osID":50,"imageTypeID":1}`, 500, map[string]string{"error": "Already created"}},
		"an image without a path":    {"1.5", "POST", "image", `{"name":"new","osID":50,"imageTypeID":1}`, 417, nil},
		"a deleted image":            {"1.5", "DELETE", "image/25/delete", "", 200, nil},
		"deleting no image":          {"1.5", "DELETE", "image/99/delete", "", 404, nil},
		"a task without an image":    {"1.5", "POST", "host/2/task", `{"taskTypeID":1}`, 500, map[string]string{"error": world.ErrNoImage.Error()}},
		"a bad type of task in 1.5":  {"1.5", "POST", "host/1/task", `{"taskTypeID":77}`, 501, map[string]string{"error": "Invalid tasking type passed"}},
		"a bad type of task in 1.6":  {"1.6", "POST", "host/1/task", `{"taskTypeID":77}`, 500, nil},
		"a task of no host":          {"1.5", "POST", "host/9/task", `{"taskTypeID":1}`, 404, nil},
		"cancelling an unknown task": {"1.5", "DELETE", "task/5/cancel", "", 404, nil},
		"cancelling nothing":         {"1.5", "DELETE", "host/1/cancel", "", 200, nil},
		"an unknown class":           {"1.5", "GET", "printerx", "", 501, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.version)
			status, text := s.call(c.method, c.path, c.body)
			assert.Equal(t, c.status, status, text)
			for path, want := range c.want {
				assert.Equal(t, want, gjson.Get(text, path).String(), path)
			}
		})
	}
	s := serve(t, "1.5")
	_, text := s.call("GET", "system/status", "")
	assert.Equal(t, "success\n", text)
	_, text = s.call("GET", "host/1", "")
	assert.Equal(t, gjson.String, gjson.Get(text, "id").Type, "numbers are texts")
}

func TestFOGMayCallAHostOtherwise(t *testing.T) {
	w := world.New(world.Pace{})
	w.AddHost(world.HostSpec{Name: "hpe13"})
	s, err := fog.Serve(w, nil, fog.Config{Version: "1.5", APIKey: "api", UserKey: "user", Names: map[string]string{"hpe13": "rack-2-hpe13"}})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	_, text := (&site{Server: s, t: t}).call("GET", "host", `{"name":"rack-2-hpe13"}`)
	assert.Equal(t, "rack-2-hpe13", gjson.Get(text, "hosts.0.name").String())
}

func TestAHostWhoseNameIsInCapitals(t *testing.T) {
	for _, version := range []string{"1.5", "1.6"} {
		s := serve(t, version)
		s.Rename("hpe13", "HPE13")
		status, _ := s.call("PUT", "host/1", `{"name":"HPE13","imageID":25}`)
		assert.Equal(t, 500, status, "FOG takes it for another's")
		c, err := client.New(client.Config{Address: s.BaseURL(), APIKey: secret.New("api"), UserKey: secret.New("user"), Timeout: time.Minute})
		require.NoError(t, err)
		h, err := c.Host(t.Context(), "HPE13")
		require.NoError(t, err)
		require.NoError(t, c.AssignImage(t.Context(), h, 25))
		assert.Equal(t, 25, s.world.AssignedImage("hpe13"))
	}
}

func TestATaskIsQueuedOnceAndTheAnswerDoesNotTellIt(t *testing.T) {
	for version, answer := range map[string]string{"1.5": "null\n", "1.6": "\"\"\n"} {
		s := serve(t, version)
		require.NoError(t, s.world.AssignImage("hpe13", 23))
		status, text := s.call("POST", "host/1/task", `{"taskTypeID":1,"taskName":"job 1"}`)
		assert.Equal(t, 200, status)
		assert.Equal(t, answer, text)
		status, text = s.call("POST", "host/1/task", `{"taskTypeID":"1"}`)
		assert.Equal(t, 500, status)
		assert.Equal(t, "Host is already a member of an active task", gjson.Get(text, "error").String())
		_, text = s.call("GET", "task/current", "")
		list, count := "tasks", "count"
		if version == "1.6" {
			list, count = "data", "recordsFiltered"
		}
		assert.Equal(t, "1", gjson.Get(text, list+".0.hostID").String())
		assert.Regexp(t, map[string]string{"1.5": `^job 1 - hpe13$`, "1.6": `^job 1 - hpe13 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`}[version], gjson.Get(text, list+".0.name").String())
		assert.Equal(t, version == "1.5", gjson.Get(text, list+".0.host.name").Exists(), "1.6 has rows of a table")
		status, _ = s.call("DELETE", "task/1/cancel", "")
		assert.Equal(t, 200, status)
		status, _ = s.call("DELETE", "task/1/cancel", "")
		assert.Equal(t, 200, status, "what cannot be cancelled is no error")
		_, text = s.call("GET", "task/1", "")
		assert.Equal(t, "5", gjson.Get(text, "stateID").String())
		_, text = s.call("GET", "task/active", "")
		assert.Equal(t, "0", gjson.Get(text, count).String())
	}
}

func TestFaultsOfWrites(t *testing.T) {
	assigned := func(s *site) string {
		_, text := s.call("GET", "host/1", "")
		return gjson.Get(text, "imageID").String()
	}
	active := func(s *site) string {
		_, text := s.call("GET", "task/active", "")
		return gjson.Get(text, "count").String()
	}
	for name, c := range map[string]struct {
		kind         faults.Kind
		image, tasks string // as reads show them
		done         bool
	}{
		"none":   {"", "25", "1", true},
		"forget": {faults.Forget, "23", "0", false},
		"lie":    {faults.Lie, "25", "1", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "1.5")
			require.NoError(t, s.world.AssignImage("hpe13", 23))
			wrote := map[string]int{}
			s.faults.OnWrite(func(system, op, target string) { wrote[system+" "+op+" "+target]++ })
			s.faults.Add(faults.Fault{System: "fog", Op: "host.put", Target: "hpe13", Kind: c.kind})
			s.faults.Add(faults.Fault{System: "fog", Op: "task.", Target: "hpe13", Kind: c.kind})
			_, _ = s.call("PUT", "host/1", `{"name":"hpe13","imageID":25}`)
			_, _ = s.call("POST", "host/1/task", `{"taskTypeID":1}`)
			assert.Equal(t, c.image, assigned(s))
			assert.Equal(t, c.tasks, active(s))
			assert.Equal(t, c.done, s.world.AssignedImage("hpe13") == 25)
			assert.Len(t, s.world.Tasks(), map[bool]int{true: 1}[c.done])
			if c.done {
				assert.Equal(t, map[string]int{"fog host.put hpe13": 1, "fog task.post hpe13": 1}, wrote)
				return
			}
			assert.Empty(t, wrote)
			_, err := s.world.QueueTask("hpe13", world.Deploy, "", "")
			require.NoError(t, err)
			_, _ = s.call("DELETE", "task/1/cancel", "")
			task, _ := s.world.Task(1)
			assert.Equal(t, world.TaskQueued, task.State)
			_, text := s.call("GET", "task/1", "")
			assert.Equal(t, c.kind == faults.Lie, gjson.Get(text, "stateID").String() == "5")
		})
	}
}

func TestThePacksClientGetsAlongWithEachVersion(t *testing.T) {
	for _, version := range []string{"1.5", "1.6"} {
		t.Run(version, func(t *testing.T) {
			s := serve(t, version)
			c, err := client.New(client.Config{Address: s.BaseURL(), APIKey: secret.New("api"), UserKey: secret.New("user"), Timeout: time.Minute})
			require.NoError(t, err)
			h, err := c.Host(t.Context(), "hpe13")
			require.NoError(t, err)
			assert.Equal(t, []string{"48:df:37:1d:13:00", "48:df:37:1d:13:01"}, h.MACs)
			img, err := c.Image(t.Context(), "centos7")
			require.NoError(t, err)
			require.NoError(t, c.AssignImage(t.Context(), h, img.ID))
			task, err := c.Schedule(t.Context(), h, client.Deploy, "job 1")
			require.NoError(t, err)
			assert.Equal(t, 25, task.ImageID)
			_, err = c.Schedule(t.Context(), h, client.Deploy, "job 1")
			require.Error(t, err)
			require.NoError(t, c.CancelTask(t.Context(), task.ID))
			assert.Equal(t, world.TaskCancelled, s.world.Tasks()[0].State)
		})
	}
}

func TestWhatBecomesOfATaskBesideAnother(t *testing.T) {
	const refused, ok = 500, 200
	for name, c := range map[string]struct {
		version       string
		first, second int
		status        int
		active        []int // types
	}{
		"a wipe beside a deployment in 1.5":       {"1.5", world.Deploy, world.FullWipe, refused, []int{world.Deploy}},
		"a wipe beside a deployment in 1.6":       {"1.6", world.Deploy, world.FullWipe, ok, []int{world.Deploy}},
		"a deployment takes a wipe's place":       {"1.5", world.FullWipe, world.Deploy, ok, []int{world.Deploy}},
		"a deployment takes a wipe's place, too":  {"1.6", world.FullWipe, world.Deploy, ok, []int{world.Deploy}},
		"a wipe takes another's place in 1.5":     {"1.5", world.FastWipe, world.FullWipe, ok, []int{world.FullWipe}},
		"a wipe is not made beside another's 1.6": {"1.6", world.FastWipe, world.FullWipe, ok, []int{world.FastWipe}},
		"a capture beside a deployment":           {"1.6", world.Deploy, world.Capture, refused, []int{world.Deploy}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.version)
			require.NoError(t, s.world.AssignImage("hpe13", 23))
			status, _ := s.call("POST", "host/1/task", fmt.Sprintf(`{"taskTypeID":%d}`, c.first))
			require.Equal(t, ok, status)
			status, _ = s.call("POST", "host/1/task", fmt.Sprintf(`{"taskTypeID":%d}`, c.second))
			assert.Equal(t, c.status, status)
			var active []int
			for _, task := range s.world.Tasks() {
				if task.State < world.TaskComplete {
					active = append(active, task.Type)
				}
			}
			assert.Equal(t, c.active, active)
		})
	}
}
