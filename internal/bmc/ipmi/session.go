package ipmi

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/command/app"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// suites are the cipher suites that authenticate and encrypt with algorithms that are still good for it, best first. Passwords of
// tenants go through the session.
var suites = []types.CipherSuiteID{types.CipherSuiteID17, types.CipherSuiteID3}

// attempts is how often a datagram is sent within the timeout of an exchange. The BMC knows a repeated one by its sequence number and
// does not act on it twice.
const attempts = 3

// session is an authenticated session.
type session struct {
	c    *client.Client
	wire *wire
	// id is the BMC's number for it.
	id uint32
	// limit bounds an exchange.
	limit time.Duration
}

// connect opens a session with the given rights. It makes the steps of the handshake one by one, since the client's own Connect turns the
// reason for a refusal into text.
func connect(ctx context.Context, t bmc.Target, level types.PrivilegeLevel) (*session, error) {
	tried := suites
	if t.CipherSuite >= 0 {
		tried = []types.CipherSuiteID{types.CipherSuiteID(t.CipherSuite)}
		if !slices.Contains(suites, tried[0]) {
			return nil, fault.New(fault.Config, "cipher suite %d does not protect passwords", t.CipherSuite).
				WithHint("use 17, 3 or -1")
		}
	}
	var err error
	for _, suite := range tried {
		var s *session
		if s, err = handshake(ctx, t, suite, level); err == nil {
			return s, nil
		}
		if !isSuite(err) {
			break
		}
	}
	return nil, err
}

func handshake(ctx context.Context, t bmc.Target, suite types.CipherSuiteID, level types.PrivilegeLevel) (*session, error) {
	if len(t.Password.Reveal()) > bmc.MaxPassword {
		return nil, fault.New(fault.Config, "the password is longer than the %d bytes that IPMI has", bmc.MaxPassword)
	}
	c, err := client.NewClient(t.Address, t.Port, t.User, t.Password.Reveal())
	if err != nil {
		return nil, fault.New(fault.Config, "%w", err)
	}
	w, err := dial(ctx, t)
	if err != nil {
		return nil, err
	}
	// A handshake's answers are not numbered: one that is late would be taken for the next one's, so nothing is sent twice.
	c.WithUDPProxy(w).WithCipherSuiteID(suite).WithMaxPrivilegeLevel(level).WithTimeout(t.Timeout).WithRetry(0)
	s := &session{c: c, wire: w, limit: t.Timeout}
	err = s.run(ctx, func(c *client.Client) error {
		opened, err := c.OpenSession(ctx)
		if err != nil {
			return err
		}
		s.id = opened.ManagedSystemSessionID
		if _, err := c.RAKPMessage1(ctx); err != nil {
			return err
		}
		_, err = c.RAKPMessage3(ctx)
		return err
	})
	if err != nil {
		s.abandon()
		return nil, err
	}
	w.secure()
	c.WithTimeout(t.Timeout / attempts).WithRetry(attempts - 1)
	if err := s.run(ctx, func(c *client.Client) error { return raise(ctx, c, level) }); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// raise asks for the rights; a session begins with a user's.
func raise(ctx context.Context, c *client.Client, level types.PrivilegeLevel) error {
	if level <= types.PrivilegeLevelUser {
		return nil
	}
	_, err := c.SetSessionPrivilegeLevel(ctx, level)
	if code, ok := completion(err); ok && code >= 0x80 && code <= 0x82 {
		return fault.New(fault.Credentials, "%w: %s", errPrivilege, types.StrCC(types.CommandSetSessionPrivilegeLevel, uint8(code)))
	}
	return err
}

// run makes exchanges; whatever comes back has a kind. A datagram that makes the client's decoder panic counts as no answer.
func (s *session) run(ctx context.Context, op func(*client.Client) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.New(fault.Transient, "an answer that is not IPMI: %s", fmt.Sprint(r))
		}
	}()
	stop := context.AfterFunc(ctx, s.wire.interrupt)
	defer stop()
	err = op(s.c)
	if err != nil && context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	return classify(err)
}

// end tells the BMC, which has few sessions to give, that this one is not wanted any more. nil means that the BMC answered.
func (s *session) end(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	s.wire.resume()
	err := s.run(ctx, func(c *client.Client) error {
		_, err := c.CloseSession(ctx, &app.CloseSessionRequest{SessionID: s.id})
		return err
	})
	if isAnswer(err) {
		return nil
	}
	return err
}

// close ends the session and closes the socket.
func (s *session) close() {
	_ = s.end(s.limit)
	s.abandon()
}

// abandon closes the socket without a word; the BMC ends the session after a minute.
func (s *session) abandon() { s.wire.abort() }
