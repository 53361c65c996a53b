package jinja

import "strings"

var comparing = map[string]string{
	"==": "==", "eq": "==", "equalto": "==", "!=": "!=", "ne": "!=", ">": ">", "gt": ">", "greaterthan": ">",
	">=": ">=", "ge": ">=", "<": "<", "lt": "<", "lessthan": "<", "<=": "<=", "le": "<=", "in": "in",
}

// simpleTests take no argument.
const simpleTests = " defined undefined none boolean true false integer float number string mapping sequence iterable odd even lower upper "

// knownTest says whether Jinja2 has the test; one that this package does not have is refused.
func knownTest(name string) bool {
	if strings.Contains(" filter test callable escaped sameas ", " "+name+" ") {
		refuse("the test %s", name)
	}
	_, ok := comparing[name]
	return ok || name == "divisibleby" || strings.Contains(simpleTests, " "+name+" ")
}

func runTest(name string, x any, args []any) any {
	if !knownTest(name) {
		Raise("TemplateAssertionError", "No test named '%s'.", name)
	}
	if strings.Contains(simpleTests, " "+name+" ") {
		if len(args) > 0 {
			Raise("TypeError", "test_%s() takes 1 positional argument but %d were given", name, len(args)+1)
		}
		return simpleTest(name, x)
	}
	if len(args) != 1 {
		Raise("TypeError", "%s takes one argument", name)
	}
	if op, ok := comparing[name]; ok {
		return related(op, x, args[0])
	}
	return Equal(arithmetic("%", x, args[0]), 0)
}

func simpleTest(name string, x any) any {
	u, undef := x.(Undefined)
	switch t := typeName(x); name {
	case "defined":
		return !undef
	case "undefined":
		return undef
	case "none":
		return x == nil
	case "boolean":
		return t == "bool"
	case "true":
		return x == true
	case "false":
		return x == false
	case "integer":
		return t == "int"
	case "float":
		return t == "float"
	case "number":
		return t == "int" || t == "float" || t == "bool"
	case "string":
		return t == "str"
	case "mapping":
		return t == "dict"
	case "sequence":
		return t == "str" || t == "list" || t == "tuple" || t == "dict" || t == "range"
	case "odd", "even":
		if t != "int" && t != "bool" && t != "float" && !undef {
			refuse("the test %s of a %s", name, t)
		}
		return Equal(arithmetic("%", x, 2), map[string]int{"odd": 1, "even": 0}[name])
	case "iterable":
		if undef {
			undefined(u)
		}
		return t != "NoneType" && t != "bool" && t != "int" && t != "float"
	}
	s := Str(x)
	ascii(s, name)
	if name == "lower" {
		return s == strings.ToLower(s) && s != strings.ToUpper(s)
	}
	return s == strings.ToUpper(s) && s != strings.ToLower(s)
}
