package bmc

import (
	"context"
	"sync"

	"github.com/bougou/go-ipmi/pkg/hal"

	"stackstorm-laas/internal/simlab/world"
)

// console is the host's serial port. The BMC keeps what the host writes while nobody looks, and forgets it when the host is switched on.
type console struct {
	world *world.World
	host  string

	mu   sync.Mutex
	read int
	keys []byte
}

// Open implements hal.ConsoleHAL.
func (c *console) Open(context.Context) (hal.ConsoleConn, error) { return c, nil }

// ReadAvailable implements hal.ConsoleConn.
func (c *console) ReadAvailable(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, next := c.world.Console(c.host, c.read)
	n := copy(p, text)
	c.read = next - len(text) + n
	return n, nil
}

// Write takes keys, which the simulated host does not heed.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys = append(c.keys, p...)
	return len(p), nil
}

func (c *console) SendBreak(context.Context) error { return hal.ErrNotSupported }

func (c *console) Close() error { return nil }

// Keys are all keys that were ever sent to the host's serial console.
func (s *Server) Keys() string {
	s.console.mu.Lock()
	defer s.console.mu.Unlock()
	return string(s.console.keys)
}

// Watched says whether somebody has the serial console open.
func (s *Server) Watched() bool { return s.bmc.SOL.ActiveSessionID(1) != 0 }
