// Package fog is the FOG imaging server of the simulated lab: its REST API in the shapes of 1.5 and 1.6, in front of the world's
// images and tasks.
package fog

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/web"
	"stackstorm-laas/internal/simlab/world"
)

// Config is what FOG is made with.
type Config struct {
	// Version is 1.5 or 1.6.
	Version string
	// APIKey and UserKey are the tokens; clients send them base64-encoded.
	APIKey, UserKey string
	// ADPassword is the password of the domain join, which FOG gives to whoever reads a host.
	ADPassword string
	// Names are FOG's names of hosts that the world calls otherwise, by the world's name.
	Names map[string]string
	// Addr to listen on; empty means a free port of 127.0.0.1.
	Addr string
}

// Server is a running FOG.
type Server struct {
	*web.Server
	cfg      Config
	world    *world.World
	faults   *faults.Set
	disabled atomic.Bool

	mu    sync.Mutex
	lies  lies
	names map[string]string
}

// lies are what reads tell while a fault lies about it.
type lies struct {
	image     map[string]int     // by host
	queued    map[int]world.Task // by id
	cancelled map[int]bool
}

func noLies() lies { return lies{map[string]int{}, map[int]world.Task{}, map[int]bool{}} }

// confess ends what earlier lies told when no lie is in force any more.
func (s *Server) confess() {
	if slices.ContainsFunc(s.faults.Active(), func(f faults.Fault) bool { return f.System == "fog" && f.Kind == faults.Lie }) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies = noLies()
}

// Serve starts FOG with the world's hosts, images and tasks.
func Serve(w *world.World, f *faults.Set, cfg Config) (*Server, error) {
	if f == nil {
		f = &faults.Set{}
	}
	s := &Server{cfg: cfg, world: w, faults: f, lies: noLies(), names: map[string]string{}}
	maps.Copy(s.names, cfg.Names)
	if s.v16() {
		w.ReportFailures()
	}
	var err error
	s.Server, err = web.Serve(cfg.Addr, s)
	return s, err
}

// BaseURL is what clients are configured with.
func (s *Server) BaseURL() string { return s.URL() + "/fog/" }

// Enable switches the API on or off. While it is off, every call is sent to the login page.
func (s *Server) Enable(on bool) { s.disabled.Store(!on) }

func (s *Server) v16() bool { return s.cfg.Version == "1.6" }

// request is one call below /fog/.
type request struct {
	http.ResponseWriter
	*http.Request
	parts []string // of the path
	body  map[string]any
	fault faults.Kind
}

func (q *request) part(i int) string {
	if i < len(q.parts) {
		return q.parts[i]
	}
	return ""
}

// id reads a part of the path as a number; 0 if it is none.
func (q *request) id(i int) int {
	n, _ := strconv.Atoi(q.part(i))
	return n
}

func (q *request) status(code int) { q.ResponseWriter.WriteHeader(code) }

func (q *request) json(code int, v any) {
	q.status(code)
	_ = json.NewEncoder(q.ResponseWriter).Encode(v)
}

func (q *request) failed(code int, text string) { q.json(code, map[string]string{"error": text}) }

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/fog/")
	if !ok {
		web.Page(w, http.StatusNotFound)
		return
	}
	if strings.HasPrefix(path, "management/") {
		loginPage(w)
		return
	}
	q := &request{ResponseWriter: w, Request: r, parts: strings.Split(strings.TrimSuffix(path, "/"), "/")}
	s.confess()
	op, target := s.operation(q)
	if op != "" {
		q.fault = s.faults.At("fog", op, target)
		if web.Fault(q.fault, w, r) {
			return
		}
	}
	w.Header().Set("Content-Type", "application/json") // FOG says so whatever follows
	switch {
	case s.disabled.Load():
		w.Header().Set("Location", "/fog/management/index.php")
		q.status(http.StatusFound)
	case !holds(r, "fog-api-token", s.cfg.APIKey):
		q.status(http.StatusForbidden)
	case !holds(r, "fog-user-token", s.cfg.UserKey):
		q.status(http.StatusUnauthorized)
	default:
		_ = json.NewDecoder(r.Body).Decode(&q.body)
		s.route(q)
	}
}

func loginPage(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte("<!DOCTYPE html><html><head><title>FOG | Login</title></head><body><form method=\"post\"><input name=\"uname\"></form></body></html>"))
}

func holds(r *http.Request, header, token string) bool {
	got, err := base64.StdEncoding.DecodeString(r.Header.Get(header))
	return err == nil && token != "" && string(got) == token
}

// operation names a call for faults, and the host that it is about.
func (s *Server) operation(q *request) (op, target string) {
	action := q.part(2)
	switch q.part(0) {
	case "image":
		return "image", ""
	case "storagenode":
		return "node", ""
	case "host":
		op, target = "host", s.hostName(q.id(1))
		if q.Method == http.MethodPut {
			op = "host.put"
		}
	case "task":
		op = "task"
		t, _ := s.world.Task(q.id(1))
		target = t.Host
	}
	switch action {
	case "task":
		op = "task.post"
	case "cancel":
		op = "task.cancel"
	}
	return op, target
}

func (s *Server) route(q *request) {
	switch q.part(0) {
	case "system":
		if q.part(1) == "status" || q.part(1) == "info" {
			_, _ = q.ResponseWriter.Write([]byte("success\n"))
			return
		}
	case "host":
		s.host(q)
		return
	case "image":
		s.image(q)
		return
	case "task":
		s.task(q)
		return
	case "storagenode":
		s.nodes(q)
		return
	}
	q.status(http.StatusNotImplemented)
}

// list answers a list in the shape of the version.
func (s *Server) list(q *request, name string, elements []map[string]any) {
	if elements == nil {
		elements = []map[string]any{}
	}
	if s.v16() {
		q.json(http.StatusOK, map[string]any{
			"_lang": strings.TrimSuffix(name, "s"), "draw": 0, "recordsTotal": len(elements), "recordsFiltered": len(elements), "data": elements,
		})
		return
	}
	q.json(http.StatusOK, map[string]any{"count": len(elements), name: elements})
}
