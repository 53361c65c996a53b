package jinja

// Env is what an expression is evaluated in: names by value, and filters beside those of this package.
type Env struct {
	Names   map[string]any
	Filters map[string]Func
}

// Eval evaluates a parsed expression. The result may be Undefined.
func (env *Env) Eval(p *Program) (v any, err error) {
	defer guard(&err)
	env.check(p)
	return env.eval(p.root), nil
}

func (env *Env) eval(e Expr) any {
	switch e := e.(type) {
	case *constant:
		return e.v
	case *name:
		return env.name(e.id)
	case *list:
		if e.tuple {
			return Tuple(env.evalAll(e.items))
		}
		return env.evalAll(e.items)
	case *dict:
		d := NewDict()
		for i := range e.keys {
			k, ok := env.eval(e.keys[i]).(string)
			if !ok {
				refuse("a dict with keys that are not text")
			}
			d.Set(k, env.eval(e.vals[i]))
		}
		return d
	case *unary:
		x := env.eval(e.x)
		if e.op == "not" {
			return !Truth(x)
		}
		return sign(e.op, x)
	case *binary:
		l := env.eval(e.l)
		if e.op == "and" || e.op == "or" {
			if Truth(l) == (e.op == "or") {
				return l
			}
			return env.eval(e.r)
		}
		return arithmetic(e.op, l, env.eval(e.r))
	case *concat:
		text := ""
		for _, part := range e.parts {
			v := env.eval(part)
			if _, ok := v.(Markup); ok {
				refuse("~ with what tojson gave")
			}
			text += Str(v)
		}
		return text
	case *compare:
		return env.compare(e)
	case *conditional:
		if Truth(env.eval(e.cond)) {
			return env.eval(e.yes)
		}
		if e.no == nil {
			refuse("an inline if without else whose condition is false") // this undefined is not a strict one
		}
		return env.eval(e.no)
	case *attribute:
		return getattr(env.eval(e.x), e.name)
	case *item:
		x := env.eval(e.x)
		return getitem(x, env.eval(e.key))
	case *slice:
		return cut(env.eval(e.x), env.optional(e.from), env.optional(e.to), env.optional(e.step))
	case *call:
		f := env.eval(e.f)
		return callValue(f, env.evalAll(e.args), env.evalMap(e.kwargs))
	case *filter:
		return env.filter(e)
	case *test:
		x := env.eval(e.x)
		return runTest(e.name, x, env.evalAll(e.args))
	}
	refuse("this expression")
	return nil
}

func (env *Env) name(id string) any {
	if v, ok := env.Names[id]; ok {
		return v
	}
	switch id {
	case "range":
		return Func(rangeOf)
	case "dict":
		return Func(dictOf)
	case "lipsum", "cycler", "joiner", "namespace", "self", "loop", "super", "caller", "varargs", "kwargs":
		refuse("the name %s", id)
	}
	return Undefined{"'" + id + "' is undefined"}
}

func (env *Env) evalAll(list []Expr) []any {
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = env.eval(e)
	}
	return out
}

func (env *Env) evalMap(m map[string]Expr) map[string]any {
	out := make(map[string]any, len(m))
	for k, e := range m {
		out[k] = env.eval(e)
	}
	return out
}

func (env *Env) optional(e Expr) any {
	if e == nil {
		return nil
	}
	return env.eval(e)
}

func (env *Env) compare(e *compare) any {
	l := env.eval(e.first)
	for i, op := range e.ops {
		r := env.eval(e.rest[i])
		if !related(op, l, r) {
			return false
		}
		l = r
	}
	return true
}

func (env *Env) filter(e *filter) any {
	x := env.eval(e.x)
	args, kwargs := env.evalAll(e.args), env.evalMap(e.kwargs)
	if f, ok := env.Filters[e.name]; ok {
		return f(append([]any{x}, args...), kwargs)
	}
	return env.applyFilter(e.name, x, args, kwargs)
}

func callValue(f any, args []any, kwargs map[string]any) any {
	switch f := f.(type) {
	case Func:
		return f(args, kwargs)
	case method:
		return f.call(args, kwargs)
	case Undefined:
		undefined(f)
	case *Iter:
		refuse("a call of a %s", f.Kind)
	}
	Raise("TypeError", "'%s' object is not callable", typeName(f))
	return nil
}

func rangeOf(args []any, kwargs map[string]any) any {
	bounds := [3]int{0, 0, 1}
	for i, a := range args {
		n, ok := a.(int)
		if !ok || i > 2 || len(kwargs) > 0 {
			Raise("TypeError", "range() takes one to three integers")
		}
		bounds[i] = n
	}
	if len(args) == 0 {
		Raise("TypeError", "range expected at least 1 argument, got 0")
	}
	if len(args) == 1 {
		bounds[0], bounds[1] = 0, bounds[0]
	}
	if bounds[2] == 0 {
		Raise("ValueError", "range() arg 3 must not be zero")
	}
	out := []any{}
	for i := bounds[0]; (bounds[2] > 0 && i < bounds[1]) || (bounds[2] < 0 && i > bounds[1]); i += bounds[2] {
		if out = append(out, i); len(out) > 100000 {
			refuse("a range of more than 100000")
		}
	}
	return &Iter{Items: out, Kind: "range"}
}

func dictOf(args []any, kwargs map[string]any) any {
	if len(args) > 0 || len(kwargs) > 1 {
		refuse("dict() with more than one key")
	}
	d := NewDict()
	for k, v := range kwargs {
		d.Set(k, v)
	}
	return d
}
