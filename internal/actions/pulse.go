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
	checkIn time.Time
	// moved is when it got on last, writing since when it is being written, seen when it was looked at last.
	moved, writing, seen time.Time
	// waiting is how long it has waited for one of FOG's slots.
	waiting time.Duration
}

// beat takes in what FOG says now. A host that waits for one of FOG's slots checks in again and again, every few seconds; that is no standstill.
func (p *pulse) beat(t fog.Task, now time.Time) {
	waits := t.State <= fog.TaskCheckedIn && !p.checkIn.IsZero() && !t.CheckIn.Equal(p.checkIn)
	if p.moved.IsZero() || t.State != p.state || t.Percent != p.percent || waits {
		p.moved = now
	}
	if waits {
		p.waiting += now.Sub(p.seen)
	}
	if t.State == fog.TaskInProgress && p.writing.IsZero() {
		p.writing = now
	}
	p.state, p.percent, p.checkIn, p.seen = t.State, t.Percent, t.CheckIn, now
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
			WithHint("look at FOG's storage node and at the network in between; imaging.deadline is the limit, imaging.capture_deadline that of a capture")
	case p.waiting > limit:
		return fault.New(fault.Failed, "FOG let the task wait for a free slot for %s", limit).
			WithHint("look at FOG's active tasks: those of others hold the slots")
	}
	return nil
}
