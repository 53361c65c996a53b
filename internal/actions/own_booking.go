package actions

import (
	"context"
	"fmt"
	"slices"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/fault"
)

// fromBooking plans to image a booked host once more, as it was booked or with another image. Everything else of the booking stays.
func (t *taking) fromBooking(ctx context.Context) (any, error) {
	switch {
	case t.purpose != booking.ForImage && t.purpose != booking.ForCapture:
		return nil, fault.New(fault.Refused, "%s belongs to %s", t.host.Name, t.owner.Whose()).WithHint("its disks are wiped when the booking ends")
	case t.owner.Ending:
		return nil, fault.New(fault.Refused, "%s is being taken back from %s", t.host.Name, t.owner.Whose())
	case t.Params.String("confirm") != t.host.Name:
		return nil, t.unconfirmed()
	}
	busy, err := t.busy(ctx)
	if err != nil {
		return nil, err
	}
	if slices.Contains(busy, t.owner.Job) {
		return nil, fault.New(fault.Refused, "an execution of %s works on job %d", ProcessJob, t.owner.Job).WithHint("wait for it, or cancel it first")
	}
	plan, what, err := (*booking.Plan)(nil), "to image it once more", error(nil)
	if t.purpose == booking.ForCapture {
		what = "to capture it"
		plan, err = t.snapshot(ctx)
	} else {
		plan, err = t.again(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := booking.SavePlan(ctx, t.ST2, plan); err != nil {
		return nil, err
	}
	return takenHost{Result: action.Result{Summary: fmt.Sprintf("%s: job %d is %s", t.host.Name, plan.Job, what), Host: t.host.Name, Changed: true},
		Job: plan.Job, Digest: plan.Digest, Switches: union([]string{}, t.host), Booking: true, Rest: stateBooked}, nil
}

// snapshot is a capture that the dashboard knows nothing of.
func (t *taking) snapshot(ctx context.Context) (*booking.Plan, error) {
	task := booking.Planned{Generation: 1, Task: payload.Task{ID: "capture-" + t.host.Name, Kind: payload.KindSnapshot, Host: t.host.DashboardID,
		Snapshot: &payload.Snapshot{Host: t.host.DashboardID, Name: t.Params.String("name")}}}
	before, err := t.Record(ctx, t.owner.Job, task.ID)
	switch {
	case err == nil:
		task.Generation = before.Generation + 1
	case !fault.Is(err, fault.NotFound):
		return nil, err
	}
	task.Content = task.Digest()
	plan := booking.NewPlan(t.owner.Job, []booking.Planned{task}, t.Now())
	plan.Quiet = true
	return plan, nil
}

// again is the booking's own work on the host, in the next generation of its tasks.
func (t *taking) again(ctx context.Context) (*booking.Plan, error) {
	booked, err := t.asBooked(ctx, t.owner.Job, t.host)
	if err != nil {
		return nil, err
	}
	var tasks []booking.Planned
	for _, b := range booked {
		next := *b.task
		next.Generation = b.rec.Generation + 1
		if next.Hardware != nil {
			hardware := *next.Hardware
			if image := t.Params.String("image"); image != "" {
				hardware.Image = image
			}
			next.Hardware = &hardware
		}
		tasks = append(tasks, next)
	}
	if !slices.ContainsFunc(tasks, func(p booking.Planned) bool { return p.Hardware != nil && !p.Hardware.Release() }) {
		return nil, fault.New(fault.Refused, "job %d does not say how %s is to be set up", t.owner.Job, t.host.Name)
	}
	return booking.NewPlan(t.owner.Job, tasks, t.Now()), nil
}
