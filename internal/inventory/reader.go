package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"stackstorm-laas/internal/fault"
)

// report collects everything that is wrong or odd, in the order in which it was met.
type report struct {
	errors, warnings []fault.Problem
	// clashing are the other halves of errors that are about two entries.
	clashing []fault.Problem
}

func (r *report) fail(path, format string, args ...any) {
	r.errors = append(r.errors, fault.Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}

func (r *report) warn(path, format string, args ...any) {
	r.warnings = append(r.warnings, fault.Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}

// object is a JSON object that is read key by key; what was never asked for is left for unknown.
type object struct {
	path   string
	keys   []string
	fields map[string]json.RawMessage
	asked  map[string]bool
	rep    *report
}

// readObject takes the object at path apart. A key that is there twice is an error: JSON readers silently use one of the two.
func readObject(rep *report, path string, raw json.RawMessage) (*object, bool) {
	if kind := kindOf(raw); kind != "an object" {
		rep.fail(path, "is %s; an object {...} was expected", kind)
		return nil, false
	}
	o := &object{path: path, fields: map[string]json.RawMessage{}, asked: map[string]bool{}, rep: rep}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		rep.fail(path, "%s", syntax(raw, err))
		return nil, false
	}
	for dec.More() {
		token, err := dec.Token()
		var value json.RawMessage
		if err == nil {
			err = dec.Decode(&value)
		}
		if err != nil {
			rep.fail(path, "%s", syntax(raw, err))
			return nil, false
		}
		key := token.(string)
		if _, twice := o.fields[key]; twice {
			rep.fail(o.at(key), "is there twice")
			continue
		}
		o.keys = append(o.keys, key)
		o.fields[key] = value
	}
	return o, true
}

func (o *object) at(key string) string { return strings.TrimPrefix(o.path+"."+key, ".") }

// take gives the raw value of a key; a missing one, null and "" all count as not given.
func (o *object) take(key string) (json.RawMessage, bool) {
	o.asked[key] = true
	raw, ok := o.fields[key]
	s := string(bytes.TrimSpace(raw))
	return raw, ok && s != "null" && s != `""`
}

// text reads a string.
func (o *object) text(key string) string {
	raw, ok := o.take(key)
	if !ok {
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		o.rep.fail(o.at(key), `is %s; a text "..." was expected`, kindOf(raw))
		return ""
	}
	if s != strings.TrimSpace(s) {
		o.rep.fail(o.at(key), "begins or ends with white space: %q", s)
		return ""
	}
	return s
}

// id reads what labs write as a string or as a number: ids of FOG and of the dashboard.
func (o *object) id(key string) string {
	raw, ok := o.take(key)
	if ok && kindOf(raw) == "a number" {
		return string(bytes.TrimSpace(raw))
	}
	return o.text(key)
}

// integer reads a whole number within lo to hi, or gives what counts when it is not given.
func (o *object) integer(key string, lo, hi, missing int, what string) int {
	raw, ok := o.take(key)
	if !ok {
		return missing
	}
	var n int
	switch {
	case kindOf(raw) == "a text":
		o.rep.fail(o.at(key), "is a text; write the number without quotes")
	case json.Unmarshal(raw, &n) != nil:
		o.rep.fail(o.at(key), "is %s; a whole number was expected", kindOf(raw))
	case n < lo || n > hi:
		o.rep.fail(o.at(key), "is %d; %s is %d to %d", n, what, lo, hi)
	default:
		return n
	}
	return missing
}

// unknown gives the keys that nothing asked for, with a warning for each.
func (o *object) unknown() map[string]json.RawMessage {
	var out map[string]json.RawMessage
	for _, key := range o.keys {
		if o.asked[key] {
			continue
		}
		if out == nil {
			out = map[string]json.RawMessage{}
		}
		out[key] = o.fields[key]
		o.rep.warn(o.at(key), "is unknown to the pack; it is kept and has no effect (is it a misspelling?)")
	}
	return out
}

// passwordKeys and userKeys are the names under which people write logins.
var (
	passwordKeys = []string{"password", "passwd", "pass", "secret", "token"}
	userKeys     = []string{"user", "username", "login"}
)

// login finds a password written into an entry, and the user it belongs to. The values are never told.
func (o *object) login() (keys []string) {
	var users []string
	for _, key := range o.keys {
		k := strings.ToLower(key)
		for _, prefix := range []string{"bmc_", "ipmi_", "root_", "admin_", "ssh_"} {
			k = strings.TrimPrefix(k, prefix)
		}
		switch {
		case slices.Contains(passwordKeys, k):
			keys = append(keys, key)
		case slices.Contains(userKeys, k):
			users = append(users, key)
		}
	}
	if len(keys) > 0 {
		keys = append(users, keys...)
	}
	for _, key := range keys {
		o.asked[key] = true
	}
	return keys
}

// refuseLogin makes an error of a login in clear; key is the encrypted key to put it into.
func refuseLogin(rep *report, path string, keys []string, key string) {
	if len(keys) > 0 {
		rep.fail(path, `holds a login in clear (%s), which everybody who reads the datastore sees: put {"user": ..., "password": ...} into an encrypted key and name it here, e.g. "credentials": %q`,
			strings.Join(keys, ", "), key)
	}
}

// kindOf says in words what a JSON value is.
func kindOf(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "empty"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// syntax says where JSON text is broken. It never quotes the text: the value may be a secret.
func syntax(text []byte, err error) string {
	at := int64(len(text))
	var se *json.SyntaxError
	if errors.As(err, &se) {
		at = min(se.Offset, at)
	}
	line := 1 + bytes.Count(text[:at], []byte("\n"))
	column := int(at) - bytes.LastIndexByte(text[:at], '\n') - 1
	what := "is not JSON"
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || (se != nil && strings.HasPrefix(se.Error(), "unexpected end")) {
		what = "is JSON that ends too early"
	}
	return fmt.Sprintf("%s (line %d, column %d)", what, line, max(column, 1))
}
