package engine

import (
	"reflect"
	"slices"
)

// policy holds executions of one action apart. Like StackStorm's it looks at executions of that action reference only, and
// only at those that are scheduled or running: a cancelled one does not count although its process runs on.
type policy struct {
	Name       string `json:"name"`
	Enabled    *bool  `json:"enabled"`
	Type       string `json:"policy_type"`
	Resource   string `json:"resource_ref"`
	Parameters struct {
		Threshold  int      `json:"threshold"`
		Action     string   `json:"action"`
		Attributes []string `json:"attributes"`
	} `json:"parameters"`
}

func (l *loader) loadPolicy(file string) {
	p := &policy{}
	if !l.read(file, p) || (p.Enabled != nil && !*p.Enabled) {
		return
	}
	a := l.actions[p.Resource]
	switch {
	case !slices.Contains([]string{"action.concurrency", "action.concurrency.attr"}, p.Type):
		l.add(file, "the policy type %q is not supported", p.Type)
	case !slices.Contains([]string{"", "delay", "cancel"}, p.Parameters.Action):
		l.add(file, "the policy action %q is neither delay nor cancel", p.Parameters.Action)
	case a == nil:
		l.add(file, "the action %s does not exist", p.Resource)
	default:
		for _, name := range p.Parameters.Attributes {
			if _, ok := a.param(name); !ok {
				l.add(file, "%s has no parameter %s", p.Resource, name)
			}
		}
		l.policies[p.Resource] = append(l.policies[p.Resource], p)
	}
}

// admit decides what becomes of a requested execution: scheduled, delayed or canceled. The engine's lock is held.
func (e *Engine) admit(r *run) string {
	for _, p := range e.pack.policies[r.action.Ref] {
		busy := 0
		for other := range e.live {
			if other != r && other.action == r.action && (other.Status == scheduled || other.Status == running) && p.together(r, other) {
				busy++
			}
		}
		switch {
		case busy < p.Parameters.Threshold:
		case p.Parameters.Action == "cancel":
			return canceled
		default:
			return delayed
		}
	}
	return scheduled
}

// together says whether two executions have the policy's attributes in common. As in StackStorm an attribute that the
// newer one was not given counts for nothing.
func (p *policy) together(r, other *run) bool {
	for _, name := range p.Parameters.Attributes {
		if v, ok := r.Parameters[name]; ok && !reflect.DeepEqual(v, other.Parameters[name]) {
			return false
		}
	}
	return true
}
