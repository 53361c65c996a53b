package actions

import (
	"context"
	"fmt"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
)

var isolateHost = &action.Action{
	Name: "isolate_host",
	Description: "Cut a host off: all its switch ports are shut at once, whoever has it, and proven. They stay shut, whatever its booking does, until laas.rejoin_host. " +
		"A BMC that shares a port with the host keeps its own VLAN.",
	Params: []action.Param{hostParam, confirmParam},
	Budget: sum(records, records, setPorts.Budget, switchReads),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l, host, err := confirmed(ctx, c)
		if err != nil {
			return nil, err
		}
		if err := l.Isolate(ctx, host.Name); err != nil { // first, so that nothing opens them again
			return nil, err
		}
		ports, err := l.isolatedPorts(ctx, host)
		if err != nil {
			return nil, err
		}
		if err := l.startSetPorts(ctx, host, map[string]any{"state": stateIsolated, "host": host.Name}); err != nil {
			return nil, err
		}
		count, err := l.portsAre(ctx, ports)
		if err != nil {
			return nil, fault.Wrap(err, "%s is NOT proven to be cut off", host.Name)
		}
		return action.Result{Host: host.Name, Changed: true, Summary: fmt.Sprintf("%s: cut off; %d switch port(s) shut, read back", host.Name, count)}, nil
	},
}

var rejoinHost = &action.Action{
	Name:        "rejoin_host",
	Description: "End what laas.isolate_host began: the host's ports are written as its booking or reservation says, or idle when nobody has it, and proven.",
	Params:      []action.Param{hostParam, confirmParam},
	Budget:      sum(records, records, records, setPorts.Budget, switchReads),
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
		if err := l.Rejoin(ctx, host.Name); err != nil {
			return nil, err
		}
		if owner == nil || owner.Quarantine != "" { // its ports are shut, which is idle
			return action.Result{Host: host.Name, Changed: true, Summary: host.Name + ": is not isolated any more; nobody has it, so its ports stay closed"}, nil
		}
		return l.reopen(ctx, host, owner)
	},
}

// reopen writes the ports of a host as its job has left them.
func (l *lab) reopen(ctx context.Context, host *inventory.Host, owner *booking.Owner) (any, error) {
	job, err := l.Job(ctx, owner.Job)
	if err == nil && job == nil {
		err = fault.New(fault.NotFound, "the journal has no job %d, to which %s belongs", owner.Job, host.Name)
	}
	if err != nil {
		return nil, err
	}
	plan, err := booking.LoadPlan(ctx, l.ST2, owner.Job, job.Plan)
	if err != nil {
		return nil, err
	}
	h, err := (&run{lab: l, job: job, plan: plan}).onHost(ctx, host)
	if err != nil {
		return nil, err
	}
	state := stateBooked
	switch {
	case h.reservation != nil:
		state = stateReserved
	case !h.rewritable(stateBooked):
		return h.result(true, "is not isolated any more; run laas.resume_job job_id=%d, which goes on with it", owner.Job), nil
	}
	if err := h.startSetPorts(ctx, host, map[string]any{"state": state, "job_id": job.Job, "epoch": owner.Epoch, "host": host.Name}); err != nil {
		return nil, err
	}
	evidence, err := h.provePorts(ctx, state)
	if err != nil {
		return nil, err
	}
	return h.result(true, "is not isolated any more; %s", evidence), nil
}

// confirmed loads the host that an operator named twice.
func confirmed(ctx context.Context, c *action.Call) (*lab, *inventory.Host, error) {
	name := c.Params.String("host")
	if c.Params.String("confirm") != name {
		return nil, nil, fault.New(fault.Input, "confirm must be the host's name, %q", name)
	}
	host, err := inventory.LoadHost(ctx, c.ST2, name)
	return open(c), host, err
}

// portsAre reads ports and fails if one is not as wanted.
func (l *lab) portsAre(ctx context.Context, want map[string][]netswitch.Port) (count int, err error) {
	for sw, ports := range want {
		in := &booking.Intent{Switch: sw, Ports: map[string]booking.PortIntent{}}
		for _, p := range ports {
			in.Ports[p.Name] = booking.PortIntent{}
		}
		have, err := l.readPorts(ctx, in)
		if err != nil {
			return count, err
		}
		for _, p := range ports {
			if diff := netswitch.Diff(have[p.Name], p); len(diff) > 0 {
				return count, fault.New(fault.Unproven, "switch %s port %s: %v", sw, p.Name, diff).WithHint("shut the port on the switch itself")
			}
			count++
		}
	}
	return count, nil
}
