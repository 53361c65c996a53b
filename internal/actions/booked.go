package actions

import (
	"context"
	"slices"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/inventory"
)

// bookedTask is a task of a booking with its record.
type bookedTask struct {
	rec  *booking.TaskRecord
	task *booking.Planned
}

// asBooked lists the tasks by which a host was set up for a booking, as they were wanted last. They may come from several plans.
func (l *lab) asBooked(ctx context.Context, job int, host *inventory.Host) ([]bookedTask, error) {
	all, err := l.Tasks(ctx, job)
	if err != nil {
		return nil, err
	}
	var out []bookedTask
	for _, rec := range all {
		plan, err := booking.LoadPlan(ctx, l.ST2, rec.Job, rec.Plan)
		if err != nil {
			return nil, err
		}
		task, err := plan.Task(rec.Task)
		if err != nil || task.Host != host.DashboardID && (task.Access == nil || !slices.Contains(task.Access.Hosts, host.DashboardID)) {
			continue // of another host, or a record that a host has without a task
		}
		if task.Hardware != nil || task.Network != nil || task.Access != nil && task.Access.Type == "ssh" {
			out = append(out, bookedTask{rec, task})
		}
	}
	return out, nil
}

// remember loads what the host of a booking is apart from what is done with it now: its networks, and its tenant's account on the BMC.
func (h *hostRun) remember(ctx context.Context) error {
	tasks, err := h.asBooked(ctx, h.job.Job, h.host)
	if err != nil {
		return err
	}
	plan := &booking.Plan{Job: h.job.Job}
	for _, t := range tasks {
		plan.Tasks = append(plan.Tasks, *t.task)
		if t.rec.BMC != nil && t.rec.HandedOver != nil {
			h.account = t.rec.BMC
		}
	}
	h.had, err = plan.Host(h.host.DashboardID)
	return err
}
