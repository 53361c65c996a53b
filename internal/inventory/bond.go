package inventory

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

var bondPattern = lazily(`^bond[0-9]{1,2}$`)

// bonds reads the list of bonds. Every one has a name of its own and interfaces of its own, which the host has.
func (o *object) bonds(h *Host) (out []Bond) {
	raw, given := o.take("bonds")
	if !given {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		o.rep.fail(o.at("bonds"), "is %s; a list of bonds was expected", kindOf(raw))
		return nil
	}
	names, taken := map[string]bool{}, map[MAC]string{}
	for i, each := range list {
		b, ok := readObject(o.rep, fmt.Sprintf("%s[%d]", o.at("bonds"), i), each)
		if !ok {
			continue
		}
		bond := Bond{Name: b.text("name"), Mode: b.text("mode")}
		switch {
		case !bondPattern.MatchString(bond.Name):
			o.rep.fail(b.at("name"), "%q cannot be the name of a bond (bond0 to bond99)", bond.Name)
		case names[bond.Name]:
			o.rep.fail(b.at("name"), "%s is there twice", bond.Name)
		}
		names[bond.Name] = true
		if bond.Mode == "" {
			bond.Mode = BondModes[0]
		}
		if !slices.Contains(BondModes, bond.Mode) {
			o.rep.fail(b.at("mode"), "is %q; allowed are %s", bond.Mode, strings.Join(BondModes, ", "))
		}
		if bond.Mode == LACP {
			o.rep.warn(b.at("mode"), "is %s: its switch ports must be one port channel with LACP, which the pack does not set up", LACP)
		}
		bond.NICs = b.members(h, bond.Name, taken)
		b.unknown()
		out = append(out, bond)
	}
	return out
}

// members reads the interfaces of a bond.
func (o *object) members(h *Host, bond string, taken map[MAC]string) (out []MAC) {
	raw, _ := o.take("interfaces")
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		o.rep.fail(o.at("interfaces"), `must be a list of MAC addresses, like ["48:df:37:1d:13:00", "48:df:37:1d:13:01"]`)
		return nil
	}
	for i, text := range list {
		path := fmt.Sprintf("%s[%d]", o.at("interfaces"), i)
		mac := readMAC(o.rep, path, text)
		switch {
		case mac == "":
		case h.NIC(mac) == nil:
			o.rep.fail(path, "%s is none of the host's interfaces", mac)
		case taken[mac] != "":
			o.rep.fail(path, "%s is in %s already", mac, taken[mac])
		default:
			taken[mac] = bond
			out = append(out, mac)
		}
	}
	if len(list) < 2 {
		o.rep.fail(o.at("interfaces"), "names %d; a bond is two interfaces or more", len(list))
	}
	slices.Sort(out)
	return out
}
