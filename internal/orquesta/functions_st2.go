package orquesta

import (
	"regexp"
	"strings"

	"stackstorm-laas/internal/orquesta/jinja"
)

// stackstormFunctions are what StackStorm registers, as functions and as filters.
var stackstormFunctions = map[string]jinja.Func{
	"to_json_string": toJSON, "json_dump": toJSON,
	"from_json_string": fromJSON, "json_parse": fromJSON,
	"to_yaml_string": toYAML, "yaml_dump": toYAML,
	"from_yaml_string": fromYAML, "yaml_parse": fromYAML,
	"json_escape": exactly(1, func(a []any) any {
		return strings.Trim(jinja.Dumper{Item: ", ", Key: ": "}.Dump(a[0]), `"`)
	}),
	"basename": exactly(1, func(a []any) any {
		p := text(a[0])
		return p[strings.LastIndex(p, "/")+1:]
	}),
	"dirname": exactly(1, func(a []any) any {
		p := text(a[0])
		dir := p[:strings.LastIndex(p, "/")+1]
		if strings.Trim(dir, "/") != "" {
			dir = strings.TrimRight(dir, "/")
		}
		return dir
	}),
	"regex_match":     regex(func(r *regexp.Regexp, v, _ string) any { l := r.FindStringIndex(v); return l != nil && l[0] == 0 }),
	"regex_search":    regex(func(r *regexp.Regexp, v, _ string) any { return r.MatchString(v) }),
	"regex_replace":   regex(replace),
	"regex_substring": substring,
}

func init() {
	for _, n := range strings.Fields("jsonpath_query to_human_time_from_seconds use_none version_compare version_more_than " +
		"version_less_than version_equal version_match version_bump_major version_bump_minor version_bump_patch version_strip_patch task") {
		stackstormFunctions[n] = func([]any, map[string]any) any { jinja.Refuse("the function %s", n); return nil }
	}
}

func text(v any) string {
	s, ok := v.(string)
	if !ok {
		jinja.Raise("TypeError", "expected str, not %s", jinja.TypeName(v))
	}
	return s
}

func toJSON(args []any, kwargs map[string]any) any {
	d := jinja.Dumper{Item: ",", Key: ": "}
	if len(args) != 1 {
		jinja.Refuse("to_json_string with arguments by place")
	}
	for k, v := range kwargs {
		n, isInt := v.(int)
		switch {
		case k == "sort_keys":
			d.Sort = jinja.Truth(v)
		case k == "indent" && isInt && n > 0:
			d.Indent = n
		case k == "indent" && v == nil:
		default:
			jinja.Refuse("to_json_string with %s", k)
		}
	}
	return d.Dump(args[0])
}

func fromJSON(args []any, kwargs map[string]any) any {
	v := first(args, kwargs, "value")
	if len(args) != 1 {
		jinja.Refuse("from_json_string with these arguments")
	}
	return loadJSON(jinja.Str(v))
}

func fromYAML(args []any, kwargs map[string]any) any {
	v := first(args, kwargs, "value")
	if len(args) != 1 {
		jinja.Refuse("from_yaml_string with these arguments")
	}
	out, err := ReadYAML([]byte(jinja.Str(v)))
	if err != nil {
		jinja.Refuse("from_yaml_string of a text (%s)", err)
	}
	return out
}

var plainYAML = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_./-]*$`)

// toYAML writes the simple cases the way PyYAML's safe_dump does and refuses the rest.
func toYAML(args []any, kwargs map[string]any) any {
	d, ok := first(args, kwargs, "value").(*jinja.Dict)
	if !ok || len(args) != 1 || len(kwargs) > 0 || d.Len() != 1 {
		jinja.Refuse("to_yaml_string of this value")
	}
	k := d.Keys()[0]
	v, _ := d.Get(k)
	line := ""
	switch x := v.(type) {
	case int, bool:
		line = strings.ToLower(jinja.Str(x))
	case string:
		line = x
	}
	for _, s := range []string{k, line} {
		_, isText := v.(string)
		if (s == k || isText) && (!plainYAML.MatchString(s) || !sameScalar(s)) || line == "" {
			jinja.Refuse("to_yaml_string of this value")
		}
	}
	return k + ": " + line + "\n"
}

// unlike finds what Go's regular expressions have otherwise than Python's, or not at all.
var unlike = regexp.MustCompile(`\(\?|\\[1-9ZAzpPQEbBC]|\[\[|[*+?}]\+|\[[^\]]*(--|&&|\|\||~~)`)

func pattern(v, p string, ignoreCase bool) *regexp.Regexp {
	if unlike.MatchString(p) || strings.HasSuffix(v, "\n") {
		jinja.Refuse("the regular expression %s", p)
	}
	for _, r := range v + p {
		if r > 127 {
			jinja.Refuse("a regular expression over text outside ASCII")
		}
	}
	if ignoreCase {
		p = "(?i)" + p
	}
	r, err := regexp.Compile(p)
	if err != nil {
		jinja.Refuse("the regular expression %s", p)
	}
	return r
}

// regex makes a function of value, pattern and, for replace, a replacement.
func regex(f func(r *regexp.Regexp, v, replacement string) any) jinja.Func {
	return func(args []any, kwargs map[string]any) any {
		if len(args) < 2 || len(args) > 3 {
			jinja.Refuse("a regex function with these arguments")
		}
		ignore := false
		for k, v := range kwargs {
			if k != "ignorecase" {
				jinja.Refuse("a regex function with %s", k)
			}
			ignore = jinja.Truth(v)
		}
		replacement := ""
		if len(args) == 3 {
			replacement = text(args[2])
		}
		v, p := jinja.Str(args[0]), text(args[1])
		r := pattern(v, p, ignore)
		return f(r, v, replacement)
	}
}

func replace(r *regexp.Regexp, v, replacement string) any {
	if strings.ContainsAny(replacement, `\$`) || r.MatchString("") {
		jinja.Refuse("this regex_replace")
	}
	return r.ReplaceAllLiteralString(v, replacement)
}

func substring(args []any, kwargs map[string]any) any {
	if len(args) < 2 || len(args) > 3 || len(kwargs) > 0 {
		jinja.Refuse("regex_substring with these arguments")
	}
	index := 0
	if len(args) == 3 {
		var ok bool
		if index, ok = args[2].(int); !ok || index < 0 {
			jinja.Refuse("regex_substring with this index")
		}
	}
	v := jinja.Str(args[0])
	r := pattern(v, text(args[1]), false)
	if r.NumSubexp() > 1 || r.MatchString("") {
		jinja.Refuse("regex_substring with several groups")
	}
	all := r.FindAllStringSubmatch(v, -1)
	if index >= len(all) {
		jinja.Raise("IndexError", "list index out of range")
	}
	return all[index][len(all[index])-1]
}
