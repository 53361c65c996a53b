// Package dashboard is the booking dashboard of the simulated lab: its lab-facing API as the dashboard's own code behaves, in the
// shapes of 2019 and of 2022, and its rule for giving hosts back.
package dashboard

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/web"
	"stackstorm-laas/internal/simlab/world"
)

// Config is what the dashboard is made with.
type Config struct {
	// Mode is 2019 or 2022.
	Mode string
	// Lab and Token are what clients must know.
	Lab, Token string
	// Addr to listen on; empty means a free port of 127.0.0.1.
	Addr string
	// Hosts are the ids of the lab's hosts; the world's names if there are none.
	Hosts []string
	// HostType is the profile of every host.
	HostType string
	// Users are told in 2022 only. Those of bookings that are not among them are made up.
	Users []User
}

// User is a user of the dashboard.
type User struct {
	ID        int    `json:"id"`
	Username  string `json:"username"`
	Email     string `json:"email"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Company   string `json:"company"`
}

// Server is a running dashboard.
type Server struct {
	*web.Server
	cfg    Config
	faults *faults.Set

	mu    sync.Mutex
	jobs  []*job
	odd   []json.RawMessage // elements of jobs/new that are no jobs
	hosts map[string]*host
	known []User
}

// Serve starts a dashboard.
func Serve(w *world.World, f *faults.Set, cfg Config) (*Server, error) {
	if f == nil {
		f = &faults.Set{}
	}
	s := &Server{cfg: cfg, faults: f, hosts: map[string]*host{}, known: slices.Clone(cfg.Users)}
	ids := cfg.Hosts
	if len(ids) == 0 {
		ids = w.Hosts()
	}
	for _, id := range ids {
		s.host(id)
	}
	var err error
	s.Server, err = web.Serve(cfg.Addr, s)
	return s, err
}

var (
	slug   = regexp.MustCompile(`^[-A-Za-z0-9_]+$`)
	digits = regexp.MustCompile(`^[0-9]+$`)
)

// route is one endpoint below /api/labs/<lab>/. Pattern parts: a word stands for itself, # for digits, * for a slug.
type route struct {
	pattern string
	// since2022 endpoints do not exist in 2019.
	since2022 bool
	// op gives the operation for faults by method; empty for none.
	op func(method string) string
	// csrf endpoints refuse every method but GET with a page that has nothing to do with tokens.
	csrf  bool
	serve func(*request)
}

func (s *Server) routes() []route {
	always := func(op string) func(string) string { return func(string) string { return op } }
	byMethod := func(get, post string) func(string) string {
		return func(m string) string {
			if m == http.MethodPost {
				return post
			}
			return get
		}
	}
	return []route{
		{pattern: "jobs/new", op: always("jobs"), csrf: true, serve: s.list(New)},
		{pattern: "jobs/current", op: always("jobs"), csrf: true, serve: s.list(Current)},
		{pattern: "jobs/done", op: always("jobs"), csrf: true, serve: s.list(Done)},
		{pattern: "jobs/getByType/DATA", since2022: true, serve: s.analytics},
		{pattern: "jobs/#", op: always("jobs"), serve: s.oneJob},
		{pattern: "jobs/#/*", op: byMethod("task.get", "task.post"), serve: s.oneTask},
		{pattern: "hosts/*", op: byMethod("host.get", "host.post"), serve: s.oneHost},
		{pattern: "hosts/*/bmc", op: always("bmc"), serve: s.bmc},
		{pattern: "booking/#/pdf", csrf: true, serve: s.pdf},
		{pattern: "booking/#/idf", csrf: true, serve: s.idf},
		{pattern: "users", since2022: true, op: always("users"), csrf: true, serve: s.users},
		{pattern: "users/#", since2022: true, op: always("users"), csrf: true, serve: s.oneUser},
		{pattern: "profile", csrf: true, serve: s.profile},
		{pattern: "status", csrf: true, serve: func(q *request) { q.json(map[string]int{"status": 0}) }},
		{pattern: "inventory", csrf: true, serve: func(q *request) { q.page(http.StatusInternalServerError) }},
		{pattern: "downtime", csrf: true, serve: func(q *request) { q.json(map[string]bool{"is_down": false}) }},
	}
}

// match gives the variable parts of a path, and whether it matches.
func (r route) match(parts []string) (vars []string, ok bool) {
	pattern := strings.Split(r.pattern, "/")
	if len(pattern) != len(parts) {
		return nil, false
	}
	for i, p := range pattern {
		switch {
		case p == "#" && digits.MatchString(parts[i]), p == "*" && slug.MatchString(parts[i]):
			vars = append(vars, parts[i])
		case p != parts[i]:
			return nil, false
		}
	}
	return vars, true
}

// request is one call on its way through a route.
type request struct {
	http.ResponseWriter
	*http.Request
	vars []string
	// fault is Forget or Lie, or nothing.
	fault faults.Kind
}

func (q *request) page(status int) { web.Page(q.ResponseWriter, status) }

func (q *request) json(v any) {
	q.ResponseWriter.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(q.ResponseWriter).Encode(v)
}

// id gives the first variable as a number.
func (q *request) id() int {
	n, _ := strconv.Atoi(q.vars[0])
	return n
}

// form gives the fields of a form; a body of another kind has none, and is no error.
func (q *request) form() map[string][]string {
	if err := q.ParseMultipartForm(1 << 20); err != nil && q.Request.PostForm == nil {
		return nil
	}
	return q.Request.PostForm
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{ResponseWriter: w, Request: r}
	path, ok := strings.CutPrefix(r.URL.Path, "/api/labs/")
	lab, rest, ok2 := strings.Cut(path, "/")
	if !ok || !ok2 || !slug.MatchString(lab) {
		q.page(http.StatusNotFound)
		return
	}
	for _, rt := range s.routes() {
		vars, ok := rt.match(strings.Split(rest, "/"))
		if !ok || (rt.since2022 && s.cfg.Mode != "2022") {
			continue
		}
		q.vars = vars
		s.run(rt, q, lab)
		return
	}
	q.page(http.StatusNotFound)
}

// run answers a request whose endpoint exists: faults first, then the login, then the endpoint.
func (s *Server) run(rt route, q *request, lab string) {
	if rt.op != nil {
		target := ""
		if strings.HasPrefix(rt.pattern, "hosts/") {
			target = q.vars[0]
		}
		q.fault = s.faults.At("dashboard", rt.op(q.Method), target)
		if web.Fault(q.fault, q.ResponseWriter, q.Request) {
			return
		}
	}
	if lab != s.cfg.Lab || q.Request.Header.Get("auth-token") != s.cfg.Token || (rt.csrf && q.Method != http.MethodGet) {
		q.page(http.StatusForbidden)
		return
	}
	rt.serve(q)
}

// profile tells who the lab is.
func (s *Server) profile(q *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for _, h := range s.hosts {
		if h.working || s.cfg.Mode == "2019" {
			count++
		}
	}
	q.json(map[string]any{
		"name":       s.cfg.Lab,
		"contact":    map[string]any{"phone": nil, "email": nil},
		"host_count": []map[string]any{{"type": s.cfg.HostType, "count": count}},
	})
}

// users and oneUser answer JSON labelled as text.
func (s *Server) users(q *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.text(map[string]any{"users": s.known})
}

func (s *Server) oneUser(q *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.known {
		if u.ID == q.id() {
			q.text(u)
			return
		}
	}
	q.page(http.StatusInternalServerError)
}

func (q *request) text(v any) {
	q.ResponseWriter.Header().Set("Content-Type", "text/plain")
	b, _ := json.Marshal(v)
	_, _ = q.ResponseWriter.Write(b)
}

// analytics lists the jobs that only count users, and takes a count.
func (s *Server) analytics(q *request) {
	if q.Method == http.MethodGet {
		s.mu.Lock()
		defer s.mu.Unlock()
		q.json(s.listed(func(t *task) bool { return t.typ == analyticsType && t.read().Status == New }))
		return
	}
	body, _ := io.ReadAll(q.Body)
	var count struct {
		ActiveUsers *int `json:"active_users"`
	}
	if json.Unmarshal(body, &count) != nil || count.ActiveUsers == nil {
		q.page(http.StatusInternalServerError)
	}
}
