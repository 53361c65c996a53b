package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

func numberFilter(name string, x any, p map[string]any) (any, bool) {
	i, f, isInt, isNum := num(x)
	switch name {
	case "abs":
		switch {
		case !isNum:
			Raise("TypeError", "bad operand type for abs(): '%s'", typeName(x))
		case isInt:
			return magnitude(i), true
		}
		return math.Abs(f), true
	case "int":
		if given(p, "base") {
			refuse("int with a base")
		}
		if isNum && isInt {
			return i, true
		}
		if v, ok := toInt(x); ok {
			return v, true
		}
		if v, ok := p["default"]; ok {
			return v, true
		}
		return 0, true
	case "float":
		if isNum {
			return f, true
		}
		if v, ok := toFloat(x); ok {
			return v, true
		}
		if v, ok := p["default"]; ok {
			return v, true
		}
		return 0.0, true
	case "round":
		precision := 0
		if v, ok := p["precision"]; ok {
			precision, ok = v.(int)
			if !ok || precision < 0 {
				refuse("round with a precision of %s", repr(v))
			}
		}
		if m, ok := p["method"]; ok && m != "common" {
			refuse("round with the method %s", repr(m))
		}
		switch {
		case !isNum:
			Raise("TypeError", "type %s doesn't define __round__ method", typeName(x))
		case isInt:
			return i, true
		}
		v, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
		return v, true
	}
	return nil, false
}

func toInt(x any) (int, bool) {
	if s, ok := x.(string); ok {
		s = strings.TrimFunc(s, unicode.IsSpace)
		ascii(s, "int")
		if strings.Contains(s, "_") {
			refuse("int of a text with _")
		}
		digits := strings.TrimLeft(s, "+-")
		if digits != "" && len(s)-len(digits) <= 1 && strings.Trim(digits, "0123456789") == "" {
			v, err := strconv.Atoi(s)
			if err != nil {
				refuse("an integer of more than 64 bits")
			}
			return v, true
		}
	}
	f, ok := toFloat(x)
	if !ok {
		return 0, false
	}
	if math.Abs(f) > 1<<53 {
		refuse("int of %s", floatText(f))
	}
	return int(f), true
}

func toFloat(x any) (float64, bool) {
	if f, ok := x.(float64); ok {
		return f, true
	}
	s, ok := x.(string)
	if !ok {
		return 0, false
	}
	s = strings.TrimFunc(s, unicode.IsSpace)
	if strings.ContainsAny(s, "xXpP") {
		return 0, false
	}
	if strings.Contains(s, "_") || oddNumbers[strings.TrimLeft(strings.ToLower(s), "+-")] {
		refuse("a number from %s", quote(s))
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

var oddNumbers = map[string]bool{"inf": true, "infinity": true, "nan": true}

// printf is the % of texts for the verbs s, d, f and x with flags.
func printf(format string, args Tuple) string {
	var b strings.Builder
	n := 0
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		start := i
		for i++; i < len(format) && strings.IndexByte("-0123456789.", format[i]) >= 0; i++ {
		}
		if i == len(format) {
			Raise("ValueError", "incomplete format")
		}
		if format[i] == '%' && i == start+1 {
			b.WriteByte('%')
			continue
		}
		if n >= len(args) {
			Raise("TypeError", "not enough arguments for format string")
		}
		spec, v := format[start:i+1], args[n]
		n++
		num, f, isInt, isNum := num(v)
		switch format[i] {
		case 's':
			b.WriteString(fmt.Sprintf(spec, Str(v)))
		case 'd', 'x':
			if !isNum {
				Raise("TypeError", "%%%c format: a real number is required, not %s", format[i], typeName(v))
			}
			if !isInt {
				refuse("%s of a float", spec)
			}
			b.WriteString(fmt.Sprintf(spec, num))
		case 'f':
			if !isNum {
				Raise("TypeError", "must be real number, not %s", typeName(v))
			}
			b.WriteString(fmt.Sprintf(spec, f))
		default:
			refuse("the format %s", spec)
		}
	}
	if n < len(args) {
		Raise("TypeError", "not all arguments converted during string formatting")
	}
	return b.String()
}
