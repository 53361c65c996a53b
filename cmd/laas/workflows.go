package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	laas "stackstorm-laas"
	"stackstorm-laas/internal/action"
)

// wordList is the type of a parameter that only workflows have: words with commas between them.
const wordList action.Type = "array"

// declaration is the metadata of a workflow, as far as it is for whoever starts it.
type declaration struct {
	Name        string
	Description string
	Runner      string `yaml:"runner_type"`
	Parameters  map[string]struct {
		Type        action.Type
		Description string
		Required    bool
		Immutable   bool
		Enum        []string
		Default     any
		Position    int
	}
}

// workflows are the pack's workflows, with what they take in the order of their forms. Only StackStorm runs them.
func workflows() (out []*action.Action, err error) {
	files, err := laas.Actions.ReadDir("actions")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := laas.Actions.ReadFile("actions/" + f.Name())
		if err != nil {
			return nil, err
		}
		var d declaration
		if err := yaml.Unmarshal(text, &d); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		if d.Runner == "orquesta" {
			out = append(out, d.action())
		}
	}
	return out, nil
}

func (d declaration) action() *action.Action {
	a := &action.Action{Name: d.Name, Description: d.Description}
	names := slices.SortedFunc(maps.Keys(d.Parameters), func(x, y string) int {
		return cmp.Or(cmp.Compare(d.Parameters[x].Position, d.Parameters[y].Position), cmp.Compare(x, y))
	})
	for _, name := range names {
		p := d.Parameters[name]
		if p.Immutable {
			continue
		}
		a.Params = append(a.Params, action.Param{Name: name, Type: p.Type, Description: p.Description, Required: p.Required, Enum: p.Enum, Default: p.Default})
	}
	return a
}

// words makes a list of the text of a list parameter.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
