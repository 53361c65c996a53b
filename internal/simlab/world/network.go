package world

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// link is a network interface of the running system that asks for an address: untagged when vlan is 0.
type link struct{ nic, vlan int }

// Ways in which a system configures its network.
const (
	Netplan        = "netplan"
	NetworkManager = "networkmanager"
	Ifupdown       = "ifupdown"
	Ifcfg          = "ifcfg"
	Wicked         = "wicked"
	// Debian is ifupdown beside a NetworkManager that leaves its interfaces alone; CentOS7 an old NetworkManager that reads network-scripts.
	Debian  = "debian"
	CentOS7 = "centos7"
)

// system is what an image configures its network with.
func (i Image) system() string {
	switch {
	case i.Network != "":
		return i.Network
	case i.OS == "ubuntu" || i.OS == "debian":
		return Netplan
	}
	return NetworkManager
}

// networkOf reads the network configuration on a disk the way the system on it does. names are what it calls the interfaces.
func networkOf(d disk, nics []NIC, names []string) ([]link, error) {
	if d.fs == nil {
		return nil, nil
	}
	switch d.image.system() {
	case Netplan:
		return netplan(d.fs, nics)
	case Ifupdown, Debian:
		return ifupdown(d.fs, names)
	case Ifcfg, CentOS7, Wicked:
		return ifcfg(d.fs, names, nics, d.image.system() == Wicked), nil
	}
	return keyfiles(d.fs, nics), nil
}

// freshNetwork writes what an image has from the start: DHCP on all interfaces.
func freshNetwork(f *FS, system string, nics []NIC) {
	write := func(name, text string, mode fs.FileMode) {
		must(f.MkdirAll(path.Dir(name), 0o755))
		must(f.WriteFile(name, []byte(text), mode))
	}
	if version := map[string]string{NetworkManager: "1.42.4", Debian: "1.42.4", CentOS7: "1.18.8-2.el7_9"}[system]; version != "" {
		write("/usr/sbin/NetworkManager", version+"\n", 0o755) // all that it tells
		write("/etc/NetworkManager/NetworkManager.conf", "[main]\nplugins=ifupdown,keyfile\n", 0o644)
	}
	switch system {
	case Netplan:
		write("/usr/sbin/netplan", "", 0o755)
		write("/etc/netplan/50-cloud-init.yaml", freshNetplan(nics), 0o600)
	case Ifupdown, Debian:
		write("/sbin/ifup", "", 0o755)
		write(interfacesFile, freshIfupdown(nics), 0o644)
	case Ifcfg, CentOS7, Wicked:
		dir := ifcfgRedHat
		if system == Wicked {
			dir = ifcfgSUSE
			must(f.MkdirAll("/etc/wicked", 0o755))
		}
		write(dir+"/ifcfg-lo", "", 0o644)
		for _, n := range nics {
			write(dir+"/ifcfg-"+n.Name, freshIfcfg(n, system == Wicked), 0o644)
		}
	default:
		write("/usr/bin/nmcli", "", 0o755)
		for i, n := range nics {
			write(fmt.Sprintf("%s/nic%d.nmconnection", keyfileDir, i), freshKeyfile(n), 0o600)
		}
	}
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
		Bonds     map[string]netplanDevice
		VLANs     map[string]netplanDevice `yaml:"vlans"`
	}
}

type netplanDevice struct {
	Match   map[string]string
	SetName string `yaml:"set-name"`
	DHCP4   *bool
	ID      int
	Link    string
	// Interfaces of a bond.
	Interfaces []string
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
	if over.Interfaces != nil {
		d.Interfaces = over.Interfaces
	}
	if over.Link != "" {
		d.Link = over.Link
	}
	return d
}

// netplan reads /etc/netplan/*.yaml in the order of their names.
func netplan(f *FS, nics []NIC) ([]link, error) {
	ethernets, bonds, vlans := map[string]netplanDevice{}, map[string]netplanDevice{}, map[string]netplanDevice{}
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
		for id, d := range file.Network.Bonds {
			bonds[id] = bonds[id].merge(d)
		}
		for id, d := range file.Network.VLANs {
			vlans[id] = vlans[id].merge(d)
		}
	}
	return netplanLinks(ethernets, bonds, vlans, nics)
}

func netplanLinks(ethernets, bonds, vlans map[string]netplanDevice, nics []NIC) ([]link, error) {
	d := devices{}
	for id, e := range ethernets {
		if e.SetName != "" && e.Match == nil {
			return nil, fmt.Errorf("%s: 'set-name:' requires 'match:' properties", id)
		}
		// A definition may fit several interfaces: it is then as a bond of them, for where its frames go.
		d[id] = &device{dhcp: e.asks()}
		for _, i := range e.matches(id, nics) {
			of := fmt.Sprintf("%s of nic %d", id, i)
			d[of] = &device{hardware: true, nic: i}
			d[id].members = append(d[id].members, of)
		}
	}
	for id, b := range bonds {
		for _, member := range b.Interfaces {
			if _, known := ethernets[member]; !known {
				return nil, fmt.Errorf("%s: interface '%s' is not defined", id, member)
			}
		}
		d[id] = &device{members: b.Interfaces, dhcp: b.asks()}
	}
	for id, v := range vlans {
		switch {
		case d[v.Link] == nil:
			return nil, fmt.Errorf("%s: interface '%s' is not defined", id, v.Link)
		case v.ID < 1 || v.ID > 4094:
			return nil, fmt.Errorf("%s: invalid id '%d' (allowed values are 0 to 4094)", id, v.ID)
		}
	}
	for id, v := range vlans { // a VLAN on a VLAN would be found by nobody
		d[id] = &device{parent: v.Link, vlan: v.ID, dhcp: v.asks()}
	}
	return d.links(), nil
}

func (d netplanDevice) asks() bool { return d.DHCP4 != nil && *d.DHCP4 }

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
