package actions

import (
	"time"

	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
)

// pulse is what was seen of a FOG task over time: whether it gets on.
type pulse struct {
	state   fog.TaskState
	percent int
	// moved is when it got on last, writing since when it is being written, waiting how long it has waited for one of FOG's slots.
	moved, writing time.Time
	waiting        time.Duration
	last           time.Time
}

// beat takes in what FOG says now. waits says that the task is not being worked on because all of FOG's slots are taken by others.
func (p *pulse) beat(t fog.Task, waits bool, now time.Time) {
	if p.moved.IsZero() || t.State != p.state || t.Percent != p.percent || waits {
		p.moved = now
	}
	if waits && !p.last.IsZero() {
		p.waiting += now.Sub(p.last)
	}
	if t.State == fog.TaskInProgress && p.writing.IsZero() {
		p.writing = now
	}
	p.state, p.percent, p.last = t.State, t.Percent, now
}

// forgive leaves out of account a time in which FOG did not answer.
func (p *pulse) forgive(d time.Duration) {
	if !p.moved.IsZero() {
		p.moved = p.moved.Add(d)
	}
}

// stalled says that the task does not get on, and where it stands; nil while it does.
func (p *pulse) stalled(c config.Imaging, now time.Time) error {
	still := now.Sub(p.moved)
	switch {
	case p.state <= fog.TaskQueued && still > c.CheckIn.D():
		return fault.New(fault.Failed, "the host did not check in with FOG within %s: it has not booted from the network", c.CheckIn.D()).
			WithHint("look at its console and at DHCP and TFTP in the provisioning VLAN")
	case p.state > fog.TaskQueued && still > c.Stall.D():
		return fault.New(fault.Failed, "imaging has stood still at %d%% for %s (FOG says %s)", p.percent, c.Stall.D(), p.state).
			WithHint("look at the host's console and at FOG's storage node")
	}
	return nil
}

// late says that the time for it is up although it gets on.
func (p *pulse) late(c config.Imaging, now time.Time) error {
	limit := c.Deadline.D()
	switch {
	case !p.writing.IsZero() && now.Sub(p.writing) > limit:
		return fault.New(fault.Failed, "FOG had not written the image within %s, it reached %d%%", limit, p.percent).
			WithHint("look at FOG's storage node and at the network in between; imaging.deadline is the limit")
	case p.waiting > limit:
		return fault.New(fault.Failed, "FOG let the task wait for a free slot for %s", limit).
			WithHint("look at FOG's active tasks: those of others hold the slots")
	}
	return nil
}
