package engine

// runner is a kind of action. Its parameters are part of every action of that kind.
type runner struct {
	Parameters map[string]schema
	document   schema
}

// runners are the kinds of action that are supported, with what the engine has to know of them: types for casting, and defaults.
var runners = map[string]*runner{
	"local-shell-script": newRunner("local-shell-script", map[string]schema{
		"content_version": {"type": "string"},
		"cwd":             {"type": "string"},
		"debug":           {"type": "boolean", "default": false},
		"env":             {"type": "object"},
		"kwarg_op":        {"type": "string", "default": "--"},
		"sudo":            {"type": "boolean", "default": false},
		"sudo_password":   {"type": "string", "default": nil, "secret": true},
		"timeout":         {"type": "integer", "default": float64(60)},
	}),
	"orquesta": newRunner("orquesta", map[string]schema{
		"notify": {"type": "array", "default": []any{}, "uniqueItems": true, "items": schema{"type": "string", "minLength": float64(1), "pattern": `^\w+$`}},
	}),
	"noop": newRunner("noop", map[string]schema{}),
}

func newRunner(name string, parameters map[string]schema) *runner {
	described := schema{}
	for p, s := range parameters {
		described[p] = s
	}
	return &runner{parameters, schema{"id": newID(), "name": name, "uid": "runner_type:" + name, "enabled": true, "runner_parameters": described}}
}
