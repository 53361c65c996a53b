package pack

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// folders of the pack and the schema that StackStorm holds the files in them to.
var folders = map[string]string{
	"actions": "action", "rules": "rule", "sensors": "sensor", "policies": "policy", "aliases": "alias", "triggers": "trigger_type", "workflows": "workflow",
}

func TestMetadataFollowsStackStormsSchemas(t *testing.T) {
	needSchemas(t)
	for folder, name := range folders {
		schema := st2Schema(t, name)
		for _, path := range files(t, folder) {
			t.Run(path, func(t *testing.T) {
				doc := readYAML(t, path)
				switch {
				case name == "workflow":
					asOrquestaReads(doc)
				case doc["pack"] == nil:
					doc["pack"] = "laas" // as StackStorm does at registration
				}
				assert.NoError(t, schema.Validate(doc))
			})
		}
	}
	t.Run("pack.yaml", func(t *testing.T) { assert.NoError(t, st2Schema(t, "pack").Validate(any(readYAML(t, "pack.yaml")))) })
}

// asOrquestaReads does to a workflow what Orquesta does before it holds it to the schema: it takes the keys that every
// definition has, and writes out the short form of with.
func asOrquestaReads(doc map[string]any) {
	for _, key := range []string{"version", "name", "description", "tags"} {
		delete(doc, key)
	}
	tasks, _ := doc["tasks"].(map[string]any)
	for _, task := range tasks {
		if task, ok := task.(map[string]any); ok {
			if items, short := task["with"].(string); short {
				task["with"] = map[string]any{"items": items}
			}
		}
	}
}

// overridable is what an action may change in a parameter of its runner.
var overridable = map[string]bool{"default": true, "description": true, "enum": true, "immutable": true, "required": true}

func TestRunnerParametersAreHiddenAsStackStormsSchemas(t *testing.T) {
	needSchemas(t)
	runners := readJSON(t, filepath.Join(schemas, "runners.json")).(map[string]any)
	for _, path := range files(t, "actions") {
		t.Run(path, func(t *testing.T) {
			doc := readYAML(t, path)
			runner, ok := runners[doc["runner_type"].(string)].(map[string]any)
			require.True(t, ok, "unknown runner %v", doc["runner_type"])
			given, _ := doc["parameters"].(map[string]any)
			for name, r := range runner["runner_parameters"].(map[string]any) {
				p, _ := given[name].(map[string]any)
				if !assert.Equal(t, true, p["immutable"], "%s of the runner must be hidden: immutable: true", name) {
					continue
				}
				for attribute := range p {
					assert.True(t, overridable[attribute], "%s of the runner: %s cannot be changed", name, attribute)
				}
				_, hasDefault := r.(map[string]any)["default"]
				_, givesDefault := p["default"]
				assert.True(t, hasDefault || givesDefault, "%s of the runner has no default; an immutable one needs it (default: null)", name)
			}
		})
	}
}

// runnerParameters are the names of those of the two runners the pack uses.
var runnerParameters = strings.Fields("content_version cwd debug env kwarg_op sudo sudo_password timeout notify")

// visible are the parameters of an action that its form shows.
func visible(doc map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{}
	parameters, _ := doc["parameters"].(map[string]any)
	for name, p := range parameters {
		p, _ := p.(map[string]any)
		if p["immutable"] != true {
			out[name] = p
		}
	}
	return out
}

func TestFormsAreGoodToFillIn(t *testing.T) {
	for _, path := range files(t, "actions") {
		t.Run(path, func(t *testing.T) {
			doc := readYAML(t, path)
			assert.Equal(t, strings.TrimSuffix(filepath.Base(path), ".yaml"), doc["name"], "the file is called like the action")
			assert.NotEmpty(t, doc["description"])
			positions := map[any]string{}
			for name, p := range visible(doc) {
				checkParameter(t, name, p)
				if position, given := p["position"]; given {
					assert.Empty(t, positions[position], "%s and %s have position %v", name, positions[position], position)
					positions[position] = name
				}
			}
			switch doc["runner_type"] {
			case "orquesta":
				for n := 1; n <= len(visible(doc)); n++ {
					assert.NotEmpty(t, positions[n], "a workflow's parameters have positions 1 to %d; %d is missing", len(visible(doc)), n)
				}
				assert.NotEmpty(t, doc["output_schema"], "a workflow has an output_schema")
			case "local-shell-script":
				assert.Empty(t, positions, "position turns a parameter of a script into a positional argument")
				for name, p := range visible(doc) {
					assert.Contains(t, []any{"string", "integer", "boolean"}, p["type"], "%s: StackStorm passes other types as Python text", name)
				}
				action, _ := doc["parameters"].(map[string]any)["action"].(map[string]any)
				assert.Equal(t, doc["name"], action["default"], "the parameter action names the action")
				assert.Equal(t, true, action["immutable"], "nobody changes the parameter action")
			default:
				t.Errorf("the pack has no actions of runner %v", doc["runner_type"])
			}
		})
	}
}

