package jinja

import (
	"sort"
	"strings"
	"unicode/utf8"
)

func listFilter(name string, x any, p map[string]any) any {
	switch name {
	case "length", "count":
		return length(x)
	case "list":
		return append([]any{}, iterate(x)...)
	case "first":
		if it, ok := x.(*Iter); ok && len(it.Items) > 0 {
			return it.Items[0]
		}
		if l := iterate(x); len(l) > 0 {
			return l[0]
		}
		return Undefined{"No first item, sequence was empty."}
	case "last":
		if it, ok := x.(*Iter); ok && it.Generator {
			Raise("TypeError", "'generator' object is not reversible")
		}
		if l := iterate(x); len(l) > 0 {
			return l[len(l)-1]
		}
		return Undefined{"No last item, sequence was empty."}
	case "join":
		return join(x, p)
	case "sum":
		return sum(x, p)
	case "min", "max":
		return extreme(name, x, p)
	case "sort":
		return sorted(x, p)
	case "unique":
		var seen, out []any
		key := sortKey(p, false)
		for _, e := range iterate(x) {
			k := key(e)
			if u, ok := k.(Undefined); ok {
				undefined(u)
			}
			if t := typeName(k); t == "list" || t == "dict" {
				Raise("TypeError", "unhashable type: '%s'", t)
			}
			if !contains(seen, k) {
				seen, out = append(seen, k), append(out, e)
			}
		}
		return &Iter{Items: out, Generator: true, Kind: "generator"}
	case "reverse":
		return reversed(x)
	case "items":
		d, ok := x.(*Dict)
		if !ok {
			Raise("TypeError", "Can only get item pairs from a mapping.")
		}
		return &Iter{Items: d.pairs(), Generator: true, Kind: "generator"}
	case "dictsort":
		return dictsort(x, p)
	}
	refuse("the filter %s", name)
	return nil
}

func length(x any) int {
	switch v := x.(type) {
	case string:
		return utf8.RuneCountInString(v)
	case Markup:
		return utf8.RuneCountInString(string(v))
	case *Dict:
		return v.Len()
	case []any:
		return len(v)
	case Tuple:
		return len(v)
	case *Iter:
		if v.Kind == "range" || strings.HasPrefix(v.Kind, "dict_") {
			return len(v.Items)
		}
	}
	Raise("TypeError", "object of type '%s' has no len()", typeName(x))
	return 0
}

// path reads an attribute as filters name it: dots descend, digits are indexes.
func path(x any, attribute any) any {
	text, ok := attribute.(string)
	if !ok {
		return getitem(x, attribute)
	}
	for _, part := range strings.Split(text, ".") {
		if part != "" && strings.Trim(part, "0123456789") == "" {
			x = getitem(x, number(part))
		} else {
			x = getitem(x, part)
		}
	}
	return x
}

func join(x any, p map[string]any) any {
	sep := ""
	if given(p, "d") {
		sep = Str(p["d"])
	}
	var parts []string
	for _, e := range iterate(x) {
		if a := p["attribute"]; a != nil {
			e = path(e, a)
		}
		if _, ok := e.(Markup); ok {
			refuse("join of what tojson gave")
		}
		parts = append(parts, Str(e))
	}
	return strings.Join(parts, sep)
}

func sum(x any, p map[string]any) any {
	var total any = 0
	if given(p, "start") {
		total = p["start"]
	}
	if typeName(total) == "str" {
		Raise("TypeError", "sum() can't sum strings [use ''.join(seq) instead]")
	}
	floats := false
	for _, e := range iterate(x) {
		if a := p["attribute"]; a != nil {
			e = path(e, a)
		}
		total = arithmetic("+", total, e)
		_, isFloat := e.(float64)
		floats = floats || isFloat
	}
	if floats && len(iterate(x)) > 2 {
		refuse("sum of more than two floats") // newer Pythons add them with compensation
	}
	return total
}

// sortKey gives what elements are compared by: an attribute, texts without regard to case.
func sortKey(p map[string]any, multiple bool) func(any) any {
	sensitive := given(p, "case_sensitive") && Truth(p["case_sensitive"])
	one := func(e, a any) any {
		if a != nil {
			e = path(e, a)
		}
		if s, ok := e.(string); ok && !sensitive {
			return lower(s)
		}
		return e
	}
	attribute := p["attribute"]
	if text, ok := attribute.(string); ok && multiple && strings.Contains(text, ",") {
		parts := strings.Split(text, ",")
		return func(e any) any {
			key := []any{}
			for _, a := range parts {
				key = append(key, one(e, a))
			}
			return key
		}
	}
	return func(e any) any { return one(e, attribute) }
}

func sorted(x any, p map[string]any) any {
	l := append([]any{}, iterate(x)...)
	key := sortKey(p, true)
	keys := make(map[int]any, len(l))
	order := make([]int, len(l))
	for i, e := range l {
		keys[i], order[i] = key(e), i
	}
	before := func(a, b int) bool { return less(keys[order[a]], keys[order[b]]) }
	if given(p, "reverse") && Truth(p["reverse"]) {
		before = func(a, b int) bool { return less(keys[order[b]], keys[order[a]]) }
	}
	sort.SliceStable(order, before)
	out := make([]any, len(l))
	for i, at := range order {
		out[i] = l[at]
	}
	return out
}

func extreme(name string, x any, p map[string]any) any {
	key := sortKey(p, false)
	l := iterate(x)
	if len(l) == 0 {
		return Undefined{"No aggregated item, sequence was empty."}
	}
	best := l[0]
	bestKey := key(best)
	for _, e := range l[1:] {
		k := key(e)
		if name == "min" && less(k, bestKey) || name == "max" && less(bestKey, k) {
			best, bestKey = e, k
		}
	}
	return best
}

func reversed(x any) any {
	switch v := x.(type) {
	case string:
		l := iterate(v)
		out := ""
		for _, e := range l {
			out = e.(string) + out
		}
		return out
	case *Iter:
		if v.Generator {
			return backwards(iterate(v), "") // a generator is put into a list first
		}
	case []any, Tuple, *Dict:
	default:
		Raise("FilterArgumentError", "argument must be iterable")
	}
	kind := "list_reverseiterator"
	return backwards(iterate(x), kind)
}

func backwards(l []any, kind string) any {
	out := make([]any, len(l))
	for i, e := range l {
		out[len(l)-1-i] = e
	}
	if kind == "" {
		return out
	}
	return &Iter{Items: out, Kind: kind}
}

func dictsort(x any, p map[string]any) any {
	d, ok := x.(*Dict)
	if !ok {
		Raise("AttributeError", "'%s' object has no attribute 'items'", typeName(x))
	}
	at := 0
	if by, ok := p["by"]; ok && by == "value" {
		at = 1
	} else if ok && by != "key" {
		Raise("FilterArgumentError", "You can only sort by either \"key\" or \"value\"")
	}
	delete(p, "by")
	p["attribute"] = at
	return sorted(d.pairs(), p)
}
