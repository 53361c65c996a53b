// Package bmc is the baseboard management controller of a simulated host: IPMI 2.0 over UDP (cipher suites 3 and 17) that drives
// the power and the boot override of the world and keeps its own accounts.
package bmc

import (
	"context"
	"crypto/sha256"
	"net"
	"sync"
	"time"

	ipmi "github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/handlers"
	"github.com/bougou/go-ipmi/pkg/server"
	"github.com/bougou/go-ipmi/pkg/transport/udp"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

const (
	system   = "bmc"
	sessions = 32
)

// Config of a BMC.
type Config struct {
	// Addr to listen on (UDP); "" is a free port on 127.0.0.1.
	Addr string
	// Host is the host in the world.
	Host string
	// Admin is the administrator in slot 2.
	Admin, Password string
}

// Server is a running BMC.
type Server struct {
	cfg    Config
	world  *world.World
	faults *faults.Set
	conn   *net.UDPConn
	bmc    *ipmi.BMC
	ipmi   *server.Server
	lies   lies
	list   sessionList
	// console is the host's.
	console *console
	logins  loginCounts
	// ctx ends with the server.
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Serve starts the BMC of one host.
func Serve(w *world.World, f *faults.Set, cfg Config) (*Server, error) {
	if f == nil {
		f = &faults.Set{}
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	addr, err := net.ResolveUDPAddr("udp", cfg.Addr)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, world: w, faults: f, conn: conn, console: &console{world: w, host: cfg.Host}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.lies.server = s
	s.bmc = newBMC(cfg.Host, newHardware(w, cfg.Host, s.console))
	if err := s.put(2, cfg.Admin, cfg.Password); err != nil {
		conn.Close()
		return nil, err
	}
	s.bmc.SOL.Config().PayloadPort = uint16(s.Port())
	reg := handlers.NewRegistry()
	reg.Use(s.misbehave)
	handlers.RegisterAllHandlers(reg)
	s.tellHealth(reg)
	s.tellSessions(reg)
	// A session lives longer than any client pauses: the read deadline only makes the loop turn.
	wire := &wire{PacketConn: udp.Wrap(conn, udp.WithReadTimeout(time.Minute)), server: s, logins: map[string]faults.Kind{}, last: map[uint32]uint32{}}
	s.ipmi = server.NewServer(s.bmc, wire, server.WithHandlerRegistry(reg))
	s.wg.Go(func() { _ = s.ipmi.Serve(s.ctx) })
	return s, nil
}

func newBMC(host string, h *hardware) *ipmi.BMC {
	sum := sha256.Sum256([]byte(host))
	info := ipmi.DeviceInfo{DeviceID: 32, DeviceRevision: 1, FirmwareMajor: 1, IPMIVersion: 0x20, AdditionalDeviceSupport: 0x39}
	b := ipmi.New(info, [16]byte(sum[:16]), h, ipmi.WithV15Disabled())
	b.Users = ipmi.NewUserStore(ipmi.WithMaxUsers(slots))
	// Clients that are killed leave their sessions behind for a minute.
	b.Sessions = ipmi.NewSessionStoreWithOptions(b.Clock(), ipmi.WithMaxSessions(sessions))
	b.Sessions.SetOnRemove(b.SOL.DeactivateBySession)
	return b
}

// Sessions counts the logins that have not ended; one that was refused stays among them for a while.
func (s *Server) Sessions() int { return s.bmc.Sessions.Count() }

// Addr is host:port.
func (s *Server) Addr() string { return s.conn.LocalAddr().String() }

// Port is the UDP port.
func (s *Server) Port() int { return s.conn.LocalAddr().(*net.UDPAddr).Port }

// Close ends the BMC, whatever it waits for.
func (s *Server) Close() error {
	s.cancel()
	err := s.ipmi.Close()
	s.wg.Wait()
	return err
}
