package booking

import (
	"context"
	"fmt"
	"time"

	"stackstorm-laas/internal/booking/payload"
)

// OwnJobs is the number of the lab's first own job. An own job is what an operator wants done with a host that no booking has; it is worked on
// like a booking, and the dashboard hears nothing of it. The dashboard's own numbers are far below.
const OwnJobs = 1_000_000_000

// IsOwn says whether a job is one of the lab's own.
func IsOwn(job int) bool { return job >= OwnJobs }

// Purpose is what an own job is for.
type Purpose string

// The purposes.
const (
	ForImage   Purpose = "image"
	ForCapture Purpose = "capture"
	ForUpdate  Purpose = "update"
	ForWipe    Purpose = "wipe"
	ForReserve Purpose = "reserve"
	ForFree    Purpose = "free"
)

// Own is what is particular to an own job.
type Own struct {
	Purpose Purpose `json:"purpose"`
	// Pooled says that the host was in the dashboard's pool and goes back there.
	Pooled bool `json:"pooled,omitempty"`
	// Out says that it has left the pool without having been booked meanwhile.
	Out bool `json:"out,omitempty"`
	// Untouched says that nobody but the lab has the host in this job, so that its disks are not wiped in the end. What they held before is TaskRecord.Lent.
	Untouched bool `json:"untouched,omitempty"`
	// Wipe is the method of wiping that was asked for; empty for the lab's.
	Wipe string `json:"wipe,omitempty"`
}

// Silent says that the dashboard is not to be told of the plan's tasks.
func (p *Plan) Silent() bool { return p.Vanished || p.Own != nil || p.Quiet }

// OwnPlan plans an own job on one host, in the generation after before, which may be nil. hardware or snapshot may be nil, not both.
func OwnPlan(job int, host, labID string, hardware *payload.Hardware, snapshot *payload.Snapshot, own Own, before *TaskRecord, now time.Time) *Plan {
	var tasks []Planned
	add := func(t payload.Task) {
		p := Planned{Task: t, Generation: 1}
		if p.ID, p.Host = "own-"+host, labID; len(tasks) > 0 {
			p.ID = "own-snapshot-" + host
		}
		if before != nil {
			p.Generation = before.Generation + 1
		}
		p.Content = p.Digest()
		tasks = append(tasks, p)
	}
	if hardware != nil {
		add(payload.Task{Kind: payload.KindHardware, Hardware: hardware})
	}
	if snapshot != nil {
		add(payload.Task{Kind: payload.KindSnapshot, Snapshot: snapshot})
	}
	p := NewPlan(job, tasks, now)
	p.Own = &own
	return p
}

// NextOwn gives the number of the next own job. Its one caller runs one at a time.
func (j Journal) NextOwn(ctx context.Context) (int, error) {
	jobs, err := records[JobRecord](ctx, j.Store, JobPrefix)
	next := OwnJobs
	for _, r := range jobs {
		next = max(next, r.Job+1)
	}
	return next, err
}

// Whose tells people who has the host.
func (o *Owner) Whose() string {
	switch {
	case o.Reservation != "":
		return fmt.Sprintf("the reservation of %s", o.Reservation)
	case IsOwn(o.Job):
		return fmt.Sprintf("the lab's own job %d", o.Job)
	}
	return fmt.Sprintf("job %d", o.Job)
}
