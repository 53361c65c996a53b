// Package sshd is how simulated hosts answer SSH and SFTP: with the accounts, keys and files on their disk, and only while the world
// says that they are reachable. There is no shell behind it; the few commands it knows act on the world.
package sshd

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/peer"
	"stackstorm-laas/internal/simlab/world"
)

const (
	system  = "ssh"
	version = "SSH-2.0-OpenSSH_9.6"
	hostKey = "/etc/ssh/ssh_host_ed25519_key"
	bootID  = "/proc/sys/kernel/random/boot_id"
)

// Config of a server.
type Config struct {
	// Addr to listen on; "" is a free port on 127.0.0.1.
	Addr string
	// Host is the host in the world.
	Host string
}

// Server is the SSH port of one host.
type Server struct {
	cfg    Config
	world  *world.World
	faults *faults.Set
	l      *peer.Listener
	lies   lies

	mu    sync.Mutex
	conns map[net.Conn]string // by the boot they belong to
	// name is the kernel's hostname, which a change of /etc/hostname does not touch, and the boot it belongs to.
	name, nameBoot string
}

// Serve listens for one host, whatever state it is in.
func Serve(w *world.World, f *faults.Set, cfg Config) (*Server, error) {
	if f == nil {
		f = &faults.Set{}
	}
	s := &Server{cfg: cfg, world: w, faults: f, conns: map[net.Conn]string{}}
	s.lies.server = s
	w.OnChange(s.drop)
	l, err := peer.Listen(cfg.Addr, s.serve)
	if err != nil {
		return nil, err
	}
	s.l = l
	return s, nil
}

// Addr is host:port.
func (s *Server) Addr() string { return s.l.Addr() }

// Port is the TCP port.
func (s *Server) Port() int { return s.l.Port() }

// Close ends the server and all connections.
func (s *Server) Close() error {
	return s.l.Close()
}

// Login tries a key as a user and says why it was not accepted.
func (s *Server) Login(user string, key ssh.Signer) error {
	c, err := ssh.Dial("tcp", s.Addr(), &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 10 * time.Second,
	})
	if err != nil {
		return err
	}
	return c.Close()
}

// boot identifies the host's present boot; "" while it is not reachable.
func (s *Server) boot() string {
	if !s.world.Reachable(s.cfg.Host) {
		return ""
	}
	disk := s.world.FS(s.cfg.Host)
	if disk == nil {
		return ""
	}
	id, _ := disk.ReadFile(bootID)
	return strings.TrimSpace(string(id))
}

// drop ends the connections that did not survive a change of the world.
func (s *Server) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) == 0 {
		return
	}
	now := s.boot()
	for c, boot := range s.conns {
		if boot != now {
			c.Close()
		}
	}
}

// enter registers a connection; false if the host is not there.
func (s *Server) enter(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	boot := s.boot()
	if boot == "" {
		return false
	}
	s.conns[c] = boot
	if s.nameBoot != boot {
		text, _ := s.world.FS(s.cfg.Host).ReadFile("/etc/hostname")
		s.name, s.nameBoot = strings.TrimSpace(string(text)), boot
	}
	return true
}

func (s *Server) leave(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *Server) serve(ctx context.Context, raw net.Conn) {
	if !s.enter(raw) {
		peer.Reset(raw)
		return
	}
	defer s.leave(raw)
	switch s.faults.At(system, "connect", s.cfg.Host) {
	case faults.Refuse:
		peer.Reset(raw)
		return
	case faults.Hang:
		_, _ = io.Copy(io.Discard, raw)
		return
	case faults.Error500:
		_, _ = io.WriteString(raw, version+"\r\n")
		return
	case faults.Garbage:
		_, _ = io.WriteString(raw, strings.Repeat("garbage ", 64)+"\r\n")
		return
	case faults.Slow:
		peer.Wait(ctx, peer.Delay)
	}
	cfg, err := s.sshConfig()
	if err != nil {
		return // as a host whose keys were deleted
	}
	conn, channels, requests, err := ssh.NewServerConn(raw, cfg)
	if err != nil {
		return
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	var sessions sync.WaitGroup
	defer sessions.Wait()
	defer cancel()
	sessions.Go(func() { ssh.DiscardRequests(requests) })
	for ch := range channels {
		if ch.ChannelType() != "session" {
			_ = ch.Reject(ssh.Prohibited, "administratively prohibited")
			continue
		}
		sessions.Go(func() { s.session(ctx, conn.User(), ch) })
	}
}

func (s *Server) sshConfig() (*ssh.ServerConfig, error) {
	disk := s.world.FS(s.cfg.Host)
	if disk == nil {
		return nil, errors.New("no disk")
	}
	pem, err := disk.ReadFile(hostKey)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		return nil, err
	}
	cfg := &ssh.ServerConfig{
		ServerVersion: version,
		PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			return nil, authorize(disk, c.User(), key)
		},
	}
	cfg.AddHostKey(key)
	return cfg, nil
}
