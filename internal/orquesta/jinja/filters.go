package jinja

import (
	"strings"
	"unicode"
)

// signatures lists the filters that are known here to do what Jinja2's do, with the names of their arguments. "*" takes any.
var signatures = map[string]string{
	"abs": "", "capitalize": "", "count": "", "default": "default_value boolean", "d": "default_value boolean",
	"dictsort": "case_sensitive by reverse", "first": "", "float": "default", "format": "*", "int": "default base",
	"items": "", "join": "d attribute", "last": "", "length": "", "list": "", "lower": "", "map": "*", "max": "case_sensitive attribute",
	"min": "case_sensitive attribute", "reject": "*", "rejectattr": "*", "replace": "old new count", "reverse": "",
	"round": "precision method", "select": "*", "selectattr": "*", "sort": "reverse case_sensitive attribute", "string": "",
	"sum": "attribute start", "title": "", "tojson": "indent", "trim": "chars", "unique": "case_sensitive attribute", "upper": "",
	"wordcount": "", "attr": "name", "indent": "width first blank",
}

// others are the filters of Jinja2 that are refused.
const others = " batch center e escape filesizeformat forceescape groupby pprint random safe slice striptags truncate " +
	"urlencode urlize wordwrap xmlattr "

// knownFilter says whether Jinja2 has the filter; one that this package does not have is refused.
func knownFilter(name string) bool {
	if strings.Contains(others, " "+name+" ") {
		refuse("the filter %s", name)
	}
	_, ok := signatures[name]
	return ok
}

// bind gives the arguments by name; absent ones are missing from the map.
func bind(name string, args []any, kwargs map[string]any) map[string]any {
	names := strings.Fields(signatures[name])
	out := map[string]any{}
	for i, a := range args {
		if i >= len(names) {
			Raise("TypeError", "%s() takes %d arguments", name, len(names))
		}
		out[names[i]] = a
	}
	for k, v := range kwargs {
		if _, twice := out[k]; twice || !strings.Contains(" "+signatures[name]+" ", " "+k+" ") {
			Raise("TypeError", "%s() got an unexpected keyword argument '%s'", name, k)
		}
		out[k] = v
	}
	return out
}

func (env *Env) applyFilter(name string, x any, args []any, kwargs map[string]any) any {
	if !knownFilter(name) {
		Raise("TemplateAssertionError", "No filter named '%s'.", name)
	}
	if signatures[name] == "*" {
		return env.lazyFilter(name, x, args, kwargs)
	}
	p := bind(name, args, kwargs)
	if name == "default" || name == "d" {
		if _, undef := x.(Undefined); undef || (given(p, "boolean") && Truth(p["boolean"]) && !Truth(x)) {
			if v, ok := p["default_value"]; ok {
				return v
			}
			return ""
		}
		return x
	}
	if u, ok := x.(Undefined); ok {
		switch name {
		case "abs", "round", "tojson":
			Raise("TypeError", "bad operand type for %s: 'StrictUndefined'", name)
		case "items":
			return &Iter{Generator: true, Kind: "generator"}
		}
		undefined(u)
	}
	for _, v := range p {
		if u, ok := v.(Undefined); ok {
			undefined(u)
		}
	}
	if _, ok := x.(Markup); ok && name != "string" && name != "length" && name != "count" {
		refuse("the filter %s after tojson", name)
	}
	if k, ok := x.(Keys); ok {
		x = k.text()
	}
	if v, ok := textFilter(name, x, p); ok {
		return v
	}
	if v, ok := numberFilter(name, x, p); ok {
		return v
	}
	return listFilter(name, x, p)
}

func given(p map[string]any, key string) bool { _, ok := p[key]; return ok }

func textFilter(name string, x any, p map[string]any) (any, bool) {
	switch name {
	case "string":
		if m, ok := x.(Markup); ok {
			return m, true
		}
		return Str(x), true
	case "upper":
		return upper(Str(x)), true
	case "lower":
		return lower(Str(x)), true
	case "capitalize":
		return capitalize(Str(x)), true
	case "title":
		return titleWords(Str(x)), true
	case "trim":
		if given(p, "chars") && p["chars"] != nil {
			return strings.Trim(Str(x), Str(p["chars"])), true
		}
		return strings.TrimFunc(Str(x), unicode.IsSpace), true
	case "replace":
		n := -1
		if c, ok := p["count"]; ok && c != nil {
			n = c.(int)
		}
		if !given(p, "old") || !given(p, "new") {
			Raise("TypeError", "do_replace() missing arguments")
		}
		if Str(p["old"]) == "" && n >= 0 {
			refuse("replace of an empty text")
		}
		return strings.Replace(Str(x), Str(p["old"]), Str(p["new"]), n), true
	case "wordcount":
		ascii(Str(x), "wordcount")
		return len(strings.FieldsFunc(Str(x), func(r rune) bool {
			return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
		})), true
	case "attr":
		id, ok := p["name"].(string)
		if !ok || typeName(x) == "dict" && !isPythonName(x, id) {
			refuse("attr() of a %s", typeName(x))
		}
		return getattr(x, id), true
	case "tojson":
		d := Dumper{Item: ", ", Key: ": ", Sort: true}
		if n, ok := p["indent"].(int); ok {
			d.Indent, d.Item = n, ","
		}
		return Markup(strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`).Replace(d.Dump(x))), true
	case "indent":
		width, ok := p["width"].(int)
		if !given(p, "width") {
			width, ok = 4, true
		}
		text, isText := x.(string)
		if !ok || !isText || given(p, "blank") || given(p, "first") || strings.HasSuffix(text, "\n") {
			refuse("indent with these arguments")
		}
		lines := splitLines(text)
		for i := 1; i < len(lines); i++ {
			if lines[i] != "" {
				lines[i] = strings.Repeat(" ", width) + lines[i]
			}
		}
		return strings.Join(lines, "\n"), true
	}
	return nil, false
}

// titleWords is the filter title: words begin after white space, a hyphen or an opening bracket.
func titleWords(s string) string {
	ascii(s, "title")
	out, start := []byte(strings.ToLower(s)), true
	for i, c := range out {
		if start && c >= 'a' && c <= 'z' {
			out[i] = c - 32
		}
		start = strings.IndexByte("- \t\n\r\v\f({[<", c) >= 0
	}
	return string(out)
}
