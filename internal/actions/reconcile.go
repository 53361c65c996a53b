package actions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/fault"
)

// live are the states of an execution that may still do something.
var live = []string{"requested", "scheduled", "delayed", "running", "pausing", "paused", "resuming", "canceling"}

// ProcessJob is the workflow that works on a job.
const ProcessJob = "laas.process_job"

type reconcileResult struct {
	action.Result
	Resumed   []int `json:"resumed"`
	Cancelled []int `json:"cancelled"`
	// Missing are jobs with hosts that the dashboard does not know, Ended those of them that were ended for that.
	Missing []int `json:"missing"`
	Ended   []int `json:"ended"`
}

var reconcile = &action.Action{
	Name: "reconcile",
	Description: "Find jobs that the dashboard shows as new or in progress while no execution works on them, and resume them. " +
		"A job whose run an operator cancelled is not resumed: its tasks end in error with that reason, until laas.resume_job. " +
		"A job that owns hosts and that the dashboard no longer knows is ended after dashboard.vanish_grace.",
	Output: []action.Field{{Name: "resumed", Description: "Jobs that were started again."}, {Name: "cancelled", Description: "Jobs that were reported as cancelled."},
		{Name: "missing", Description: "Jobs that own hosts and that the dashboard no longer knows."}, {Name: "ended", Description: "Jobs of which that was true for too long: their hosts are being taken back."}},
	Budget: sum(records, records, records, records, alarmCall, func(c *config.Config) time.Duration { return dashboardCalls(c, 16) }),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l := open(c)
		d, err := l.dashboard()
		if err != nil {
			return nil, err
		}
		offered, err := offers(ctx, d)
		if err != nil {
			return nil, err
		}
		busy, err := l.busy(ctx)
		if err != nil {
			return nil, err
		}
		out := reconcileResult{Resumed: []int{}, Cancelled: []int{}, Missing: []int{}, Ended: []int{}}
		var troubles []error // of one job, which stop no other
		for _, id := range offered {
			if !slices.Contains(busy, id) {
				troubles = append(troubles, fault.Wrap(l.orphan(ctx, d, id, &out), "job %d", id))
			}
		}
		troubles = append(troubles, l.vanished(ctx, d, offered, busy, &out), l.unheard(ctx, busy, &out))
		if err := errors.Join(troubles...); err != nil {
			return nil, fault.As(fault.KindOf(firstOf(troubles)), err)
		}
		out.Result = action.Result{Changed: len(out.Resumed)+len(out.Cancelled)+len(out.Ended) > 0,
			Summary: fmt.Sprintf("%d job(s) on the dashboard, %d being worked on, %d resumed, %d reported as cancelled", len(offered), len(busy), len(out.Resumed), len(out.Cancelled))}
		if len(out.Missing)+len(out.Ended) > 0 {
			out.Summary += fmt.Sprintf("; unknown to the dashboard: job(s) %v, which end after %s, and %v, whose hosts are being taken back now",
				out.Missing, c.Config.Dashboard.Vanish.D(), out.Ended)
		}
		return out, nil
	},
}

func firstOf(errs []error) error {
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	return errs[i]
}

