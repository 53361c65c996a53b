package actions

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

// Parameters that many actions share.
var (
	jobParam = action.Param{Name: "job_id", Type: action.Integer, Required: true,
		Description: "Number of the job, which is the booking's on the dashboard. Example: 1"}
	epochParam = action.Param{Name: "epoch", Type: action.Integer, Required: true,
		Description: "Which claim of the job this execution belongs to, from laas.claim_hosts. An older one is refused."}
	hostParam = action.Param{Name: "host", Type: action.String, Required: true,
		Description: "Name of the host in the inventory. Example: hpe13"}
)

// run is a job in one epoch: what its executions have in common.
type run struct {
	*lab
	job  *booking.JobRecord
	plan *booking.Plan
}

// openRun loads the job and its plan and refuses executions of an older epoch.
func openRun(ctx context.Context, c *action.Call) (*run, error) {
	l, id, epoch := open(c), c.Params.Int("job_id"), c.Params.Int("epoch")
	job, err := l.Job(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case job == nil:
		return nil, fault.New(fault.NotFound, "the journal has no job %d", id).WithHint("laas.process_job claims the hosts of a job first")
	case job.Epoch != epoch:
		return nil, fault.New(fault.Cancelled, "job %d was claimed again (epoch %d, this execution has %d): a newer run took over", id, job.Epoch, epoch)
	}
	plan, err := booking.LoadPlan(ctx, l.ST2, id, job.Plan)
	if err != nil {
		return nil, err
	}
	return &run{lab: l, job: job, plan: plan}, nil
}

// hostRun is the work of a run on one host.
type hostRun struct {
	*run
	host *inventory.Host
	work *booking.Work
	rec  *booking.TaskRecord
	// reservation is the host's, for one of the lab's own jobs; nil if it has none.
	reservation *booking.Reservation
	// wired is what the host's ports carry for its booking, whichever of its plans said so; nil while it is being set up.
	wired *payload.Network
	// had is the host as a booking has it, and account its tenant's on the BMC, for a capture.
	had     *booking.Work
	account *booking.BMCAccount
	// rendered is how the host's interfaces were written, and why so.
	rendered string
	// isolation is set while an operator keeps the host's ports shut.
	isolation *booking.Isolation
}

func (r *run) onHost(ctx context.Context, h *inventory.Host) (*hostRun, error) {
	work, err := r.plan.Host(h.DashboardID)
	if err != nil {
		return nil, err
	}
	rec, err := r.Task(ctx, r.plan, work.Record())
	if err != nil {
		return nil, err
	}
	return (&hostRun{run: r, host: h, work: work, rec: rec}).load(ctx)
}

// load reads what is known of the host beside the work on it.
func (h *hostRun) load(ctx context.Context) (*hostRun, error) {
	var err error
	if h.isolation, err = h.Isolation(ctx, h.host.Name); err != nil {
		return nil, err
	}
	if h.plan.Own != nil {
		h.rec.Host, h.rec.Mode = h.host.Name, h.work.Mode // a booking's are from the claim
		h.reservation, err = h.Reservation(ctx, h.host.Name)
		return h, err
	}
	if h.work.Mode == booking.CaptureDisk {
		if err := h.remember(ctx); err != nil {
			return nil, err
		}
	}
	h.wired, err = h.wiring(ctx)
	return h, err
}

// begin journals that a stage begins. It is called before anything is done outside.
func (h *hostRun) begin(ctx context.Context, stage string) error {
	h.rec.Stage, h.rec.Outcome, h.rec.Reason = stage, booking.Open, ""
	if err := h.Save(ctx, h.rec); err != nil {
		return err
	}
	return h.Checkpoint(ctx)
}

// forHost makes an action of the work on one host: it refuses what does not own the host, journals the stage before it begins and the
// reason if it fails.
func forHost(stage string, do func(context.Context, *hostRun) (any, error)) func(context.Context, *action.Call) (any, error) {
	return func(ctx context.Context, c *action.Call) (any, error) {
		h, err := openHost(ctx, c)
		if err != nil {
			return nil, err
		}
		return h.stage(ctx, stage, do)
	}
}

