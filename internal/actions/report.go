package actions

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

type reportResult struct {
	action.Result
	// Failed are the parts that ended in error, as "kind host" or "kind id".
	Failed []string `json:"failed"`
	Done   int      `json:"done"`
	// Superseded are tasks that were left alone because the dashboard wants something else by now.
	Superseded int `json:"superseded"`
}

var reportJob = &action.Action{
	Name: "report_job",
	Description: "Tell the dashboard how each task of a job ended, from the journal: all messages first, then the states, network and hardware last and together. " +
		"A task that the dashboard wants differently by now is left alone.",
	Params: []action.Param{jobParam, epochParam},
	Output: []action.Field{{Name: "failed", Description: "Parts that ended in error."}, {Name: "done", Description: "How many tasks are done."},
		{Name: "superseded", Description: "How many tasks were left alone, because the dashboard wants something else by now."}},
	Budget: sum(records, records, records, alarmCall, func(c *config.Config) time.Duration { return dashboardCalls(c, 8) }),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		r, err := openRun(ctx, c)
		if err != nil {
			return nil, err
		}
		return report(ctx, r)
	},
}

// final is how a task ended.
type final struct {
	task    *booking.Planned
	rec     *booking.TaskRecord
	message string
	token   string
}

// what names the task for people.
func (f *final) what() string {
	if f.rec.Host != "" {
		return string(f.task.Kind) + " of " + f.rec.Host
	}
	return string(f.task.Kind) + " " + f.task.ID
}

func report(ctx context.Context, r *run) (any, error) {
	finals, err := r.finals(ctx)
	if err != nil {
		return nil, err
	}
	out := reportResult{Failed: []string{}}
	if r.plan.Silent() {
		return r.sumUp(ctx, finals, out)
	}
	finals, out.Superseded, err = r.toDashboard(ctx, finals)
	if err != nil {
		r.alarm(ctx, append(failedParts(finals), "the report to the dashboard"))
		return nil, err
	}
	return r.sumUp(ctx, finals, out)
}

// toDashboard tells the dashboard how the tasks ended that it wants as they were planned, and gives those.
func (r *run) toDashboard(ctx context.Context, finals []*final) (told []*final, superseded int, err error) {
	d, err := r.dashboard()
	if err != nil {
		return finals, 0, err
	}
	now, err := r.asks(ctx, d)
	if err != nil {
		return finals, 0, err
	}
	told = slices.DeleteFunc(finals, func(f *final) bool {
		if w, listed := now[f.task.ID]; listed && (w.content != f.task.Content || w.status == booking.StatusNew && f.rec.Acked != nil) {
			superseded++
			return true
		}
		return false
	})
	return told, superseded, r.tell(ctx, d, told)
}

// sumUp journals how the job ended.
func (r *run) sumUp(ctx context.Context, finals []*final, out reportResult) (any, error) {
	for _, f := range finals {
		if f.rec.Outcome == booking.Done {
			out.Done++
			continue
		}
		out.Failed = append(out.Failed, f.what())
	}
	r.job.State, r.job.Summary = "done", fmt.Sprintf("job %d: %d task(s) done", r.job.Job, out.Done)
	if len(out.Failed) > 0 {
		r.job.State = "failed"
		r.job.Summary = fmt.Sprintf("job %d: %d task(s) in error (%s), %d done", r.job.Job, len(out.Failed), strings.Join(out.Failed, ", "), out.Done)
	}
	if r.plan.Own == nil { // of the lab's own jobs laas.give_back tells
		r.alarm(ctx, failedParts(finals))
	}
	out.Result = action.Result{Summary: r.job.Summary, Changed: true}
	return out, r.SaveJob(ctx, r.job)
}

// tell posts all messages, then all states: the dashboard mails what it has when the last task is done. Network and hardware come last and
// together, because either group frees the hosts.
func (r *run) tell(ctx context.Context, d *dashboard.Client, finals []*final) error {
	post := func(some []*final, do func(context.Context, *final) error) error {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(atOnce)
		for _, f := range some {
			g.Go(func() error {
				err := do(ctx, f)
				if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Superseded) {
					return nil // the booking was deleted, or changed this very moment
				}
				return err
			})
		}
		return g.Wait()
	}
	if err := post(finals, func(ctx context.Context, f *final) error {
		u := dashboard.Update{Message: &f.message}
		if f.token != "" {
			u.LabToken = &f.token
		}
		_, err := d.Update(ctx, r.job.Job, f.task.ID, u)
		return fault.Wrap(err, "message of %s task %s", f.task.Kind, f.task.ID)
	}); err != nil {
		return err
	}
	status := func(ctx context.Context, f *final) error {
		s := booking.StatusError
		if f.rec.Outcome == booking.Done {
			s = booking.StatusDone
		}
		return r.setStatus(ctx, d, f.task, f.rec, s)
	}
	frees := func(f *final) bool { return f.task.Kind == payload.KindHardware || f.task.Kind == payload.KindNetwork }
	var last []*final
	first := slices.DeleteFunc(slices.Clone(finals), func(f *final) bool {
		if frees(f) {
			last = append(last, f)
		}
		return frees(f)
	})
	if err := post(first, status); err != nil {
		return err
	}
	return post(last, status)
}

