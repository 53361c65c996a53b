package actions

import (
	"slices"

	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/hostnet"
	"stackstorm-laas/internal/inventory"
)

// interfaces is what the host's NICs are to be: addresses only where a public network is booked. Bonds are made of interfaces that are booked
// alike.
func (h *hostRun) interfaces() (out []hostnet.NIC) {
	task := h.work.Network.Network
	bonded := map[inventory.MAC]bool{}
	for _, b := range bonds(h.host, task) {
		n := h.carries(task.Ports[b.NICs[0]])
		n.Bond = &hostnet.Bond{Name: b.Name, Mode: b.Mode}
		for _, mac := range b.NICs {
			n.Bond.MACs = append(n.Bond.MACs, string(mac))
			bonded[mac] = true
		}
		out = append(out, n)
	}
	for _, nic := range h.host.NICs {
		if !bonded[nic.MAC] {
			n := h.carries(task.Ports[nic.MAC])
			n.MAC, n.Name = string(nic.MAC), nic.Name
			out = append(out, n)
		}
	}
	return out
}

// carries is an interface with some VLANs.
func (h *hostRun) carries(vlans []payload.VLAN) hostnet.NIC {
	public := h.Config.Network.PublicVLANs
	n := hostnet.NIC{MTU: h.Config.Network.MTU}
	for _, v := range vlans {
		if v.Tagged {
			n.VLANs = append(n.VLANs, hostnet.VLAN{ID: v.ID, DHCP: slices.Contains(public, v.ID)})
			continue
		}
		n.Untagged, n.DHCP = true, slices.Contains(public, v.ID)
	}
	return n
}

// bonds are the bonds of the host all of whose interfaces carry something, and the same. The interfaces of others are by themselves.
func bonds(host *inventory.Host, task *payload.Network) (out []inventory.Bond) {
	for _, b := range host.Bonds {
		if len(task.Ports[b.NICs[0]]) > 0 && alike(b, task) {
			out = append(out, b)
		}
	}
	return out
}

// alike says whether the interfaces of a bond are booked alike; also when none of them is.
func alike(b inventory.Bond, task *payload.Network) bool {
	first := sorted(task.Ports[b.NICs[0]])
	return !slices.ContainsFunc(b.NICs, func(mac inventory.MAC) bool { return !slices.Equal(first, sorted(task.Ports[mac])) })
}

func sorted(vlans []payload.VLAN) []payload.VLAN {
	return slices.SortedFunc(slices.Values(vlans), func(a, b payload.VLAN) int { return a.ID - b.ID })
}

// public says whether any interface carries a VLAN that the lab reaches hosts through.
func (h *hostRun) public() bool {
	for _, vlans := range h.network().Ports {
		for _, v := range vlans {
			if slices.Contains(h.Config.Network.PublicVLANs, v.ID) {
				return true
			}
		}
	}
	return false
}
