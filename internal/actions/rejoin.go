package actions

import (
	"context"
	"errors"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

var rejoinHost = &action.Action{
	Name: "rejoin_host",
	Description: "End what laas.isolate_host began: the host's ports are written as its booking or reservation has them, and proven; then the isolation ends. " +
		"The ports of a host that nobody has, or that is not set up yet, stay shut.",
	Params: []action.Param{hostParam, confirmParam},
	Budget: sum(records, records, records, setPorts.Budget, switchReads, setPorts.Budget, switchReads),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l, host, err := confirmed(ctx, c)
		if err != nil {
			return nil, err
		}
		now, err := l.Isolation(ctx, host.Name)
		if err != nil {
			return nil, err
		}
		if now == nil {
			return action.Result{Host: host.Name, Summary: host.Name + ": is not isolated"}, nil
		}
		owner, err := l.Owner(ctx, host.Name)
		if err != nil {
			return nil, err
		}
		evidence, err := l.rejoin(ctx, host, owner)
		if err != nil {
			return nil, fault.Wrap(err, "%s is still isolated", host.Name)
		}
		if err := l.Rejoin(ctx, host.Name); err != nil {
			return nil, err
		}
		return action.Result{Host: host.Name, Changed: true, Summary: host.Name + ": is not isolated any more; " + evidence}, nil
	},
}

// rejoin brings the ports of an isolated host to what they are to be without the isolation, and proves it. Where that fails, they are shut again.
func (l *lab) rejoin(ctx context.Context, host *inventory.Host, owner *booking.Owner) (evidence string, err error) {
	if owner == nil || owner.Quarantine != "" {
		return l.staysShut(ctx, host, "nobody has it")
	}
	h, err := l.ofOwner(ctx, owner)
	if err != nil {
		return "", err
	}
	h.isolation = nil
	state := stateBooked
	if h.reservation != nil {
		state = stateReserved
	} else if why := h.stands(ctx, owner); fault.Is(why, fault.Refused) {
		return l.staysShut(ctx, host, why.Error()+" ("+fault.HintOf(why)+")")
	} else if why != nil {
		return "", why
	}
	err = h.startSetPorts(ctx, host, map[string]any{"state": state, "job_id": h.job.Job, "epoch": h.job.Epoch, "host": host.Name, "rejoin": true})
	if err == nil {
		evidence, err = h.provePorts(ctx, state)
	}
	if err != nil {
		_, cut := l.cutOff(context.WithoutCancel(ctx), host)
		return "", fault.As(fault.KindOf(err), errors.Join(err, cut))
	}
	return evidence, nil
}

// staysShut proves that the ports of a host that nobody is to use are shut.
func (l *lab) staysShut(ctx context.Context, host *inventory.Host, why string) (string, error) {
	if _, err := l.cutOff(ctx, host); err != nil {
		return "", err
	}
	return why + ", so its ports stay shut", nil
}

// ofOwner is the newest run of the job that has a host, and its work there.
func (l *lab) ofOwner(ctx context.Context, owner *booking.Owner) (*hostRun, error) {
	job, err := l.Job(ctx, owner.Job)
	if err == nil && job == nil {
		err = fault.New(fault.NotFound, "the journal has no job %d, to which %s belongs", owner.Job, owner.Host)
	}
	if err != nil {
		return nil, err
	}
	plan, err := booking.LoadPlan(ctx, l.ST2, owner.Job, job.Plan)
	if err != nil {
		return nil, err
	}
	return (&run{lab: l, job: job, plan: plan}).onOwned(ctx, owner)
}
