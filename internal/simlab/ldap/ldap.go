// Package ldap is the directory of the simulated lab: what its VPN server asks who may log in. It speaks LDAPv3 with StartTLS,
// simple bind, add, modify, delete, search, and the Password Modify and Who am I extended operations.
package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/peer"
	"stackstorm-laas/internal/simlab/world"
)

const system = "ldap"

// Config of a directory.
type Config struct {
	// Addr to listen on; "" is a free port on 127.0.0.1.
	Addr string
	// Base is the root of the tree, e.g. "dc=lab,dc=example"; Branch the place of accounts below it, e.g. "ou=users". Both exist
	// from the start.
	Base, Branch string
	// AdminDN may change everything. It is no entry of the tree.
	AdminDN, AdminPassword string
	// TLS holds the certificate; without it StartTLS is refused.
	TLS *tls.Config
	// RequireTLS refuses everything but StartTLS on a connection in the clear.
	RequireTLS bool
	// Implicit speaks TLS from the first byte (ldaps).
	Implicit bool
}

// Server is a running directory.
type Server struct {
	cfg    Config
	faults *faults.Set
	l      *peer.Listener
	admin  string

	mu    sync.Mutex
	truth tree
	// lied is what searches show while a lie is in force: truth and the writes that were not made. Logins go by truth.
	lied tree
}

// Serve starts a directory that holds the base and the branch.
func Serve(_ *world.World, f *faults.Set, cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, faults: f, truth: tree{}}
	if s.faults == nil {
		s.faults = &faults.Set{}
	}
	var err error
	if s.admin, err = normal(cfg.AdminDN); err != nil {
		return nil, err
	}
	for _, e := range []struct{ dn, class string }{{cfg.Base, "domain"}, {cfg.Branch + "," + cfg.Base, "organizationalUnit"}} {
		key, err := normal(e.dn)
		if err != nil {
			return nil, err
		}
		s.truth[key] = entry{dn: e.dn, attrs: append(naming(e.dn), attribute{"objectClass", []string{"top", e.class}})}
	}
	s.l, err = peer.Listen(cfg.Addr, s.serve)
	return s, err
}

// Addr is host:port.
func (s *Server) Addr() string { return s.l.Addr() }

// URL is the address with the scheme that fits.
func (s *Server) URL() string {
	if s.cfg.Implicit {
		return "ldaps://" + s.Addr()
	}
	return "ldap://" + s.Addr()
}

// Close ends the server and all connections, whatever they wait for.
func (s *Server) Close() error { return s.l.Close() }

// session is one connection.
type session struct {
	*Server
	ctx    context.Context
	conn   net.Conn
	secure bool
	// who is the normalised DN of the login, "" for nobody.
	who string
}

func (s *Server) serve(ctx context.Context, raw net.Conn) {
	c := &session{Server: s, ctx: ctx, conn: raw}
	switch s.faults.At(system, "connect", "") {
	case faults.Refuse:
		peer.Reset(raw)
		return
	case faults.Hang:
		_, _ = io.Copy(io.Discard, raw)
		return
	case faults.Error500:
		c.disconnect(ldap.LDAPResultUnavailable)
		return
	case faults.Garbage:
		c.garbage()
		return
	case faults.Slow:
		peer.Wait(ctx, peer.Delay)
	}
	if s.cfg.Implicit && !c.startTLS() {
		return
	}
	for ctx.Err() == nil {
		p, err := ber.ReadPacket(c.conn)
		if err != nil || !c.handle(p) {
			return
		}
	}
}

func (c *session) startTLS() bool {
	t := tls.Server(c.conn, c.cfg.TLS)
	if c.cfg.TLS == nil || t.HandshakeContext(c.ctx) != nil {
		return false
	}
	c.conn, c.secure = t, true
	return true
}

// result is what an operation ends with.
type result struct {
	code uint16
	text string
	// value is the response value of an extended operation.
	value *ber.Packet
}

func fail(code uint16, text string) result { return result{code: code, text: text} }

// handle serves one message and says whether the connection goes on.
func (c *session) handle(p *ber.Packet) bool {
	if len(p.Children) < 2 {
		c.disconnect(ldap.LDAPResultProtocolError)
		return false
	}
	id, ok := p.Children[0].Value.(int64)
	if !ok {
		c.disconnect(ldap.LDAPResultProtocolError)
		return false
	}
	req := p.Children[1]
	if req.Tag == ldap.ApplicationUnbindRequest {
		return false
	}
	if req.Tag == ldap.ApplicationAbandonRequest {
		return true
	}
	o, ok := operations[req.Tag]
	if !ok {
		c.disconnect(ldap.LDAPResultProtocolError)
		return false
	}
	name := o.name
	if req.Tag == ldap.ApplicationExtendedRequest && extendedName(req) == passwordModifyOID {
		name = "modify"
	}
	var kind faults.Kind
	if name != "" {
		kind = c.faults.At(system, name, "")
	}
	switch kind {
	case faults.Hang:
		_, _ = io.Copy(io.Discard, c.conn)
		return false
	case faults.Garbage:
		c.garbage()
		return false
	case faults.Slow:
		peer.Wait(c.ctx, peer.Delay)
	}
	var res result
	switch {
	case c.cfg.RequireTLS && !c.secure && extendedName(req) != startTLSOID:
		res = fail(ldap.LDAPResultConfidentialityRequired, "TLS confidentiality required")
	case kind == faults.Refuse && name == "bind":
		c.who, res = "", fail(ldap.LDAPResultInvalidCredentials, "")
	case kind == faults.Refuse:
		res = fail(ldap.LDAPResultInsufficientAccessRights, "no write access to parent")
	case kind == faults.Error500:
		res = fail(ldap.LDAPResultOther, "internal error")
	default:
		res = c.run(o, req, kind, id)
	}
	if c.reply(id, o.response, res) != nil {
		return false
	}
	if req.Tag == ldap.ApplicationExtendedRequest && extendedName(req) == startTLSOID && res.code == 0 {
		return c.startTLS()
	}
	return true
}

// run keeps a malformed request from ending the server.
func (c *session) run(o operation, req *ber.Packet, kind faults.Kind, id int64) (res result) {
	defer func() {
		if recover() != nil {
			res = fail(ldap.LDAPResultProtocolError, "malformed request")
		}
	}()
	return o.run(c, req, kind, id)
}

func (c *session) reply(id int64, tag ber.Tag, r result) error {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(r.code), ""))
	op.AppendChild(text(""))
	op.AppendChild(text(r.text))
	if r.value != nil {
		op.AppendChild(r.value)
	}
	return c.send(id, op)
}

func (c *session) send(id int64, op *ber.Packet) error {
	m := ber.NewSequence("")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	m.AppendChild(op)
	_, err := c.conn.Write(m.Bytes())
	return err
}

// disconnect sends the Notice of Disconnection of RFC 4511.
func (c *session) disconnect(code uint16) {
	name := ber.NewString(ber.ClassContext, ber.TypePrimitive, 10, "1.3.6.1.4.1.1466.20036", "")
	_ = c.reply(0, ldap.ApplicationExtendedResponse, result{code: code, text: "closing", value: name})
}

func (c *session) garbage() { _, _ = io.WriteString(c.conn, "HTTP/1.1 200 OK\r\n\r\n") }

func text(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

var errDN = errors.New("empty DN")
