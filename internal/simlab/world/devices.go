package world

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// device is a network interface as a configuration names it: hardware, a VLAN on another, or a bond of others.
type device struct {
	// hardware says that it is the nic of that number.
	hardware bool
	nic      int
	// parent and vlan are set for a VLAN, members for a bond.
	parent  string
	vlan    int
	members []string
	// dhcp says that it asks for an address.
	dhcp bool
}

type devices map[string]*device

// hardware gives the devices that the kernel has by itself.
func hardware(names []string) devices {
	out := devices{}
	for i, name := range names {
		out[name] = &device{hardware: true, nic: i}
	}
	return out
}

// links are the ways on which the devices that ask for an address can get one. A bond has those of all its members; these have none of their own.
func (d devices) links() (links []link) {
	taken := map[string]bool{}
	for _, each := range d {
		for _, m := range each.members {
			taken[m] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if !d[name].dhcp || taken[name] {
			continue
		}
		for _, l := range d.below(name, 0, len(d)) {
			links = addLink(links, l)
		}
	}
	return links
}

// below finds the hardware that a device's frames leave by. depth ends a circle.
func (d devices) below(name string, vlan, depth int) (out []link) {
	at := d[name]
	switch {
	case at == nil || depth < 0, at.parent != "" && vlan != 0: // the switch knows no tag within a tag
		return nil
	case at.hardware:
		return []link{{at.nic, vlan}}
	case at.parent != "":
		return d.below(at.parent, at.vlan, depth-1)
	}
	for _, m := range at.members {
		out = append(out, d.below(m, vlan, depth-1)...)
	}
	return out
}

// names are what the interfaces are called by the system on a disk, from its next start: what systemd.link files say, or what they always were.
func names(f *FS, nics []NIC) (out []string) {
	for _, n := range nics {
		out = append(out, n.Name)
	}
	const dir = "/etc/systemd/network"
	files, _ := f.ReadDir(dir)
	done := map[int]bool{} // the first file that matches counts
	for _, info := range files {
		text, err := f.ReadFile(path.Join(dir, info.Name()))
		if err != nil || !strings.HasSuffix(info.Name(), ".link") {
			continue
		}
		mac, name := setting(string(text), "MACAddress"), setting(string(text), "Name")
		for i, n := range nics {
			if strings.EqualFold(mac, n.MAC) && name != "" && !done[i] {
				out[i], done[i] = name, true
			}
		}
	}
	return out
}
