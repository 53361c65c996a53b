package pack

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"stackstorm-laas/internal/config"
)

// configSchema is config.schema.yaml as "laas generate" writes it.
func configSchema(t *testing.T) map[string]any {
	t.Helper()
	text, err := config.Schema()
	require.NoError(t, err)
	var doc map[string]any
	require.NoError(t, yaml.Unmarshal(text, &doc))
	return doc
}

var (
	optional  = regexp.MustCompile(`(?m)^(\s*)#(\w+:)`)
	reference = regexp.MustCompile(`\{\{ st2kv\.system\.[a-z_]+ \}\}`)
)

// example is laas.yaml.example as it is shipped, or with the optional keys switched on.
func example(t *testing.T, all bool) map[string]any {
	t.Helper()
	text := read(t, "laas.yaml.example")
	if all {
		text = optional.ReplaceAll(text, []byte("$1$2"))
	}
	var doc map[string]any
	require.NoError(t, yaml.Unmarshal(text, &doc))
	return doc
}

func TestTheConfigurationFollowsStackStormsSchemas(t *testing.T) {
	needSchemas(t)
	attributes := any(map[string]any{"attributes": configSchema(t)})
	assert.NoError(t, st2Schema(t, "config_schema").Validate(attributes))
}

func TestTheExampleConfigurationIsValid(t *testing.T) {
	schema := compile(t, "laas.yaml", map[string]any{"type": "object", "properties": configSchema(t), "additionalProperties": false})
	for name, all := range map[string]bool{"as shipped": false, "with every optional key": true} {
		t.Run(name, func(t *testing.T) {
			doc := example(t, all)
			assert.NoError(t, schema.Validate(any(doc)))
			text, err := json.Marshal(doc)
			require.NoError(t, err)
			_, err = config.Parse(reference.ReplaceAll(text, []byte("resolved")))
			assert.NoError(t, err)
		})
	}
}

func TestTheExampleConfigurationShowsEveryKeyAndItsDefault(t *testing.T) {
	showsAll(t, "", configSchema(t), example(t, true))
}

func showsAll(t *testing.T, path string, attributes, shown map[string]any) {
	t.Helper()
	for key := range shown {
		assert.Contains(t, attributes, key, "%s is no key of the configuration", path+key)
	}
	for key, a := range attributes {
		a := a.(map[string]any)
		value, there := shown[key]
		if !assert.True(t, there, "%s is missing in laas.yaml.example", path+key) {
			continue
		}
		if sub, ok := a["properties"].(map[string]any); ok {
			showsAll(t, path+key+".", sub, value.(map[string]any))
			continue
		}
		if d, given := a["default"]; given {
			assert.Equal(t, d, value, "%s is shown with another value than its default", path+key)
		}
		if a["secret"] == true {
			assert.Regexp(t, reference, value, "%s is a secret and must name an encrypted key", path+key)
		}
	}
}

func TestEveryDurationHasAMaximum(t *testing.T) {
	var walk func(path string, attributes map[string]any)
	walk = func(path string, attributes map[string]any) {
		for key, a := range attributes {
			a := a.(map[string]any)
			assert.NotEmpty(t, a["description"], path+key)
			if a["type"] == "number" {
				assert.Contains(t, a, "maximum", "%s: timeouts of actions are computed from the maximum", path+key)
			}
			if sub, ok := a["properties"].(map[string]any); ok {
				walk(path+key+".", sub)
			}
		}
	}
	walk("", configSchema(t))
}
