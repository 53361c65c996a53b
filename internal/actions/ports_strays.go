package actions

import (
	"context"
	"maps"
	"slices"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
)

// stray says whether a port is open for a host to which the inventory, corrected since, does not give it any more. One that was proven closed is
// nobody's trouble: its switch may be gone by now.
func stray(sw string, p booking.PortIntent, host *inventory.Host) bool {
	closed := !p.Pending && (p.Shutdown || p.State == stateIdle || p.State == stateIsolated)
	return p.Host == host.Name && !closed &&
		!slices.ContainsFunc(host.NICs, func(n inventory.NIC) bool { return n.Switch == sw && inventory.SamePort(n.Port, p.Port) })
}

// strays are the host's, shut, by switch. They are closed with the ports that it has: a network of its tenant's would stay on them, where nobody looks.
func (l *lab) strays(ctx context.Context, host *inventory.Host) (map[string][]netswitch.Port, error) {
	intents, err := l.Intents(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string][]netswitch.Port{}
	for _, in := range intents {
		for _, name := range slices.Sorted(maps.Keys(in.Ports)) {
			if stray(in.Switch, in.Ports[name], host) {
				out[in.Switch] = append(out[in.Switch], netswitch.Port{Name: name, Shutdown: true})
			}
		}
	}
	return out, nil
}

// withStrays adds them to the ports that a host is to have.
func (l *lab) withStrays(ctx context.Context, host *inventory.Host, ports map[string][]netswitch.Port) (map[string][]netswitch.Port, error) {
	strays, err := l.strays(ctx, host)
	for sw, on := range strays {
		ports[sw] = append(ports[sw], on...)
	}
	return ports, err
}

// switchesOf adds to names the switches on which the host has or had ports that are to be closed with it.
func (l *lab) switchesOf(ctx context.Context, names []string, host *inventory.Host) ([]string, error) {
	strays, err := l.strays(ctx, host)
	names = slices.AppendSeq(union(names, host), maps.Keys(strays))
	slices.Sort(names)
	return slices.Compact(names), err
}
