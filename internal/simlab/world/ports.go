package world

import (
	"fmt"
	"maps"
	"slices"
)

// Port is the configuration of a switch port. Native 0 means that untagged frames go nowhere, MTU 0 that it is the switch's own.
type Port struct {
	Native      int
	Tagged      []int
	MTU         int
	Shutdown    bool
	Description string
}

func (p Port) clone() Port {
	p.Tagged = slices.Clone(p.Tagged)
	return p
}

// AddPort gives a switch a port that no host hangs on, shut. Ports of hosts come with AddHost.
func (w *World) AddPort(sw, name string) {
	defer w.change()()
	w.addPort(sw, name)
}

func (w *World) addPort(sw, name string) {
	if w.ports[sw] == nil {
		w.ports[sw] = map[string]*Port{}
	}
	if w.ports[sw][name] == nil {
		w.ports[sw][name] = &Port{Shutdown: true}
	}
}

// port gives a port or nil; the world must be locked.
func (w *World) port(sw, name string) *Port { return w.ports[sw][name] }

// Port reads one port; false if the switch has none of that name.
func (w *World) Port(sw, name string) (Port, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.port(sw, name); p != nil {
		return p.clone(), true
	}
	return Port{}, false
}

// SetPort replaces the configuration of a port that exists.
func (w *World) SetPort(sw, name string, p Port) error {
	defer w.change()()
	have := w.port(sw, name)
	if have == nil {
		return fmt.Errorf("switch %s has no port %s", sw, name)
	}
	*have = p.clone()
	slices.Sort(have.Tagged)
	have.Tagged = slices.Compact(have.Tagged)
	return nil
}

// Ports reads all ports of a switch.
func (w *World) Ports(sw string) map[string]Port {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]Port{}
	for name, p := range w.ports[sw] {
		out[name] = p.clone()
	}
	return out
}

// Switches lists the switches by name.
func (w *World) Switches() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.ports))
}

// SetVLANs gives a switch its list of VLANs, by number with their names. From then on its ports carry none but these.
func (w *World) SetVLANs(sw string, vlans map[int]string) {
	defer w.change()()
	w.vlans[sw] = maps.Clone(vlans)
}

// VLANs is the list of VLANs of a switch, nil if it carries any.
func (w *World) VLANs(sw string) map[int]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.vlans[sw])
}

// carries says whether a switch has a VLAN; the world must be locked.
func (w *World) carries(sw string, vlan int) bool {
	_, there := w.vlans[sw][vlan]
	return there || w.vlans[sw] == nil
}
