package hostnet

import (
	"fmt"
	"strings"
)

// ifupdown writes /etc/network/interfaces, as Debian has it without netplan. VLANs and bonds are made with ip(8), so that the packages vlan and
// ifenslave are not needed.
type ifupdown struct{ cloudInit cloudInit }

func (ifupdown) Name() string { return "ifupdown" }

func (ifupdown) Stale() []string {
	return []string{"/etc/network/interfaces", "/etc/network/interfaces.d/*", staleNames}
}

func (r ifupdown) Files(nics []NIC) ([]File, error) {
	ports, err := plan(nics)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(header + "auto lo\niface lo inet loopback\n")
	for _, p := range ports {
		if !p.carries {
			continue // what ifupdown does not know stays down
		}
		stanza(&b, device(p), p, p.untagged)
		for _, v := range p.vlans {
			stanza(&b, v.name, p, v)
		}
	}
	files := append([]File{{"/etc/network/interfaces", 0o644, []byte(b.String())}}, names(ports)...)
	return append(files, r.cloudInit.files()...), nil
}

// stanza writes one interface. One without an address is up all the same; nothing of IPv6 is taken there.
func stanza(b *strings.Builder, name string, p port, l link) {
	method := "manual"
	if l.dhcp() {
		method = "dhcp"
	}
	fmt.Fprintf(b, "\nauto %s\niface %s inet %s\n", name, name, method)
	if l.id != 0 {
		fmt.Fprintf(b, "\tpre-up ip link show dev %s || ip link add link %s name %s type vlan id %d\n\tpost-down ip link delete dev %s\n", name, device(p), name, l.id, name)
	}
	if l.id == 0 && p.bond != nil {
		fmt.Fprintf(b, "\tpre-up ip link show dev %s || ip link add name %s address %s type bond mode %s miimon %d\n", name, name, p.mac, p.bond.Mode, monitor)
		for _, m := range p.members { // one that is up cannot be taken in
			fmt.Fprintf(b, "\tpre-up ip link set dev %s down\n\tpre-up ip link set dev %s master %s\n", device(m), device(m), name)
		}
		fmt.Fprintf(b, "\tpost-down ip link delete dev %s\n", name)
	}
	if p.mtu != 0 {
		fmt.Fprintf(b, "\tpre-up ip link set dev %s mtu %d\n", name, p.mtu)
	}
	if l.dhcp() {
		fmt.Fprintf(b, "\tmetric %d\n", l.metric)
		return
	}
	fmt.Fprintf(b, "\tpre-up sysctl -q -w net.ipv6.conf.%s.disable_ipv6=1\n\tup ip link set dev %s up\n\tdown ip link set dev %s down\n", name, name, name)
}
