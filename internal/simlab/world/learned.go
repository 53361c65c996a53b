package world

import "slices"

// Learned is an address that a switch has seen frames of.
type Learned struct {
	MAC, Port string
	VLAN      int
}

// Learned is what a switch has seen: hosts that run send frames on every interface that asks for an address, and the port lets them into a VLAN
// by what it really does.
func (w *World) Learned(sw string) (out []Learned) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.hosts {
		if h.phase != phaseUp {
			continue
		}
		for _, l := range h.links {
			n := h.nics[l.nic]
			p := w.port(n.Switch, n.Port)
			if n.Switch != sw || p == nil || p.Shutdown {
				continue
			}
			vlan := l.vlan
			if vlan == 0 {
				vlan = p.Native
			} else if !slices.Contains(p.Tagged, vlan) {
				continue
			}
			if vlan != 0 && w.carries(sw, vlan) {
				out = append(out, Learned{MAC: n.MAC, Port: n.Port, VLAN: vlan})
			}
		}
	}
	return out
}