// checkParameter holds a visible parameter to what the web UI makes of it.
func checkParameter(t *testing.T, name string, p map[string]any) {
	t.Helper()
	assert.NotEmpty(t, p["description"], "%s has no description; its units and range are shown nowhere else", name)
	if name == "confirm" {
		assert.Regexp(t, "^Type the (host|image)'s name here too", p["description"], "the form may ask for it before the name itself")
	}
	assert.NotContains(t, runnerParameters, name, "%s belongs to the runner", name)
	assert.NotEqual(t, "limit", name, "the UI takes a field called limit for seconds")
	if required, given := p["required"]; given {
		assert.Equal(t, true, required, "%s: required: false breaks the order of the form", name)
	}
	assert.NotContains(t, p, "secret", "%s: a secret in a parameter shows in ps and in logs", name)
	switch p["type"] {
	case "boolean":
		assert.NotEqual(t, true, p["default"], "%s: the UI cannot switch off a boolean that is true by default", name)
	case "object":
		t.Errorf("%s: operators cannot fill in an object", name)
	case "array":
		items, _ := p["items"].(map[string]any)
		assert.Equal(t, "string", items["type"], "%s: only lists of texts can be typed", name)
	}
	assert.NotEqual(t, 0, p["default"], "%s: the UI shows a default of 0 as empty", name)
	choices, _ := p["enum"].([]any)
	for _, c := range choices {
		assert.IsType(t, "", c, "%s: choices other than texts cannot be chosen", name)
	}
	if d, given := p["default"]; given && len(choices) > 0 {
		assert.Equal(t, choices[0], d, "%s: the UI shows the first choice until something is touched, so the default must be first", name)
	}
}

func TestTheReferenceHasEveryWorkflowAndAction(t *testing.T) {
	page := string(read(t, "docs/actions.md"))
	for name := range names(files(t, "actions")) {
		assert.Contains(t, page, "\n### "+name+"\n")
	}
}

func TestFilesNameOnlyWhatExists(t *testing.T) {
	actions, workflows := names(files(t, "actions")), names(files(t, "workflows"))
	exists := func(t *testing.T, ref any) {
		t.Helper()
		if name, ok := strings.CutPrefix(ref.(string), "laas."); ok {
			assert.True(t, actions[name], "there is no action %s", ref)
		}
	}
	triggers := map[any]bool{}
	for _, path := range files(t, "sensors") {
		doc := readYAML(t, path)
		assert.FileExists(t, filepath.Join(root, "sensors", doc["entry_point"].(string)))
		types, _ := doc["trigger_types"].([]any)
		for _, tt := range types {
			triggers["laas."+tt.(map[string]any)["name"].(string)] = true
		}
	}
	for _, path := range files(t, "actions") {
		doc := readYAML(t, path)
		entry := doc["entry_point"].(string)
		if doc["runner_type"] == "orquesta" {
			assert.True(t, workflows[strings.TrimSuffix(filepath.Base(entry), ".yaml")] && strings.HasPrefix(entry, "workflows/"), "%s: %s does not exist", path, entry)
		} else {
			assert.FileExists(t, filepath.Join(root, "actions", entry), path)
		}
	}
	for name := range workflows {
		assert.True(t, actions[name], "workflows/%s.yaml has no metadata in actions/", name)
	}
	for _, path := range files(t, "rules") {
		doc := readYAML(t, path)
		exists(t, doc["action"].(map[string]any)["ref"])
		if trigger := doc["trigger"].(map[string]any)["type"].(string); strings.HasPrefix(trigger, "laas.") {
			assert.True(t, triggers[trigger], "%s: no sensor has the trigger %s", path, trigger)
		}
	}
	for _, path := range files(t, "policies") {
		exists(t, readYAML(t, path)["resource_ref"])
	}
	for _, path := range files(t, "aliases") {
		exists(t, readYAML(t, path)["action_ref"])
	}
}
