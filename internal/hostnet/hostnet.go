// Package hostnet renders what a host's network interfaces are to be into the files of the host's own network configuration.
//
// Interfaces are matched by MAC address only: names depend on the kernel and on the image. DHCP, and with it a default route, is
// only where it is asked for. Other interfaces that carry VLANs are up without addresses; those that carry nothing stay down.
// What is rendered replaces all that was configured before, and the same interfaces give the same files, in whatever order they
// are told.
package hostnet

import (
	"cmp"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"

	"stackstorm-laas/internal/fault"
)

// NIC is what a network interface is to be.
type NIC struct {
	// MAC in any common notation; Name is for messages only.
	MAC, Name string
	// DHCP asks for an address on the untagged network.
	DHCP bool
	// Untagged says that the interface carries an untagged VLAN, with or without DHCP.
	Untagged bool
	// VLANs are the tagged ones.
	VLANs []VLAN
	// MTU of the interface and its VLANs; 0 leaves what the system chooses.
	MTU int
}

// VLAN is a tagged VLAN on an interface.
type VLAN struct {
	ID   int
	DHCP bool
}

// File is a file of the host's configuration.
type File struct {
	Path string
	Mode fs.FileMode
	Data []byte
}

// Renderer writes the configuration of one kind of system.
type Renderer interface {
	Name() string
	// Files is the whole configuration. An error tells everything that is wrong with the interfaces at once.
	Files([]NIC) ([]File, error)
	// Apply is the shell command, always the same, that puts the files in force. The login that runs it may break off when the
	// address of the host changes: whether it worked shows when the host is reached again.
	Apply() string
	// Stale are the paths, as path.Match patterns, of what was configured before. All that they match must go before Apply,
	// except what Files has just written.
	Stale() []string
}

// Detect finds out how a host configures its network. exists says whether there is a file or directory on the host.
func Detect(exists func(path string) bool) (Renderer, error) {
	cloudInit := cloudInit(exists("/etc/cloud/cloud.cfg.d"))
	switch {
	case exists("/etc/netplan"):
		return netplan{cloudInit}, nil
	case exists("/etc/wicked"):
		return ifcfg{suse: true, cloudInit: cloudInit}, nil
	case exists("/etc/NetworkManager/system-connections"):
		return networkManager{cloudInit}, nil
	case exists(ifcfgRHEL):
		return ifcfg{cloudInit: cloudInit}, nil
	case exists("/etc/network/interfaces"):
		return ifupdown{cloudInit}, nil
	}
	return nil, fault.New(fault.Refused, "the host configures its network in no way that the pack knows: netplan, wicked, NetworkManager, ifcfg or ifupdown").
		WithHint("use an image with one of /etc/netplan, /etc/wicked, /etc/NetworkManager/system-connections, %s, /etc/network/interfaces", ifcfgRHEL)
}

// cloudInit says whether the image has cloud-init, which would write a configuration of its own at the next boot.
type cloudInit bool

func (c cloudInit) files() []File {
	if !c {
		return nil
	}
	return []File{{"/etc/cloud/cloud.cfg.d/99-laas-network.cfg", 0o644, []byte(header + "network: {config: disabled}\n")}}
}

// header starts each file.
const header = "# Written by the lab. It is replaced when the host is booked again.\n"

// port is a checked NIC. Its number is its place among all by MAC.
type port struct {
	n   int
	mac string
	// carries says that the interface must be up.
	carries  bool
	mtu      int
	untagged link
	vlans    []link
}

// link is an interface of the host's, the untagged one or that of a VLAN.
type link struct {
	id   int
	name string
	// metric of the default route that comes with DHCP; 0 for no DHCP. No two links have the same, so that it is always clear
	// which one a host with several addresses answers through.
	metric int
}

func (l link) dhcp() bool { return l.metric > 0 }

// firstMetric is below what systems give to links that they find by themselves.
const firstMetric = 100

// plan checks the interfaces and puts them in order.
func plan(nics []NIC) ([]port, error) {
	if err := check(nics); err != nil {
		return nil, err
	}
	ports := make([]port, len(nics))
	nics = slices.Clone(nics)
	slices.SortFunc(nics, func(a, b NIC) int { return cmp.Compare(normal(a.MAC), normal(b.MAC)) })
	next := firstMetric
	metric := func(dhcp bool) int {
		if !dhcp {
			return 0
		}
		next++
		return next - 1
	}
	for n, nic := range nics {
		p := port{n: n, mac: normal(nic.MAC), mtu: nic.MTU, carries: nic.DHCP || nic.Untagged || len(nic.VLANs) > 0}
		p.untagged = link{metric: metric(nic.DHCP)}
		for _, v := range slices.SortedFunc(slices.Values(nic.VLANs), func(a, b VLAN) int { return cmp.Compare(a.ID, b.ID) }) {
			// The number keeps the names of one VLAN on two interfaces apart. The kernel allows 15 characters.
			p.vlans = append(p.vlans, link{id: v.ID, name: fmt.Sprintf("v%d-%d", v.ID, n), metric: metric(v.DHCP)})
		}
		ports[n] = p
	}
	return ports, nil
}

// What an MTU can be: IPv6 needs the least, Ethernet hardware has the most.
const minMTU, maxMTU = 1280, 9216

// check tells everything that is wrong at once.
func check(nics []NIC) error {
	var problems []fault.Problem
	seen := map[string]bool{}
	for i, nic := range nics {
		at := fmt.Sprintf("nics[%d]", i)
		add := func(path, format string, args ...any) {
			problems = append(problems, fault.Problem{Path: at + path, Text: fmt.Sprintf(format, args...)})
		}
		switch mac := normal(nic.MAC); {
		case mac == "":
			add(".mac", "%q is no MAC address", nic.MAC)
		case seen[mac]:
			add(".mac", "%s is there twice", mac)
		default:
			seen[mac] = true
		}
		if nic.MTU != 0 && (nic.MTU < minMTU || nic.MTU > maxMTU) {
			add(".mtu", "%d is no MTU (%d to %d)", nic.MTU, minMTU, maxMTU)
		}
		ids := map[int]bool{}
		for j, v := range nic.VLANs {
			switch {
			case v.ID < 1 || v.ID > 4094:
				add(fmt.Sprintf(".vlans[%d]", j), "%d is no VLAN id (1 to 4094)", v.ID)
			case ids[v.ID]:
				add(fmt.Sprintf(".vlans[%d]", j), "VLAN %d is there twice", v.ID)
			}
			ids[v.ID] = true
		}
	}
	return fault.FromProblems(fault.Input, "network interfaces", problems)
}

// normal gives a MAC as six bytes in lower case with colons, or "".
func normal(mac string) string {
	hw, err := net.ParseMAC(strings.TrimSpace(mac))
	if err != nil || len(hw) != 6 {
		return ""
	}
	return hw.String()
}
