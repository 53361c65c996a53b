// Package control lets a person, or a test, play events in a lab that is up: book, end, reimage, break, trouble a host, and heal. It is HTTP on
// loopback; the lab's directory holds the address and a token.
package control

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/lab"
	"stackstorm-laas/internal/simlab/world"
)

// file in the lab's directory says where the lab is.
const file = "control.json"

// Access is how the lab is reached.
type Access struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// Event is what is to happen in the lab.
type Event struct {
	// Kind is book, end, reimage, fault, trouble or heal.
	Kind string `json:"kind"`
	// Body of jobs/new, for book.
	Body json.RawMessage `json:"body,omitempty"`
	// Job, Host and Image, for end and reimage.
	Job   int    `json:"job,omitempty"`
	Host  string `json:"host,omitempty"`
	Image string `json:"image,omitempty"`
	// Fault of a system, for Seconds or until healed.
	System  string      `json:"system,omitempty"`
	Op      string      `json:"op,omitempty"`
	Fault   faults.Kind `json:"fault,omitempty"`
	Seconds float64     `json:"seconds,omitempty"`
	// Trouble of Host.
	Trouble *world.Trouble `json:"trouble,omitempty"`
}

// Server answers for one lab.
type Server struct {
	http  *http.Server
	lab   *lab.Lab
	token string
}

// Serve starts on a free loopback port and writes the access into dir.
func Serve(l *lab.Lab, dir string) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{lab: l, token: rand.Text()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /world", s.world)
	mux.HandleFunc("POST /event", s.event)
	s.http = &http.Server{Handler: s.guarded(mux), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }()
	text, err := json.Marshal(Access{URL: "http://" + listener.Addr().String(), Token: s.token})
	if err != nil {
		return nil, err
	}
	return s, os.WriteFile(filepath.Join(dir, file), text, 0o600)
}

// Close ends the server.
func (s *Server) Close() error { return s.http.Close() }

func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+s.token {
			http.Error(w, "wrong token", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// standing is the report, and by host's name what it leaves out.
type standing struct {
	lab.Report
	Wiped map[string]string `json:"wiped"`
}

func (s *Server) world(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	out := standing{Report: s.lab.Report(), Wiped: map[string]string{}}
	for _, h := range out.Hosts {
		out.Wiped[h.Name] = h.Wiped
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (s *Server) event(w http.ResponseWriter, r *http.Request) {
	var e Event
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := Apply(s.lab, e); err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	}
}

// Apply makes an event happen.
func Apply(l *lab.Lab, e Event) error {
	switch e.Kind {
	case "book":
		return l.Deliver(e.Body)
	case "end":
		return l.Dashboard().End(e.Job)
	case "reimage":
		return l.Dashboard().Reimage(e.Job, e.Host, e.Image)
	case "heal":
		l.Faults().Heal()
		for _, host := range l.World().Hosts() {
			if err := l.World().EndTroubles(host); err != nil {
				return err
			}
		}
		return nil
	case "trouble":
		if e.Trouble == nil {
			return fault.New(fault.Input, "what trouble?")
		}
		if err := l.World().AddTrouble(e.Host, *e.Trouble); err != nil {
			return fault.New(fault.Input, "%w", err)
		}
		return nil
	case "fault":
		if !slices.Contains(faults.Systems, e.System) || !slices.Contains(faults.Of(e.System), e.Fault) {
			return fault.New(fault.Input, "a fault is one of %v on one of %v", faults.Of(e.System), faults.Systems)
		}
		f := faults.Fault{System: e.System, Op: e.Op, Kind: e.Fault}
		if e.Seconds > 0 {
			f.Until = time.Now().Add(time.Duration(e.Seconds * float64(time.Second)))
		}
		l.Faults().Add(f)
		return nil
	}
	return fault.New(fault.Input, "there is no event %q", e.Kind)
}

// Client reaches a lab that is up.
type Client struct{ access Access }

// Find reads the access to the lab of a directory.
func Find(dir string) (*Client, error) {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return nil, fault.New(fault.NotFound, "no lab is up in %s: %w", dir, err).WithHint("start one with: laas-lab up --dir %s", dir)
	}
	c := &Client{}
	if err := json.Unmarshal(text, &c.access); err != nil {
		return nil, fault.New(fault.Input, "%s: %w", filepath.Join(dir, file), err)
	}
	return c, nil
}

// World asks how the lab stands.
func (c *Client) World(ctx context.Context) (lab.Report, error) {
	var s standing
	text, err := c.do(ctx, http.MethodGet, "/world", nil)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	for i := range s.Hosts {
		s.Hosts[i].Wiped = s.Wiped[s.Hosts[i].Name]
	}
	return s.Report, err
}

// Play makes an event happen.
func (c *Client) Play(ctx context.Context, e Event) error {
	text, err := json.Marshal(e)
	if err == nil {
		_, err = c.do(ctx, http.MethodPost, "/event", text)
	}
	return err
}

func (c *Client) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, method, c.access.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.access.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fault.New(fault.Transient, "the lab does not answer: %w", err).WithHint("is laas-lab up still running?")
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fault.New(fault.Refused, "%s", fmt.Sprintf("%d: %s", resp.StatusCode, strings.TrimSpace(string(text))))
	}
	return text, err
}
