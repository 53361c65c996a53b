package nxapi

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// show executes one command: "show vlan brief", "show mac address-table" or "show interface [X] [switchport]".
func (s *Server) show(command string) output {
	if command == "show vlan brief" {
		return s.showVLANs()
	}
	if command == "show mac address-table" {
		return s.showAddresses()
	}
	rest, ok := strings.CutPrefix(command+" ", "show interface ")
	if !ok {
		return refused(command, errCommand.Error())
	}
	words := strings.Fields(rest)
	row := status
	if n := len(words); n > 0 && words[n-1] == "switchport" {
		row, words = switchport, words[:n-1]
	}
	var names []string
	switch len(words) {
	case 0:
		for name := range s.world.Ports(s.cfg.Switch) {
			names = append(names, name)
		}
		slices.Sort(names)
	case 1:
		name, err := s.find(words[0])
		if err != nil {
			return refused(command, err.Error())
		}
		names = []string{name}
	default:
		return refused(command, errCommand.Error())
	}
	var rows []map[string]string
	for _, name := range names {
		rows = append(rows, row(canonical(name), s.get(name)))
	}
	return tabled(command, "interface", rows)
}

// tabled is an answer with one table.
func tabled(command, name string, rows []map[string]string) output {
	var table any = rows
	if len(rows) == 1 {
		table = rows[0] // a table of one row is no list
	}
	out := done(map[string]any{"TABLE_" + name: map[string]any{"ROW_" + name: table}})
	out.Input = command
	return out
}

func (s *Server) showVLANs() output {
	have := s.world.VLANs(s.cfg.Switch)
	var rows []map[string]string
	for _, id := range slices.Sorted(maps.Keys(have)) {
		number := strconv.Itoa(id)
		rows = append(rows, map[string]string{"vlanshowbr-vlanid": number, "vlanshowbr-vlanid-utf": number, "vlanshowbr-vlanname": have[id],
			"vlanshowbr-vlanstate": "active", "vlanshowbr-shutstate": "noshutdown"})
	}
	return tabled("show vlan brief", "vlanbriefxbrief", rows)
}

// showAddresses tells what the switch has seen; that is not configured, so it does not lie about it. The first row is the switch itself.
func (s *Server) showAddresses() output {
	rows := []map[string]string{{"disp_mac_addr": "00de.fb00.0001", "disp_type": "G ", "disp_vlan": "-", "disp_is_static": "enabled", "disp_age": "-", "disp_is_secure": "F", "disp_is_ntfy": "F", "disp_port": "sup-eth1(R)"}}
	for _, l := range s.world.Learned(s.cfg.Switch) {
		mac := strings.ReplaceAll(strings.ToLower(l.MAC), ":", "")
		rows = append(rows, map[string]string{"disp_mac_addr": mac[:4] + "." + mac[4:8] + "." + mac[8:], "disp_type": "* ", "disp_vlan": strconv.Itoa(l.VLAN),
			"disp_is_static": "disabled", "disp_age": "0", "disp_is_secure": "F", "disp_is_ntfy": "F", "disp_port": canonical(l.Port)})
	}
	slices.SortFunc(rows, func(a, b map[string]string) int {
		return cmp.Compare(a["disp_mac_addr"]+a["disp_vlan"], b["disp_mac_addr"]+b["disp_vlan"])
	})
	return tabled("show mac address-table", "mac_address", rows)
}

// status is a row of "show interface".
func status(name string, p port) map[string]string {
	row := map[string]string{"interface": name, "admin_state": "up", "state": "up", "share_state": "Dedicated", "eth_mode": "access", "eth_mtu": strconv.Itoa(cmp.Or(p.mtu, defaultMTU))}
	if p.trunk {
		row["eth_mode"] = "trunk"
	}
	if p.shutdown {
		row["admin_state"], row["state"], row["state_rsn_desc"] = "down", "down", "Administratively down"
	}
	if p.description != "" {
		row["desc"] = p.description
	}
	return row
}

// switchport is a row of "show interface switchport". The mode is the configured one even of a port that is down.
func switchport(name string, p port) map[string]string {
	mode := "access"
	if p.trunk {
		mode = "trunk"
	}
	return map[string]string{
		"interface": name, "switchport": "Enabled", "switchport_monitor": "Not enabled", "oper_mode": mode,
		"access_vlan": strconv.Itoa(p.access), "access_vlan_name": vlanName(p.access),
		"native_vlan": strconv.Itoa(p.native), "native_vlan_name": vlanName(p.native),
		"trunk_vlans": formatVLANs(p.allowed),
	}
}

func vlanName(v int) string {
	if v == 1 {
		return "default"
	}
	return fmt.Sprintf("VLAN%04d", v)
}
