package nxapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"stackstorm-laas/internal/simlab/faults"
)

// mode is the configuration mode of one request: commands after "interface" concern that interface, those after "vlan" that VLAN.
type mode struct {
	server *Server
	kind   faults.Kind
	port   string
	vlans  []int
	wrote  bool
}

// configure executes one command.
func (m *mode) configure(command string) error {
	verb, rest, _ := strings.Cut(command, " ")
	switch {
	case command == "configure terminal", command == "end", command == "exit":
		m.port, m.vlans = "", nil
		return nil
	case command == save:
		return m.save()
	case verb == "interface":
		name, err := m.server.find(rest)
		m.port, m.vlans = name, nil
		return err
	case verb == "vlan", strings.HasPrefix(command, "no vlan "):
		return m.configureVLANs(command)
	case verb == "name" && len(m.vlans) == 1:
		return m.nameVLAN(rest)
	case m.port == "":
		return errCommand
	}
	if verb == "mtu" && !m.server.takesMTU(rest) {
		return fmt.Errorf("ERROR: %s: MTU on L2 interfaces can only be set to default or system-jumboMTU", m.port)
	}
	p := m.server.get(m.port)
	p.allowed = slices.Clone(p.allowed)
	if err := p.set(command); err != nil {
		return err
	}
	return m.write(p)
}

// takesMTU says whether the switch lets a port have an MTU.
func (s *Server) takesMTU(mtu string) bool {
	return s.cfg.JumboMTU == 0 || mtu == strconv.Itoa(defaultMTU) || mtu == strconv.Itoa(s.cfg.JumboMTU)
}

// set changes a port's configuration as a command says.
func (p *port) set(command string) (err error) {
	switch {
	case command == "switchport":
		return nil
	case command == "shutdown":
		p.shutdown = true
		return nil
	case command == "no shutdown":
		p.shutdown = false
		return nil
	case command == "no description":
		p.description = ""
		return nil
	case command == "switchport mode trunk":
		p.trunk = true
		return nil
	case command == "switchport mode access":
		p.trunk = false
		return nil
	case command == "no switchport trunk native vlan":
		p.native = 1
		return nil
	case command == "no switchport access vlan":
		p.access = 1
		return nil
	case command == "no switchport trunk allowed vlan":
		p.allowed = allVLANs()
		return nil
	}
	if text, ok := strings.CutPrefix(command, "mtu "); ok {
		if p.mtu, err = strconv.Atoi(text); err != nil || p.mtu < 576 || p.mtu > 9216 {
			return errVLAN
		}
		return nil
	}
	if text, ok := strings.CutPrefix(command, "description "); ok {
		p.description = text
		return nil
	}
	if vlan, ok := strings.CutPrefix(command, "switchport access vlan "); ok {
		p.access, err = oneVLAN(vlan)
		return err
	}
	if vlan, ok := strings.CutPrefix(command, "switchport trunk native vlan "); ok {
		p.native, err = oneVLAN(vlan)
		return err
	}
	if list, ok := strings.CutPrefix(command, "switchport trunk allowed vlan "); ok {
		return p.allow(list)
	}
	return errCommand
}

func (p *port) allow(list string) error {
	how, vlans, _ := strings.Cut(list, " ")
	switch how {
	case "none":
		p.allowed = nil
		return nil
	case "all":
		p.allowed = allVLANs()
		return nil
	case "add", "remove":
		list = vlans
	}
	parsed, err := parseVLANs(list)
	if err != nil {
		return err
	}
	switch how {
	case "add":
		parsed = append(parsed, p.allowed...)
		slices.Sort(parsed)
		p.allowed = slices.Compact(parsed)
	case "remove":
		p.allowed = slices.DeleteFunc(p.allowed, func(v int) bool { return slices.Contains(parsed, v) })
	default:
		p.allowed = parsed
	}
	return nil
}

// write puts a port's configuration into force, or does what the fault says instead.
func (m *mode) write(p port) error {
	s := m.server
	switch m.kind {
	case faults.Forget:
		return nil
	case faults.Lie:
		s.lied[m.port] = p
		return nil
	}
	delete(s.lied, m.port)
	s.running[m.port] = p
	m.wrote = true
	return s.world.SetPort(s.cfg.Switch, m.port, p.world())
}
