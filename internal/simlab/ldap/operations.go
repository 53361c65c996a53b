package ldap

import (
	"crypto/rand"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/peer"
)

const (
	startTLSOID       = "1.3.6.1.4.1.1466.20037"
	passwordModifyOID = "1.3.6.1.4.1.4203.1.11.1"
	whoAmIOID         = "1.3.6.1.4.1.4203.1.11.3"
)

// operation is one kind of request: its name for faults, the tag of its response, and what it does.
type operation struct {
	name     string
	response ber.Tag
	run      func(c *session, req *ber.Packet, kind faults.Kind, id int64) result
}

var operations = map[ber.Tag]operation{
	ldap.ApplicationBindRequest:     {"bind", ldap.ApplicationBindResponse, (*session).bind},
	ldap.ApplicationAddRequest:      {"add", ldap.ApplicationAddResponse, (*session).add},
	ldap.ApplicationModifyRequest:   {"modify", ldap.ApplicationModifyResponse, (*session).modify},
	ldap.ApplicationDelRequest:      {"delete", ldap.ApplicationDelResponse, (*session).delete},
	ldap.ApplicationSearchRequest:   {"search", ldap.ApplicationSearchResultDone, (*session).search},
	ldap.ApplicationExtendedRequest: {"", ldap.ApplicationExtendedResponse, (*session).extended},
}

func str(p *ber.Packet) string { return string(p.ByteValue) + dataOf(p) }

// dataOf gives the content of a packet of the context or application class, which the decoder leaves undecoded.
func dataOf(p *ber.Packet) string {
	if p.ClassType == ber.ClassUniversal {
		return ""
	}
	return p.Data.String()
}

func (c *session) bind(req *ber.Packet, _ faults.Kind, _ int64) result {
	c.who = ""
	name, auth := str(req.Children[1]), req.Children[2]
	if auth.Tag != 0 {
		return fail(ldap.LDAPResultAuthMethodNotSupported, "simple bind only")
	}
	password := str(auth)
	if name == "" {
		return result{}
	}
	if password == "" {
		return fail(ldap.LDAPResultUnwillingToPerform, "unauthenticated bind (DN with no password) disallowed")
	}
	key, err := normal(name)
	if err != nil {
		return fail(ldap.LDAPResultInvalidDNSyntax, "invalid DN")
	}
	c.mu.Lock()
	e, ok := c.truth[key]
	c.mu.Unlock()
	if !(key == c.admin && password == c.cfg.AdminPassword) && !(ok && e.accepts(password)) {
		return fail(ldap.LDAPResultInvalidCredentials, "")
	}
	c.who = key
	return result{}
}

func (c *session) add(req *ber.Packet, kind faults.Kind, _ int64) result {
	e := entry{dn: str(req.Children[0])}
	for _, a := range req.Children[1].Children {
		e.attrs = append(e.attrs, attribute{str(a.Children[0]), values(a.Children[1])})
	}
	return c.change("add", kind, e.dn, func(t tree, key string) uint16 {
		above := parent(key)
		switch _, there := t[key]; {
		case there:
			return ldap.LDAPResultEntryAlreadyExists
		case t[above].dn == "":
			return ldap.LDAPResultNoSuchObject
		case len(e.get("objectClass")) == 0:
			return ldap.LDAPResultObjectClassViolation
		case e.has("objectClass", "inetOrgPerson") && (len(e.get("cn")) == 0 || len(e.get("sn")) == 0):
			return ldap.LDAPResultObjectClassViolation
		}
		for _, a := range naming(e.dn) {
			if !e.has(a.name, a.values[0]) {
				return ldap.LDAPResultNamingViolation
			}
		}
		t[key] = e.clone()
		return 0
	})
}

func (c *session) modify(req *ber.Packet, kind faults.Kind, _ int64) result {
	return c.change("modify", kind, str(req.Children[0]), func(t tree, key string) uint16 {
		e, ok := t[key]
		if !ok {
			return ldap.LDAPResultNoSuchObject
		}
		e = e.clone()
		for _, ch := range req.Children[1].Children {
			name, vals := str(ch.Children[1].Children[0]), values(ch.Children[1].Children[1])
			have := slices.Clone(e.get(name))
			switch ch.Children[0].Value.(int64) {
			case ldap.AddAttribute:
				if slices.ContainsFunc(vals, func(v string) bool { return e.has(name, v) }) {
					return ldap.LDAPResultAttributeOrValueExists
				}
				e.set(name, append(have, vals...))
			case ldap.DeleteAttribute:
				if have == nil || slices.ContainsFunc(vals, func(v string) bool { return !e.has(name, v) }) {
					return ldap.LDAPResultNoSuchAttribute
				}
				if len(vals) == 0 {
					have = nil
				}
				e.set(name, slices.DeleteFunc(have, func(v string) bool { return slices.Contains(vals, v) }))
			case ldap.ReplaceAttribute:
				e.set(name, vals)
			}
		}
		t[key] = e
		return 0
	})
}

