package jinja

// lazyFilter runs the filters that take any arguments. What Jinja2 makes a generator of fails here where the generator would:
// when the element is asked for.
func (env *Env) lazyFilter(name string, x any, args []any, kwargs map[string]any) any {
	if name == "format" {
		if len(kwargs) > 0 {
			refuse("format with named arguments")
		}
		return printf(Str(x), Tuple(args))
	}
	out := &Iter{Generator: true, Kind: "generator"}
	if u, ok := x.(Undefined); ok {
		undefined(u)
	}
	if !Truth(x) {
		return out
	}
	if name != "map" && len(kwargs) > 0 {
		refuse("the filter %s with named arguments", name)
	}
	keep := env.chooser(name, args, kwargs)
	defer func() {
		// Python's error comes with the element that causes it; only "first" could do without it.
		if e := recover(); e != nil {
			if _, ok := e.(*Error); ok && len(out.Items) > 0 {
				refuse("the filter %s over elements some of which fail", name)
			}
			panic(e)
		}
	}()
	for _, e := range iterate(x) {
		if v, ok := keep(e); ok {
			out.Items = append(out.Items, v)
		}
	}
	return out
}

// chooser gives what becomes of an element and whether it stays.
func (env *Env) chooser(name string, args []any, kwargs map[string]any) func(any) (any, bool) {
	attr := func(e any) any { return e }
	switch name {
	case "map":
		if a, ok := kwargs["attribute"]; ok && len(args) == 0 {
			fallback, has := kwargs["default"]
			if n := len(kwargs); n > 2 || n == 2 && !has {
				Raise("FilterArgumentError", "Unexpected keyword argument")
			}
			return func(e any) (any, bool) {
				v := path(e, a)
				if _, undef := v.(Undefined); undef && has && fallback != nil {
					v = fallback
				}
				return v, true
			}
		}
		if len(args) == 0 {
			Raise("FilterArgumentError", "map requires a filter argument")
		}
		filter, ok := args[0].(string)
		if !ok {
			refuse("map with a %s", typeName(args[0]))
		}
		return func(e any) (any, bool) {
			if f, ok := env.Filters[filter]; ok {
				return f(append([]any{e}, args[1:]...), kwargs), true
			}
			return env.applyFilter(filter, e, args[1:], kwargs), true
		}
	case "selectattr", "rejectattr":
		if len(args) == 0 {
			Raise("FilterArgumentError", "Missing parameter for attribute name")
		}
		a := args[0]
		attr = func(e any) any { return path(e, a) }
		args = args[1:]
	}
	want := name == "select" || name == "selectattr"
	if len(args) == 0 {
		return func(e any) (any, bool) { return e, Truth(attr(e)) == want }
	}
	id, ok := args[0].(string)
	if !ok {
		refuse("%s with a %s", name, typeName(args[0]))
	}
	return func(e any) (any, bool) { return e, Truth(runTest(id, attr(e), args[1:])) == want }
}
