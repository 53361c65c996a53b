package payload

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"
	"golang.org/x/crypto/ssh"
)

func decodeAccess(o map[string]gjson.Result) (*Access, *trouble) {
	kind, ok := text(o["access_type"])
	if !ok {
		return nil, problem("the type of access is not text")
	}
	if kind == "" {
		return nil, halfMade("has no type of access yet")
	}
	a := &Access{}
	switch kind = strings.ToLower(kind); {
	case strings.Contains(kind, "vpn"): // the dashboard's own rule for what is revoked as VPN access
		a.Type = "vpn"
	case kind == "ssh", kind == "raw":
		a.Type = kind
	default:
		return nil, problem("unknown type of access %q", printable(kind))
	}
	if user := o["user"]; user.Type == gjson.Null {
		return nil, halfMade("names no user yet")
	}
	if a.User, ok = integer(o["user"]); !ok {
		return nil, problem("the user is no number")
	}
	if a.Revoke, ok = boolean(o["revoke"]); !ok {
		return nil, problem("revoke is neither true nor false")
	}
	if bad := a.decodeContext(o["context"]); bad != nil {
		return nil, bad
	}
	return a, nil
}

// decodeContext reads the keys and hosts, which SSH access has and VPN access has not.
func (a *Access) decodeContext(context gjson.Result) *trouble {
	switch {
	case context.Type == gjson.Null && a.Type == "ssh" && !a.Revoke:
		return halfMade("has neither key nor hosts yet")
	case context.Type == gjson.Null, a.Type == "vpn":
		return nil
	case !context.IsObject():
		return problem("the context of the access is not an object")
	}
	o := object(context)
	hosts, ok := texts(o["hosts"])
	if !ok {
		return problem("the hosts of the access are not a list of ids")
	}
	a.Hosts = hosts
	key := o["key"]
	if a.Revoke { // whatever the key was, it goes
		a.Keys, _ = publicKeys(key.String())
		return nil
	}
	if key.Type != gjson.String && key.Type != gjson.Null {
		a.KeyProblem = "the key is not text"
		return nil
	}
	a.Keys, a.KeyProblem = publicKeys(key.Str)
	return nil
}

// texts reads a list of texts, or a single one; each is kept once, in the order sent.
func texts(v gjson.Result) ([]string, bool) {
	if v.IsObject() {
		return nil, false
	}
	var out []string
	for _, e := range v.Array() {
		s, ok := text(e)
		if !ok {
			return nil, false
		}
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out, true
}

// publicKeys reads a user's public key file. Each usable line comes back as type, key and a printable comment: what a tenant
// wrote never gets into an authorized_keys file as it is. Options are refused, since they run commands and set environments.
func publicKeys(file string) (keys []string, problem string) {
	tell := func(line int, format string, args ...any) {
		if problem == "" {
			problem = fmt.Sprintf("line %d of the key ", line+1) + fmt.Sprintf(format, args...)
		}
	}
	if strings.Contains(file, "PRIVATE KEY-----") {
		return nil, "the key is a private key; it must be replaced, and its public half uploaded"
	}
	file = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(file)
	for i, line := range strings.Split(file, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, comment, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
		switch {
		case err != nil, len(rest) > 0:
			tell(i, "is no SSH public key")
		case len(options) > 0:
			tell(i, "has options in front of it (%d), which are not allowed", len(options))
		case strings.Contains(key.Type(), "-cert-"):
			tell(i, "is a certificate, not a public key")
		default:
			if k := authorizedLine(key, comment); !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	if len(keys) == 0 && problem == "" {
		problem = "there is no SSH public key in it"
	}
	return keys, problem
}

func authorizedLine(key ssh.PublicKey, comment string) string {
	line := string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(key)))
	comment = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, comment)
	return strings.TrimSpace(line + " " + comment)
}
