package world

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const (
	ifcfgRedHat = "/etc/sysconfig/network-scripts"
	ifcfgSUSE   = "/etc/sysconfig/network"
)

func freshIfcfg(n NIC, suse bool) string {
	if suse {
		return "STARTMODE='auto'\nBOOTPROTO='dhcp'\n"
	}
	return fmt.Sprintf("DEVICE=%s\nTYPE=Ethernet\nONBOOT=yes\nBOOTPROTO=dhcp\n", n.Name)
}

// ifcfg reads the files of Red Hat's network-scripts, or of SUSE's wicked.
func ifcfg(f *FS, names []string, nics []NIC, suse bool) []link {
	dir := ifcfgRedHat
	if suse {
		dir = ifcfgSUSE
	}
	d, files := hardware(names), map[string]map[string]string{}
	infos, _ := f.ReadDir(dir)
	for _, info := range infos {
		name, ok := strings.CutPrefix(info.Name(), "ifcfg-")
		text, err := f.ReadFile(dir + "/" + info.Name())
		if !ok || err != nil || name == "lo" {
			continue
		}
		files[name] = shellValues(string(text))
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if suse {
			d.wicked(file, files[file])
		} else {
			d.networkScripts(files[file], nics)
		}
	}
	return d.links()
}

// shellValues reads assignments.
func shellValues(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			out[key] = strings.Trim(value, `'"`)
		}
	}
	return out
}

// wicked brings up one interface, which its file is called by.
func (d devices) wicked(name string, v map[string]string) {
	at := d[name]
	switch {
	case v["STARTMODE"] != "auto" && v["STARTMODE"] != "hotplug":
		return
	case v["ETHERDEVICE"] != "":
		id, err := strconv.Atoi(v["VLAN_ID"])
		if err != nil || id < 1 || id > 4094 {
			return
		}
		at = &device{parent: v["ETHERDEVICE"], vlan: id}
	case v["BONDING_MASTER"] == "yes":
		at = &device{}
		for key, member := range v {
			if strings.HasPrefix(key, "BONDING_SLAVE_") {
				at.members = append(at.members, member)
			}
		}
		slices.Sort(at.members)
	case at == nil: // there is no such interface
		return
	}
	at.dhcp, d[name] = v["BOOTPROTO"] == "dhcp", at
}

// networkScripts brings up one interface. One whose MAC is not the one that its file gives is left alone.
func (d devices) networkScripts(v map[string]string, nics []NIC) {
	name := v["DEVICE"]
	at := d[name]
	switch {
	case v["ONBOOT"] != "yes" || name == "":
		return
	case v["VLAN"] == "yes":
		parent, number, _ := strings.Cut(name, ".")
		id, err := strconv.Atoi(number)
		if err != nil || id < 1 || id > 4094 {
			return
		}
		at = &device{parent: parent, vlan: id}
	case v["TYPE"] == "Bond" && v["BONDING_MASTER"] == "yes":
		if at == nil { // else a member was there first
			at = &device{}
		}
	case at == nil || !at.hardware, v["HWADDR"] != "" && !strings.EqualFold(v["HWADDR"], nics[at.nic].MAC):
		return
	case v["SLAVE"] == "yes":
		if d[v["MASTER"]] == nil {
			d[v["MASTER"]] = &device{}
		}
		d[v["MASTER"]].members = append(d[v["MASTER"]].members, name)
		return
	}
	at.dhcp, d[name] = v["BOOTPROTO"] == "dhcp", at
}
