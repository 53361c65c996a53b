package jinja

import (
	"fmt"
	"slices"
	"strings"
)

// pythonNames are what attribute access finds on a value before its keys. Those without a method of ours are refused.
var pythonNames = map[string][]string{
	"dict":  strings.Fields("clear copy fromkeys get items keys pop popitem setdefault update values"),
	"list":  strings.Fields("append clear copy count extend index insert pop remove reverse sort"),
	"tuple": strings.Fields("count index"),
	"str": strings.Fields("capitalize casefold center count encode endswith expandtabs find format format_map index isalnum " +
		"isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower " +
		"lstrip maketrans partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines " +
		"startswith strip swapcase title translate upper zfill"),
	"int":   strings.Fields("as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag numerator real to_bytes"),
	"float": strings.Fields("as_integer_ratio conjugate fromhex hex imag is_integer real"),
}

func isPythonName(v any, name string) bool {
	t := typeName(v)
	if t == "bool" {
		t = "int"
	}
	return strings.HasPrefix(name, "__") || slices.Contains(pythonNames[t], name)
}

// getattr is x.name: what Python finds, then the key, then Undefined.
func getattr(v any, name string) any {
	switch x := v.(type) {
	case Undefined:
		undefined(x)
	case Keys:
		x.Path = strings.TrimPrefix(x.Path+"."+name, ".")
		return x
	case Markup, *Iter, Func, method:
		refuse("an attribute of a %s", typeName(v))
	case *Dict:
		if !isPythonName(v, name) {
			if e, ok := x.vals[name]; ok {
				return e
			}
			return missing(v, name)
		}
	}
	if isPythonName(v, name) {
		return method{v, name}
	}
	return missing(v, name)
}

// getitem is x[key]: the element, then, for a text, what getattr of Python finds, then Undefined.
func getitem(v, key any) any {
	if u, ok := key.(Undefined); ok {
		undefined(u)
	}
	switch x := v.(type) {
	case Undefined:
		undefined(x)
	case *Dict:
		if k, ok := key.(string); ok {
			if e, ok := x.vals[k]; ok {
				return e
			}
		}
	case []any:
		if e, ok := element(x, key); ok {
			return e
		}
	case Tuple:
		if e, ok := element(x, key); ok {
			return e
		}
	case string:
		if e, ok := element(iterate(x), key); ok {
			return e
		}
	case *Iter:
		if x.Kind != "range" {
			break
		}
		if e, ok := element(x.Items, key); ok {
			return e
		}
	case nil, bool, int, float64:
	default:
		refuse("an element of a %s", typeName(v))
	}
	if k, ok := key.(string); ok && isPythonName(v, k) {
		return method{v, k}
	}
	return missing(v, key)
}

func element(l []any, key any) (any, bool) {
	i, _, isInt, ok := num(key)
	if !ok || !isInt {
		return nil, false
	}
	if i < 0 {
		i += len(l)
	}
	if i < 0 || i >= len(l) {
		return nil, false
	}
	return l[i], true
}

func missing(v, key any) Undefined {
	object := typeName(v) + " object"
	if v == nil {
		object = "None"
	}
	if k, ok := key.(string); ok {
		return Undefined{fmt.Sprintf("'%s' has no attribute '%s'", object, k)}
	}
	return Undefined{fmt.Sprintf("'%s' has no element %s", object, repr(key))}
}

// cut is x[from:to:step].
func cut(v, from, to, step any) any {
	var l []any
	switch x := v.(type) {
	case Undefined:
		undefined(x)
	case []any:
		l = x
	case Tuple:
		l = x
	case string:
		l = iterate(x)
	case nil, bool, int, float64:
		Raise("TypeError", "'%s' object is not subscriptable", typeName(v))
	default:
		refuse("a slice of a %s", typeName(v))
	}
	bound := func(b any, d int) int {
		if b == nil {
			return d
		}
		i, _, isInt, ok := num(b)
		if !ok || !isInt {
			refuse("a slice with a %s", typeName(b))
		}
		return i
	}
	if bound(step, 1) != 1 {
		refuse("a slice with a step")
	}
	a, b := bound(from, 0), bound(to, len(l))
	if a < 0 {
		a += len(l)
	}
	if b < 0 {
		b += len(l)
	}
	a = min(max(a, 0), len(l))
	b = max(min(b, len(l)), a)
	part := append([]any{}, l[a:b]...)
	switch v.(type) {
	case Tuple:
		return Tuple(part)
	case string:
		return joinText(part)
	}
	return part
}

func joinText(l []any) string {
	var b strings.Builder
	for _, e := range l {
		b.WriteString(e.(string))
	}
	return b.String()
}
