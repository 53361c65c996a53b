package engine

import (
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"stackstorm-laas/internal/orquesta/jinja"
)

// resolver renders the parameters of one execution. A template may refer to other parameters, so each is rendered when it is
// first needed.
type resolver struct {
	vars     map[string]any
	raw      map[string]any // value or template by parameter
	template map[string]bool
	done     map[string]any
	open     []string // being rendered, outermost first
}

// liveParams renders and casts what the caller gave, and the defaults that are templates and not immutable; these are the
// parameters that an execution shows. Text of the caller that holds {{ is rendered like everything else.
func (e *Engine) liveParams(a *action, given map[string]any, context map[string]any) (map[string]any, error) {
	config, err := e.resolvedConfig()
	if err != nil {
		config = map[string]any{} // so does StackStorm; what needs the configuration then fails on its own
	}
	r := e.resolver(a, given, true, config, context)
	names := slices.Collect(maps.Keys(given))
	for name := range a.Parameters {
		s, _ := a.param(name)
		if _, ok := given[name]; !ok && !is(s, "immutable") && isTemplateValue(s["default"]) {
			names = append(names, name)
		}
	}
	live := map[string]any{}
	slices.Sort(names)
	for _, name := range names {
		s, _ := a.param(name)
		v, err := r.value(name)
		if err == nil {
			v, err = cast(v, s)
		}
		if err != nil {
			return nil, err
		}
		live[name] = v
	}
	return live, e.checkParams(a, live)
}

// checkParams validates rendered parameters with the defaults of the others, and refuses what is immutable.
func (e *Engine) checkParams(a *action, live map[string]any) error {
	properties, instance := map[string]schema{}, map[string]any{}
	for _, name := range a.params() {
		properties[name], _ = a.param(name)
		v, given := live[name]
		if !given || v == nil {
			v = properties[name]["default"]
		}
		if v != nil {
			instance[name] = v
		}
	}
	for name, v := range live {
		if properties[name] == nil {
			instance[name] = v
		}
	}
	if err := validate(object(properties, false), instance); err != nil {
		return err
	}
	var fixed []any
	for _, name := range slices.Sorted(maps.Keys(live)) {
		if is(properties[name], "immutable") {
			fixed = append(fixed, name)
		}
	}
	if len(fixed) > 0 {
		return refusal("Override of immutable parameter(s) %s is unsupported.", repr(fixed))
	}
	return nil
}

// finalParams are all parameters when the execution starts: rendered ones as they are, and every default, rendered. Those of
// the runner come apart.
func (e *Engine) finalParams(a *action, live map[string]any, context map[string]any) (own, runners_ map[string]any, err error) {
	config, err := e.resolvedConfig()
	if err != nil {
		return nil, nil, err
	}
	r := e.resolver(a, live, false, config, context)
	own, runners_ = map[string]any{}, map[string]any{}
	for _, name := range a.params() {
		s, _ := a.param(name)
		v, err := r.value(name)
		if err == nil {
			v, err = cast(v, s)
		}
		if err != nil {
			return nil, nil, err
		}
		if _, ok := runners[a.Runner].Parameters[name]; ok {
			runners_[name] = v
		} else {
			own[name] = v
		}
	}
	return own, runners_, nil
}

// resolver prepares rendering. given are templates to be rendered, or values that are final already.
func (e *Engine) resolver(a *action, given map[string]any, templates bool, config, context map[string]any) *resolver {
	r := &resolver{raw: map[string]any{}, template: map[string]bool{}, done: map[string]any{},
		vars: map[string]any{"config_context": jinja.FromGo(config), "action_context": jinja.FromGo(context), "st2kv": e.datastore()}}
	for name, v := range given {
		r.raw[name], r.template[name] = v, templates && isTemplateValue(v)
	}
	for _, name := range a.params() {
		s, _ := a.param(name)
		if r.raw[name] == nil || is(s, "immutable") {
			r.raw[name], r.template[name] = s["default"], isTemplateValue(s["default"])
		}
	}
	return r
}

// value gives a parameter, rendered.
func (r *resolver) value(name string) (any, error) {
	if v, ok := r.done[name]; ok {
		return v, nil
	}
	v := r.raw[name]
	if !r.template[name] {
		r.done[name] = v
		return v, nil
	}
	if slices.Contains(r.open, name) {
		return nil, refusal("Cyclic dependency found in the following variables: %s. Likely the variable is referencing itself", name)
	}
	r.open = append(r.open, name)
	defer func() { r.open = r.open[:len(r.open)-1] }()
	v, err := r.render(name, v)
	if err != nil {
		return nil, err
	}
	r.done[name] = v
	return v, nil
}

// render renders one template: a text, or a list or object, which is rendered as one JSON text and read again.
func (r *resolver) render(name string, v any) (any, error) {
	text, isText := v.(string)
	if !isText {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return nil, err
		}
		text = complexVariable.ReplaceAllString(strings.TrimSuffix(b.String(), "\n"), `{{ $1 | to_complex }}`)
	}
	vars, unknown := maps.Clone(r.vars), ""
	for _, id := range variables(text) {
		if _, ok := r.raw[id]; ok {
			other, err := r.value(id)
			if err != nil {
				return nil, err
			}
			vars[id] = jinja.FromGo(other)
		} else if _, ok := vars[id]; !ok && unknown == "" {
			unknown = id
		}
	}
	out, err := render(text, vars)
	var exception *jinja.Error
	switch {
	case errors.As(err, &exception) && exception.Class == syntaxError:
		return v, nil // braces that are no template are text
	case err != nil && unknown != "":
		return nil, refusal("Dependency unsatisfied in variable \"%s\"", unknown)
	case err != nil:
		return nil, refusal("Failed to render parameter \"%s\": %v", name, err)
	case isText:
		return out, nil
	}
	decoded, err := jinja.DecodeJSON([]byte(out))
	if err != nil {
		return nil, refusal("Failed to render parameter \"%s\": %v", name, err)
	}
	return jinja.ToGo(decoded), nil
}

var (
	complexVariable = regexp.MustCompile(`"{{([A-z0-9_-]+)}}"`)
	block           = regexp.MustCompile(`(?s){{.*?}}|{%.*?%}`)
	// word matches texts in quotes, names behind a dot or a bar, and names; only the last are variables.
	word = regexp.MustCompile(`'[^']*'|"[^"]*"|[.|]\s*[A-Za-z_]\w*|[A-Za-z_]\w*\s*(\(|=[^=])?`)
)

// variables finds the names that a template may refer to. Words of the language are among them; nothing is called like that.
func variables(text string) (out []string) {
	for _, b := range block.FindAllString(text, -1) {
		for _, m := range word.FindAllString(b[2:len(b)-2], -1) {
			if !strings.ContainsAny(m[:1], `'".|`) && !strings.ContainsAny(m, "(=") && !slices.Contains(words, strings.TrimSpace(m)) {
				out = append(out, strings.TrimSpace(m))
			}
		}
	}
	return out
}

var words = []string{"and", "or", "not", "in", "is", "if", "else", "elif", "endif", "for", "endfor", "set", "raw", "endraw",
	"true", "false", "none", "True", "False", "None", "defined"}

// isTemplateValue says whether a value holds a template, at any depth.
func isTemplateValue(v any) bool {
	switch x := v.(type) {
	case string:
		return isTemplate(x)
	case []any:
		return slices.ContainsFunc(x, isTemplateValue)
	case map[string]any:
		for k, e := range x {
			if isTemplate(k) || isTemplateValue(e) {
				return true
			}
		}
	}
	return false
}