func (c *session) delete(req *ber.Packet, kind faults.Kind, _ int64) result {
	return c.change("delete", kind, str(req), func(t tree, key string) uint16 {
		if _, ok := t[key]; !ok {
			return ldap.LDAPResultNoSuchObject
		}
		for k := range t {
			if parent(k) == key {
				return ldap.LDAPResultNotAllowedOnNonLeaf
			}
		}
		delete(t, key)
		return 0
	})
}

func (c *session) extended(req *ber.Packet, kind faults.Kind, _ int64) result {
	switch extendedName(req) {
	case startTLSOID:
		switch {
		case c.secure:
			return fail(ldap.LDAPResultOperationsError, "TLS already started")
		case c.cfg.TLS == nil:
			return fail(ldap.LDAPResultUnavailable, "no certificate")
		}
		return result{}
	case whoAmIOID:
		who := ""
		if c.who != "" {
			who = "dn:" + c.who
		}
		return result{value: ber.NewString(ber.ClassContext, ber.TypePrimitive, 11, who, "")}
	case passwordModifyOID:
		return c.passwordModify(req, kind)
	}
	return fail(ldap.LDAPResultProtocolError, "unsupported extended operation")
}

// passwordModify is RFC 3062: the password is stored hashed, and made up when none is given.
func (c *session) passwordModify(req *ber.Packet, kind faults.Kind) result {
	dn, password := c.who, ""
	if len(req.Children) > 1 {
		p, err := ber.DecodePacketErr(req.Children[1].Data.Bytes())
		if err != nil {
			return fail(ldap.LDAPResultProtocolError, "malformed request")
		}
		for _, ch := range p.Children {
			switch ch.Tag {
			case 0:
				dn = str(ch)
			case 2:
				password = str(ch)
			}
		}
	}
	var res result
	made := password == ""
	if made {
		password = rand.Text()
	}
	hashed := hash(password)
	res = c.change("modify", kind, dn, func(t tree, key string) uint16 {
		e, ok := t[key]
		if !ok {
			return ldap.LDAPResultNoSuchObject
		}
		e = e.clone()
		e.set("userPassword", []string{hashed})
		t[key] = e
		return 0
	})
	if made && res.code == 0 {
		gen := ber.NewSequence("")
		gen.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, password, ""))
		res.value = ber.NewString(ber.ClassContext, ber.TypePrimitive, 11, string(gen.Bytes()), "")
	}
	return res
}

// change makes a write by whoever may: the administrator, and an account on its own entry when only its password changes.
func (c *session) change(op string, kind faults.Kind, dn string, write func(t tree, key string) uint16) result {
	key, err := normal(dn)
	if err != nil {
		return fail(ldap.LDAPResultInvalidDNSyntax, "invalid DN")
	}
	switch {
	case c.who == "":
		return fail(ldap.LDAPResultStrongAuthRequired, "modifications require authentication")
	case c.who != c.admin && (c.who != key || op != "modify"):
		return fail(ldap.LDAPResultInsufficientAccessRights, "")
	}
	c.mu.Lock()
	var code uint16
	switch shown := c.shown(); kind {
	case faults.Forget:
		code = write(shown.clone(), key)
	case faults.Lie:
		if c.lied == nil {
			c.lied = c.truth.clone()
		}
		code = write(c.lied, key)
	default:
		code = write(c.truth, key)
		if c.lied != nil {
			code = write(c.lied, key)
		}
	}
	c.mu.Unlock()
	if code == 0 && kind != faults.Forget && kind != faults.Lie {
		c.faults.Wrote(system, op, "")
	}
	return fail(code, "")
}

// shown is what searches see; mu is held.
func (s *Server) shown() tree {
	if s.lied != nil && !peer.Lying(s.faults, system, "") {
		s.lied = nil
	}
	if s.lied != nil {
		return s.lied
	}
	return s.truth
}

func values(set *ber.Packet) []string {
	var out []string
	for _, v := range set.Children {
		out = append(out, str(v))
	}
	return out
}

func extendedName(req *ber.Packet) string {
	if req.Tag != ldap.ApplicationExtendedRequest || len(req.Children) == 0 {
		return ""
	}
	return strings.TrimSpace(str(req.Children[0]))
}
