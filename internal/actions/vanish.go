package actions

import (
	"context"
	"maps"
	"slices"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/fault"
)

// vanished looks for jobs that own hosts and that the dashboard no longer knows: a deleted booking disappears without a clean-up. It
// journals since when, gives notice, and after a grace takes their hosts back.
func (l *lab) vanished(ctx context.Context, d *dashboard.Client, offered, busy []int, out *reconcileResult) error {
	owners, err := l.Owners(ctx)
	if err != nil {
		return err
	}
	mine := map[int]bool{}
	for _, o := range owners {
		mine[o.Job] = mine[o.Job] || o.Quarantine == "" && !booking.IsOwn(o.Job)
	}
	for _, id := range slices.Sorted(maps.Keys(mine)) {
		if !mine[id] || slices.Contains(busy, id) {
			continue
		}
		gone := false
		if !slices.Contains(offered, id) {
			if gone, err = unknown(ctx, d, id); err != nil {
				return err
			}
		}
		if err := l.missing(ctx, id, gone, owners, out); err != nil {
			return fault.Wrap(err, "job %d", id)
		}
	}
	return nil
}

// unknown says whether the dashboard knows nothing of a job. It answers HTTP 500 to a job that it cannot show, too, and then to every
// list that the job is in; so only lists that can be read are proof.
func unknown(ctx context.Context, d *dashboard.Client, id int) (bool, error) {
	_, err := d.Job(ctx, id)
	if !fault.Is(err, fault.NotFound) {
		return false, err
	}
	for _, list := range []dashboard.List{dashboard.ListNew, dashboard.ListCurrent, dashboard.ListDone} {
		jobs, _, err := d.Jobs(ctx, list)
		if err != nil || slices.ContainsFunc(jobs, func(j dashboard.Job) bool { return j.ID == id }) {
			return false, err
		}
	}
	return true, nil
}

// missing journals whether a job is there, and ends it when it has been missing for long enough.
func (l *lab) missing(ctx context.Context, id int, gone bool, owners []*booking.Owner, out *reconcileResult) error {
	job, err := l.Job(ctx, id)
	if err != nil || job == nil {
		return err
	}
	grace := l.Config.Dashboard.Vanish.D()
	switch {
	case !gone && job.Missing == nil:
		return nil
	case !gone:
		job.Missing = nil
		l.Info("job %d is on the dashboard again", id)
		return l.SaveJob(ctx, job)
	case job.Missing == nil:
		job.Missing = l.time()
		out.Missing = append(out.Missing, id)
		l.Info("the dashboard no longer knows job %d, whose hosts are %v; they are taken back after %s", id, job.Hosts, grace)
		return l.SaveJob(ctx, job)
	case l.Now().Sub(*job.Missing) < grace:
		out.Missing = append(out.Missing, id)
		return nil
	}
	if cancelled, err := l.wasCancelled(ctx, job); err != nil || cancelled {
		return err
	}
	records, err := l.Tasks(ctx, id)
	if err != nil {
		return err
	}
	plan := booking.Ending(id, owners, records, l.Now())
	if err := booking.SavePlan(ctx, l.ST2, plan); err != nil {
		return err
	}
	if _, err := l.ST2.Start(ctx, ProcessJob, map[string]any{"job_id": id, "digest": plan.Digest}, traceTag(id)); err != nil {
		return err
	}
	l.Info("job %d is unknown to the dashboard since %s: its hosts %v are being taken back", id, job.Missing.Format("2006-01-02 15:04 MST"), job.Hosts)
	out.Ended = append(out.Ended, id)
	return nil
}

// unheard resumes what an operator wanted of a booking and the dashboard knows nothing of, when nobody works on it any more: the rest of the booking
// waits for its end.
func (l *lab) unheard(ctx context.Context, busy []int, out *reconcileResult) error {
	owners, err := l.Owners(ctx)
	if err != nil {
		return err
	}
	seen := map[int]bool{}
	for _, o := range owners {
		if seen[o.Job] || booking.IsOwn(o.Job) || slices.Contains(busy, o.Job) || slices.Contains(out.Ended, o.Job) {
			continue
		}
		seen[o.Job] = true
		job, err := l.Job(ctx, o.Job)
		if err != nil {
			return err
		}
		if job == nil || job.State != "running" {
			continue
		}
		plan, err := booking.LoadPlan(ctx, l.ST2, o.Job, job.Plan)
		if err == nil && plan.Quiet {
			err = l.resume(ctx, job, plan, out)
		}
		if err != nil {
			return fault.Wrap(err, "job %d", o.Job)
		}
	}
	return nil
}
