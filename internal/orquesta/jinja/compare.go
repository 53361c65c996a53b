package jinja

import (
	"strings"
	"unicode/utf8"
)

// Equal is Python's ==.
func Equal(l, r any) bool {
	for _, v := range []any{l, r} {
		if u, ok := v.(Undefined); ok {
			undefined(u)
		}
	}
	li, lf, lInt, lok := num(l)
	ri, rf, rInt, rok := num(r)
	if lok && rok {
		if lInt && rInt {
			return li == ri
		}
		return lf == rf
	}
	switch a := l.(type) {
	case nil:
		return r == nil
	case string:
		if b, ok := r.(Markup); ok {
			return a == string(b)
		}
		b, ok := r.(string)
		return ok && a == b
	case []any:
		b, ok := r.([]any)
		return ok && equalLists(a, b)
	case Tuple:
		b, ok := r.(Tuple)
		return ok && equalLists(a, b)
	case *Dict:
		b, ok := r.(*Dict)
		if !ok || a.Len() != b.Len() {
			return false
		}
		for _, k := range a.keys {
			if v, ok := b.vals[k]; !ok || !Equal(a.vals[k], v) {
				return false
			}
		}
		return true
	case bool, int, float64:
		return false
	}
	refuse("a comparison of a %s", typeName(l))
	return false
}

func equalLists(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// Less is Python's <; what has no order is a TypeError.
func less(l, r any) bool {
	for _, v := range []any{l, r} {
		if u, ok := v.(Undefined); ok {
			undefined(u)
		}
	}
	li, lf, lInt, lok := num(l)
	ri, rf, rInt, rok := num(r)
	if lok && rok {
		if lInt && rInt {
			return li < ri
		}
		return lf < rf
	}
	switch a := l.(type) {
	case string:
		if b, ok := r.(string); ok {
			return a < b
		}
	case []any:
		if b, ok := r.([]any); ok {
			return lessList(a, b)
		}
	case Tuple:
		if b, ok := r.(Tuple); ok {
			return lessList(a, b)
		}
	case Markup, *Iter, Keys:
		refuse("an order of %s", typeName(l))
	}
	Raise("TypeError", "'<' not supported between instances of '%s' and '%s'", typeName(l), typeName(r))
	return false
}

func lessList(a, b []any) bool {
	for i := range min(len(a), len(b)) {
		if !Equal(a[i], b[i]) {
			return less(a[i], b[i])
		}
	}
	return len(a) < len(b)
}

func related(op string, l, r any) bool {
	switch op {
	case "==":
		return Equal(l, r)
	case "!=":
		return !Equal(l, r)
	case "<":
		return less(l, r)
	case ">":
		return less(r, l)
	case "<=":
		return !less(r, l)
	case ">=":
		return !less(l, r)
	case "in":
		return contains(r, l)
	}
	return !contains(r, l)
}

func contains(box, v any) bool {
	switch b := box.(type) {
	case string:
		s, ok := v.(string)
		if !ok {
			Raise("TypeError", "'in <string>' requires string as left operand, not %s", typeName(v))
		}
		return strings.Contains(b, s)
	case *Dict:
		switch k := v.(type) {
		case string:
			_, ok := b.vals[k]
			return ok
		case Undefined:
			undefined(k)
		case []any, *Dict:
			Raise("TypeError", "unhashable type: '%s'", typeName(v))
		}
		return false
	}
	for _, e := range iterate(box) {
		if Equal(e, v) {
			return true
		}
	}
	return false
}

// iterate gives the elements that a for loop over v would see.
func iterate(v any) []any {
	switch x := v.(type) {
	case []any:
		return x
	case Tuple:
		return x
	case *Iter:
		return x.Items
	case *Dict:
		out := make([]any, len(x.keys))
		for i, k := range x.keys {
			out[i] = k
		}
		return out
	case string:
		out := make([]any, 0, utf8.RuneCountInString(x))
		for _, r := range x {
			out = append(out, string(r))
		}
		return out
	case Undefined:
		undefined(x)
	case Markup, Keys:
		refuse("a loop over a %s", typeName(v))
	}
	Raise("TypeError", "'%s' object is not iterable", typeName(v))
	return nil
}
