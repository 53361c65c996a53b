package dashboard_test

import (
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

	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
)

// What must never be in an error: the token, a password, and the text of error pages, which may hold either.
const (
	token    = "t0kenOfTheLab"
	password = "s3cretOfTheBMC"
	pageText = "OperationalError at settings.SECRET"
	page     = "<html><body>" + pageText + " " + token + " " + password + "</body></html>"
)

var patient = retry.Policy{Initial: time.Millisecond, Max: time.Millisecond, Elapsed: time.Minute}
var impatient = retry.Policy{Initial: time.Millisecond, Max: time.Millisecond, Elapsed: 20 * time.Millisecond}

// site is a dashboard of which a test writes the answers: by "METHOD path below the lab". A path that is not there answers the
// dashboard's 500 with a page. A list of answers is used up, the last one stays.
type site struct {
	mu      sync.Mutex
	answers map[string][]any
	seen    []string
	forms   []string
	url     string
}

func serve(t *testing.T, answers map[string][]any) *site {
	s := &site{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	path := strings.TrimPrefix(r.URL.Path, "/api/labs/UNH_IOL/")
	key := r.Method + " " + path
	s.mu.Lock()
	s.seen = append(s.seen, key)
	if r.Method == http.MethodPost {
		s.forms = append(s.forms, r.Header.Get("Content-Type")+" "+string(body))
	}
	var answer any = http.StatusInternalServerError
	if list := s.answers[key]; len(list) > 0 {
		answer = list[0]
		if len(list) > 1 {
			s.answers[key] = list[1:]
		}
	}
	s.mu.Unlock()
	if path == r.URL.Path || r.Header.Get("auth-token") != token {
		answer = http.StatusForbidden
	}
	switch a := answer.(type) {
	case int:
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Location", "http://127.0.0.1:1/"+password)
		w.WriteHeader(a)
		_, _ = io.WriteString(w, page)
	case string:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, a)
	case time.Duration: // hangs
		<-r.Context().Done()
	}
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

func (s *site) client(t *testing.T, p retry.Policy) *dashboard.Client {
	t.Helper()
	c, err := dashboard.New(dashboard.Config{Address: s.url, Lab: "UNH_IOL", Token: secret.New(token), Timeout: s.patience(), Retry: p})
	require.NoError(t, err)
	return c
}

// silent asserts that an error tells nothing it must not tell.
func silent(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	told := fmt.Sprintf("%v %+v %#v", err, err, err) + fault.HintOf(err)
	for _, s := range []string{token, password, pageText, "<html>"} {
		assert.NotContains(t, told, s)
	}
}

func TestNewChecksItsConfiguration(t *testing.T) {
	good := dashboard.Config{Address: "https://laas.example.org", Lab: "UNH_IOL", Token: secret.New(token)}
	for name, change := range map[string]func(*dashboard.Config){
		"no address":                       func(c *dashboard.Config) { c.Address = "" },
		"an address that is no URL":        func(c *dashboard.Config) { c.Address = "laas.example.org" },
		"a lab name with a dot":            func(c *dashboard.Config) { c.Lab = "unh.iol" },
		"no lab name":                      func(c *dashboard.Config) { c.Lab = "" },
		"no token":                         func(c *dashboard.Config) { c.Token = secret.String{} },
		"a token with a line break inside": func(c *dashboard.Config) { c.Token = secret.New(token + "\nX: y") },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			change(&cfg)
			_, err := dashboard.New(cfg)
			silent(t, err)
			assert.Equal(t, fault.Config, fault.KindOf(err))
		})
	}
	cfg := good
	cfg.Token = secret.New(token + "\n")
	_, err := dashboard.New(cfg)
	assert.NoError(t, err, "a line break at a token's end is how files end")
}

// everyCall is each method, as one that fails or not.
var everyCall = map[string]func(*testing.T, *dashboard.Client) error{
	"Jobs": func(t *testing.T, c *dashboard.Client) error {
		_, _, err := c.Jobs(t.Context(), dashboard.ListNew)
		return err
	},
	"Job":  func(t *testing.T, c *dashboard.Client) error { _, err := c.Job(t.Context(), 1); return err },
	"Task": func(t *testing.T, c *dashboard.Client) error { _, err := c.Task(t.Context(), 1, "t1"); return err },
	"Update": func(t *testing.T, c *dashboard.Client) error {
		_, err := c.Update(t.Context(), 1, "t1", dashboard.Update{Message: ptr("your password is " + password)})
		return err
	},
	"Host": func(t *testing.T, c *dashboard.Client) error { _, err := c.Host(t.Context(), "hpe13"); return err },
	"SetWorking": func(t *testing.T, c *dashboard.Client) error {
		_, err := c.SetWorking(t.Context(), "hpe13", false)
		return err
	},
	"PostBMC": func(t *testing.T, c *dashboard.Client) error {
		return c.PostBMC(t.Context(), "hpe13", dashboard.BMCInfo{Address: "10.0.0.13", MAC: "48:df:37:1d:13:ff", User: "OPNFV", Password: secret.New(password)})
	},
	"User": func(t *testing.T, c *dashboard.Client) error { _, err := c.User(t.Context(), 2); return err },
}

