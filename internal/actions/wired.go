package actions

import (
	"context"
	"slices"
	"strings"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

// wire notes what a configured host's ports are to carry from now on. A booking that changes only keys changes nothing of that.
func (h *hostRun) wire(ctx context.Context) error {
	if h.work.Network == nil {
		return nil
	}
	if err := h.still(ctx); err != nil {
		return err
	}
	h.wired = h.work.Network.Network
	return h.Wire(ctx, h.host.Name, h.job.Job, h.wired)
}

// unwire notes that the ports of a host that is to be imaged leave its tenant's networks.
func (h *hostRun) unwire(ctx context.Context, state string) error {
	if state != stateProvisioning || h.work.Mode != booking.Provision || h.plan.Own != nil {
		return nil
	}
	return h.Wire(ctx, h.host.Name, h.job.Job, nil)
}

// wiring is what the host's ports carry for its booking; nil while it is being set up.
func (h *hostRun) wiring(ctx context.Context) (*payload.Network, error) {
	w, err := h.Wiring(ctx, h.host.Name, h.job.Job)
	switch {
	case err != nil:
		return nil, err
	case w != nil:
		return w.Network, nil
	}
	// 0.1.0 noted nothing of the kind: what it handed over stands as it was wanted last.
	over, err := h.handedOver(ctx, &booking.Owner{Job: h.job.Job, Host: h.host.Name})
	if err != nil || !over {
		return nil, err
	}
	tasks, err := h.asBooked(ctx, h.job.Job, h.host)
	for _, t := range tasks {
		if t.task.Network != nil {
			return t.task.Network, err
		}
	}
	return nil, err
}

// owned are the hosts that the job has, by name, whichever of its plans named them last.
func (r *run) owned(ctx context.Context) ([]*booking.Owner, error) {
	all, err := r.Owners(ctx)
	return slices.DeleteFunc(all, func(o *booking.Owner) bool { return o.Job != r.job.Job }), err
}

// onOwned is the run's work on a host of the job. With one that the run did not claim it has nothing to do: such a host stands as an earlier plan has left it.
func (r *run) onOwned(ctx context.Context, o *booking.Owner) (*hostRun, error) {
	host, err := inventory.LoadHost(ctx, r.ST2, o.Host)
	if err != nil {
		return nil, err
	}
	if o.Epoch == r.job.Epoch || r.plan.Own != nil {
		return r.onHost(ctx, host)
	}
	stands := &booking.Work{LabID: host.DashboardID, Mode: booking.Configure}
	return (&hostRun{run: r, host: host, work: stands, rec: &booking.TaskRecord{Job: r.job.Job, Host: host.Name}}).load(ctx)
}

// stands is why the ports of a host are not its tenant's now, or not any more, as Refused; nil if they are.
func (h *hostRun) stands(ctx context.Context, o *booking.Owner) error {
	away, err := h.captured(ctx, o)
	switch {
	case err != nil:
		return err
	case o.Ending || o.Quarantine != "":
		return fault.New(fault.Refused, "%s is being taken back from job %d", h.host.Name, o.Job).WithHint("its ports are closed when that is done")
	case h.wired == nil && h.work.Network == nil: // an earlier plan was to do it
		return fault.New(fault.Refused, "%s was not set up for job %d", h.host.Name, o.Job).WithHint("laas.image_host host=%s confirm=%s sets it up", h.host.Name, h.host.Name)
	case h.wired == nil:
		return fault.New(fault.Refused, "%s is not set up for job %d yet", h.host.Name, o.Job).WithHint("laas.resume_job job_id=%d goes on with it", o.Job)
	case away:
		return fault.New(fault.Refused, "%s is away from its networks, to be captured", h.host.Name).
			WithHint("when nobody works on it any more: laas.capture_host goes on with it, and the end of its booking takes it back")
	}
	return nil
}

// noSuchHost refuses a name that is none of the job's.
func (r *run) noSuchHost(name string, owners []*booking.Owner) error {
	var names []string
	for _, o := range owners {
		names = append(names, o.Host)
	}
	if len(names) == 0 {
		return fault.New(fault.Refused, "%s is not a host of job %d, which has none", name, r.job.Job)
	}
	return fault.New(fault.Refused, "%s is not a host of job %d", name, r.job.Job).WithHint("it has %s", strings.Join(names, ", "))
}
