package actions

import (
	"context"
	"errors"

	"stackstorm-laas/internal/fault"
)

// reserve brings a host that was taken for somebody to where its reservation begins: off, and on no network. One that cannot be proven to be so is not
// reserved: it goes back to where it was taken from, with the reason.
func (h *hostRun) reserve(ctx context.Context) (any, error) {
	result, err := h.stage(ctx, "reserve", offAndAlone)
	if err == nil || fault.Is(err, fault.Cancelled) || h.reservation.Apart != nil {
		return result, err
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), records(h.Config)+dashboardCalls(h.Config, 2))
	defer stop()
	if back := h.asTaken(ctx, err); back != nil {
		return nil, fault.As(fault.KindOf(err), errors.Join(err, fault.Wrap(back, "and it could not be given back: laas.reserve_host tries again, laas.free_host gives it back")))
	}
	return nil, fault.Wrap(err, "not reserved, and given back")
}

func offAndAlone(ctx context.Context, h *hostRun) (any, error) {
	off, changed := "stays as it is", false
	if h.reservation.Apart == nil { // later its power is its holder's business
		var err error
		if changed, off, err = h.takeBack(ctx, "power_off"); err != nil {
			return nil, err
		}
	}
	ports, err := h.provePorts(ctx, stateReserved)
	if err != nil {
		return nil, err
	}
	if h.reservation.Apart == nil {
		h.reservation.Apart, changed = h.time(), true
		if err := h.SaveReservation(ctx, h.reservation); err != nil {
			return nil, err
		}
	}
	return givenBack{h.result(changed, "is reserved for %s; %s; %s", h.reservation.By, off, ports), true}, h.finish(ctx, "done")
}

// asTaken undoes the taking of a host that nothing was done with.
func (h *hostRun) asTaken(ctx context.Context, why error) error {
	h.job.State, h.job.Summary = "failed", "reserve of "+h.host.Name+": "+why.Error()
	if err := h.SaveJob(ctx, h.job); err != nil {
		return err
	}
	if h.plan.Own.Pooled {
		if err := h.intoPool(ctx); err != nil {
			return err
		}
	}
	return h.letGo(ctx, h.host.Name)
}
