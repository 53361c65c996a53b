package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/orquesta"
	"stackstorm-laas/internal/orquesta/jinja"
)

// checkConfig holds a configuration against config.schema.yaml as its registration in StackStorm does: what is required
// must be there. Expressions are not looked into.
func checkConfig(properties map[string]schema, values map[string]any, path string) (problems []fault.Problem) {
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		s := properties[name]
		v, given := values[name]
		at := strings.TrimPrefix(path+"."+name, ".")
		if !given {
			if is(s, "required") {
				problems = append(problems, fault.Problem{Path: at, Text: "is a required property"})
			}
			continue
		}
		if sub, ok := v.(map[string]any); ok {
			problems = append(problems, checkConfig(nested(s), sub, at)...)
		}
	}
	return problems
}

// nested are the properties of an object's schema.
func nested(s schema) map[string]schema {
	out := map[string]schema{}
	props, _ := s["properties"].(map[string]any)
	for name, p := range props {
		if ps, ok := p.(map[string]any); ok {
			out[name] = ps
		}
	}
	return out
}

// resolvedConfig is what config_context is: the configuration with the schema's defaults filled in, expressions rendered
// from the datastore and secrets decrypted. What has neither value nor default is {} or [] if it is an object or a list.
func (e *Engine) resolvedConfig() (map[string]any, error) {
	return e.resolveObject(e.pack.config, e.cfg.PackConfig, "")
}

func (e *Engine) resolveObject(properties map[string]schema, values map[string]any, path string) (map[string]any, error) {
	out := map[string]any{}
	for name, s := range properties {
		switch {
		case has(s, "default"):
			out[name] = s["default"]
		case s["type"] == "object":
			out[name] = map[string]any{}
		case s["type"] == "array":
			out[name] = []any{}
		}
	}
	maps.Copy(out, values)
	for name, v := range out {
		resolved, err := e.resolve(properties[name], v, strings.TrimPrefix(path+"."+name, "."))
		if err != nil {
			return nil, err
		}
		out[name] = resolved
	}
	return out, nil
}

func (e *Engine) resolve(s schema, v any, path string) (any, error) {
	switch x := v.(type) {
	case map[string]any:
		return e.resolveObject(nested(s), x, path)
	case []any:
		items, _ := s["items"].(map[string]any)
		out := make([]any, len(x))
		for i := range x {
			item, err := e.resolve(items, x[i], fmt.Sprintf("%s[%d]", path, i))
			if err != nil {
				return nil, err
			}
			out[i] = item
		}
		return out, nil
	case string:
		if !isTemplate(x) {
			return x, nil
		}
		text, err := render(x, map[string]any{"st2kv": e.datastore()})
		if err == nil && text == "" {
			return nil, nil // the key is missing
		}
		if err == nil && is(s, "secret") {
			text, err = e.keys.decrypt(text)
		}
		if err != nil {
			return nil, refusal("Failed to render dynamic configuration value for key \"%s\" with value \"%s\" for pack \"%s\" config: %v", path, x, e.pack.Ref, err)
		}
		return text, nil
	}
	return v, nil
}

// maskedConfig is what the API shows: raw values, secrets masked unless asked for.
func maskedConfig(properties map[string]schema, values map[string]any, show bool) map[string]any {
	out := map[string]any{}
	for name, v := range values {
		s := properties[name]
		sub, isObject := v.(map[string]any)
		switch {
		case is(s, "secret") && !show:
			out[name] = masked
		case isObject:
			out[name] = maskedConfig(nested(s), sub, show)
		default:
			out[name] = v
		}
	}
	return out
}

const masked = "********"

// datastore is st2kv in templates of metadata, configuration and rules.
func (e *Engine) datastore() any { return orquesta.Keys{Read: e.scoped} }

// scoped reads a key by its name with the scope in front of it; there are no users' scopes here.
func (e *Engine) scoped(key string, decrypt bool) (string, bool, error) {
	name, system := strings.CutPrefix(key, "system.")
	if !system {
		return "", false, nil
	}
	return e.keys.lookup(name, decrypt)
}

// isTemplate says whether StackStorm would render a text.
func isTemplate(s string) bool { return strings.Contains(s, "{{") || strings.Contains(s, "{%") }

// render renders a template into text. An exception is told as StackStorm tells it, without its class.
func render(text string, vars map[string]any) (string, error) {
	v, err := orquesta.Render(text, vars)
	var exception *jinja.Error
	if errors.As(err, &exception) && exception.Class != syntaxError {
		return "", errors.New(exception.Text)
	}
	if err != nil {
		return "", err
	}
	return v.(string), nil
}

// syntaxError is the class of Jinja's exception for a text that is no template.
const syntaxError = "TemplateSyntaxError"
