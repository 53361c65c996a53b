package pack

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// schemas is where StackStorm's own JSON Schemas and runner parameters are kept beside a checkout.
const schemas = root + "/../shared/schemas"

// needSchemas skips a test visibly where they are not.
func needSchemas(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(schemas); err != nil {
		t.Skip("StackStorm's schemas are not at ../shared/schemas beside the checkout")
	}
}

// modern turns a schema in StackStorm's dialect into draft 4: "required": true stands inside a property there, and in its parent
// here; and the copies of the meta-schema inside, which all have one id, get an id each.
func modern(node any, copies *int) any {
	switch n := node.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, v := range n {
			_, isText := v.(string)
			switch {
			case k == "required" && isBool(v), k == "$schema" && isText:
			case k == "id" && isText:
				*copies++
				out[k] = fmt.Sprintf("urn:copy:%d", *copies)
			default:
				out[k] = modern(v, copies)
			}
		}
		var required []any
		properties, _ := n["properties"].(map[string]any)
		for name, p := range properties {
			if p, ok := p.(map[string]any); ok && p["required"] == true {
				required = append(required, name)
			}
		}
		if len(required) > 0 {
			slices.SortFunc(required, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
			out["required"] = required
		}
		return out
	case []any:
		out := make([]any, len(n))
		for i, v := range n {
			out[i] = modern(v, copies)
		}
		return out
	}
	return node
}

func isBool(v any) bool {
	_, ok := v.(bool)
	return ok
}

// compile makes a schema of a document in StackStorm's dialect.
func compile(t *testing.T, name string, doc any) *jsonschema.Schema {
	t.Helper()
	copies := 0
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	require.NoError(t, c.AddResource("urn:st2:"+name, modern(doc, &copies)))
	s, err := c.Compile("urn:st2:" + name)
	require.NoError(t, err)
	return s
}

// st2Schema is one of StackStorm's own.
func st2Schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	return compile(t, name, readJSON(t, filepath.Join(schemas, name+".json")))
}

func TestConvertedSchemasRefuseWhatStackStormRefuses(t *testing.T) {
	needSchemas(t)
	type doc = map[string]any
	parameter := func(p doc) doc {
		return doc{"name": "a", "pack": "laas", "runner_type": "orquesta", "parameters": doc{"host": p}}
	}
	for name, c := range map[string]struct {
		schema  string
		doc     any
		refused bool
	}{
		"an action":                                  {"action", parameter(doc{"type": "string", "required": true, "position": 1}), false},
		"an action without a runner":                 {"action", doc{"name": "a"}, true},
		"an action with an unknown key":              {"action", doc{"name": "a", "runner_type": "orquesta", "timeout": 3}, true},
		"a parameter with an unknown key":            {"action", parameter(doc{"type": "string", "label": "x"}), true},
		"a parameter with two types":                 {"action", parameter(doc{"type": []any{"string", "null"}}), true},
		"a parameter with a hyphen":                  {"action", doc{"name": "a", "runner_type": "orquesta", "parameters": doc{"a-b": doc{"type": "string"}}}, true},
		"a rule without a trigger":                   {"rule", doc{"name": "r", "action": doc{"ref": "laas.x"}}, true},
		"a rule":                                     {"rule", doc{"name": "r", "action": doc{"ref": "laas.x"}, "trigger": doc{"type": "laas.t"}}, false},
		"a pack without a version":                   {"pack", doc{"name": "laas", "author": "x", "description": "x"}, true},
		"an attribute of the configuration misspelt": {"config_schema", doc{"attributes": doc{"fog": doc{"typ": "string"}}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			err := st2Schema(t, c.schema).Validate(c.doc)
			assert.Equal(t, c.refused, err != nil, "%v", err)
		})
	}
}
