package hostnet

import (
	"fmt"
	"strings"
)

// ifupdown writes /etc/network/interfaces, as Debian has it without netplan. VLANs and bonds are made with ip(8), so that the packages vlan and
// ifenslave are not needed.
type ifupdown struct {
	// managed says that there is a NetworkManager, too.
	managed   bool
	cloudInit cloudInit
}

func (ifupdown) Name() string { return "ifupdown" }

func (ifupdown) Stale() []string {
	return append([]string{interfacesFile, interfacesDir + "/*", keyfileDir + "*", keepOff}, staleNames...)
}

func (r ifupdown) Files(nics []NIC) ([]File, error) {
	ports, err := plan(nics)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(header + loopback)
	for _, p := range ports {
		if !p.carries {
			continue // what ifupdown does not know stays down
		}
		stanza(&b, device(p), p, p.untagged)
		for _, v := range p.vlans {
			stanza(&b, v.name, p, v)
		}
	}
	files := append([]File{{interfacesFile, 0o644, []byte(b.String())}}, names(ports)...)
	if r.managed {
		files = append(files, keptOff(ports))
	}
	return append(files, r.cloudInit.files()...), nil
}

const loopback = "auto lo\niface lo inet loopback\n"

// keptOff keeps NetworkManager off all interfaces: by itself it would leave alone those that have a stanza, and start the others, a bond's among them.
func keptOff(ports []port) File {
	text := header + "[ifupdown]\nmanaged=false\n\n[keyfile]\nunmanaged-devices+="
	for _, p := range physical(ports) {
		text += "interface-name:" + device(p) + ";"
	}
	return File{keepOff, 0o644, []byte(text + "\n")}
}

// stanza writes one interface. One without an address is up all the same; nothing of IPv6 is taken there (sysctl -e: where the kernel has any).
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
	fmt.Fprintf(b, "\tpre-up sysctl -e -q -w net.ipv6.conf.%s.disable_ipv6=1\n\tup ip link set dev %s up\n\tdown ip link set dev %s down\n", name, name, name)
}
