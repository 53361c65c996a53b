package actions

import (
	"context"
	"fmt"
	"slices"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
)

// fromBooking plans to image a booked host once more, as it was booked or with another image. Everything else of the booking stays.
func (t *taking) fromBooking(ctx context.Context) (any, error) {
	switch {
	case t.purpose != booking.ForImage:
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
	plan, err := t.again(ctx)
	if err != nil {
		return nil, err
	}
	if err := booking.SavePlan(ctx, t.ST2, plan); err != nil {
		return nil, err
	}
	return takenHost{Result: action.Result{Summary: fmt.Sprintf("%s: job %d is to image it once more", t.host.Name, plan.Job), Host: t.host.Name, Changed: true},
		Job: plan.Job, Digest: plan.Digest, Switches: union([]string{}, t.host), Booking: true, Rest: stateBooked}, nil
}

// again is the booking's own work on the host, in the next generation of its tasks.
func (t *taking) again(ctx context.Context) (*booking.Plan, error) {
	all, err := t.Tasks(ctx, t.owner.Job)
	if err != nil {
		return nil, err
	}
	var tasks []booking.Planned
	for _, rec := range all {
		plan, err := booking.LoadPlan(ctx, t.ST2, rec.Job, rec.Plan)
		if err != nil {
			return nil, err
		}
		task, err := plan.Task(rec.Task)
		if err != nil || task.Host != t.host.DashboardID && (task.Access == nil || !slices.Contains(task.Access.Hosts, t.host.DashboardID)) {
			continue // of another host, or a record that a host has without a task
		}
		next := *task
		next.Generation = rec.Generation + 1
		if next.Hardware != nil {
			hardware := *next.Hardware
			if image := t.Params.String("image"); image != "" {
				hardware.Image = image
			}
			next.Hardware = &hardware
		}
		if next.Hardware != nil || next.Network != nil || next.Access != nil && next.Access.Type == "ssh" {
			tasks = append(tasks, next)
		}
	}
	if !slices.ContainsFunc(tasks, func(p booking.Planned) bool { return p.Hardware != nil && !p.Hardware.Release() }) {
		return nil, fault.New(fault.Refused, "job %d does not say how %s is to be set up", t.owner.Job, t.host.Name)
	}
	return booking.NewPlan(t.owner.Job, tasks, t.Now()), nil
}
