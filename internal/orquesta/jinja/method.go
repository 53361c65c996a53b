package jinja

import (
	"slices"
	"strings"
	"unicode"
)

// method is a method of Python bound to its value. Called or not, one that is not in call is refused.
type method struct {
	v    any
	name string
}

func (m method) call(args []any, kwargs map[string]any) any {
	if len(kwargs) > 0 {
		refuse("the method %s with named arguments", m.name)
	}
	for _, a := range args {
		if u, ok := a.(Undefined); ok && m.name != "get" {
			undefined(u)
		}
	}
	switch v := m.v.(type) {
	case *Dict:
		return v.method(m.name, args)
	case []any:
		if m.name == "count" && len(args) == 1 {
			n := 0
			for _, e := range v {
				if Equal(e, args[0]) {
					n++
				}
			}
			return n
		}
		if m.name == "index" && len(args) == 1 {
			i := slices.IndexFunc(v, func(e any) bool { return Equal(e, args[0]) })
			if i < 0 {
				Raise("ValueError", "%s is not in list", repr(args[0]))
			}
			return i
		}
	case string:
		return textMethod(v, m.name, args)
	}
	refuse("the method %s of a %s", m.name, typeName(m.v))
	return nil
}

func (d *Dict) method(name string, args []any) any {
	switch {
	case name == "get" && (len(args) == 1 || len(args) == 2):
		k, ok := args[0].(string)
		if !ok {
			refuse("get() with a %s", typeName(args[0]))
		}
		if v, ok := d.vals[k]; ok {
			return v
		}
		if len(args) == 2 {
			return args[1]
		}
		return nil
	case name == "keys" && len(args) == 0:
		return &Iter{Items: iterate(d), Kind: "dict_keys"}
	case name == "values" && len(args) == 0:
		out := []any{}
		for _, k := range d.keys {
			out = append(out, d.vals[k])
		}
		return &Iter{Items: out, Kind: "dict_values"}
	case name == "items" && len(args) == 0:
		return &Iter{Items: d.pairs(), Kind: "dict_items"}
	case name == "copy" && len(args) == 0:
		c := NewDict()
		for _, k := range d.keys {
			c.Set(k, d.vals[k])
		}
		return c
	}
	refuse("the method %s of a dict with %d arguments", name, len(args))
	return nil
}

func (d *Dict) pairs() []any {
	out := []any{}
	for _, k := range d.keys {
		out = append(out, Tuple{k, d.vals[k]})
	}
	return out
}

func textMethod(s, name string, args []any) any {
	texts := make([]string, len(args))
	for i, a := range args {
		t, ok := a.(string)
		switch {
		case ok:
			texts[i] = t
		case name == "join", name == "split" && i == 1, name == "rsplit" && i == 1, name == "zfill", name == "split" && a == nil, name == "replace" && i == 2:
		case typeName(a) == "tuple", strings.HasPrefix(name, "format"):
			refuse("%s() with a %s", name, typeName(a))
		default:
			Raise("TypeError", "%s() takes text, not %s", name, typeName(a))
		}
	}
	switch len(args) {
	case 0:
		switch name {
		case "upper":
			return upper(s)
		case "lower":
			return lower(s)
		case "title":
			return title(s)
		case "capitalize":
			return capitalize(s)
		case "strip":
			return strings.TrimFunc(s, unicode.IsSpace)
		case "lstrip":
			return strings.TrimLeftFunc(s, unicode.IsSpace)
		case "rstrip":
			return strings.TrimRightFunc(s, unicode.IsSpace)
		case "split", "rsplit":
			return texts2list(strings.FieldsFunc(s, unicode.IsSpace))
		case "splitlines":
			return texts2list(splitLines(s))
		case "isdigit", "isdecimal", "isnumeric":
			ascii(s, name)
			return s != "" && strings.Trim(s, "0123456789") == ""
		case "isalpha":
			ascii(s, name)
			return s != "" && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
		case "isalnum":
			ascii(s, name)
			return s != "" && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) < 0
		}
	case 1:
		switch name {
		case "startswith":
			return strings.HasPrefix(s, texts[0])
		case "endswith":
			return strings.HasSuffix(s, texts[0])
		case "removeprefix":
			return strings.TrimPrefix(s, texts[0])
		case "removesuffix":
			return strings.TrimSuffix(s, texts[0])
		case "strip":
			return strings.Trim(s, texts[0])
		case "lstrip":
			return strings.TrimLeft(s, texts[0])
		case "rstrip":
			return strings.TrimRight(s, texts[0])
		case "split":
			return split(s, args[0], -1)
		case "find":
			i := strings.Index(s, texts[0])
			if i > 0 {
				i = len([]rune(s[:i]))
			}
			return i
		case "count":
			return strings.Count(s, texts[0])
		case "join":
			parts := []string{}
			for _, e := range iterate(args[0]) {
				t, ok := e.(string)
				if !ok {
					Raise("TypeError", "sequence item %d: expected str instance, %s found", len(parts), typeName(e))
				}
				parts = append(parts, t)
			}
			return strings.Join(parts, s)
		case "zfill":
			if n, ok := args[0].(int); ok {
				return zfill(s, n)
			}
		}
	case 2:
		switch n, isInt := args[1].(int); {
		case name == "replace":
			return strings.ReplaceAll(s, texts[0], texts[1])
		case name == "split" && isInt:
			return split(s, args[0], n)
		}
	case 3:
		if n, ok := args[2].(int); ok && name == "replace" && texts[0] != "" {
			return strings.Replace(s, texts[0], texts[1], n)
		}
	}
	refuse("the method %s of a text with %d arguments", name, len(args))
	return nil
}

func split(s string, sep any, n int) any {
	t, ok := sep.(string)
	switch {
	case !ok && n < 0:
		return texts2list(strings.FieldsFunc(s, unicode.IsSpace))
	case !ok:
		refuse("split(none, n)")
	case t == "":
		Raise("ValueError", "empty separator")
	case n < 0:
		return texts2list(strings.Split(s, t))
	}
	return texts2list(strings.SplitN(s, t, n+1))
}

func texts2list(l []string) []any {
	out := make([]any, len(l))
	for i := range l {
		out[i] = l[i]
	}
	return out
}

func splitLines(s string) []string {
	if strings.ContainsAny(s, "\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029") {
		refuse("splitlines() of other line ends than \\n")
	}
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

func zfill(s string, n int) string {
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = s[:1], s[1:]
	}
	if pad := n - len([]rune(s)) - len(sign); pad > 0 {
		s = strings.Repeat("0", pad) + s
	}
	return sign + s
}

// ascii refuses what depends on tables of Unicode that differ between Go and Python.
func ascii(s, what string) {
	for _, r := range s {
		if r > 127 {
			refuse("%s of a text outside ASCII", what)
		}
	}
}

func upper(s string) string { ascii(s, "upper"); return strings.ToUpper(s) }
func lower(s string) string { ascii(s, "lower"); return strings.ToLower(s) }

func capitalize(s string) string {
	if s == "" {
		return s
	}
	return upper(s[:1]) + lower(s[1:])
}

// title is str.title: a letter that follows no letter is raised.
func title(s string) string {
	ascii(s, "title")
	out, letter := []byte(s), false
	for i, c := range out {
		isLetter := c|0x20 >= 'a' && c|0x20 <= 'z'
		switch {
		case isLetter && letter:
			out[i] = c | 0x20
		case isLetter:
			out[i] = c &^ 0x20
		}
		letter = isLetter
	}
	return string(out)
}
