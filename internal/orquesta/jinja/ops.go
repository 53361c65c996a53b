package jinja

import (
	"math"
	"math/bits"
	"strings"
)

// Truth is Python's bool().
func Truth(v any) bool {
	switch x := v.(type) {
	case nil:
		return false
	case bool:
		return x
	case int:
		return x != 0
	case float64:
		return x != 0
	case string:
		return x != ""
	case Markup:
		return x != ""
	case []any:
		return len(x) > 0
	case Tuple:
		return len(x) > 0
	case *Dict:
		return x.Len() > 0
	case *Iter:
		return x.Generator || len(x.Items) > 0
	case Undefined:
		undefined(x)
	case Keys:
		return x.text() != ""
	}
	return true
}

// num gives a number as integer and float; booleans are numbers.
func num(v any) (i int, f float64, isInt, ok bool) {
	switch x := v.(type) {
	case bool:
		if x {
			return 1, 1, true, true
		}
		return 0, 0, true, true
	case int:
		return x, float64(x), true, true
	case float64:
		return 0, x, false, true
	}
	return 0, 0, false, false
}

func sign(op string, v any) any {
	if u, ok := v.(Undefined); ok {
		undefined(u)
	}
	i, f, isInt, ok := num(v)
	switch {
	case !ok:
		Raise("TypeError", "bad operand type for unary %s: '%s'", op, typeName(v))
	case isInt && op == "-":
		return -i
	case isInt:
		return i
	case op == "-":
		return -f
	}
	return f
}

func arithmetic(op string, l, r any) any {
	for _, v := range []any{l, r} {
		switch u := v.(type) {
		case Undefined:
			if op == "%" && typeName(l) == "str" {
				refuse("%% with a missing value")
			}
			undefined(u)
		case Markup, *Iter, Func, method, Keys:
			refuse("%s with a %s", op, typeName(v))
		}
	}
	li, lf, lInt, lok := num(l)
	ri, rf, rInt, rok := num(r)
	switch {
	case lok && rok && lInt && rInt:
		return integers(op, li, ri)
	case lok && rok:
		return floats(op, lf, rf)
	case op == "+":
		return add(l, r)
	case op == "*" && rok && rInt:
		return repeat(l, ri)
	case op == "*" && lok && lInt:
		return repeat(r, li)
	case op == "%" && typeName(l) == "str":
		switch args := r.(type) {
		case Tuple:
			return printf(l.(string), args)
		case []any, *Dict:
			refuse("%% with a %s", typeName(r))
		}
		return printf(l.(string), Tuple{r})
	}
	noOperator(op, l, r)
	return nil
}

func noOperator(op string, l, r any) {
	Raise("TypeError", "unsupported operand type(s) for %s: '%s' and '%s'", op, typeName(l), typeName(r))
}

func add(l, r any) any {
	switch a := l.(type) {
	case string:
		if b, ok := r.(string); ok {
			return a + b
		}
	case []any:
		if b, ok := r.([]any); ok {
			return append(append([]any{}, a...), b...)
		}
	case Tuple:
		if b, ok := r.(Tuple); ok {
			return append(append(Tuple{}, a...), b...)
		}
	}
	if t := typeName(l); t == "str" || t == "list" || t == "tuple" {
		Raise("TypeError", "can only concatenate %s (not \"%s\") to %s", t, typeName(r), t)
	}
	noOperator("+", l, r)
	return nil
}

func repeat(v any, n int) any {
	n = max(n, 0)
	switch x := v.(type) {
	case string:
		if n*len(x) > 1<<20 {
			refuse("a text of more than a million characters")
		}
		return strings.Repeat(x, n)
	case []any:
		if n*len(x) > 1<<16 {
			refuse("a list of more than 65536 elements")
		}
		out := []any{}
		for ; n > 0; n-- {
			out = append(out, x...)
		}
		return out
	case Tuple:
		refuse("* with a tuple")
	}
	noOperator("*", v, n)
	return nil
}

func integers(op string, a, b int) any {
	big := func(bad bool) {
		if bad {
			refuse("an integer of more than 64 bits")
		}
	}
	switch op {
	case "+":
		c := a + b
		big((c > a) != (b > 0) && b != 0)
		return c
	case "-":
		c := a - b
		big((c < a) != (b > 0) && b != 0)
		return c
	case "*":
		hi, lo := bits.Mul64(uint64(magnitude(a)), uint64(magnitude(b)))
		big(hi != 0 || lo > math.MaxInt64)
		return a * b
	case "/", "//", "%":
		if b == 0 {
			Raise("ZeroDivisionError", "division by zero")
		}
		if op == "/" {
			big(magnitude(a) > 1<<53 || magnitude(b) > 1<<53)
			return float64(a) / float64(b)
		}
		q, m := a/b, a%b
		if m != 0 && (m < 0) != (b < 0) {
			q, m = q-1, m+b
		}
		if op == "%" {
			return m
		}
		return q
	case "**":
		if b < 0 {
			refuse("** with a negative exponent")
		}
		c := 1
		for range b {
			big(magnitude(c) > math.MaxInt64/max(magnitude(a), 1))
			if c *= a; a == 0 || a == 1 {
				break
			}
		}
		return c
	}
	refuse("the operator %s", op)
	return nil
}

func magnitude(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

func floats(op string, a, b float64) any {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "**":
		refuse("** with floats") // the last digit differs between libraries
	}
	if b == 0 {
		Raise("ZeroDivisionError", "float division by zero")
	}
	if op == "/" {
		return a / b
	}
	m := math.Mod(a, b)
	quotient := (a - m) / b
	switch {
	case m == 0:
		m = math.Copysign(0, b)
	case (m < 0) != (b < 0):
		m, quotient = m+b, quotient-1
	}
	if op == "%" {
		return m
	}
	if quotient == 0 {
		return math.Copysign(0, a/b)
	}
	if floor := math.Floor(quotient); quotient-floor <= 0.5 {
		return floor
	}
	return math.Floor(quotient) + 1
}
