package ovs

import (
	"encoding/json"
	"slices"

	"stackstorm-laas/internal/netswitch"
)

// untagged is how this package writes the VLAN 0 of Open vSwitch, through which the untagged frames of ports without a native VLAN meet.
// It is no VLAN that a port can be wanted in, so such a port always differs from what is wanted.
const untagged = 4095

// unusable is the VLAN that is written where a port is to carry none: an empty list would mean all of them, and 4095 is reserved by
// IEEE 802.1Q. What really closes such a port is that it is detached.
const unusable = 4095

// port is what the database says of a port.
type port struct {
	netswitch.Port
	interfaces []iface
}

// iface is a row of the table Interface.
type iface struct {
	uuid, name, kind string
	options          map[string]string
	hold             *hold
	held             bool // the interface is no part of the switch: proven, not just wanted
	broken           bool // it ought to be, and cannot: its device is missing, or in use elsewhere
}

// hold is kept in the external_ids of an interface that the pack took off the switch. Open vSwitch has no administrative state that a
// client of the database could write, so a port that is to be closed loses its network device: its interface becomes a patch port that
// has no peer, which ovs-vswitchd refuses to make part of the switch (ofport -1). What it was is kept here to be put back.
type hold struct {
	Shutdown bool              `json:"shutdown"`
	Type     string            `json:"type"`
	Options  map[string]string `json:"options,omitempty"`
}

const holdKey = "laas-hold"

var (
	portColumns      = []string{"name", "tag", "trunks", "vlan_mode", "external_ids", "interfaces"}
	interfaceColumns = []string{"_uuid", "name", "type", "options", "mtu", "mtu_request", "ofport", "external_ids"}
)

// ports puts the rows of the two tables together.
func ports(portRows, interfaceRows []row) (map[string]port, error) {
	devices := map[string]row{}
	for _, r := range interfaceRows {
		id, err := list[[2]string](r, "_uuid")
		if err != nil {
			return nil, err
		}
		devices[id[0][1]] = r
	}
	out := make(map[string]port, len(portRows))
	for _, r := range portRows {
		name, err := list[string](r, "name")
		if err != nil {
			return nil, err
		}
		ids, err := list[[2]string](r, "interfaces")
		if err != nil {
			return nil, err
		}
		var p port
		if p.Port, err = vlans(r); err != nil {
			return nil, err
		}
		p.Name = name[0]
		for _, id := range ids {
			if err := p.add(devices[id[1]], id[1]); err != nil {
				return nil, err
			}
		}
		if len(p.interfaces) > 0 {
			p.settle()
		}
		out[p.Name] = p
	}
	return out, nil
}

// settle decides what the interfaces mean for the port: it is closed only if all of them are.
func (p *port) settle() {
	open := slices.ContainsFunc(p.interfaces, func(i iface) bool { return !i.held })
	p.Shutdown = !open && p.interfaces[0].hold.Shutdown
	if open && p.Native == 0 && len(p.Tagged) == 0 {
		p.Tagged = []int{unusable} // attached by somebody, it would at least carry that
	}
}

// add reads an interface of the port.
func (p *port) add(r row, uuid string) error {
	i := iface{uuid: uuid}
	var err error
	text := func(column string) (s string) {
		if err != nil {
			return ""
		}
		var values []string
		if values, err = list[string](r, column); err == nil && len(values) > 0 {
			s = values[0]
		}
		return s
	}
	number := func(column string) (n int) {
		if err != nil {
			return 0
		}
		var values []int
		if values, err = list[int](r, column); err == nil && len(values) > 0 {
			n = values[0]
		}
		return n
	}
	i.name, i.kind = text("name"), text("type")
	mtu, wanted, ofport := number("mtu"), number("mtu_request"), number("ofport")
	if err == nil {
		i.options, err = texts(r, "options")
	}
	if err != nil {
		return err
	}
	ids, err := texts(r, "external_ids")
	if err != nil {
		return err
	}
	var h hold
	if text := ids[holdKey]; text != "" && json.Unmarshal([]byte(text), &h) == nil {
		i.hold = &h
		i.held = i.kind == "patch" && i.options["peer"] == "" && ofport <= 0
	}
	i.broken = !i.held && ofport <= 0
	if p.MTU = mtu; i.held {
		p.MTU = wanted
	}
	p.interfaces = append(p.interfaces, i)
	return nil
}

// vlans reads which VLANs a port carries, as ovs-vswitchd takes tag, trunks and vlan_mode (ovs-vswitchd.conf.db(5), "VLAN Configuration").
func vlans(r row) (p netswitch.Port, err error) {
	tags, err := list[int](r, "tag")
	if err != nil {
		return p, err
	}
	trunks, err := list[int](r, "trunks")
	if err != nil {
		return p, err
	}
	modes, err := list[string](r, "vlan_mode")
	if err != nil {
		return p, err
	}
	ids, err := texts(r, "external_ids")
	if err != nil {
		return p, err
	}
	p.Description = ids["description"]
	mode := "trunk"
	if len(tags) > 0 {
		mode = "access"
	}
	if len(modes) > 0 {
		mode = modes[0]
	}
	tag := untagged
	if len(tags) > 0 && tags[0] != 0 {
		tag = tags[0]
	}
	p.Mode = mode
	switch mode {
	case "access":
		p.Native = tag
		return p, nil
	case "native-untagged":
		p.Mode, p.Native = netswitch.Trunk, tag
	case "trunk":
	default: // native-tagged and dot1q-tunnel are not the pack's
		p.Native = tag
		return p, nil
	}
	if len(trunks) == 0 {
		trunks = everyVLAN()
	}
	slices.Sort(trunks)
	for _, id := range trunks {
		switch {
		case id == 0 && mode == "trunk":
			p.Native = untagged
		case id == p.Native, id == unusable:
		default:
			p.Tagged = append(p.Tagged, id)
		}
	}
	return p, nil
}

// everyVLAN is what an empty list of trunks means.
func everyVLAN() []int {
	all := make([]int, 4095)
	for i := range all {
		all[i] = i
	}
	return all
}

// columns writes what vlans reads.
func columns(p netswitch.Port) map[string]any {
	if p.Chosen() == netswitch.Access {
		return map[string]any{"vlan_mode": "access", "tag": p.Native % untagged, "trunks": set[int]()}
	}
	row := map[string]any{"vlan_mode": "trunk", "tag": set[int]()}
	trunks := slices.Clone(p.Tagged)
	if p.Native == untagged {
		trunks = append(trunks, 0)
	} else if p.Native != 0 {
		row["vlan_mode"], row["tag"] = "native-untagged", p.Native
		trunks = append(trunks, p.Native)
	}
	slices.Sort(trunks)
	switch {
	case len(trunks) == 0:
		trunks = []int{unusable}
	case slices.Equal(trunks, everyVLAN()):
		trunks = nil
	}
	row["trunks"] = set(trunks...)
	return row
}
