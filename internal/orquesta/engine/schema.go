package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"stackstorm-laas/internal/orquesta/jinja"
)

// object makes a JSON schema out of properties that say themselves whether they are required, as StackStorm writes them.
func object(properties map[string]schema, additional bool) schema {
	props, required := schema{}, []any{}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if is(properties[name], "required") {
			required = append(required, name)
		}
		props[name] = standard(properties[name])
	}
	out := schema{"type": "object", "properties": props, "additionalProperties": additional}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// standard turns StackStorm's form of a schema into the standard's, at any depth.
func standard(s schema) schema {
	out := maps.Clone(s)
	delete(out, "required")
	if list, ok := s["required"].([]any); ok {
		out["required"] = list
	}
	if props, ok := s["properties"].(map[string]any); ok {
		typed := map[string]schema{}
		for name, p := range props {
			if ps, ok := p.(map[string]any); ok {
				typed[name] = ps
			}
		}
		nested := object(typed, true)
		out["properties"] = nested["properties"]
		if list, ok := nested["required"].([]any); ok {
			old, _ := out["required"].([]any)
			out["required"] = append(list, old...)
		}
	}
	if items, ok := s["items"].(map[string]any); ok {
		out["items"] = standard(items)
	}
	return out
}

// validate holds a value against a schema in the standard's form; the error is worded as StackStorm words it.
func validate(s schema, v any) error {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	if err := c.AddResource("schema.json", jsonable(s)); err != nil {
		return err
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		return err
	}
	err = compiled.Validate(jsonable(v))
	var found *jsonschema.ValidationError
	if !errors.As(err, &found) {
		return err
	}
	var texts []string
	explain(found, jsonable(v), &texts)
	sort.Strings(texts)
	return errors.New(texts[0])
}

// explain words the innermost causes.
func explain(e *jsonschema.ValidationError, v any, texts *[]string) {
	for _, cause := range e.Causes {
		explain(cause, v, texts)
	}
	if len(e.Causes) > 0 {
		return
	}
	at := value(v, e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		*texts = append(*texts, fmt.Sprintf("'%s' is a required property", k.Missing[0]))
	case *kind.AdditionalProperties:
		*texts = append(*texts, fmt.Sprintf("Additional properties are not allowed ('%s' %s unexpected)",
			strings.Join(k.Properties, "', '"), map[bool]string{true: "was", false: "were"}[len(k.Properties) == 1]))
	case *kind.Type:
		*texts = append(*texts, fmt.Sprintf("%s is not of type '%s'", repr(at), strings.Join(k.Want, "', '")))
	case *kind.Enum:
		*texts = append(*texts, fmt.Sprintf("%s is not one of %s", repr(at), repr(k.Want)))
	case *kind.Maximum:
		*texts = append(*texts, fmt.Sprintf("%s is greater than the maximum of %s", repr(at), k.Want.RatString()))
	case *kind.Minimum:
		*texts = append(*texts, fmt.Sprintf("%s is less than the minimum of %s", repr(at), k.Want.RatString()))
	case *kind.Pattern:
		*texts = append(*texts, fmt.Sprintf("%s does not match '%s'", repr(at), k.Want))
	default:
		*texts = append(*texts, e.Error())
	}
}

// value finds the part of v that a location names.
func value(v any, location []string) any {
	for _, step := range location {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			i := 0
			_, _ = fmt.Sscan(step, &i)
			if i < 0 || i >= len(x) {
				return nil
			}
			v = x[i]
		}
	}
	return v
}

// jsonable makes of a value what a JSON decoder would have given.
func jsonable(v any) any { return jinja.ToGo(jinja.FromGo(v)) }

// repr is Python's repr of a value; a few characters that Python would not print come out as Go quotes them.
func repr(v any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("%q", v)
		}
	}()
	list := jinja.Str([]any{jinja.FromGo(v)})
	return list[1 : len(list)-1]
}
