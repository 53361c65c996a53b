package orquesta

import "stackstorm-laas/internal/orquesta/jinja"

// TaskInfo is a task as written.
type TaskInfo struct {
	Name   string
	Action string // "" if it has none or an expression gives it
	With   bool
	Join   bool
	Input  map[string]any
	Line   int
	Next   []Transition
}

// Transition is one entry of next.
type Transition struct {
	When string
	Do   []string
}

// Tasks are the tasks as written, in order.
func (s *Spec) Tasks() []TaskInfo {
	var out []TaskInfo
	for _, id := range s.order {
		t := s.tasks[id]
		info := TaskInfo{Name: id, With: t.items != "", Join: t.join != nil, Line: s.line("tasks", id)}
		if !hasExpression(t.action) {
			info.Action = t.action
		}
		info.Input, _ = jinja.ToGo(t.input).(map[string]any)
		for _, tr := range t.next {
			info.Next = append(info.Next, Transition{tr.when, tr.do})
		}
		out = append(out, info)
	}
	return out
}
