package actions

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"stackstorm-laas/internal/action"
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
	if err == nil {
		return count, nil
	}
	for _, sw := range slices.Sorted(maps.Keys(ports)) {
		if rec, rerr := l.Ports(ctx, sw, 0); rerr == nil && rec.Hosts[host.Name].Error != "" {
			err = fault.Wrap(errors.Join(err, errors.New(rec.Hosts[host.Name].Error)), "the write failed")
		}
	}
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

// portsAre reads ports. If one is not as wanted, or cannot be read, the error tells of each port what it is.
func (l *lab) portsAre(ctx context.Context, want map[string][]netswitch.Port) (count int, err error) {
	var fine []string
	var wrong []error
	for _, sw := range slices.Sorted(maps.Keys(want)) {
		have, unread := l.readEach(ctx, sw, want[sw])
		for _, p := range want[sw] {
			err := unread[p.Name]
			if diff := netswitch.Diff(have[p.Name], p); err == nil && len(diff) > 0 {
				err = errors.New(strings.Join(diff, ", "))
			}
			if err != nil {
				wrong = append(wrong, fmt.Errorf("switch %s port %s: %w", sw, p.Name, err))
				continue
			}
			fine = append(fine, fmt.Sprintf("switch %s port %s", sw, p.Name))
		}
	}
	if len(wrong) == 0 {
		return len(fine), nil
	}
	what := "no port is as wanted"
	if len(fine) > 0 {
		what = "as wanted: " + strings.Join(fine, ", ")
	}
	return len(fine), fault.New(fault.Unproven, "%s; not proven: %w", what, errors.Join(wrong...)).WithHint("shut those ports on the switch itself")
}

// readEach reads ports, one by one where they cannot be read at once: one that the switch does not have hides no other.
func (l *lab) readEach(ctx context.Context, sw string, ports []netswitch.Port) (have map[string]netswitch.Port, unread map[string]error) {
	have, unread = map[string]netswitch.Port{}, map[string]error{}
	d, err := l.netswitch(ctx, sw)
	if err == nil {
		var all map[string]netswitch.Port
		if all, err = netswitch.Read(ctx, d, namesOf(ports)); err == nil {
			return all, nil
		}
	}
	for _, p := range ports {
		if unread[p.Name] = err; !noSuchPort(err) {
			continue
		}
		one, err := netswitch.Read(ctx, d, []string{p.Name})
		unread[p.Name] = err
		maps.Copy(have, one)
	}
	return have, unread
}
