// Package nxapi is a switch of the simulated lab: a Cisco Nexus that is configured over NX-API (HTTPS, ins_api in JSON). What its
// ports do is in the world.
package nxapi

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/peer"
	"stackstorm-laas/internal/simlab/world"
)

const system = "switch"

// Config of a switch.
type Config struct {
	// Addr to listen on; "" is a free port on 127.0.0.1.
	Addr string
	// Switch is the switch in the world.
	Switch         string
	User, Password string
	// VLANs are those the switch has from the beginning beside those that its ports carry, by number with their names.
	VLANs map[int]string
	// Latency is how long every answer takes.
	Latency time.Duration
	// JumboMTU is the system jumbomtu of a switch whose ports take no other MTU beside the default, as a Nexus 7000 or 9000; 0 is one that takes any.
	JumboMTU int
	// TLS holds the certificate; without it the switch speaks plain HTTP.
	TLS *tls.Config
}

// Server is a running switch.
type Server struct {
	cfg    Config
	world  *world.World
	faults *faults.Set
	addr   net.Addr
	http   *http.Server
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	onRequest atomic.Pointer[func(op string)]

	// mu makes configuration requests take turns.
	mu sync.Mutex
	// running is what the switch knows of its ports and the world does not: by port.
	running map[string]port
	// lied is what the switch shows of ports while a lie is in force.
	lied map[string]port
	// startup is what the switch starts with; saved says that it is not the one of the factory.
	startup startup
	saved   bool
}

// Serve starts a switch.
func Serve(w *world.World, f *faults.Set, cfg Config) (*Server, error) {
	if f == nil {
		f = &faults.Set{}
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, world: w, faults: f, addr: l.Addr(), running: map[string]port{}, lied: map[string]port{}}
	s.furnish()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if cfg.TLS != nil {
		l = tls.NewListener(l, cfg.TLS)
	}
	s.http = &http.Server{Handler: http.HandlerFunc(s.handle), BaseContext: func(net.Listener) context.Context { return s.ctx }}
	s.wg.Go(func() { _ = s.http.Serve(l) })
	return s, nil
}

// Addr is host:port.
func (s *Server) Addr() string { return s.addr.String() }

// URL is the address with its scheme.
func (s *Server) URL() string {
	if s.cfg.TLS == nil {
		return "http://" + s.Addr()
	}
	return "https://" + s.Addr()
}

// OnRequest registers a function that is called before each request is served, with show, conf or save: the moment for another
// administrator to be at work.
func (s *Server) OnRequest(f func(op string)) { s.onRequest.Store(&f) }

// Close ends the switch and its connections.
func (s *Server) Close() error {
	s.cancel()
	err := s.http.Close()
	s.wg.Wait()
	return err
}

// furnish gives the switch its list of VLANs and remembers what it starts with.
func (s *Server) furnish() {
	vlans := map[int]string{1: vlanName(1)}
	for _, p := range s.world.Ports(s.cfg.Switch) {
		for _, id := range append([]int{p.Native}, p.Tagged...) {
			if id != 0 {
				vlans[id] = vlanName(id)
			}
		}
	}
	maps.Copy(vlans, s.cfg.VLANs)
	s.world.SetVLANs(s.cfg.Switch, vlans)
	s.startup = s.configuration()
}

type request struct {
	API struct {
		Type  string `json:"type"`
		Input string `json:"input"`
	} `json:"ins_api"`
}

// output is what one command ends with.
type output struct {
	Error string `json:"clierror,omitempty"`
	Input string `json:"input,omitempty"`
	Code  string `json:"code"`
	Msg   string `json:"msg"`
	Body  any    `json:"body,omitempty"`
}

func done(body any) output { return output{Code: "200", Msg: "Success", Body: body} }

func refused(command, why string) output {
	return output{Code: "400", Msg: "Input CLI command error", Error: why + "\n", Input: command}
}

// maxShow is how many show commands the switch takes in one request; it ignores those beyond.
const maxShow = 10

const save = "copy running-config startup-config"

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	switch {
	case r.URL.Path != "/ins":
		http.NotFound(w, r)
		return
	case r.Method != http.MethodPost:
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	case subtle.ConstantTimeCompare([]byte(user+"\x00"+password), []byte(s.cfg.User+"\x00"+s.cfg.Password)) == 0:
		w.Header().Set("WWW-Authenticate", `Basic realm="Secure Zone"`)
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
		return
	}
	var req request
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&req); err != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	commands := split(req.API.Input)
	op := map[string]string{"cli_show": "show", "cli_conf": "conf"}[req.API.Type]
	if op == "conf" && len(commands) == 1 && commands[0] == save {
		op = "save"
	}
	if op == "" || len(commands) == 0 {
		s.answer(w, req.API.Type, []output{{Code: "400", Msg: "Invalid input"}})
		return
	}
	if f := s.onRequest.Load(); f != nil {
		(*f)(op)
	}
	if s.cfg.Latency > 0 {
		peer.Wait(r.Context(), s.cfg.Latency)
	}
	kind := s.faults.At(system, op, s.cfg.Switch)
	switch kind {
	case faults.Refuse:
		if op == "show" {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		s.answer(w, req.API.Type, []output{refused(commands[0], "% Permission denied for the role")})
		return
	case faults.Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case faults.Error500:
		http.Error(w, "<html><head><title>500 Internal Server Error</title></head></html>", http.StatusInternalServerError)
		return
	case faults.Garbage:
		_, _ = io.WriteString(w, "<html><body>It works!</body></html>")
		return
	case faults.Slow:
		peer.Wait(r.Context(), peer.Delay)
	}
	outs := s.run(op, kind, commands)
	if kind == faults.Drop {
		panic(http.ErrAbortHandler)
	}
	s.answer(w, req.API.Type, outs)
}

// split takes commands apart at " ;". A semicolon without the blank is part of a command.
func split(input string) (out []string) {
	for c := range strings.SplitSeq(input, " ;") {
		if c = strings.Join(strings.Fields(c), " "); c != "" {
			out = append(out, c)
		}
	}
	return out
}

// answer writes one output as an object and several as a list, as the switch does.
func (s *Server) answer(w http.ResponseWriter, kind string, outs []output) {
	var out any = outs
	if len(outs) == 1 {
		out = outs[0]
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"ins_api": map[string]any{
		"type": kind, "version": "1.0", "sid": "eoc", "outputs": map[string]any{"output": out},
	}})
}

// run executes the commands of a request in order. Shows all run; configuration stops at the first error.
func (s *Server) run(op string, kind faults.Kind, commands []string) (outs []output) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !peer.Lying(s.faults, system, s.cfg.Switch) {
		clear(s.lied)
	}
	if op == "show" {
		for _, c := range commands[:min(len(commands), maxShow)] {
			outs = append(outs, s.show(c))
		}
		return outs
	}
	m := mode{server: s, kind: kind}
	for i, c := range commands {
		err := errCommand
		if kind != faults.Half || i < len(commands)/2 {
			err = m.configure(c)
		}
		if err != nil {
			outs = append(outs, refused(c, err.Error()))
			break
		}
		outs = append(outs, done(struct{}{}))
	}
	if m.wrote {
		s.faults.Wrote(system, op, s.cfg.Switch)
	}
	return outs
}

var (
	errCommand   = errors.New("% Invalid command")
	errInterface = errors.New("% Invalid interface format")
	errVLAN      = errors.New("% Invalid value/range")
)
