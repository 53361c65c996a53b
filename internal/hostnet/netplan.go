package hostnet

import (
	"fmt"
	"strings"
)

// netplan writes one file for netplan with systemd-networkd, as Ubuntu's and Debian's servers have it.
type netplan struct{ cloudInit cloudInit }

func (netplan) Name() string { return "netplan" }

func (netplan) Stale() []string { return []string{"/etc/netplan/*.yaml"} }

func (r netplan) Files(nics []NIC) ([]File, error) {
	ports, err := plan(nics)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(header + "network:\n  version: 2\n  renderer: networkd\n")
	netplanWires(&b, ports)
	netplanBonds(&b, ports)
	netplanVLANs(&b, ports)
	file := File{"/etc/netplan/01-laas.yaml", 0o600, []byte(b.String())}
	return append([]File{file}, r.cloudInit.files()...), nil
}

func netplanWires(b *strings.Builder, ports []port) {
	title := "  ethernets:\n"
	for _, p := range physical(ports) {
		if !p.carries {
			continue // what netplan does not know stays down
		}
		b.WriteString(title)
		title = ""
		fmt.Fprintf(b, "    %s:\n      match:\n        macaddress: %q\n", device(p), p.mac)
		netplanMTU(b, p)
		netplanAddresses(b, p.untagged)
	}
}

func netplanBonds(b *strings.Builder, ports []port) {
	title := "  bonds:\n"
	for _, p := range ports {
		if p.bond == nil || !p.carries {
			continue
		}
		b.WriteString(title)
		title = ""
		fmt.Fprintf(b, "    %s:\n      interfaces: [%s]\n      macaddress: %q\n      parameters:\n        mode: %s\n        mii-monitor-interval: %d\n",
			device(p), devices(p.members, ", "), p.mac, p.bond.Mode, monitor)
		netplanMTU(b, p)
		netplanAddresses(b, p.untagged)
	}
}

// devices are the names of interfaces.
func devices(ports []port, between string) string {
	var names []string
	for _, p := range ports {
		names = append(names, device(p))
	}
	return strings.Join(names, between)
}

func netplanVLANs(b *strings.Builder, ports []port) {
	title := "  vlans:\n"
	for _, p := range ports {
		for _, v := range p.vlans {
			b.WriteString(title)
			title = ""
			fmt.Fprintf(b, "    %s:\n      id: %d\n      link: %s\n", v.name, v.id, device(p))
			netplanMTU(b, p)
			netplanAddresses(b, v)
		}
	}
}

func netplanMTU(b *strings.Builder, p port) {
	if p.mtu > 0 {
		fmt.Fprintf(b, "      mtu: %d\n", p.mtu)
	}
}

func netplanAddresses(b *strings.Builder, l link) {
	if l.dhcp() {
		// By MAC, since hosts of one image may share a machine-id, from which the identifier would be made otherwise.
		fmt.Fprintf(b, "      dhcp4: true\n      dhcp-identifier: mac\n      dhcp4-overrides:\n        route-metric: %d\n", l.metric)
		return
	}
	// Optional: the boot does not wait for it.
	b.WriteString("      dhcp4: false\n      dhcp6: false\n      accept-ra: false\n      link-local: []\n      optional: true\n")
}
