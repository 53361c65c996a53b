package bmc

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"sync"

	ipmi "github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/handlers"
	"github.com/bougou/go-ipmi/pkg/types"
)

// sessionList is the sessions that sent a command, by their numbers: go-ipmi's server does not list its own. They go on when their account is gone.
type sessionList struct {
	mu  sync.Mutex
	all map[uint32]seenSession
}

type seenSession struct{ handle, user, privilege, channel uint8 }

func (l *sessionList) saw(s *ipmi.Session) {
	if s == nil || s.User == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[uint32]seenSession{}
	}
	l.all[s.BMCID] = seenSession{s.Handle, s.User.ID, uint8(s.PrivilegeLevel), s.Channel}
}

// live lists the numbers of those that have not ended.
func (s *Server) live() []uint32 {
	s.list.mu.Lock()
	defer s.list.mu.Unlock()
	maps.DeleteFunc(s.list.all, func(id uint32, _ seenSession) bool {
		_, err := s.bmc.Sessions.Get(id)
		return err != nil
	})
	return slices.Sorted(maps.Keys(s.list.all))
}

func (s *Server) seen(id uint32) seenSession {
	s.list.mu.Lock()
	defer s.list.mu.Unlock()
	return s.list.all[id]
}

// tellSessions registers what go-ipmi's server knows of the session that asks only.
func (s *Server) tellSessions(reg *handlers.Registry) {
	reg.RegisterFunc(types.CommandGetSessionInfo, s.sessionInfo)
	reg.RegisterFunc(types.CommandCloseSession, s.closeSession)
}

// sessionInfo answers Get Session Info (IPMI 2.0 section 22.20) for the session that asks and for the one at a place in the list.
func (s *Server) sessionInfo(_ context.Context, h *handlers.HandlerContext, req []byte) ([]byte, types.CompletionCode, error) {
	ids := s.live()
	if len(req) < 1 || req[0] >= 0xfe || h.Session == nil {
		return nil, types.CodeRequestDataFieldInvalid, nil
	}
	id := h.Session.BMCID
	if req[0] > 0 {
		if int(req[0]) > len(ids) {
			return []byte{0, sessions, uint8(len(ids))}, types.CodeOK, nil
		}
		id = ids[req[0]-1]
	}
	one := s.seen(id)
	const rmcpPlus = 0x10
	return []byte{one.handle, sessions, uint8(len(ids)), one.user, one.privilege, rmcpPlus | one.channel}, types.CodeOK, nil
}

// closeSession answers Close Session (section 22.19), by number or by handle.
func (s *Server) closeSession(_ context.Context, _ *handlers.HandlerContext, req []byte) ([]byte, types.CompletionCode, error) {
	if len(req) < 4 {
		return nil, types.CodeRequestDataTruncated, nil
	}
	id := binary.LittleEndian.Uint32(req)
	if id == 0 && len(req) > 4 {
		for _, one := range s.live() {
			if s.seen(one).handle == req[4] {
				id = one
			}
		}
	}
	if s.bmc.Sessions.Close(id) != nil {
		return nil, types.CodeParameterOutOfRange, nil
	}
	return nil, types.CodeOK, nil
}
