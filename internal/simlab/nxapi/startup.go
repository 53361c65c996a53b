package nxapi

import (
	"fmt"
	"maps"
	"slices"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// startup is a configuration that the switch can start with.
type startup struct {
	ports map[string]port
	vlans map[int]string
}

// configuration is what would be saved now: what the switch shows, lies included.
func (s *Server) configuration() startup {
	c := startup{ports: map[string]port{}, vlans: s.world.VLANs(s.cfg.Switch)}
	for name := range s.world.Ports(s.cfg.Switch) {
		c.ports[name] = s.get(name)
	}
	return c
}

// save is "copy running-config startup-config".
func (m *mode) save() error {
	if m.kind == faults.Forget || m.kind == faults.Lie {
		return nil
	}
	m.server.startup, m.server.saved = m.server.configuration(), true
	m.wrote = true
	return nil
}

// Saved is what the ports would do after a restart, as it was at the last save; empty if there was none.
func (s *Server) Saved() map[string]world.Port {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]world.Port{}
	if s.saved {
		for name, p := range s.startup.ports {
			out[name] = p.world()
		}
	}
	return out
}

// Reload restarts the switch: it comes back with the configuration that was saved last, or the one it was delivered with.
func (s *Server) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.lied)
	s.world.SetVLANs(s.cfg.Switch, s.startup.vlans)
	for name, p := range s.startup.ports {
		p.allowed = slices.Clone(p.allowed)
		s.running[name] = p
		if err := s.world.SetPort(s.cfg.Switch, name, p.world()); err != nil {
			return err
		}
	}
	return nil
}

// configureVLANs executes "vlan 10,20-22" and "no vlan 10".
func (m *mode) configureVLANs(command string) error {
	list, add := cutVLAN(command)
	ids, err := parseVLANs(list)
	if err != nil || (!add && slices.Contains(ids, 1)) {
		return errVLAN
	}
	m.port, m.vlans = "", nil
	if add {
		m.vlans = ids
	}
	have := m.server.world.VLANs(m.server.cfg.Switch)
	for _, id := range ids {
		if _, there := have[id]; add && !there {
			have[id] = vlanName(id)
		} else if !add {
			delete(have, id)
		}
	}
	return m.writeVLANs(have)
}

// nameVLAN executes "name x". Names are unique.
func (m *mode) nameVLAN(name string) error {
	have := m.server.world.VLANs(m.server.cfg.Switch)
	for id, other := range have {
		if other == name && id != m.vlans[0] {
			return fmt.Errorf("ERROR: VLAN with the same name exists")
		}
	}
	if _, there := have[m.vlans[0]]; !there {
		return nil // the command that made it was forgotten
	}
	have[m.vlans[0]] = name
	return m.writeVLANs(have)
}

func (m *mode) writeVLANs(vlans map[int]string) error {
	s := m.server
	if m.kind == faults.Forget || m.kind == faults.Lie || maps.Equal(vlans, s.world.VLANs(s.cfg.Switch)) {
		return nil
	}
	s.world.SetVLANs(s.cfg.Switch, vlans)
	m.wrote = true
	return nil
}

func cutVLAN(command string) (list string, add bool) {
	if n, err := fmt.Sscanf(command, "no vlan %s", &list); n == 1 && err == nil {
		return list, false
	}
	_, _ = fmt.Sscanf(command, "vlan %s", &list)
	return list, true
}
