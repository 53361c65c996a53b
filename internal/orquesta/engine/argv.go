package engine

import (
	"maps"
	"slices"
	"strings"

	"stackstorm-laas/internal/orquesta/jinja"
)

// arguments are the parameters in StackStorm's form, quoted for the shell: what was given first, false, empty and null left out,
// true as a bare name, lists and objects as Python prints them, and positional ones, always there, at the end.
func arguments(r *run, own, settings map[string]any) (out []string) {
	op, _ := settings["kwarg_op"].(string)
	positional := map[int]string{}
	names := slices.SortedFunc(maps.Keys(own), func(a, b string) int {
		_, givenA := r.Parameters[a]
		_, givenB := r.Parameters[b]
		if givenA != givenB {
			return map[bool]int{true: -1, false: 1}[givenA]
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		v := own[name]
		s, _ := r.action.param(name)
		if at, ok := s["position"].(int); ok {
			positional[at] = positionalText(v)
			continue
		}
		switch v {
		case nil, "", false:
		case true:
			out = append(out, op+name)
		default:
			out = append(out, quoteShell(op+name+"="+jinja.Str(jinja.FromGo(v))))
		}
	}
	for _, at := range slices.Sorted(maps.Keys(positional)) {
		out = append(out, quoteShell(positional[at]))
	}
	return out
}

func positionalText(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case bool:
		return map[bool]string{true: "1", false: "0"}[x]
	case []any:
		parts := make([]string, len(x))
		for i := range x {
			parts[i] = jinja.Str(jinja.FromGo(x[i]))
		}
		return strings.Join(parts, ",")
	case map[string]any:
		return jinja.Dumper{Item: ", ", Key: ": "}.Dump(jinja.FromGo(x))
	}
	return jinja.Str(jinja.FromGo(v))
}

func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'" }
