package orquesta

import (
	"fmt"
	"slices"

	"stackstorm-laas/internal/orquesta/jinja"
)

// nextTaskStatus is the status of a task after an event of its action or of one of its items.
func nextTaskStatus(now string, ev event, st *staged) string {
	if ev.command || ev.status == running {
		if ev.status == running && now == canceling {
			return now
		}
		return ev.status
	}
	if slices.Contains(completed, now) {
		return now
	}
	if ev.item < 0 {
		switch ev.status {
		case timeout, abandoned:
			return failed
		}
		return ev.status
	}
	active, incomplete := countItems(st.items, ev.item)
	among := func(statuses ...string) bool {
		for i, s := range st.items {
			if i != ev.item && slices.Contains(statuses, s) {
				return true
			}
		}
		return false
	}
	switch {
	case active > 0 && ev.status == canceled:
		return canceling
	case active > 0:
		return now
	case now == canceling:
		if ev.status == succeeded && incomplete == 0 && !among(canceled, failed, timeout, abandoned) {
			return succeeded
		}
		return canceled
	case ev.status == canceled || among(canceled):
		return canceled
	case ev.status != succeeded || among(failed, timeout, abandoned):
		return failed
	case incomplete > 0:
		return running
	}
	return succeeded
}

// react changes the workflow after a task changed.
func (c *Conductor) react(e *execution) {
	next, barrier := c.hasNext(e)
	dormant := !c.hasActive()
	if c.status != running && c.status != canceling {
		return
	}
	switch {
	case e.status == succeeded || e.status == failed && (next || barrier):
		switch {
		case c.hasStatus(canceling, canceled):
			c.toCancel(dormant, c.status == running)
		case c.status == canceling:
			c.toCancel(dormant, true)
		case dormant && !c.hasStaged() && !next:
			c.status = succeeded
		}
	case e.status == failed && c.status == running:
		c.status = failed
	case e.status == failed, e.status == canceled, e.status == retrying && c.status == canceling:
		c.toCancel(dormant, true)
	case e.status == canceling && c.status == running:
		c.status = canceling
		return
	default:
		return
	}
	if c.ended() {
		c.failUnreachable()
	}
}

func (c *Conductor) toCancel(dormant, active bool) {
	switch {
	case dormant:
		c.status = canceled
	case active:
		c.status = canceling
	}
}

// failUnreachable fails a workflow that ended with a join that some branches have reached.
func (c *Conductor) failUnreachable() {
	for _, st := range slices.Clone(c.staged) {
		if !c.spec.isJoin(st.id) || st.ready || c.inboundStatus(st.id, st.route) != notSatisfied {
			continue
		}
		c.status = failed
		c.logError(&jinja.Error{
			Class: "UnreachableJoinError",
			Text:  fmt.Sprintf(`The join task|route "%s|%d" is partially satisfied but unreachable.`, st.id, st.route),
		}, "task_id", st.id, "route", st.route)
	}
}
