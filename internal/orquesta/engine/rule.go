package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/orquesta/jinja"
)

// rule starts an action for a trigger.
type rule struct {
	ID      string `json:"-"`
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
	Trigger struct {
		Type       string         `json:"type"`
		Parameters map[string]any `json:"parameters"`
	} `json:"trigger"`
	Criteria map[string]criterion `json:"criteria"`
	Action   struct {
		Ref        string         `json:"ref"`
		Parameters map[string]any `json:"parameters"`
	} `json:"action"`
}

type criterion struct {
	Type    string `json:"type"`
	Pattern any    `json:"pattern"`
}

const intervalTimer = "core.st2.IntervalTimer"

var units = map[string]time.Duration{"seconds": time.Second, "minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour}

func (l *loader) loadRule(file string) {
	r := &rule{ID: newID()}
	if !l.read(file, r) {
		return
	}
	r.Trigger.Parameters, _ = jsonable(r.Trigger.Parameters).(map[string]any)
	r.Action.Parameters, _ = jsonable(r.Action.Parameters).(map[string]any)
	switch {
	case r.Trigger.Type == intervalTimer && r.interval() <= 0:
		l.add(file, "the timer needs a unit (seconds, minutes, hours, days) and a delta")
	case r.Trigger.Type != intervalTimer && l.triggers[r.Trigger.Type] == nil:
		l.add(file, "the trigger type %s does not exist, or is not supported", r.Trigger.Type)
	}
	for key, c := range r.Criteria {
		if !strings.HasPrefix(key, "trigger.") || operators[c.Type] == nil {
			l.add(file, "the criterion %s of type %q is not supported", key, c.Type)
		}
		if c.Pattern == nil {
			l.add(file, "the criterion %s needs a pattern, also where it means nothing", key)
		}
	}
	if r.Enabled {
		l.rules = append(l.rules, r)
	}
}

func (r *rule) interval() time.Duration {
	unit, _ := r.Trigger.Parameters["unit"].(string)
	delta, _ := r.Trigger.Parameters["delta"].(int)
	return time.Duration(delta) * units[unit]
}

// operators compare a value of the payload with a criterion's pattern.
var operators = map[string]func(value, pattern any) bool{
	"equals":     reflect.DeepEqual,
	"eq":         reflect.DeepEqual,
	"nequals":    func(v, p any) bool { return !reflect.DeepEqual(v, p) },
	"neq":        func(v, p any) bool { return !reflect.DeepEqual(v, p) },
	"exists":     func(v, _ any) bool { return v != nil },
	"nexists":    func(v, _ any) bool { return v == nil },
	"iequals":    func(v, p any) bool { return strings.EqualFold(text(v), text(p)) },
	"startswith": func(v, p any) bool { return strings.HasPrefix(text(v), text(p)) },
	"endswith":   func(v, p any) bool { return strings.HasSuffix(text(v), text(p)) },
	"contains":   func(v, p any) bool { return strings.Contains(text(v), text(p)) },
	"regex": func(v, p any) bool {
		re, err := regexp.Compile(text(p))
		return err == nil && re.MatchString(text(v))
	},
}

func text(v any) string { return jinja.Str(jinja.FromGo(v)) }

// Dispatch fires a trigger as a sensor does. A payload that does not fit the trigger's schema is a fault.Input and starts
// nothing. Every rule that matches starts its action; the error tells of those whose action could not be requested, which
// StackStorm would only log.
func (e *Engine) Dispatch(_ context.Context, trigger string, payload map[string]any, traceTag string) error {
	payload, err := e.payload(trigger, payload)
	if err != nil {
		return err
	}
	return e.fire(trigger, payload, traceTag, nil)
}

// payload holds what was dispatched against the trigger's schema.
func (e *Engine) payload(trigger string, given any) (map[string]any, error) {
	s, ok := e.pack.triggers[trigger]
	if !ok {
		return nil, fault.New(fault.Input, "trigger %s is not registered", trigger)
	}
	payload, ok := jsonable(given).(map[string]any)
	if !ok {
		return nil, fault.New(fault.Input, "payload of trigger %s: %s is not of type 'object'", trigger, repr(given))
	}
	if err := validate(standard(s), payload); err != nil {
		return nil, fault.New(fault.Input, "payload of trigger %s: %w", trigger, err)
	}
	return payload, nil
}

// fire enforces the rules of a trigger; only is a single rule, for timers, or nil for all that match.
func (e *Engine) fire(trigger string, payload map[string]any, traceTag string, only *rule) error {
	var errs []error
	instance := newID()
	for _, r := range e.pack.rules {
		if r.Trigger.Type != trigger || (only != nil && only != r) || !r.matches(payload) {
			continue
		}
		if err := e.enforce(r, instance, payload, traceTag); err != nil {
			e.log.Error("rule could not start its action", "rule", r.Name, "error", err)
			errs = append(errs, fault.New(fault.Input, "rule %s: %w", r.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (r *rule) matches(payload map[string]any) bool {
	for key, c := range r.Criteria {
		v := value(payload, strings.Split(strings.TrimPrefix(key, "trigger."), "."))
		if !operators[c.Type](v, jsonable(c.Pattern)) {
			return false
		}
	}
	return true
}

// enforce renders a rule's parameters from the payload, casts them as the action declares, and requests the action.
func (e *Engine) enforce(r *rule, instance string, payload map[string]any, traceTag string) error {
	a := e.pack.actions[r.Action.Ref]
	if a == nil {
		return refusal("Action \"%s\" cannot be found.", r.Action.Ref)
	}
	vars := map[string]any{"trigger": jinja.FromGo(payload), "st2kv": e.datastore()}
	params := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(r.Action.Parameters)) {
		v := r.Action.Parameters[name]
		if s, ok := v.(string); ok && isTemplate(s) {
			rendered, err := render(s, vars)
			if err != nil {
				return refusal("Failed to render parameter \"%s\": %v", name, err)
			}
			v = rendered
		}
		s, _ := a.param(name)
		v, err := cast(v, s)
		if err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
		params[name] = v
	}
	c := map[string]any{"user": "stanley", "rule": map[string]any{"id": r.ID, "name": r.Name}, "trigger_instance": map[string]any{"id": instance}}
	if traceTag != "" {
		c["trace_context"] = map[string]any{"trace_tag": traceTag}
	}
	_, err := e.request(order{action: a.Ref, params: params, context: c, traceTag: traceTag})
	return err
}

// startTimers fires interval timers until the engine is closed; the first time after one interval.
func (e *Engine) startTimers() {
	for _, r := range e.pack.rules {
		if r.Trigger.Type != intervalTimer {
			continue
		}
		e.work.Add(1)
		go func() {
			defer e.work.Done()
			t := time.NewTicker(r.interval())
			defer t.Stop()
			for {
				select {
				case <-e.ctx.Done():
					return
				case at := <-t.C:
					payload := map[string]any{"executed_at": at.UTC().Format(time.RFC3339Nano), "schedule": jsonable(r.Trigger.Parameters)}
					_ = e.fire(intervalTimer, payload, "", r) // logged
				}
			}
		}()
	}
}
