package orquesta

import (
	"slices"
	"sort"
)

// following lists the tasks after one, by name and then as written.
func (s *Spec) following(id string) []edge {
	t := s.tasks[id]
	if t == nil {
		return nil
	}
	var out []edge
	for i, tr := range t.next {
		for _, to := range tr.do {
			out = append(out, edge{from: id, to: to, ref: i, when: tr.when})
		}
	}
	sort.SliceStable(out, func(a, b int) bool { return out[a].to < out[b].to })
	return out
}

// preceding lists the transitions that lead to a task, from all tasks of the definition.
func (s *Spec) preceding(id string) (out []edge) {
	for _, from := range s.order {
		for _, e := range s.following(from) {
			if e.to == id {
				out = append(out, e)
			}
		}
	}
	return out
}

func (s *Spec) startTasks() (out []string) {
	for _, id := range s.order {
		if len(s.preceding(id)) == 0 {
			out = append(out, id)
		}
	}
	sort.Strings(out)
	return out
}

func (s *Spec) isJoin(id string) bool { return s.tasks[id] != nil && s.tasks[id].join != nil }

func (s *Spec) isSplit(id string) bool { return !s.isJoin(id) && len(s.preceding(id)) > 1 }

// inCycle says whether a task can lead to itself.
func (s *Spec) inCycle(id string) bool {
	var seen []string
	queue := s.following(id)
	for len(queue) > 0 {
		to := queue[0].to
		queue = queue[1:]
		if to == id {
			return true
		}
		if !slices.Contains(seen, to) {
			seen = append(seen, to)
			queue = append(queue, s.following(to)...)
		}
	}
	return false
}

// compose numbers the transitions of the tasks that can be reached.
func (s *Spec) compose() {
	queue := s.startTasks()
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		if _, done := s.edges[id]; done {
			continue
		}
		s.edges[id] = []edge{}
		for _, e := range s.following(id) {
			same := func(o edge) bool { return o.to == e.to && o.ref == e.ref }
			if slices.ContainsFunc(s.edges[id], same) {
				continue
			}
			for _, o := range s.edges[id] {
				if o.to == e.to {
					e.n++
				}
			}
			s.edges[id] = append(s.edges[id], e)
			queue = append(queue, e.to)
		}
	}
}

// inbound lists the transitions to a task from tasks that can be reached.
func (s *Spec) inbound(id string) (out []edge) {
	for _, edges := range s.edges {
		for _, e := range edges {
			if e.to == id {
				out = append(out, e)
			}
		}
	}
	return out
}
