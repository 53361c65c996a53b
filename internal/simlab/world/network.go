package world

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// link is a network interface of the running system that asks for an address: untagged when vlan is 0.
type link struct{ nic, vlan int }

func usesNetplan(os string) bool { return os == "ubuntu" || os == "debian" }

// networkOf reads the network configuration on a disk the way the system on it does.
func networkOf(d disk, nics []NIC) ([]link, error) {
	switch {
	case d.fs == nil:
		return nil, nil
	case usesNetplan(d.image.OS):
		return netplan(d.fs, nics)
	}
	return keyfiles(d.fs, nics), nil
}

// addLink appends an interface once.
func addLink(links []link, l link) []link {
	if slices.Contains(links, l) {
		return links
	}
	return append(links, l)
}

func freshNetplan(nics []NIC) string {
	var b strings.Builder
	b.WriteString("network:\n  version: 2\n  ethernets:\n")
	for i, n := range nics {
		fmt.Fprintf(&b, "    nic%d:\n      match:\n        macaddress: %q\n      dhcp4: true\n", i, n.MAC)
	}
	return b.String()
}

type netplanFile struct {
	Network struct {
		Ethernets map[string]netplanDevice
		VLANs     map[string]netplanDevice `yaml:"vlans"`
	}
}

type netplanDevice struct {
	Match   map[string]string
	SetName string `yaml:"set-name"`
	DHCP4   *bool
	ID      int
	Link    string
}

// merge puts what a later file says over what earlier ones said.
func (d netplanDevice) merge(over netplanDevice) netplanDevice {
	if over.Match != nil {
		d.Match = over.Match
	}
	if over.SetName != "" {
		d.SetName = over.SetName
	}
	if over.DHCP4 != nil {
		d.DHCP4 = over.DHCP4
	}
	if over.ID != 0 {
		d.ID = over.ID
	}
	if over.Link != "" {
		d.Link = over.Link
	}
	return d
}

// netplan reads /etc/netplan/*.yaml in the order of their names.
func netplan(f *FS, nics []NIC) ([]link, error) {
	ethernets, vlans := map[string]netplanDevice{}, map[string]netplanDevice{}
	dir, err := f.ReadDir("/etc/netplan")
	if err != nil {
		return nil, nil // a system without netplan's directory has no network
	}
	for _, info := range dir {
		if info.IsDir() || !strings.HasSuffix(info.Name(), ".yaml") {
			continue
		}
		text, err := f.ReadFile("/etc/netplan/" + info.Name())
		if err != nil {
			return nil, err
		}
		var file netplanFile
		if err := yaml.Unmarshal(text, &file); err != nil {
			return nil, fmt.Errorf("/etc/netplan/%s: Error in network definition: %w", info.Name(), err)
		}
		for id, d := range file.Network.Ethernets {
			ethernets[id] = ethernets[id].merge(d)
		}
		for id, d := range file.Network.VLANs {
			vlans[id] = vlans[id].merge(d)
		}
	}
	return netplanLinks(ethernets, vlans, nics)
}

func netplanLinks(ethernets, vlans map[string]netplanDevice, nics []NIC) ([]link, error) {
	var links []link
	for _, id := range slices.Sorted(maps.Keys(ethernets)) {
		d := ethernets[id]
		if d.SetName != "" && d.Match == nil {
			return nil, fmt.Errorf("%s: 'set-name:' requires 'match:' properties", id)
		}
		if d.DHCP4 != nil && *d.DHCP4 {
			for _, i := range d.matches(id, nics) {
				links = addLink(links, link{nic: i})
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(vlans)) {
		d := vlans[id]
		parent, known := ethernets[d.Link]
		switch {
		case !known:
			return nil, fmt.Errorf("%s: interface '%s' is not defined", id, d.Link)
		case d.ID < 1 || d.ID > 4094:
			return nil, fmt.Errorf("%s: invalid id '%d' (allowed values are 0 to 4094)", id, d.ID)
		case d.DHCP4 != nil && *d.DHCP4:
			for _, i := range parent.matches(d.Link, nics) {
				links = addLink(links, link{nic: i, vlan: d.ID})
			}
		}
	}
	return links, nil
}

// matches gives the NICs that an ethernet definition is for; without "match" its id is the interface's name.
func (d netplanDevice) matches(id string, nics []NIC) (out []int) {
	for i, n := range nics {
		mac, byMAC := d.Match["macaddress"]
		name, byName := d.Match["name"]
		switch {
		case byMAC && !strings.EqualFold(mac, n.MAC), byName && name != n.Name, !byMAC && !byName && id != n.Name:
			continue
		}
		out = append(out, i)
	}
	return out
}
