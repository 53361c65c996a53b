package engine

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"stackstorm-laas/internal/orquesta/jinja"
)

// cast converts a value to the declared type as StackStorm does before it validates: text becomes a number, a list or an
// object where one is declared, and nothing becomes text by itself.
func cast(v any, s schema) (any, error) {
	typ, _ := s["type"].(string)
	if v == nil || typ == "" {
		return v, nil
	}
	text, isText := v.(string)
	switch typ {
	case "string":
		if !isText {
			return nil, refusal("Value \"%s\" must either be a string or None. Got \"%s\".", jinja.Str(jinja.FromGo(v)), pythonType(v))
		}
	case "integer":
		return castInteger(v)
	case "number":
		return castNumber(v)
	case "boolean":
		if isText {
			switch strings.ToLower(text) {
			case "true":
				return true, nil
			case "false":
				return false, nil
			}
			return nil, fmt.Errorf("malformed node or string: %s", repr(text))
		}
	case "array", "object":
		if isText {
			return castLiteral(text)
		}
	}
	return v, nil
}

func castInteger(v any) (any, error) {
	switch x := v.(type) {
	case bool:
		return map[bool]int{true: 1}[x], nil
	case string:
		n, err := strconv.Atoi(strings.TrimSpace(x))
		if err != nil {
			return nil, fmt.Errorf("invalid literal for int() with base 10: %s", repr(x))
		}
		return n, nil
	case float64:
		return int(math.Trunc(x)), nil
	case int:
		return x, nil
	}
	return nil, fmt.Errorf("int() argument must be a string, a bytes-like object or a real number, not '%s'", pythonType(v))
}

func castNumber(v any) (any, error) {
	switch x := v.(type) {
	case bool:
		return map[bool]float64{true: 1}[x], nil
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(x), 64)
		if err != nil {
			return nil, fmt.Errorf("could not convert string to float: %s", repr(x))
		}
		return f, nil
	case int:
		return float64(x), nil
	case float64:
		return x, nil
	}
	return nil, fmt.Errorf("float() argument must be a string or a real number, not '%s'", pythonType(v))
}

// castLiteral reads JSON, or a literal as Python prints lists and objects: a rendered one arrives in that form. Literals are
// expressions of Jinja too, and are evaluated as such, without any name.
func castLiteral(text string) (any, error) {
	if v, err := jinja.DecodeJSON([]byte(text)); err == nil {
		return jinja.ToGo(v), nil
	}
	malformed := fmt.Errorf("malformed node or string: %s", repr(text))
	expr, err := jinja.ParseExpression(text)
	if err != nil {
		return nil, malformed
	}
	v, err := (&jinja.Env{Names: map[string]any{}}).Eval(expr)
	if _, undefined := v.(jinja.Undefined); err != nil || undefined {
		return nil, malformed
	}
	return jinja.ToGo(v), nil
}

// pythonType names a value's type as Python does.
func pythonType(v any) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []any:
		return "list"
	}
	return "dict"
}
