package world

import (
	"fmt"
	"slices"
	"strings"
)

// Reachable says whether the lab gets an SSH connection to the host.
func (w *World) Reachable(name string) bool { return w.ReachReason(name) == "" }

// ReachReason says why the lab cannot reach a host by SSH; empty if it can.
func (w *World) ReachReason(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, err := w.find(name)
	if err != nil {
		return err.Error()
	}
	return w.reachReason(h)
}

func (w *World) reachReason(h *host) string {
	if h.phase != phaseUp {
		return fmt.Sprintf("%s is %s", h.name, h.phase)
	}
	if len(h.links) == 0 {
		return h.name + " has no interface that asks for an address"
	}
	var why []string
	for _, l := range h.links {
		reason := w.linkReason(h.nics[l.nic], l.vlan)
		if reason == "" {
			return ""
		}
		why = append(why, reason)
	}
	return strings.Join(why, "; ")
}

// linkReason says why frames of an interface do not get to the lab.
func (w *World) linkReason(n NIC, vlan int) string {
	where := fmt.Sprintf("%s on port %s of %s", n.MAC, n.Port, n.Switch)
	p := w.port(n.Switch, n.Port)
	switch {
	case p == nil:
		return where + " is not cabled"
	case p.Shutdown:
		return where + ": the port is shut"
	case vlan == 0 && p.Native == 0:
		return where + ": the port drops untagged frames"
	case vlan == 0 && !w.carries(n.Switch, p.Native):
		return fmt.Sprintf("%s: the switch has no VLAN %d", where, p.Native)
	case vlan != 0 && !w.carries(n.Switch, vlan):
		return fmt.Sprintf("%s: the switch has no VLAN %d", where, vlan)
	case vlan == 0 && !slices.Contains(w.reach, p.Native):
		return fmt.Sprintf("%s: native VLAN %d does not reach the lab", where, p.Native)
	case vlan != 0 && !slices.Contains(p.Tagged, vlan):
		return fmt.Sprintf("%s: the port does not carry VLAN %d tagged", where, vlan)
	case vlan != 0 && !slices.Contains(w.reach, vlan):
		return fmt.Sprintf("%s: VLAN %d does not reach the lab", where, vlan)
	}
	return ""
}

// Address is what DHCP gave an interface of a host.
type Address struct{ Interface, Address string }

// Addresses are those of the running system: 10.x.y.n for host n of the rack in VLAN 256x + y, where DHCP of the lab can be reached.
func (w *World) Addresses(name string) (out []Address) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[name]
	if h == nil || h.phase != phaseUp {
		return nil
	}
	for _, l := range h.links {
		nic := h.nics[l.nic]
		if w.linkReason(nic, l.vlan) != "" {
			continue
		}
		vlan, device := l.vlan, h.names[l.nic]
		if vlan == 0 {
			vlan = w.port(nic.Switch, nic.Port).Native
		} else {
			device = fmt.Sprintf("%s.%d", device, vlan)
		}
		out = append(out, Address{device, fmt.Sprintf("10.%d.%d.%d", vlan/256, vlan%256, 1+slices.Index(w.names, name))})
	}
	return out
}