// offers lists the jobs that have a task which is new or in progress.
func offers(ctx context.Context, d *dashboard.Client) ([]int, error) {
	var out []int
	for _, list := range []dashboard.List{dashboard.ListNew, dashboard.ListCurrent} {
		jobs, _, err := d.Jobs(ctx, list)
		if err != nil {
			return nil, err
		}
		for _, j := range jobs {
			out = append(out, j.ID)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// busy lists the jobs that a live execution works on.
func (l *lab) busy(ctx context.Context) ([]int, error) {
	executions, err := l.ST2.Executions(ctx, ProcessJob, live...)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, e := range executions {
		if id, ok := e.Parameters["job_id"].(float64); ok {
			out = append(out, int(id))
		}
	}
	return out, nil
}

// orphan resumes a job that nobody works on, if it was ours to work on.
func (l *lab) orphan(ctx context.Context, d *dashboard.Client, id int, out *reconcileResult) error {
	plan, err := booking.LoadPlan(ctx, l.ST2, id, "")
	if fault.Is(err, fault.NotFound) {
		return nil // the sensor has not dispatched it yet
	}
	if err != nil {
		return err
	}
	job, err := l.Job(ctx, id)
	if err != nil {
		return err
	}
	now, err := asks(ctx, d, id)
	if err != nil {
		return err
	}
	unfinished, err := l.unfinished(ctx, plan, now)
	if err != nil {
		return err
	}
	switch {
	case job == nil || job.Plan != plan.Digest: // dispatched and never claimed
		if l.Now().Sub(plan.Dispatched) < l.Config.ST2.OrphanGrace.D() {
			return nil
		}
	case !unfinished:
		return nil // what is new there is new work, for the sensor
	default:
		return l.resume(ctx, job, plan, out)
	}
	return l.startAgain(ctx, id, plan, out)
}

// resume goes on with a run that nobody works on, unless an operator cancelled it.
func (l *lab) resume(ctx context.Context, job *booking.JobRecord, plan *booking.Plan, out *reconcileResult) error {
	cancelled, err := l.wasCancelled(ctx, job)
	if err != nil {
		return err
	}
	if cancelled {
		return l.closeCancelled(ctx, job, plan, out)
	}
	return l.startAgain(ctx, job.Job, plan, out)
}

func (l *lab) startAgain(ctx context.Context, id int, plan *booking.Plan, out *reconcileResult) error {
	if _, err := l.ST2.Start(ctx, ProcessJob, map[string]any{"job_id": id, "digest": plan.Digest}, traceTag(id)); err != nil {
		return err
	}
	out.Resumed = append(out.Resumed, id)
	return nil
}

func traceTag(job int) string { return fmt.Sprintf("booking-%d", job) }

// unfinished says whether the dashboard shows a task of the plan, with the plan's content, as in progress, or as new because our taking
// it up never reached it.
func (l *lab) unfinished(ctx context.Context, plan *booking.Plan, now map[string]wanted) (bool, error) {
	for i := range plan.Tasks {
		t := &plan.Tasks[i]
		w, listed := now[t.ID]
		if !listed || w.content != t.Content {
			continue
		}
		rec, err := l.Task(ctx, plan, t)
		if err != nil || w.status == booking.StatusCurrent || rec.Acked == nil {
			return true, err
		}
	}
	return false, nil
}

func (l *lab) wasCancelled(ctx context.Context, job *booking.JobRecord) (bool, error) {
	if job.Execution == "" {
		return false, nil
	}
	e, err := l.ST2.Execution(ctx, job.Execution)
	if fault.Is(err, fault.NotFound) {
		return false, nil // StackStorm has forgotten it
	}
	return e.Status == "canceled", err
}

// closeCancelled reports what an operator's cancel left open.
func (l *lab) closeCancelled(ctx context.Context, job *booking.JobRecord, plan *booking.Plan, out *reconcileResult) error {
	r := &run{lab: l, job: job, plan: plan}
	for i := range plan.Tasks {
		rec, err := l.Task(ctx, plan, &plan.Tasks[i])
		if err != nil {
			return err
		}
		if rec.Outcome == booking.Open {
			rec.Outcome, rec.Reason = booking.Error, "an operator of the lab cancelled the run"
			if err := l.Save(ctx, rec); err != nil {
				return err
			}
		}
	}
	if _, err := report(ctx, r); err != nil {
		return err
	}
	out.Cancelled = append(out.Cancelled, job.Job)
	return nil
}

// ownWorkflows are what an operator starts for the lab's own jobs.
var ownWorkflows = map[booking.Purpose]string{
	booking.ForImage: "laas.image_host", booking.ForCapture: "laas.capture_host", booking.ForUpdate: "laas.update_image",
	booking.ForWipe: "laas.wipe_host", booking.ForReserve: "laas.reserve_host", booking.ForFree: "laas.free_host",
}

var resumeJob = &action.Action{
	Name:        "resume_job",
	Description: "Work on a booking's job again from where it stopped: after a fault was mended, a run was cancelled, or a worker died. What is proven is not done again.",
	Params:      []action.Param{jobParam},
	Output:      []action.Field{{Name: "execution", Description: "Id of the laas.process_job that was started."}},
	Budget:      sum(records, records),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l, id := open(c), c.Params.Int("job_id")
		plan, err := booking.LoadPlan(ctx, l.ST2, id, "")
		if err != nil {
			return nil, err
		}
		if own := plan.Own; own != nil {
			return nil, fault.New(fault.Refused, "job %d is the lab's own (%s), and no booking that %s could work on", id, own.Purpose, ProcessJob).
				WithHint("start %s again, with the same host: it takes up what is left", ownWorkflows[own.Purpose])
		}
		busy, err := l.busy(ctx)
		if err != nil {
			return nil, err
		}
		if slices.Contains(busy, id) {
			return nil, fault.New(fault.Refused, "an execution of %s works on job %d already", ProcessJob, id).WithHint("wait for it, or cancel it first")
		}
		// What fails again although an operator mended it is news.
		if job, err := l.Job(ctx, id); err != nil {
			return nil, err
		} else if job != nil && job.Alarmed != nil {
			job.Alarmed = nil
			if err := l.SaveJob(ctx, job); err != nil {
				return nil, err
			}
		}
		e, err := l.ST2.Start(ctx, ProcessJob, map[string]any{"job_id": id, "digest": plan.Digest}, traceTag(id))
		if err != nil {
			return nil, err
		}
		return struct {
			action.Result
			Execution string `json:"execution"`
		}{action.Result{Summary: fmt.Sprintf("job %d is being worked on again, in execution %s", id, e.ID), Changed: true}, e.ID}, nil
	},
}
