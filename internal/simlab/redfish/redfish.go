// Package redfish is the BMC of a simulated host that speaks Redfish over TLS: sessions and HTTP Basic authentication, power, boot override,
// accounts and the BIOS password. It drives the power and the boot override of the world and keeps its own accounts. It is our reading of
// the DMTF's specification (DSP0266, DSP0268), held to redfishtool, which is the DMTF's.
package redfish

import (
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/web"
	"stackstorm-laas/internal/simlab/world"
)

// system is what faults call BMCs of any protocol.
const system = "bmc"

// Config of a BMC.
type Config struct {
	// Addr to listen on; "" is a free port on 127.0.0.1.
	Addr string
	// TLS holds the certificate that the BMC shows.
	TLS *tls.Config
	// Host is the host in the world.
	Host string
	// Admin is the administrator, in slot 2.
	Admin, Password string
	// Posted is a BMC that makes accounts and deletes them; otherwise it has a fixed number of slots.
	Posted bool
	// Accounts is what an account that may not manage others sees of them; nothing unless given.
	Accounts Discretion
	// Strict is a BMC that takes no change without knowing which version of the resource is meant (If-Match).
	Strict bool
	// BIOSSettings is a BMC that takes the BIOS password among the settings of the BIOS; otherwise there is an action for it.
	BIOSSettings bool
	// Sensors is a BMC that tells of each sensor by itself; otherwise it has Thermal and Power.
	Sensors bool
	// Resets are the ResetTypes that it offers; all of them unless given.
	Resets []string
	// Sessions it can hold at once; 16 unless given.
	Sessions int
}

// Discretion is what a BMC shows of its accounts to one that may not manage them.
type Discretion int

const (
	// Own lists its own account and nothing else.
	Own Discretion = iota
	// Listed lists all, and shows its own.
	Listed
	// Hidden shows nobody anything.
	Hidden
)

// Server is a running BMC.
type Server struct {
	cfg    Config
	world  *world.World
	faults *faults.Set
	http   *web.Server

	mu       sync.Mutex
	sessions map[string]session // by their tokens
	// opened counts the sessions that there ever were, turnedAway the logins for which there was none.
	opened, turnedAway int
	truth              *side
	// lies is what the BMC shows of power, boot, users or bios while it lies about one of them.
	lies map[string]*side
}

// Serve starts the BMC of one host.
func Serve(w *world.World, f *faults.Set, cfg Config) (*Server, error) {
	if f == nil {
		f = &faults.Set{}
	}
	if cfg.Sessions == 0 {
		cfg.Sessions = 16
	}
	if cfg.Resets == nil {
		cfg.Resets = resetTypes
	}
	s := &Server{cfg: cfg, world: w, faults: f, sessions: map[string]session{}, lies: map[string]*side{}}
	s.truth = &side{hardware: &chassis{world: w, host: cfg.Host}, users: newUsers(cfg), bios: &bios{}}
	var err error
	s.http, err = web.ServeTLS(cfg.Addr, s.handler(), cfg.TLS)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// handler knows every resource. A slash at the end of a path is as good as none.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	s.rootRoutes(mux)
	s.systemRoutes(mux)
	s.accountRoutes(mux)
	s.biosRoutes(mux)
	s.healthRoutes(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.Path) > 1 {
			r.URL.Path = strings.TrimSuffix(r.URL.Path, "/")
		}
		w.Header().Set("OData-Version", "4.0")
		if _, pattern := mux.Handler(r); pattern == "" {
			s.notThere(mux, w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// notThere tells a path that exists, for another method, from one that does not.
func (s *Server) notThere(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "" {
			refuse(w, http.StatusMethodNotAllowed, "OperationNotAllowed")
			return
		}
	}
	refuse(w, http.StatusNotFound, "ResourceMissingAtURI")
}

// Addr is host:port.
func (s *Server) Addr() string { return s.http.Addr() }

// Port is the TCP port.
func (s *Server) Port() int {
	_, port, _ := net.SplitHostPort(s.Addr())
	n, _ := strconv.Atoi(port)
	return n
}

// Close ends the BMC and everybody who hangs in it.
func (s *Server) Close() error {
	s.http.Close()
	return nil
}
