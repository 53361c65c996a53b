package orquesta

import (
	"fmt"

	"stackstorm-laas/internal/orquesta/jinja"
)

// Keys is StackStorm's datastore as templates outside of workflows see it: {{ st2kv.system.a.b }}. Hand it to Render as the
// variable st2kv with Path "". A key is asked for as "system.a.b" or "user.name".
type Keys = jinja.Keys

// Dict is a dict that keeps the order of its keys, through a workflow too.
type Dict = jinja.Dict

// Render renders a template of metadata, a rule or an environment the way StackStorm does: the answer is text, whatever the
// value's type, and the declared type of the parameter decides what becomes of it. Undefined names are errors.
func Render(text string, vars map[string]any) (any, error) {
	t, err := jinja.ParseTemplate(text)
	if err != nil {
		return nil, fmt.Errorf("render %q: %w", text, err)
	}
	env := &jinja.Env{Names: map[string]any{}, Filters: map[string]jinja.Func{"decrypt_kv": decryptKey, "to_complex": toComplex}}
	for n, f := range stackstormFunctions {
		env.Filters[n] = f
	}
	for n, v := range vars {
		env.Names[n] = jinja.FromGo(v)
	}
	out, err := env.Render(t)
	if err != nil {
		return nil, fmt.Errorf("render %q: %w", text, err)
	}
	return out, nil
}

// decryptKey reads an encrypted key. A missing one is an error, other than without this filter.
func decryptKey(args []any, _ map[string]any) any {
	k, ok := args[0].(jinja.Keys)
	if !ok {
		jinja.Refuse("decrypt_kv of something other than a key")
	}
	v, found, err := k.Read(k.Path, true)
	if err != nil {
		jinja.Raise("ValueError", "%s", err)
	}
	if !found || v == "" {
		jinja.Raise("ValueError", `Referenced datastore item "%s" doesn't exist or it contains an empty string`, k.Path)
	}
	return v
}

func toComplex(args []any, _ map[string]any) any {
	return jinja.Dumper{Item: ", ", Key: ": "}.Dump(args[0])
}
