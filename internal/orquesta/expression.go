package orquesta

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"stackstorm-laas/internal/orquesta/jinja"
)

var (
	inline   = regexp.MustCompile(`\{\{.*?\}\}`)
	blocks   = regexp.MustCompile(`\{%.*?%\}`)
	rawBlock = regexp.MustCompile(`\{% raw %\}.*?\{% endraw %\}`)
	yaql     = regexp.MustCompile(`<%.*?%>`)
)

// maxDepth ends texts that yield themselves; Python ends them with a RecursionError.
const maxDepth = 30

// stripped is what stands between the braces, as Orquesta cuts it out.
func stripped(expr string) string { return strings.TrimSpace(strings.Trim(expr, "{}")) }

func hasExpression(text string) bool { return inline.MatchString(text) || blocks.MatchString(text) }

// evaluate renders all texts in a value, keys included.
func evaluate(v any, env *jinja.Env) (any, error) {
	switch x := v.(type) {
	case *jinja.Dict:
		d := jinja.NewDict()
		for _, k := range x.Keys() {
			key, err := evaluate(k, env)
			if err != nil {
				return nil, err
			}
			name, ok := key.(string)
			if !ok {
				return nil, &jinja.Unsupported{What: fmt.Sprintf("the key %q that does not come out as text", k)}
			}
			e, _ := x.Get(k)
			if e, err = evaluate(e, env); err != nil {
				return nil, err
			}
			d.Set(name, e)
		}
		return d, nil
	case []any:
		out := make([]any, len(x))
		for i := range x {
			e, err := evaluate(x[i], env)
			if err != nil {
				return nil, err
			}
			out[i] = e
		}
		return out, nil
	case string:
		return evaluateText(x, env)
	}
	return v, nil
}

func evaluateText(text string, env *jinja.Env) (any, error) {
	if yaql.MatchString(text) {
		return nil, &jinja.Unsupported{What: "YAQL (<% %>)"}
	}
	if !hasExpression(text) {
		return text, nil
	}
	raws := rawBlock.FindAllString(text, -1)
	for i, raw := range raws {
		text = strings.ReplaceAll(text, raw, fmt.Sprintf("{%d}", i))
	}
	out, err := expand(text, env, 0)
	if err != nil {
		return nil, err
	}
	result, ok := out.(string)
	if !ok {
		return storable(out)
	}
	if left := inline.FindAllString(result, -1); left != nil {
		for i := range left {
			left[i] = stripped(left[i])
		}
		return nil, evaluationError("There are unresolved variables: %s", strings.Join(left, ", "))
	}
	if len(raws) == 0 {
		return result, nil
	}
	for i, raw := range raws {
		result = strings.ReplaceAll(result, fmt.Sprintf("{%d}", i), raw)
	}
	t, err := jinja.ParseTemplate(result)
	if err != nil {
		return nil, err
	}
	return env.Render(t)
}

func evaluationError(format string, args ...any) error {
	return &jinja.Error{Class: "JinjaEvaluationException", Text: fmt.Sprintf(format, args...)}
}

// expand replaces each expression by its value; what an expression yields as text is expanded again.
func expand(text string, env *jinja.Env, depth int) (any, error) {
	if depth > maxDepth {
		return nil, &jinja.Unsupported{What: "text that yields itself"}
	}
	if blocks.MatchString(text) {
		t, err := jinja.ParseTemplate(text)
		if err != nil {
			return nil, inExpression(text, err)
		}
		out, err := env.Render(t)
		if err != nil {
			return nil, inExpression(text, err)
		}
		v, err := expand(out, env, depth+1)
		return v, inExpression(text, err)
	}
	exprs := inline.FindAllString(text, -1)
	var out any = text
	for _, expr := range exprs {
		v, err := value(expr, env, depth)
		if err != nil {
			return nil, inExpression(expr, err)
		}
		if _, undefined := v.(jinja.Undefined); undefined {
			continue
		}
		current, isText := out.(string)
		if !isText {
			return nil, &jinja.Unsupported{What: "text that yields several expressions"}
		}
		if len(exprs) == 1 && len(current) <= len(expr) {
			out = v
			continue
		}
		s, err := jinja.TextOf(v)
		if err != nil {
			return nil, inExpression(expr, err)
		}
		out = strings.ReplaceAll(current, expr, s)
	}
	return out, nil
}

func value(expr string, env *jinja.Env, depth int) (any, error) {
	p, err := jinja.ParseExpression(stripped(expr))
	if err != nil {
		return nil, err
	}
	v, err := env.Eval(p)
	if err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case *jinja.Iter:
		if x.Generator {
			return append([]any{}, x.Items...), nil
		}
	case jinja.Markup:
		return expand(string(x), env, depth+1)
	case string:
		return expand(x, env, depth+1)
	}
	return v, nil
}

func inExpression(expr string, err error) error {
	var e *jinja.Error
	if errors.As(err, &e) {
		return evaluationError("Unable to evaluate expression '%s'. %s: %s", expr, e.Class, e.Text)
	}
	return err
}

// storable refuses values that a workflow's context cannot hold.
func storable(v any) (any, error) {
	switch x := v.(type) {
	case nil, bool, int, float64, string:
		return v, nil
	case []any:
		return v, allStorable(x)
	case jinja.Tuple:
		return v, allStorable(x)
	case *jinja.Dict:
		for _, k := range x.Keys() {
			e, _ := x.Get(k)
			if _, err := storable(e); err != nil {
				return nil, err
			}
		}
		return v, nil
	}
	return nil, &jinja.Unsupported{What: fmt.Sprintf("a value of type %s", jinja.TypeName(v))}
}

func allStorable(l []any) error {
	for _, e := range l {
		if _, err := storable(e); err != nil {
			return err
		}
	}
	return nil
}
