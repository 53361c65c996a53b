package bmc

import (
	"context"
	"strings"
	"sync"
	"time"

	ipmi "github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/hal/mock"
	"github.com/bougou/go-ipmi/pkg/handlers"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/peer"
)

// bootFlags is the parameter of the boot options that says what to boot; clients set others around it.
const bootFlags = byte(types.BootOptionParamSelector_BootFlags)

// operation names a command for faults; "" is none of interest.
func operation(c types.Command, req []byte) string {
	is := func(want types.Command) bool { return c.ID == want.ID && c.NetFn == want.NetFn }
	switch {
	case is(types.CommandGetChassisStatus):
		return "power.get"
	case is(types.CommandChassisControl):
		return "power.set"
	case is(types.CommandGetSystemBootOptions) && len(req) > 0 && req[0]&0x7f == bootFlags:
		return "boot.get"
	case is(types.CommandSetSystemBootOptions) && len(req) > 1 && req[0]&0x7f == bootFlags:
		return "boot.set"
	case is(types.CommandGetUserAccess), is(types.CommandGetUsername):
		return "user.get"
	case is(types.CommandSetUserAccess), is(types.CommandSetUsername), is(types.CommandSetUserPassword):
		return "user.set"
	case is(types.CommandGetSDR), is(types.CommandGetSensorReading), is(types.CommandGetSELInfo), is(types.CommandGetSELEntry), is(types.CommandReadFRUData):
		return "health.get"
	}
	if is(types.CommandActivatePayload) {
		return "console"
	}
	return ""
}

// misbehave stands before every command of a session.
func (s *Server) misbehave(next handlers.Handler) handlers.Handler {
	return handlers.HandlerFunc(func(ctx context.Context, h *handlers.HandlerContext, req []byte) ([]byte, types.CompletionCode, error) {
		s.list.saw(h.Session)
		op := operation(h.Command, req)
		if op == "" {
			return next.Handle(ctx, h, req)
		}
		kind := s.faults.At(system, op, s.cfg.Host)
		write := strings.HasSuffix(op, ".set")
		switch kind {
		case faults.Refuse:
			return nil, types.CodeNotSupported, nil
		case faults.Error500:
			return nil, types.CodeNodeBusy, nil
		case faults.Garbage:
			if h.Session != nil {
				_, _ = s.conn.WriteTo(junk, h.Session.GetAddr())
			}
			return s.hang(kind, op)
		case faults.Hang:
			return s.hang(kind, op)
		case faults.Slow:
			peer.Wait(s.ctx, peer.Delay)
		case faults.Forget:
			if write {
				return nil, types.CodeOK, nil
			}
		case faults.Lie:
			if write {
				return s.lies.tell(op, func(b *ipmi.BMC) ([]byte, types.CompletionCode, error) { return next.Handle(ctx, on(h, b), req) })
			}
		}
		if !write {
			return next.Handle(ctx, on(h, s.lies.shown(op)), req)
		}
		data, code, err := next.Handle(ctx, h, req)
		if lie := s.lies.shown(op); lie != s.bmc {
			_, _, _ = next.Handle(ctx, on(h, lie), req)
		}
		if code == types.CodeOK {
			s.faults.Wrote(system, op, s.cfg.Host)
		}
		return data, code, err
	})
}

// hang keeps a command, and the session with it, until the fault is over. What comes then is too late for whoever asked, so nothing was done.
func (s *Server) hang(kind faults.Kind, op string) ([]byte, types.CompletionCode, error) {
	for s.ctx.Err() == nil && s.faults.At(system, op, s.cfg.Host) == kind {
		peer.Wait(s.ctx, time.Millisecond)
	}
	return nil, types.CodeNodeBusy, nil
}

// on is the same request, to another BMC.
func on(h *handlers.HandlerContext, b *ipmi.BMC) *handlers.HandlerContext {
	other := *h
	other.BMC = b
	return &other
}

// lies holds what the BMC shows of power, boot and user while it lies about one of them: for each a second BMC that
// nothing is wired to.
type lies struct {
	server *Server
	mu     sync.Mutex
	told   map[string]*ipmi.BMC
}

// tell makes a write where it has no effect but is seen.
func (l *lies) tell(op string, write func(*ipmi.BMC) ([]byte, types.CompletionCode, error)) ([]byte, types.CompletionCode, error) {
	topic, _, _ := strings.Cut(op, ".")
	b := l.shown(op)
	if b == l.server.bmc {
		b = l.server.double()
		l.mu.Lock()
		if l.told == nil {
			l.told = map[string]*ipmi.BMC{}
		}
		l.told[topic] = b
		l.mu.Unlock()
	}
	return write(b)
}

// shown is the BMC that answers reads.
func (l *lies) shown(op string) *ipmi.BMC {
	topic, _, _ := strings.Cut(op, ".")
	l.mu.Lock()
	defer l.mu.Unlock()
	if !peer.Lying(l.server.faults, system, l.server.cfg.Host) {
		l.told = nil
	}
	if b := l.told[topic]; b != nil {
		return b
	}
	return l.server.bmc
}

// double copies the BMC as it is now, on hardware that is not there.
func (s *Server) double() *ipmi.BMC {
	ctx, real := context.Background(), s.bmc.HAL().Chassis()
	fake := &mock.Chassis{}
	fake.On, _ = real.PowerState(ctx)
	fake.BootFlags, _ = real.GetBootFlags(ctx)
	b := newBMC(s.cfg.Host, &hardware{HAL: mock.New(), chassis: fake})
	for id := uint8(1); id <= slots; id++ {
		if u, err := s.bmc.Users.Get(id); err == nil {
			_ = b.Users.Upsert(id, func(to *ipmi.User) error { *to = *u; return nil })
		}
	}
	return b
}
