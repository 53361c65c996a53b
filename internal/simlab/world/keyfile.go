package world

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// keyfileDir is where NetworkManager keeps its connections.
const keyfileDir = "/etc/NetworkManager/system-connections"

func freshKeyfile(n NIC) string {
	return fmt.Sprintf("[connection]\nid=%s\ntype=ethernet\n\n[ethernet]\nmac-address=%s\n\n[ipv4]\nmethod=auto\n", n.Name, n.MAC)
}

// keyfile is one connection: values by "section.key".
type keyfile map[string]string

func parseKeyfile(text string) keyfile {
	k, section := keyfile{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = strings.Trim(line, "[]")
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			k[section+"."+strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return k
}

func (k keyfile) mac() string {
	if mac := k["ethernet.mac-address"]; mac != "" {
		return mac
	}
	return k["802-3-ethernet.mac-address"]
}

// keyfiles reads NetworkManager's connections. Files that others than root may read are ignored, as NetworkManager does, and
// an interface without a connection gets none, as on servers.
func keyfiles(f *FS, nics []NIC) (links []link) {
	var all []keyfile
	dir, _ := f.ReadDir(keyfileDir)
	for _, info := range dir {
		if info.IsDir() || !strings.HasSuffix(info.Name(), ".nmconnection") || info.Mode().Perm()&0o077 != 0 || info.UID != 0 {
			continue
		}
		text, _ := f.ReadFile(keyfileDir + "/" + info.Name())
		if k := parseKeyfile(string(text)); k["connection.autoconnect"] != "false" {
			all = append(all, k)
		}
	}
	d := devices{}
	id := func(k keyfile) string { return cmp.Or(k["connection.uuid"], k["connection.id"]) }
	for _, k := range all {
		at := &device{dhcp: k["ipv4.method"] == "auto"}
		switch k["connection.type"] {
		case "ethernet", "802-3-ethernet": // one that names no interface is for all
			for i, n := range nics {
				if of := fmt.Sprintf("%s of nic %d", id(k), i); k.fits(n) {
					d[of] = &device{hardware: true, nic: i}
					at.members = append(at.members, of)
				}
			}
		case "vlan":
			number, err := strconv.Atoi(k["vlan.id"])
			if err != nil || number < 1 || number > 4094 {
				continue
			}
			at.parent, at.vlan = k.parent(d, all, nics), number
		}
		d[id(k)] = at
	}
	for _, k := range all { // a bond's interfaces name it, by its uuid or its own name
		for _, bond := range all {
			if master := k["connection.master"]; k["connection.slave-type"] == "bond" && bond["connection.type"] == "bond" &&
				master != "" && (master == bond["connection.uuid"] || master == bond["connection.interface-name"]) {
				d[id(bond)].members = append(d[id(bond)].members, id(k))
			}
		}
	}
	return d.links()
}

// fits says whether an ethernet connection is for the NIC. One that names none is for any.
func (k keyfile) fits(n NIC) bool {
	mac, name := k.mac(), k["connection.interface-name"]
	return (mac == "" || strings.EqualFold(mac, n.MAC)) && (name == "" || name == n.Name)
}

// parent finds what a VLAN connection sits on: the uuid of a connection, the name of a NIC or of a bond, or a MAC; without one its own
// mac-address counts. A NIC becomes a device.
func (k keyfile) parent(d devices, all []keyfile, nics []NIC) string {
	parent := cmp.Or(k["vlan.parent"], k.mac())
	for _, other := range all {
		if other["connection.type"] != "vlan" && (other["connection.uuid"] == parent || other["connection.type"] == "bond" && other["connection.interface-name"] == parent) {
			return cmp.Or(other["connection.uuid"], other["connection.id"])
		}
	}
	for i, n := range nics {
		if parent == n.Name || strings.EqualFold(parent, n.MAC) {
			d["nic "+n.MAC] = &device{hardware: true, nic: i}
			return "nic " + n.MAC
		}
	}
	return parent
}
