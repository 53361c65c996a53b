package hostnet

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// networkManager writes one keyfile for each interface.
type networkManager struct {
	// old is a NetworkManager before 1.20. It does not know that IPv6 can be switched off, and would not read a file that says so.
	old bool
	// alone says that no file of ifupdown names interfaces, which NetworkManager would leave alone (Debian's default, managed=false of its plugin ifupdown).
	alone     bool
	cloudInit cloudInit
}

const (
	keyfileDir = managerDir + "/system-connections/"
	// keepOff is what tells NetworkManager which interfaces are ifupdown's.
	keepOff = managerDir + "/conf.d/90-laas-ifupdown.conf"
)

func (networkManager) Name() string { return "networkmanager" }

// Stale covers Red Hat's older files too, which NetworkManager reads beside its own; all but that of the loopback interface.
func (r networkManager) Stale() []string {
	const ifcfg = ifcfgRHEL + "/ifcfg-"
	stale := []string{keyfileDir + "*", keepOff, ifcfg + "[^l]*", ifcfg + "l[^o]*", ifcfg + "lo?*"}
	if !r.alone {
		stale = append(stale, interfacesFile, interfacesDir+"/*")
	}
	return stale
}

func (r networkManager) Files(nics []NIC) ([]File, error) {
	ports, err := plan(nics)
	if err != nil {
		return nil, err
	}
	var files []File
	add := func(id, text string) {
		if r.old {
			text = strings.ReplaceAll(text, "[ipv6]\nmethod=disabled\n", "[ipv6]\nmethod=ignore\n")
		}
		files = append(files, File{keyfileDir + id + ".nmconnection", 0o600, []byte(header + text)})
	}
	for _, p := range ports {
		if p.bond == nil {
			add(portID(p), keyfileWire(p))
		} else if p.carries {
			add(portID(p), keyfileBond(p))
		}
		for _, m := range p.members {
			add(portID(m), keyfileMember(m, p))
		}
		for _, v := range p.vlans {
			add(vlanID(v), keyfileVLAN(p, v))
		}
	}
	if !r.alone {
		files = append(files, File{interfacesFile, 0o644, []byte(header + loopback)})
	}
	return append(files, r.cloudInit.files()...), nil
}

func portID(p port) string { return "laas-" + device(p) }

func vlanID(v link) string { return "laas-" + v.name }

// keyfileWire also writes interfaces that are to stay down: without a connection, NetworkManager makes one up, with DHCP.
func keyfileWire(p port) string {
	return fmt.Sprintf("[connection]\nid=%s\nuuid=%s\ntype=ethernet\nautoconnect=%t\n", portID(p), uuid(portID(p), p.mac), p.carries) +
		tireless(p.carries) +
		fmt.Sprintf("\n[ethernet]\nmac-address=%s\n", strings.ToUpper(p.mac)) + keyfileMTU(p) +
		keyfileAddresses(p.untagged)
}

func keyfileBond(p port) string {
	return fmt.Sprintf("[connection]\nid=%s\nuuid=%s\ntype=bond\ninterface-name=%s\nautoconnect=true\nautoconnect-slaves=1\n", portID(p), uuid(portID(p), p.mac), device(p)) +
		tireless(true) +
		fmt.Sprintf("\n[ethernet]\ncloned-mac-address=%s\n", strings.ToUpper(p.mac)) + keyfileMTU(p) +
		fmt.Sprintf("\n[bond]\nmiimon=%d\nmode=%s\n", monitor, p.bond.Mode) +
		keyfileAddresses(p.untagged)
}

// keyfileMember is an interface of a bond, by itself where the bond carries nothing.
func keyfileMember(m, bond port) string {
	if !bond.carries {
		return keyfileWire(m)
	}
	return fmt.Sprintf("[connection]\nid=%s\nuuid=%s\ntype=ethernet\nautoconnect=true\nmaster=%s\nslave-type=bond\n", portID(m), uuid(portID(m), m.mac), uuid(portID(bond), bond.mac)) +
		tireless(true) +
		fmt.Sprintf("\n[ethernet]\nmac-address=%s\n", strings.ToUpper(m.mac)) + keyfileMTU(m)
}

// keyfileVLAN names its parent by connection: the names of devices are not known, and the MAC is shared with the parent's other VLANs.
func keyfileVLAN(p port, v link) string {
	return fmt.Sprintf("[connection]\nid=%s\nuuid=%s\ntype=vlan\ninterface-name=%s\nautoconnect=true\n", vlanID(v), uuid(vlanID(v), p.mac), v.name) +
		tireless(true) +
		keyfileEthernet(p) +
		fmt.Sprintf("\n[vlan]\nflags=1\nid=%d\nparent=%s\n", v.id, uuid(portID(p), p.mac)) +
		keyfileAddresses(v)
}

func keyfileMTU(p port) string {
	if p.mtu == 0 {
		return ""
	}
	return fmt.Sprintf("mtu=%d\n", p.mtu)
}

// keyfileEthernet is a VLAN's own section for the MTU, if there is one.
func keyfileEthernet(p port) string {
	if p.mtu == 0 {
		return ""
	}
	return "\n[ethernet]\n" + keyfileMTU(p)
}

// tireless keeps a connection from giving up: its network may come up long after the host, when the switch port is changed.
func tireless(up bool) string {
	if !up {
		return ""
	}
	return "autoconnect-retries=0\n"
}

func keyfileAddresses(l link) string {
	if l.dhcp() {
		return fmt.Sprintf("\n[ipv4]\nmethod=auto\ndhcp-client-id=mac\ndhcp-timeout=2147483647\nroute-metric=%d\n\n[ipv6]\nmethod=auto\nroute-metric=%d\n", l.metric, l.metric)
	}
	return "\n[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=disabled\n"
}

// uuid makes the id of a connection from what it is for, so that the same interfaces give the same files.
func uuid(id, mac string) string {
	b := sha256.Sum256([]byte("laas connection " + id + " " + mac))
	b[6] = b[6]&0x0f | 0x80 // version 8: made in a way of one's own
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
