package actions

import (
	"cmp"
	"context"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
)

type givenBack struct {
	action.Result
	Clean bool `json:"clean"`
}

var giveBack = &action.Action{
	Name: "give_back",
	Description: "End the lab's own work on a host. One that was taken to be reserved is switched off and its ports proven to reach nothing; where that fails, it goes back to where it was taken " +
		"from. A reserved host stays with its reservation, and its ports are proven to be as they are connected. Any other is proven clean, like after a booking, and goes back to where it was " +
		"taken from; what cannot be proven keeps it in quarantine.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Output: []action.Field{{Name: "clean", Description: "true when the host is where it belongs."}},
	Budget: sum(records, records, proveRelease.Budget, portsProof, power, alarmCall, func(c *config.Config) time.Duration { return dashboardCalls(c, 2) }),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		h, err := openHost(ctx, c)
		if err != nil {
			return nil, err
		}
		own, result := h.plan.Own, any(nil)
		if own != nil && own.Purpose == booking.ForReserve && h.reservation != nil {
			result, err = h.reserve(ctx)
		} else {
			result, err = h.stage(ctx, "give back", endOwn)
		}
		if own != nil && h.rec.Outcome == booking.Error {
			h.alarm(ctx, []string{string(own.Purpose) + " of " + h.host.Name})
		}
		return result, err
	},
}

// endOwn ends one of the lab's own jobs.
func endOwn(ctx context.Context, h *hostRun) (any, error) {
	own := h.plan.Own
	if own == nil {
		return nil, fault.New(fault.Refused, "job %d is a booking", h.job.Job).WithHint("laas.prove_release ends those")
	}
	if h.reservation != nil && own.Purpose != booking.ForFree {
		evidence, err := h.provePorts(ctx, stateReserved)
		if err != nil {
			return nil, err
		}
		return givenBack{h.result(true, "stays reserved for %s; %s", h.reservation.By, evidence), true}, h.finish(ctx, "done")
	}
	result, err := prove(ctx, h)
	if err != nil {
		return nil, err
	}
	p := result.(proofResult)
	if !p.Clean {
		if err := h.finish(ctx, "failed"); err != nil {
			return nil, err
		}
		return nil, fault.New(fault.Unproven, "%s", p.Summary).WithHint("mend it, then run laas.return_host host=%s confirm=%s", h.host.Name, h.host.Name)
	}
	return givenBack{p.Result, true}, h.finish(ctx, "done")
}

// finish closes the journal of one of the lab's own jobs. What it was for may have come to nothing although the host is back where it belongs.
func (h *hostRun) finish(ctx context.Context, state string) error {
	h.rec.Outcome, h.rec.Reason = booking.Done, ""
	if state == "done" && h.reservation != nil { // its holder may switch it on from here on: that it was off opens no network any more
		h.rec.Proofs = nil
	}
	if state == "done" && !h.achieved() {
		state, h.rec.Reason = "failed", cmp.Or(h.rec.Failed, "it ended without a result")
	}
	if state != "done" {
		h.rec.Outcome = booking.Error
	}
	h.job.State, h.job.Summary = state, string(h.plan.Own.Purpose)+" of "+h.host.Name+": "+state
	if err := h.Save(ctx, h.rec); err != nil {
		return err
	}
	return h.SaveJob(ctx, h.job)
}

// achieved says whether there is what the lab's own job was for, beside the host itself, which is proven.
func (h *hostRun) achieved() bool {
	switch h.plan.Own.Purpose {
	case booking.ForImage:
		return h.rec.Booted != nil
	case booking.ForCapture, booking.ForUpdate:
		return h.rec.Capture != nil && h.rec.Capture.Complete != nil
	}
	return true
}
