package orquesta

import (
	"regexp"
	"strings"

	"stackstorm-laas/internal/orquesta/jinja"
)

// parameter finds name=value in a text; Orquesta's list of forms in its order. A bare word has none and is lost.
var parameter = regexp.MustCompile(`(\w+)=(\[.*\]\s*|"[^"]*"\s*|'[^']*'\s*|[-]?\d*\.\d+|[-]?\d+|(?i:true)|(?i:false)|null|\{\{.*?\}\}|<%.*?%>)`)

var quoted = regexp.MustCompile(`"[^"]*"|'[^']*'`)

// inlineParameters reads the parameters written behind an action's name, or publish as one text.
func inlineParameters(text string) []entry {
	var out []entry
	for _, m := range parameter.FindAllStringSubmatch(text, -1) {
		out = append(out, entry{m[1], inlineValue(strings.TrimSpace(m[2])), true})
	}
	return out
}

// inlineValue decodes JSON, except in what holds quotes and is no object; one quote of each kind is cut from both ends.
func inlineValue(v string) any {
	hasQuotes := quoted.MatchString(v)
	for _, q := range []string{`"`, `'`} {
		v = strings.TrimSuffix(strings.TrimPrefix(v, q), q)
	}
	if hasQuotes && v != "" && !(v[0] == '{' && v[len(v)-1] == '}') {
		return v
	}
	text := v
	if strings.EqualFold(v, "true") || strings.EqualFold(v, "false") {
		text = strings.ToLower(v)
	}
	if out, err := jinja.DecodeJSON([]byte(text)); err == nil {
		return out
	}
	return v
}
