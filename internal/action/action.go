// Package action is the contract between the pack and StackStorm: how an action gets its parameters and configuration, what it
// prints, how it ends, and the metadata that StackStorm shows. Every leaf action is declared once, as an Action.
package action

import (
	"context"
	"fmt"
	"slices"
	"time"

	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/st2"
)

// Type of a parameter. StackStorm passes lists and objects as Python text and leaves out what is false or empty, so leaf
// actions have only these three.
type Type string

const (
	String  Type = "string"
	Integer Type = "integer"
	Boolean Type = "boolean" // default false, always
)

// Param is one parameter of an action.
type Param struct {
	Name        string
	Type        Type
	Description string
	Required    bool
	// Default of a string or integer; nil for none. Booleans have none: StackStorm cannot pass false.
	Default any
	// Enum lists the allowed texts, the default first.
	Enum []string
}

// Field is one key of an action's result, for the reference.
type Field struct{ Name, Description string }

// Action declares a leaf action.
type Action struct {
	Name        string
	Description string
	Params      []Param
	Output      []Field
	// Budget is the longest the action may run under a configuration: the sum of its stages, retries included. It is the
	// action's own deadline; the timeout in the metadata is computed from it under config.Maxima.
	Budget func(*config.Config) time.Duration
	// Run does the work. The result is a struct that embeds Result; it is printed as one JSON document.
	Run func(context.Context, *Call) (any, error)
}

// Result is what every action prints first.
type Result struct {
	// Summary is one sentence for the operator.
	Summary string `json:"summary"`
	// Host or Switch that the action was about.
	Host   string `json:"host,omitempty"`
	Switch string `json:"switch,omitempty"`
	// Changed is false when everything was already as wanted.
	Changed bool `json:"changed"`
}

// Call is one execution of an action.
type Call struct {
	Params Params
	Config *config.Config
	ST2    *st2.Client
	// Execution is the id of this execution in StackStorm, empty outside of it.
	Execution string
	// Info tells the operator which stage a long action is in. It must not be used by actions that end within seconds:
	// StackStorm's web UI labels the text "error".
	Info func(format string, args ...any)
}

// Params are the parameters of a call. A missing optional one is its zero value.
type Params map[string]any

// String gives a text parameter.
func (p Params) String(name string) string { s, _ := p[name].(string); return s }

// Int gives an integer parameter.
func (p Params) Int(name string) int { n, _ := p[name].(int); return n }

// Bool gives a boolean parameter.
func (p Params) Bool(name string) bool { b, _ := p[name].(bool); return b }

// Checkpoint is called before each step that cannot be taken back: it fails if the execution, or a workflow it belongs to,
// was cancelled, or if time is up.
func (c *Call) Checkpoint(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if c.Execution == "" {
		return nil
	}
	return cancelled(ctx, c.ST2, c.Execution)
}

// cancelled looks at the execution and its parents: the cancel of a workflow leaves its children's status alone.
func cancelled(ctx context.Context, client *st2.Client, id string) error {
	chain, err := client.Chain(ctx, id)
	if err != nil {
		return nil // not knowing is no reason to stop: the next look, or the deadline, ends the action
	}
	for _, e := range chain {
		if slices.Contains([]string{"canceling", "canceled"}, e.Status) {
			return fault.New(fault.Cancelled, "stopped: %s (execution %s) was cancelled", e.Action, e.ID).
				WithHint("what was done so far is in the job's journal; resume with laas.resume_job")
		}
	}
	return nil
}

// Set is the actions of a binary, by name.
type Set []*Action

// Find gives the action of a name.
func (s Set) Find(name string) (*Action, error) {
	var names []string
	for _, a := range s {
		if a.Name == name {
			return a, nil
		}
		names = append(names, a.Name)
	}
	return nil, fault.New(fault.Input, "there is no action %q", name).WithHint("the actions are %v", names)
}

// Parse checks and converts textual parameter values, all problems at once, and adds defaults.
func (a *Action) Parse(given map[string]string) (Params, error) {
	out, problems := Params{}, []fault.Problem(nil)
	for name := range given {
		if !slices.ContainsFunc(a.Params, func(p Param) bool { return p.Name == name }) {
			problems = append(problems, fault.Problem{Path: name, Text: "is not a parameter of this action"})
		}
	}
	for _, p := range a.Params {
		text, ok := given[p.Name]
		if !ok || text == "" {
			switch {
			case p.Default != nil:
				out[p.Name] = p.Default
			case p.Required:
				problems = append(problems, fault.Problem{Path: p.Name, Text: "is required: " + p.Description})
			}
			continue
		}
		v, err := p.convert(text)
		if err != nil {
			problems = append(problems, fault.Problem{Path: p.Name, Text: err.Error()})
			continue
		}
		out[p.Name] = v
	}
	return out, fault.FromProblems(fault.Input, "parameters of "+a.Name, problems)
}

func (p Param) convert(text string) (any, error) {
	switch p.Type {
	case Integer:
		var n int
		if _, err := fmt.Sscanf(text+"\n", "%d\n", &n); err != nil {
			return nil, fmt.Errorf("%q is not a whole number", text)
		}
		return n, nil
	case Boolean:
		switch text {
		case "true", "1":
			return true, nil
		case "false", "0":
			return false, nil
		}
		return nil, fmt.Errorf("%q is neither true nor false", text)
	}
	if len(p.Enum) > 0 && !slices.Contains(p.Enum, text) {
		return nil, fmt.Errorf("%q is not allowed; choose one of %v", text, p.Enum)
	}
	return text, nil
}
