package actions

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
)

// sight is what one switch tells of its ports: their configuration, and the addresses that it saw.
type sight struct {
	ports map[string]netswitch.Port
	// tells says that the switch shows addresses at all.
	tells   bool
	learned []netswitch.Learned
}

// lookAt asks a switch for its ports, and where it saw which addresses. One that does not answer the latter is looked at without.
func (l *lab) lookAt(ctx context.Context, in *booking.Intent) (s sight, err error) {
	if s.ports, err = l.readPorts(ctx, in); err != nil {
		return s, err
	}
	d, err := l.netswitch(ctx, in.Switch)
	if err != nil {
		return s, err
	}
	if learner, can := d.(netswitch.Learner); can {
		var lerr error
		if s.learned, lerr = learner.Learned(ctx); lerr != nil {
			l.Info("%v", lerr)
		}
		s.tells = lerr == nil
	}
	return s, nil
}

// notSeen is what is told of a port whose host's address the switch has not seen: the host may be off, or silent for longer than the switch remembers.
const notSeen = "not seen"

// hostsOf are the hosts of managed ports, as far as the inventory has them.
func (l *lab) hostsOf(ctx context.Context, intents []*booking.Intent) map[string]*inventory.Host {
	out := map[string]*inventory.Host{}
	for _, in := range intents {
		for _, p := range in.Ports {
			if _, known := out[p.Host]; !known && p.Host != "" {
				out[p.Host], _ = inventory.LoadHost(ctx, l.ST2, p.Host) // without an entry nothing is known of its addresses
			}
		}
	}
	return out
}

// seen tells in which VLANs the switch saw the host on its port, and what of it should not be: a VLAN that the port is not to carry, or the port of another host. What
// comes in on any other port came by way of another switch.
func seen(in *booking.Intent, p booking.PortIntent, host *inventory.Host, s sight) (text string, wrong []string) {
	if host == nil || !s.tells {
		return "", nil
	}
	var vlans []int
	for _, n := range host.NICs {
		if n.Switch != in.Switch || !inventory.SamePort(n.Port, p.Port) {
			continue
		}
		for _, e := range s.learned {
			switch other := in.Ports[managed(in, e.Port)]; {
			case e.MAC != strings.ToLower(string(n.MAC)):
			case inventory.SamePort(e.Port, p.Port) && !p.Shutdown && (e.VLAN == p.Native || slices.Contains(p.Tagged, e.VLAN)):
				vlans = append(vlans, e.VLAN)
			case inventory.SamePort(e.Port, p.Port):
				wrong = append(wrong, fmt.Sprintf("%s is seen in VLAN %d", p.Host, e.VLAN))
			case other.Host != "" && other.Host != p.Host:
				wrong = append(wrong, fmt.Sprintf("%s is seen on port %s of %s", p.Host, other.Port, other.Host))
			}
		}
	}
	if len(vlans) == 0 {
		return notSeen, wrong
	}
	slices.Sort(vlans)
	return "VLAN " + netswitch.Ranges(slices.Compact(vlans)), wrong
}

// managed is the name of a port as the pack writes it, or "".
func managed(in *booking.Intent, port string) string {
	for name := range in.Ports {
		if inventory.SamePort(name, port) {
			return name
		}
	}
	return ""
}