// finals decides how each task of the plan ended. What has no outcome by now will not get one.
func (r *run) finals(ctx context.Context) ([]*final, error) {
	hosts := map[string]*hostRun{}
	for _, w := range r.plan.Work() {
		rec, err := r.Task(ctx, r.plan, w.Record())
		if err != nil {
			return nil, err
		}
		if rec.Outcome == booking.Open {
			rec.Outcome, rec.Reason = booking.Error, "it ended without a result during: "+orStart(rec.Stage)
			if err := r.Save(ctx, rec); err != nil {
				return nil, err
			}
		}
		h := &hostRun{run: r, work: w, rec: rec}
		if rec.Host != "" {
			if h.host, err = inventory.LoadHost(ctx, r.ST2, rec.Host); err != nil {
				return nil, err
			}
		}
		hosts[w.LabID] = h
	}
	var out []*final
	for i := range r.plan.Tasks {
		t := &r.plan.Tasks[i]
		f := &final{task: t}
		var err error
		if h := hosts[t.Host]; h != nil && h.work.Record().ID == t.ID {
			f.rec = h.rec
		} else if f.rec, err = r.Task(ctx, r.plan, t); err != nil {
			return nil, err
		}
		reopened := f.rec.Outcome == booking.Open
		if err := r.conclude(ctx, f, hosts); err != nil {
			return nil, err
		}
		if f.rec.Acked != nil && f.rec.Acked.Status == booking.StatusDone && f.rec.Outcome == booking.Done { // told already
			if reopened {
				if err := r.Save(ctx, f.rec); err != nil {
					return nil, err
				}
			}
			continue
		}
		out = append(out, f)
	}
	return out, nil
}

func orStart(stage string) string {
	if stage == "" {
		return "start"
	}
	return stage
}

// conclude gives the task its outcome, as far as it follows from its hosts, and its message.
func (r *run) conclude(ctx context.Context, f *final, hosts map[string]*hostRun) error {
	h := hosts[f.task.Host]
	switch {
	case f.task.Network != nil && h != nil:
		r.concludeNetwork(f, h)
	case f.task.Access != nil && f.task.Access.Type == "ssh" && f.rec.Outcome == booking.Open:
		r.concludeSSH(f, hosts)
	case f.rec.Outcome == booking.Open:
		f.rec.Outcome, f.rec.Reason = booking.Error, "it ended without a result during: "+orStart(f.rec.Stage)
	}
	if f.rec.Outcome != booking.Done {
		f.message = booking.ErrorMessage(f.rec.Stage, f.rec.Reason)
		if ready := r.ready(f.task, hosts); len(ready) > 0 {
			f.message += "\n" + booking.SSHMessage(r.Config.SSH.TenantUser, ready)
		}
		return nil
	}
	return r.goodNews(ctx, f, h, r.ready(f.task, hosts))
}

// concludeNetwork follows the host: its network is done when it was handed over, or when its ports are proven idle.
func (r *run) concludeNetwork(f *final, h *hostRun) {
	if f.rec == h.rec {
		return
	}
	f.rec.Host, f.rec.Stage, f.rec.Outcome, f.rec.Reason = h.rec.Host, h.rec.Stage, h.rec.Outcome, h.rec.Reason
	if h.work.Mode == booking.Release && h.rec.Proofs["ports"] != "" {
		f.rec.Outcome, f.rec.Reason = booking.Done, ""
	}
}

// concludeSSH follows the hosts that the key is for.
func (r *run) concludeSSH(f *final, hosts map[string]*hostRun) {
	f.rec.Outcome, f.rec.Reason = booking.Done, ""
	for _, id := range f.task.Access.Hosts {
		h := hosts[id]
		switch {
		case h == nil || h.work.Mode == booking.Release:
			f.rec.Outcome, f.rec.Reason = booking.Error, "the booking of a host ended before its key was installed"
		case h.rec.HandedOver == nil:
			f.rec.Outcome, f.rec.Stage, f.rec.Reason = booking.Error, h.rec.Stage, h.rec.Reason
		}
	}
}
