package ldap

import (
	"cmp"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"stackstorm-laas/internal/simlab/faults"
)

func (c *session) search(req *ber.Packet, _ faults.Kind, id int64) result {
	if c.who == "" {
		return fail(ldap.LDAPResultInsufficientAccessRights, "")
	}
	base, err := normal(str(req.Children[0]))
	if err != nil {
		return fail(ldap.LDAPResultInvalidDNSyntax, "invalid DN")
	}
	scope, limit := req.Children[1].Value.(int64), req.Children[3].Value.(int64)
	typesOnly := req.Children[5].Value.(bool)
	filter, wanted := req.Children[6], values(req.Children[7])

	c.mu.Lock()
	t := c.shown()
	_, found := t[base]
	var hits []entry
	for key, e := range t {
		if within(key, base, scope) && match(filter, e) {
			hits = append(hits, e.clone())
		}
	}
	c.mu.Unlock()
	if !found {
		return fail(ldap.LDAPResultNoSuchObject, "")
	}
	slices.SortFunc(hits, func(a, b entry) int { return cmp.Compare(a.dn, b.dn) })
	for i, e := range hits {
		if limit > 0 && int64(i) == limit {
			return fail(ldap.LDAPResultSizeLimitExceeded, "")
		}
		if c.send(id, c.encode(e, wanted, typesOnly)) != nil {
			return fail(ldap.LDAPResultOther, "")
		}
	}
	return result{}
}

func within(key, base string, scope int64) bool {
	switch scope {
	case ldap.ScopeBaseObject:
		return key == base
	case ldap.ScopeSingleLevel:
		return parent(key) == base
	}
	return key == base || strings.HasSuffix(key, ","+base)
}

// encode makes a search result entry; passwords are shown to the administrator only.
func (c *session) encode(e entry, wanted []string, typesOnly bool) *ber.Packet {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	op.AppendChild(text(e.dn))
	attrs := ber.NewSequence("")
	for _, a := range e.attrs {
		asked := len(wanted) == 0 || slices.ContainsFunc(wanted, func(w string) bool { return w == "*" || strings.EqualFold(w, a.name) })
		if !asked || (strings.EqualFold(a.name, "userPassword") && c.who != c.admin) {
			continue
		}
		pair := ber.NewSequence("")
		pair.AppendChild(text(a.name))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range a.values {
			if !typesOnly {
				set.AppendChild(text(v))
			}
		}
		pair.AppendChild(set)
		attrs.AppendChild(pair)
	}
	op.AppendChild(attrs)
	return op
}

// match evaluates the filters of RFC 4511 that name one attribute, and their combinations; others match nothing.
func match(f *ber.Packet, e entry) bool {
	switch f.Tag {
	case ldap.FilterAnd:
		return !slices.ContainsFunc(f.Children, func(p *ber.Packet) bool { return !match(p, e) })
	case ldap.FilterOr:
		return slices.ContainsFunc(f.Children, func(p *ber.Packet) bool { return match(p, e) })
	case ldap.FilterNot:
		return !match(f.Children[0], e)
	case ldap.FilterPresent:
		return len(e.get(str(f))) > 0
	case ldap.FilterEqualityMatch:
		return e.has(str(f.Children[0]), str(f.Children[1]))
	case ldap.FilterSubstrings:
		return slices.ContainsFunc(e.get(str(f.Children[0])), func(v string) bool {
			return matchParts(strings.ToLower(v), f.Children[1].Children)
		})
	}
	return false
}

func matchParts(v string, parts []*ber.Packet) bool {
	for _, p := range parts {
		part, ok := strings.ToLower(str(p)), false
		switch p.Tag {
		case ldap.FilterSubstringsInitial:
			v, ok = strings.CutPrefix(v, part)
		case ldap.FilterSubstringsAny:
			_, v, ok = strings.Cut(v, part)
		case ldap.FilterSubstringsFinal:
			ok = strings.HasSuffix(v, part)
		}
		if !ok {
			return false
		}
	}
	return true
}
