package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"stackstorm-laas/internal/fault"
)

// check looks for what is right in each entry and does not go together: two hosts that would be taken for one another.
func (inv *Inventory) check(rep *report) {
	c := clashes{rep, map[string]string{}}
	used := map[string]string{}
	for _, name := range inv.Names {
		h := inv.Hosts[name]
		if h == nil {
			continue // its entry is an error already
		}
		c.once("dashboard id", h.DashboardID, name+".dashboard_id")
		c.once("FOG name", strings.ToLower(h.FOGName), name+".fog_name")
		c.once("SSH address", fmt.Sprintf("%s port %d", strings.ToLower(h.Hostname), h.SSHPort), name+".hostname")
		for _, n := range h.NICs {
			path := fmt.Sprintf("%s.interfaces[%s]", name, n.MAC)
			c.once("MAC", string(n.MAC), path)
			if n.BMCVLAN != 0 {
				inv.BMCVLANs = append(inv.BMCVLANs, n.BMCVLAN)
			}
			if n.Switch == "" || n.Port == "" {
				continue
			}
			c.once("switch port", n.Switch+" "+canonicalPort(n.Port), path+".port")
			if used[n.Switch] == "" {
				used[n.Switch] = path
			}
		}
		if b := h.BMC; b != nil {
			c.once("BMC", strings.ToLower(b.Address)+" port "+strconv.Itoa(b.Port), name+".bmc.address")
			if b.MAC != "" {
				c.once("MAC", string(b.MAC), name+".bmc.mac")
			}
		}
	}
	slices.Sort(inv.BMCVLANs)
	inv.BMCVLANs = slices.Compact(inv.BMCVLANs)
	inv.checkSwitches(rep, used)
}

// checkSwitches compares the switches that interfaces are cabled to with the entries there are, and fills in the missing.
func (inv *Inventory) checkSwitches(rep *report, used map[string]string) {
	c := clashes{rep, map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(inv.Switches)) {
		s := inv.Switches[name]
		if s == nil {
			continue
		}
		c.once("switch address", strings.ToLower(strings.TrimSuffix(s.Address, "/")), switchPrefix+name+".address")
		if used[name] == "" {
			rep.warn(switchPrefix+name, "is cabled to no interface of the inventory")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if _, ok := inv.Switches[name]; !ok {
			rep.warn(used[name]+".switch", "switch %s has no entry here; it is driven as %s at its name, with the login from the encrypted key %s%s",
				name, Drivers[0], switchPrefix, name)
			inv.Switches[name] = defaultSwitch(name)
		}
	}
}

// clashes remembers where each value was seen first.
type clashes struct {
	rep  *report
	seen map[string]string
}

// once makes an error of a value that was there before.
func (c clashes) once(what, value, path string) {
	key := what + " " + value
	if first, ok := c.seen[key]; ok {
		c.rep.fail(path, "%s %s is also at %s", what, value, first)
		c.rep.clashing = append(c.rep.clashing, fault.Problem{Path: first, Text: fmt.Sprintf("%s %s is also at %s", what, value, path)})
		return
	}
	c.seen[key] = path
}

// SamePort says whether two names are those of one port: Eth1/1, ethernet 1/1 and Ethernet1/1 are.
func SamePort(a, b string) bool { return canonicalPort(a) == canonicalPort(b) }

var portPrefix = lazily(`^[a-z]+`)

// canonicalPort makes Eth1/1, ethernet 1/1 and Ethernet1/1 one.
func canonicalPort(port string) string {
	p := strings.ToLower(strings.ReplaceAll(port, " ", ""))
	prefix := portPrefix().FindString(p)
	if prefix != "" && strings.HasPrefix("ethernet", prefix) {
		return "ethernet" + p[len(prefix):]
	}
	return p
}