// forHostUnlessFailed is forHost for a stage that workflows reach whatever became of the host before: one that failed in this run
// already keeps its reason.
func forHostUnlessFailed(stage string, do func(context.Context, *hostRun) (any, error)) func(context.Context, *action.Call) (any, error) {
	return func(ctx context.Context, c *action.Call) (any, error) {
		h, err := openHost(ctx, c)
		if err != nil {
			return nil, err
		}
		if h.rec.Outcome == booking.Error {
			return h.result(false, "nothing is left to do, it failed at: %s", h.rec.Stage), nil
		}
		return h.stage(ctx, stage, do)
	}
}

// openHost loads the run and its work on the host, and refuses a host that does not belong to it.
func openHost(ctx context.Context, c *action.Call) (*hostRun, error) {
	r, err := openRun(ctx, c)
	if err != nil {
		return nil, err
	}
	host, err := inventory.LoadHost(ctx, c.ST2, c.Params.String("host"))
	if err != nil {
		return nil, err
	}
	if err := r.Fence(ctx, host.Name, r.job.Job, r.job.Epoch); err != nil {
		return nil, err
	}
	return r.onHost(ctx, host)
}

// stage does one stage between its intent and its reason in the journal.
func (h *hostRun) stage(ctx context.Context, stage string, do func(context.Context, *hostRun) (any, error)) (any, error) {
	if err := h.begin(ctx, stage); err != nil {
		return nil, err
	}
	result, err := do(ctx, h)
	if err != nil {
		if gone := h.lost(ctx); gone != nil { // what failed may be what the newer run did
			err = gone
		}
		err = fault.Wrap(err, "%s: %s", h.host.Name, stage)
		h.failed(ctx, err)
	}
	return result, err
}

// still fails unless the host belongs to this very run and nobody cancelled it. What waits for long calls it before it does anything: the
// booking may have ended meanwhile.
func (h *hostRun) still(ctx context.Context) error {
	if err := h.Fence(ctx, h.host.Name, h.job.Job, h.job.Epoch); err != nil {
		return err
	}
	return h.Checkpoint(ctx)
}

// lost says that the host does not belong to this run any more; nil also when that cannot be found out.
func (h *hostRun) lost(ctx context.Context) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), h.Config.ST2.Timeout.D())
	defer stop()
	if err := h.Fence(ctx, h.host.Name, h.job.Job, h.job.Epoch); fault.Is(err, fault.Cancelled) || fault.Is(err, fault.Refused) {
		return fault.As(fault.Cancelled, err)
	}
	return nil
}

// keep journals what was found out after a wait, unless a newer run keeps the journal by now.
func (h *hostRun) keep(ctx context.Context) error {
	if err := h.still(ctx); err != nil {
		return err
	}
	return h.Save(ctx, h.rec)
}

// imaging makes an action of a stage that only hosts to be imaged go through.
func imaging(stage string, do func(context.Context, *hostRun) (any, error)) func(context.Context, *action.Call) (any, error) {
	return forHost(stage, func(ctx context.Context, h *hostRun) (any, error) {
		if h.work.Mode != booking.Provision {
			return imagingResult{Result: h.result(false, "is not to be imaged")}, nil
		}
		return do(ctx, h)
	})
}

// failed journals why the host could not be finished. What was cancelled or taken over is left to whoever goes on.
func (h *hostRun) failed(ctx context.Context, err error) {
	if fault.Is(err, fault.Cancelled) {
		return
	}
	h.rec.Outcome, h.rec.Reason = booking.Error, err.Error()
	if h.plan.Own != nil {
		h.rec.Failed = cmp.Or(h.rec.Failed, h.rec.Reason)
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), h.Config.ST2.Timeout.D())
	defer stop()
	if serr := h.Save(ctx, h.rec); serr != nil {
		h.Info("the reason could not be journalled: %v", serr)
	}
}

// result starts the result of an action on the host.
func (h *hostRun) result(changed bool, format string, args ...any) action.Result {
	return action.Result{Summary: h.host.Name + ": " + fmt.Sprintf(format, args...), Host: h.host.Name, Changed: changed}
}

func (l *lab) time() *time.Time {
	t := l.Now().UTC()
	return &t
}
