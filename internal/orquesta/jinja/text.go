package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Str is Python's str().
func Str(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case Undefined:
		undefined(x)
	case Keys:
		return x.text()
	}
	return repr(v)
}

func repr(v any) string {
	switch x := v.(type) {
	case nil:
		return "None"
	case bool:
		if x {
			return "True"
		}
		return "False"
	case int:
		return strconv.Itoa(x)
	case float64:
		return floatText(x)
	case string:
		return quote(x)
	case []any:
		return "[" + reprs(x) + "]"
	case Tuple:
		if len(x) == 1 {
			return "(" + repr(x[0]) + ",)"
		}
		return "(" + reprs(x) + ")"
	case *Dict:
		parts := make([]string, len(x.keys))
		for i, k := range x.keys {
			parts[i] = quote(k) + ": " + repr(x.vals[k])
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case Undefined:
		return "Undefined"
	}
	refuse("the text of a %s", typeName(v))
	return ""
}

func reprs(l []any) string {
	parts := make([]string, len(l))
	for i := range l {
		parts[i] = repr(l[i])
	}
	return strings.Join(parts, ", ")
}

// floatText is repr of a float: the shortest digits, an exponent from 1e16 and below 1e-4.
func floatText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if e, _ := strconv.Atoi(exponent); f != 0 && (e < -4 || e >= 16) {
		return fmt.Sprintf("%se%+03d", mantissa, e)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func quote(s string) string {
	q := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	var b strings.Builder
	b.WriteRune(q)
	for _, r := range s {
		switch {
		case r == q || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x7f || unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			refuse("repr of the character %U", r)
		}
	}
	b.WriteRune(q)
	return b.String()
}

// typeName is the name of a value's type in Python.
func typeName(v any) string {
	switch x := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int:
		return "int"
	case float64:
		return "float"
	case string, Markup:
		return "str"
	case []any:
		return "list"
	case Tuple:
		return "tuple"
	case *Dict:
		return "dict"
	case Undefined:
		return "StrictUndefined"
	case *Iter:
		return x.Kind
	case method:
		return "builtin_function_or_method"
	case Func:
		return "function"
	}
	return "object"
}

func undefined(u Undefined) { Raise("UndefinedError", "%s", u.Text) }

// Markup is text that tojson made. Python mixes it with other text by escaping that, so it may only be a result.
type Markup string

// Keys stands for StackStorm's datastore in templates of metadata and rules: st2kv.system.a.b is the key "a.b" there.
type Keys struct {
	Path string
	// Read gives a key's value; "" when there is none.
	Read func(key string, decrypt bool) (string, bool, error)
}

func (k Keys) text() string {
	v, _, err := k.Read(k.Path, false)
	if err != nil {
		Raise("ValueError", "%s", err)
	}
	return v
}

// TextOf is str() for callers outside of an evaluation.
func TextOf(v any) (s string, err error) {
	defer guard(&err)
	return Str(v), nil
}

// TypeName is the name of a value's type in Python.
func TypeName(v any) string { return typeName(v) }
