package ldap

import (
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

type attribute struct {
	name   string
	values []string
}

type entry struct {
	dn    string
	attrs []attribute
}

// tree maps normalised DNs to entries.
type tree map[string]entry

func (t tree) clone() tree {
	out := make(tree, len(t))
	for k, e := range t {
		out[k] = e.clone()
	}
	return out
}

func (e entry) clone() entry {
	c := entry{dn: e.dn, attrs: make([]attribute, len(e.attrs))}
	for i, a := range e.attrs {
		c.attrs[i] = attribute{a.name, slices.Clone(a.values)}
	}
	return c
}

// get gives the values of an attribute; names have no case.
func (e entry) get(name string) []string {
	for _, a := range e.attrs {
		if strings.EqualFold(a.name, name) {
			return a.values
		}
	}
	return nil
}

// set replaces an attribute; without values it goes.
func (e *entry) set(name string, values []string) {
	e.attrs = slices.DeleteFunc(e.attrs, func(a attribute) bool { return strings.EqualFold(a.name, name) })
	if len(values) > 0 {
		e.attrs = append(e.attrs, attribute{name, values})
	}
}

func (e entry) has(name, value string) bool {
	return slices.ContainsFunc(e.get(name), func(v string) bool { return strings.EqualFold(v, value) })
}

// normal brings a DN to the one form that keys the tree.
func normal(dn string) (string, error) {
	d, err := ldap.ParseDN(dn)
	if err != nil {
		return "", err
	}
	if len(d.RDNs) == 0 {
		return "", errDN
	}
	return strings.ToLower(d.String()), nil
}

// parent is the normalised DN above a normalised one, "" at the top.
func parent(key string) string {
	d, err := ldap.ParseDN(key)
	if err != nil || len(d.RDNs) < 2 {
		return ""
	}
	d.RDNs = d.RDNs[1:]
	return strings.ToLower(d.String())
}

// naming gives the attributes that the first part of a DN asserts.
func naming(dn string) []attribute {
	d, err := ldap.ParseDN(dn)
	if err != nil || len(d.RDNs) == 0 {
		return nil
	}
	var out []attribute
	for _, a := range d.RDNs[0].Attributes {
		out = append(out, attribute{a.Type, []string{a.Value}})
	}
	return out
}

func hash(password string) string {
	salt := make([]byte, 8)
	_, _ = rand.Read(salt)
	sum := sha1.Sum(append([]byte(password), salt...))
	return "{SSHA}" + base64.StdEncoding.EncodeToString(append(sum[:], salt...))
}

// accepts says whether a password opens the entry. A stored value without a scheme is compared as it is, as real directories do.
func (e entry) accepts(password string) bool {
	return slices.ContainsFunc(e.get("userPassword"), func(stored string) bool {
		coded, hashed := strings.CutPrefix(stored, "{SSHA}")
		if !hashed {
			return subtle.ConstantTimeCompare([]byte(stored), []byte(password)) == 1
		}
		raw, err := base64.StdEncoding.DecodeString(coded)
		if err != nil || len(raw) < sha1.Size {
			return false
		}
		sum := sha1.Sum(append([]byte(password), raw[sha1.Size:]...))
		return subtle.ConstantTimeCompare(sum[:], raw[:sha1.Size]) == 1
	})
}

func (s *Server) branch() string {
	key, _ := normal(s.cfg.Branch + "," + s.cfg.Base)
	return key
}

// Users lists the uids of the accounts that are really there, sorted.
func (s *Server) Users() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for key, e := range s.truth {
		if uid := e.get("uid"); len(uid) > 0 && parent(key) == s.branch() {
			out = append(out, uid[0])
		}
	}
	slices.Sort(out)
	return out
}

// Entry gives the attributes of an entry that is really there.
func (s *Server) Entry(dn string) (map[string][]string, bool) {
	key, err := normal(dn)
	if err != nil {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.truth[key]
	out := map[string][]string{}
	for _, a := range e.attrs {
		out[a.name] = slices.Clone(a.values)
	}
	return out, ok
}

// Login says whether an account really opens with a password.
func (s *Server) Login(uid, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, e := range s.truth {
		if parent(key) == s.branch() && e.has("uid", uid) {
			return e.accepts(password)
		}
	}
	return false
}
