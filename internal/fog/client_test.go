package fog_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
)

// What must never be in an error.
const (
	apiKey   = "4pi-t0ken-of-the-l4b"
	userKey  = "us3r-t0ken-of-the-l4b"
	password = "AD-passw0rd-of-the-domain"
	page     = "<html><body>FOG login PAGETEXT " + password + "</body></html>"
)

var patient = retry.Policy{Initial: time.Millisecond, Max: time.Millisecond, Elapsed: time.Minute}
var impatient = retry.Policy{Initial: time.Millisecond, Max: time.Millisecond, Elapsed: 20 * time.Millisecond}

// site is a FOG server of which a test writes the answers, by "METHOD path below /fog/", and "GET path body" where a read has one. What is
// not there is FOG's empty 404. A list of answers is used up, the last one stays.
type site struct {
	mu      sync.Mutex
	answers map[string][]any
	seen    []string
	bodies  map[string]string
	url     string
}

// reply is an answer with a status and a body.
type reply struct {
	status int
	body   string
}

func serve(t *testing.T, answers map[string][]any) *site {
	s := &site{answers: answers, bodies: map[string]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL + "/fog"
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	key := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/fog/")
	if r.Method == http.MethodGet && len(body) > 0 {
		key += " " + string(body)
	}
	s.mu.Lock()
	s.seen = append(s.seen, key)
	s.bodies[key] = r.Header.Get("Content-Type") + " " + string(body)
	var answer any = reply{404, ""}
	if list := s.answers[key]; len(list) > 0 {
		answer = list[0]
		if len(list) > 1 {
			s.answers[key] = list[1:]
		}
	}
	s.mu.Unlock()
	sent := func(header string) string {
		plain, _ := base64.StdEncoding.DecodeString(r.Header.Get(header))
		return string(plain)
	}
	if sent("fog-api-token") != apiKey {
		answer = reply{403, ""}
	} else if sent("fog-user-token") != userKey {
		answer = reply{401, ""}
	}
	switch a := answer.(type) {
	case int:
		answer = reply{a, page}
	case string:
		answer = reply{200, a}
	case time.Duration: // hangs
		<-r.Context().Done()
		return
	}
	a := answer.(reply)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Location", "http://127.0.0.1:1/fog/management/index.php?"+password)
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func (s *site) count(key string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.seen {
		if k == key {
			n++
		}
	}
	return n
}

// patience is short only where an answer never comes.
func (s *site) patience() time.Duration {
	for _, list := range s.answers {
		for _, a := range list {
			if _, hangs := a.(time.Duration); hangs {
				return 100 * time.Millisecond
			}
		}
	}
	return 30 * time.Second
}

func (s *site) client(t *testing.T, p retry.Policy) *fog.Client {
	t.Helper()
	c, err := fog.New(fog.Config{Address: s.url, APIKey: secret.New(apiKey), UserKey: secret.New(userKey), Timeout: s.patience(), Retry: p})
	require.NoError(t, err)
	return c
}

func silent(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	told := fmt.Sprintf("%v %+v %#v", err, err, err) + fault.HintOf(err)
	for _, s := range []string{apiKey, userKey, password, "PAGETEXT", "<html>"} {
		assert.NotContains(t, told, s)
	}
}

func TestTokensAreTakenPlainAndAsFOGShowsThem(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	s := serve(t, map[string][]any{"GET task/active": {`{"count":0,"tasks":[]}`}})
	for name, keys := range map[string][2]string{
		"plain":               {apiKey, userKey},
		"as shown":            {b64(apiKey), b64(userKey)},
		"with the file's end": {b64(apiKey) + "\n", userKey + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := fog.New(fog.Config{Address: s.url, APIKey: secret.New(keys[0]), UserKey: secret.New(keys[1])})
			require.NoError(t, err)
			_, err = c.ActiveTasks(t.Context())
			assert.NoError(t, err)
		})
	}
	for name, cfg := range map[string]fog.Config{
		"no address":  {APIKey: secret.New(apiKey), UserKey: secret.New(userKey)},
		"no api key":  {Address: s.url, UserKey: secret.New(userKey)},
		"no user key": {Address: s.url, APIKey: secret.New(apiKey)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fog.New(cfg)
			silent(t, err)
			assert.Equal(t, fault.Config, fault.KindOf(err))
		})
	}
	for name, cfg := range map[string]struct {
		fog.Config
		hint string
	}{
		"a wrong api key":  {fog.Config{Address: s.url, APIKey: secret.New("0ther"), UserKey: secret.New(userKey), Retry: patient}, "fog.api_key"},
		"a wrong user key": {fog.Config{Address: s.url, APIKey: secret.New(apiKey), UserKey: secret.New("0ther"), Retry: patient}, "fog.user_key"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := fog.New(cfg.Config)
			require.NoError(t, err)
			before := s.count("GET task/active")
			_, err = c.ActiveTasks(t.Context())
			silent(t, err)
			assert.Equal(t, fault.Credentials, fault.KindOf(err))
			assert.Contains(t, fault.HintOf(err), cfg.hint)
			assert.Equal(t, before+1, s.count("GET task/active"), "accounts get locked: no second try")
		})
	}
}

var host = fog.Host{ID: 7, Name: "hpe13", ImageID: 23}

