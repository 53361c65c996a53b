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
		count, err := l.cutOff(ctx, host)
		if err != nil {
			return nil, err
		}
		return action.Result{Host: host.Name, Changed: true, Summary: fmt.Sprintf("%s: cut off; %d switch port(s) shut, read back", host.Name, count)}, nil
	},
}

// cutOff shuts all ports of a host, and proves it.
func (l *lab) cutOff(ctx context.Context, host *inventory.Host) (count int, err error) {
	ports, err := l.isolatedPorts(ctx, host)
	if err != nil {
		return 0, err
	}
	if err := l.startSetPorts(ctx, host, map[string]any{"state": stateIsolated, "host": host.Name}); err != nil {
		return 0, err
	}
	count, err = l.portsAre(ctx, ports)
	return count, fault.Wrap(err, "%s is NOT proven to be cut off", host.Name)
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
