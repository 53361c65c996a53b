package world

import (
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
	for _, k := range all {
		if k["ipv4.method"] != "auto" {
			continue
		}
		switch k["connection.type"] {
		case "ethernet", "802-3-ethernet":
			for i, n := range nics {
				if k.fits(n) {
					links = addLink(links, link{nic: i})
				}
			}
		case "vlan":
			id, err := strconv.Atoi(k["vlan.id"])
			if err != nil || id < 1 || id > 4094 {
				continue
			}
			for i, n := range nics {
				if k.isParent(n, all) {
					links = addLink(links, link{nic: i, vlan: id})
				}
			}
		}
	}
	return links
}

// fits says whether an ethernet connection is for the NIC. One that names none is for any.
func (k keyfile) fits(n NIC) bool {
	mac, name := k.mac(), k["connection.interface-name"]
	return (mac == "" || strings.EqualFold(mac, n.MAC)) && (name == "" || name == n.Name)
}

// isParent says whether a VLAN connection sits on the NIC: its parent is an interface name, a MAC, or the uuid of a
// connection; without a parent its own mac-address counts.
func (k keyfile) isParent(n NIC, all []keyfile) bool {
	parent := k["vlan.parent"]
	if parent == "" {
		return k.mac() != "" && strings.EqualFold(k.mac(), n.MAC)
	}
	if parent == n.Name || strings.EqualFold(parent, n.MAC) {
		return true
	}
	for _, other := range all {
		if other["connection.uuid"] == parent && other["connection.type"] != "vlan" && other.fits(n) {
			return true
		}
	}
	return false
}
