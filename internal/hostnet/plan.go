package hostnet

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"stackstorm-laas/internal/fault"
)

// port is a checked NIC. Its number is its place among all physical interfaces by MAC; a bond has that of its first one.
type port struct {
	n   int
	mac string
	// carries says that the interface must be up.
	carries  bool
	mtu      int
	untagged link
	vlans    []link
	// bond is set for a bond; members are its physical interfaces.
	bond    *Bond
	members []port
}

// link is an interface of the host's, the untagged one or that of a VLAN.
type link struct {
	id   int
	name string
	// metric of the default route that comes with DHCP; 0 for no DHCP. No two links have the same, so that it is always clear
	// which one a host with several addresses answers through.
	metric int
}

func (l link) dhcp() bool { return l.metric > 0 }

// firstMetric is below what systems give to links that they find by themselves.
const firstMetric = 100

// device names an interface within the files. VLANs have the MAC of theirs, and with older versions of netplan the first definition that
// matches, in the order of names, is the one that counts: "wire" comes after the "v" of VLANs and the "bond" of bonds.
func device(p port) string {
	if p.bond != nil {
		return p.bond.Name
	}
	return fmt.Sprintf("wire%d", p.n)
}

// physical are the interfaces that are hardware, in order.
func physical(ports []port) (out []port) {
	for _, p := range ports {
		if p.bond == nil {
			out = append(out, p)
		}
		out = append(out, p.members...)
	}
	slices.SortFunc(out, func(a, b port) int { return cmp.Compare(a.n, b.n) })
	return out
}

// monitor is how often a bond looks whether its interfaces have a link, in milliseconds.
const monitor = 100

// macs are the MACs of an interface, or of those of a bond, in order.
func (n NIC) macs() (out []string) {
	if n.Bond == nil {
		return []string{normal(n.MAC)}
	}
	for _, mac := range n.Bond.MACs {
		out = append(out, normal(mac))
	}
	slices.Sort(out)
	return out
}

// plan checks the interfaces and puts them in order.
func plan(nics []NIC) ([]port, error) {
	if err := check(nics); err != nil {
		return nil, err
	}
	nics = slices.Clone(nics)
	slices.SortFunc(nics, func(a, b NIC) int { return cmp.Compare(a.macs()[0], b.macs()[0]) })
	var all []string
	for _, nic := range nics {
		all = append(all, nic.macs()...)
	}
	slices.Sort(all)
	next := firstMetric
	metric := func(dhcp bool) int {
		if !dhcp {
			return 0
		}
		next++
		return next - 1
	}
	ports := make([]port, len(nics))
	for i, nic := range nics {
		macs := nic.macs()
		p := port{n: slices.Index(all, macs[0]), mac: macs[0], mtu: nic.MTU, carries: nic.DHCP || nic.Untagged || len(nic.VLANs) > 0, bond: nic.Bond}
		if nic.Bond != nil {
			for _, mac := range macs {
				p.members = append(p.members, port{n: slices.Index(all, mac), mac: mac, mtu: nic.MTU, carries: p.carries})
			}
		}
		p.untagged = link{metric: metric(nic.DHCP)}
		for _, v := range slices.SortedFunc(slices.Values(nic.VLANs), func(a, b VLAN) int { return cmp.Compare(a.ID, b.ID) }) {
			// The number keeps the names of one VLAN on two interfaces apart. The kernel allows 15 characters.
			p.vlans = append(p.vlans, link{id: v.ID, name: fmt.Sprintf("v%d-%d", v.ID, p.n), metric: metric(v.DHCP)})
		}
		ports[i] = p
	}
	return ports, nil
}

// What an MTU can be: IPv6 needs the least, Ethernet hardware has the most.
const minMTU, maxMTU = 1280, 9216

var bondName = regexp.MustCompile(`^bond[0-9]{1,2}$`)

// check tells everything that is wrong at once.
func check(nics []NIC) error {
	var problems []fault.Problem
	seen := map[string]bool{}
	for i, nic := range nics {
		at := fmt.Sprintf("nics[%d]", i)
		add := func(path, format string, args ...any) {
			problems = append(problems, fault.Problem{Path: at + path, Text: fmt.Sprintf(format, args...)})
		}
		once := func(path, given string) {
			switch mac := normal(given); {
			case mac == "":
				add(path, "%q is no MAC address", given)
			case seen[mac]:
				add(path, "%s is there twice", mac)
			default:
				seen[mac] = true
			}
		}
		if nic.Bond == nil {
			once(".mac", nic.MAC)
		} else {
			checkBond(nic, seen, add, once)
		}
		if nic.MTU != 0 && (nic.MTU < minMTU || nic.MTU > maxMTU) {
			add(".mtu", "%d is no MTU (%d to %d)", nic.MTU, minMTU, maxMTU)
		}
		ids := map[int]bool{}
		for j, v := range nic.VLANs {
			switch {
			case v.ID < 1 || v.ID > 4094:
				add(fmt.Sprintf(".vlans[%d]", j), "%d is no VLAN id (1 to 4094)", v.ID)
			case ids[v.ID]:
				add(fmt.Sprintf(".vlans[%d]", j), "VLAN %d is there twice", v.ID)
			}
			ids[v.ID] = true
		}
	}
	return fault.FromProblems(fault.Input, "network interfaces", problems)
}

func checkBond(nic NIC, seen map[string]bool, add func(path, format string, args ...any), once func(path, mac string)) {
	b := nic.Bond
	switch {
	case !bondName.MatchString(b.Name):
		add(".bond.name", "%q is no name of a bond (bond0 to bond99)", b.Name)
	case seen[b.Name]:
		add(".bond.name", "%s is there twice", b.Name)
	}
	seen[b.Name] = true
	if !slices.Contains(Modes, b.Mode) {
		add(".bond.mode", "%q is no mode of a bond (%v)", b.Mode, Modes)
	}
	if nic.MAC != "" {
		add(".mac", "a bond has that of its first interface")
	}
	if len(b.MACs) < 2 {
		add(".bond.macs", "has %d interface(s); a bond is two or more", len(b.MACs))
	}
	for j, mac := range b.MACs {
		once(fmt.Sprintf(".bond.macs[%d]", j), mac)
	}
}