// paths are all that everyCall asks for.
var paths = []string{
	"GET jobs/new", "GET jobs/current", "GET jobs/done", "GET jobs/1", "GET jobs/1/t1", "POST jobs/1/t1",
	"GET hosts/hpe13", "POST hosts/hpe13", "POST hosts/hpe13/bmc", "GET users/2",
}

func TestNoFailureTellsWhatItMustNot(t *testing.T) {
	for name, answer := range map[string]any{
		"forbidden":                  403,
		"unauthorized":               401,
		"not found":                  404,
		"internal error":             500,
		"bad gateway":                502,
		"unavailable":                503,
		"bad request":                400,
		"conflict":                   409,
		"moved":                      301,
		"found":                      302,
		"a page with 200":            page,
		"an error with 200":          `{"error":"` + pageText + " " + password + `"}`,
		"null":                       `null`,
		"an empty text":              `""`,
		"an empty body":              ``,
		"a number":                   `7`,
		"a list in a list":           `[["` + password + `"]]x`,
		"an object without sense":    `{"` + pageText + `": "` + password + `"}`,
		"JSON that is cut off":       `{"task": {"x": "` + password,
		"no answer within the limit": time.Duration(0),
	} {
		for method, call := range everyCall {
			t.Run(method+" answered with "+name, func(t *testing.T) {
				answers := map[string][]any{}
				for _, p := range paths {
					answers[p] = []any{answer}
				}
				err := call(t, serve(t, answers).client(t, retry.Policy{}))
				if method == "Task" && name == "an object without sense" {
					return // any object is a task: what is in it is not the client's business
				}
				silent(t, err)
			})
		}
	}
}

func TestKindsOfFailures(t *testing.T) {
	for name, tc := range map[string]struct {
		answer any
		want   fault.Kind
	}{
		"a wrong token or lab name is Credentials":    {403, fault.Credentials},
		"a bad gateway is Transient":                  {502, fault.Transient},
		"a hanging dashboard is Transient":            {time.Duration(0), fault.Transient},
		"a broken list is Transient":                  {500, fault.Transient},
		"a redirect is Config and not followed":       {302, fault.Config},
		"a 404 to a list is Config":                   {404, fault.Config},
		"a login page with 200 is Failed":             {page, fault.Failed},
		"an object instead of a list is Failed":       {`{}`, fault.Failed},
		"an error in a 200 is Failed":                 {`{"error": "x"}`, fault.Failed},
		"null instead of a list is Failed":            {`null`, fault.Failed},
		"an empty text instead of a list is Failed":   {`""`, fault.Failed},
		"an empty body instead of a list is Failed":   {``, fault.Failed},
		"a list that is cut off is Failed":            {`[{"id":1,"payload":{}}`, fault.Failed},
		"a list with something behind it is Failed":   {`[] []`, fault.Failed},
		"a success other than 200 without JSON fails": {204, fault.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]any{"GET jobs/new": {tc.answer}})
			_, _, err := s.client(t, retry.Policy{}).Jobs(t.Context(), dashboard.ListNew)
			silent(t, err)
			assert.Equal(t, tc.want, fault.KindOf(err), err)
			assert.Contains(t, err.Error(), "read the list of new jobs of lab UNH_IOL on the dashboard at "+s.url)
		})
	}
}

func TestCredentialsAreNeverRetried(t *testing.T) {
	s := serve(t, map[string][]any{"GET jobs/new": {403, `[]`}})
	_, _, err := s.client(t, patient).Jobs(t.Context(), dashboard.ListNew)
	assert.Equal(t, fault.Credentials, fault.KindOf(err))
	assert.Contains(t, fault.HintOf(err), "dashboard.lab_name")
	assert.Equal(t, 1, s.count("GET jobs/new"))
}

func ptr[T any](v T) *T { return &v }
