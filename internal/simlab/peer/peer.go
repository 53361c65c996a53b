// Package peer is what the simulated servers have in common: a listener on loopback whose every connection ends with it, and the
// ways to misbehave that do not depend on the protocol.
package peer

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"stackstorm-laas/internal/simlab/faults"
)

// Delay is how late a server answers under faults.Slow.
const Delay = 300 * time.Millisecond

// Listener accepts TCP connections and hands each to a handler in its own goroutine.
type Listener struct {
	net    net.Listener
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// Listen serves addr ("" = a free port on 127.0.0.1). The context of a handler ends with the listener; its connection is closed
// when it returns, or before that by Close.
func Listen(addr string, handle func(context.Context, net.Conn)) (*Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Listener{net: l, cancel: cancel, conns: map[net.Conn]struct{}{}}
	s.wg.Go(func() { s.accept(ctx, handle) })
	return s, nil
}

func (s *Listener) accept(ctx context.Context, handle func(context.Context, net.Conn)) {
	for {
		c, err := s.net.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		s.mu.Lock()
		if ctx.Err() != nil {
			s.mu.Unlock()
			c.Close()
			return
		}
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		s.wg.Go(func() {
			defer func() {
				c.Close()
				s.mu.Lock()
				delete(s.conns, c)
				s.mu.Unlock()
			}()
			handle(ctx, c)
		})
	}
}

// Addr is host:port.
func (s *Listener) Addr() string { return s.net.Addr().String() }

// Port is the TCP port.
func (s *Listener) Port() int { return s.net.Addr().(*net.TCPAddr).Port }

// Close ends the listener and all its connections and returns when all handlers have.
func (s *Listener) Close() error {
	s.cancel()
	err := s.net.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Reset closes a connection so that the other side sees a reset, not an orderly end.
func Reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	c.Close()
}

// Wait waits for d, or for ctx to end.
func Wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Lying says whether a lie about a target of the system is in force; what a server shows of earlier lies ends with it.
func Lying(f *faults.Set, system, target string) bool {
	for _, a := range f.Active() {
		if a.Kind == faults.Lie && a.System == system && (a.Target == "" || a.Target == target) {
			return true
		}
	}
	return false
}