var everyCall = map[string]func(*testing.T, *fog.Client) error{
	"Host":        func(t *testing.T, c *fog.Client) error { _, err := c.Host(t.Context(), "hpe13"); return err },
	"HostsOf":     func(t *testing.T, c *fog.Client) error { _, err := c.HostsOf(t.Context(), 23); return err },
	"Image":       func(t *testing.T, c *fog.Client) error { _, err := c.Image(t.Context(), "23"); return err },
	"AssignImage": func(t *testing.T, c *fog.Client) error { return c.AssignImage(t.Context(), host, 25) },
	"ActiveTasks": func(t *testing.T, c *fog.Client) error { _, err := c.ActiveTasks(t.Context()); return err },
	"Task":        func(t *testing.T, c *fog.Client) error { _, err := c.Task(t.Context(), 3); return err },
	"Images":      func(t *testing.T, c *fog.Client) error { _, err := c.Images(t.Context()); return err },
	"CreateImage": func(t *testing.T, c *fog.Client) error {
		_, err := c.CreateImage(t.Context(), "new", fog.Image{ID: 23})
		return err
	},
	"DeleteImage": func(t *testing.T, c *fog.Client) error { return c.DeleteImage(t.Context(), 23) },
	"Slots":       func(t *testing.T, c *fog.Client) error { _, err := c.Slots(t.Context()); return err },
	"Disks":       func(t *testing.T, c *fog.Client) error { _, err := c.Disks(t.Context(), host); return err },
	"Schedule": func(t *testing.T, c *fog.Client) error {
		_, err := c.Schedule(t.Context(), host, fog.Deploy, "laas")
		return err
	},
	"CancelTask": func(t *testing.T, c *fog.Client) error { return c.CancelTask(t.Context(), 3) },
}

func TestNoFailureTellsWhatItMustNot(t *testing.T) {
	paths := []string{
		"GET host", `GET host {"name":"hpe13"}`, "GET host/list/name=hpe13", "GET host/names", "GET host/list/imageID=23", `GET host {"imageID":23}`, "GET host/7", "PUT host/7/edit", "POST host/7/task", "GET image", "GET image/23", "GET task/active", "GET task/3", "DELETE task/3/cancel",
		"GET storagenode", "POST image/create", "DELETE image/23/delete",
	}
	for name, tc := range map[string]struct {
		answer any
		want   fault.Kind
	}{
		"a redirect to the login page":  {302, fault.Credentials},
		"the login page with 200":       {200, fault.Failed},
		"forbidden":                     {403, fault.Credentials},
		"unauthorized":                  {401, fault.Credentials},
		"not found":                     {404, fault.NotFound},
		"not implemented":               {501, fault.Failed},
		"an internal error with a page": {500, fault.Transient},
		"an internal error in JSON":     {reply{500, `{"error":"` + password + ` PAGETEXT"}`}, fault.Transient},
		"a bad gateway":                 {502, fault.Transient},
		"a server that hangs":           {time.Duration(0), fault.Transient},
		"an exception of FOG's":         {reply{406, "SQLSTATE PAGETEXT " + password}, fault.Failed},
		"null":                          {`null`, fault.Failed},
		"an empty text":                 {`""`, fault.Failed},
		"an empty body":                 {``, fault.Failed},
		"a host of someone else":        {`{"id":"9","name":"other","ADPass":"` + password + `","count":1}`, fault.Failed},
		"a list with nonsense in it":    {`{"count":1,"hosts":["` + password + `"],"images":[{}],"tasks":[{"name":"` + password + `"}]}`, fault.Failed},
		"a list shorter than it says":   {`{"count":4,"hosts":[],"images":[],"tasks":[]}`, fault.Failed},
		"success":                       {"success\n" + password, fault.Failed},
	} {
		for method, call := range everyCall {
			t.Run(method+" answered with "+name, func(t *testing.T) {
				answers := map[string][]any{}
				for _, p := range paths {
					answers[p] = []any{tc.answer}
				}
				err := call(t, serve(t, answers).client(t, retry.Policy{}))
				want := tc.want
				switch asksOne := method == "Task" || method == "CancelTask" || method == "AssignImage" || method == "Disks"; {
				case name == "not found" && method == "DeleteImage":
					require.NoError(t, err, "it is gone")
					return
				case name == "not found" && !asksOne:
					want = fault.Config // a list is always there, unless the address is wrong
				}
				silent(t, err)
				assert.Equal(t, want, fault.KindOf(err), err)
				assert.Equal(t, want == fault.Failed && name != "not implemented", fog.Unreadable(err), err)
				assert.Equal(t, want != fault.Transient && want != fault.NotFound && name != "not implemented", fault.HintOf(err) != "", "what to do next")
			})
		}
	}
}

func TestATroubleThatPassesIsWaitedFor(t *testing.T) {
	s := serve(t, map[string][]any{
		"GET task/3": {500, time.Duration(0), reply{503, ""}, `{"id":3,"hostID":7,"stateID":4}`},
	})
	task, err := s.client(t, patient).Task(t.Context(), 3)
	require.NoError(t, err)
	assert.Equal(t, fog.TaskComplete, task.State)
	_, err = serve(t, map[string][]any{"GET task/3": {500}}).client(t, impatient).Task(t.Context(), 3)
	assert.Equal(t, fault.Transient, fault.KindOf(err))
}
