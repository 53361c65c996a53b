package bmc

import (
	"sync/atomic"

	"github.com/bougou/go-ipmi/pkg/protocol"
	"github.com/bougou/go-ipmi/pkg/types"
)

// Logins counts how often somebody tried to log in.
type Logins struct {
	// Tried are the times that a user was named, Accepted those that ended with a session. A BMC locks an account of which many are not accepted.
	Tried, Accepted int
	// TurnedAway are the times that there was no session to give.
	TurnedAway int
}

// Refused are the tries that came to nothing.
func (l Logins) Refused() int { return l.Tried - l.Accepted }

// Logins tells of all logins since the start.
func (s *Server) Logins() Logins {
	return Logins{Tried: int(s.logins.tried.Load()), Accepted: int(s.logins.accepted.Load()), TurnedAway: int(s.logins.turnedAway.Load())}
}

// SetPassword changes an account's password, as somebody at the BMC's own pages does.
func (s *Server) SetPassword(slot uint8, password string) error {
	u, err := s.bmc.Users.Get(slot)
	if err != nil {
		return err
	}
	return s.put(slot, u.Name, password)
}

type loginCounts struct{ tried, accepted, turnedAway atomic.Int64 }

// came counts a datagram from a client, went one to it.
func (l *loginCounts) came(payload types.PayloadType) {
	if payload == types.PayloadTypeRAKPMessage1 {
		l.tried.Add(1)
	}
}

func (l *loginCounts) went(pkt []byte) {
	session, _, payload, _, body, ok := protocol.ParseRMCPPlusHeader(pkt)
	if !ok || session != 0 || len(body) < 2 {
		return
	}
	switch good := types.RmcpStatusCode(body[1]) == types.RmcpStatusCodeNoErrors; {
	case types.PayloadType(payload) == types.PayloadTypeRAKPMessage4 && good:
		l.accepted.Add(1)
	case types.PayloadType(payload) == types.PayloadTypeRmcpOpenSessionResponse && !good:
		l.turnedAway.Add(1)
	}
}
