// Package hostnet renders what a host's network interfaces are to be into the files of the host's own network configuration.
//
// Interfaces are matched by MAC address only: names depend on the kernel and on the image. DHCP, and with it a default route, is
// only where it is asked for. Other interfaces that carry VLANs are up without addresses; those that carry nothing stay down.
// What is rendered replaces all that was configured before, and the same interfaces give the same files, in whatever order they
// are told.
package hostnet

import (
	"io/fs"
	"net"
	"strings"
)

// NIC is what a network interface is to be.
type NIC struct {
	// MAC in any common notation; Name is for messages only. A bond has neither.
	MAC, Name string
	// Bond makes one interface of several, which are not told by themselves.
	Bond *Bond
	// DHCP asks for an address on the untagged network.
	DHCP bool
	// Untagged says that the interface carries an untagged VLAN, with or without DHCP.
	Untagged bool
	// VLANs are the tagged ones.
	VLANs []VLAN
	// MTU of the interface and its VLANs; 0 leaves what the system chooses.
	MTU int
}

// Bond is interfaces that work as one.
type Bond struct {
	// Name is bond0 to bond99.
	Name string
	// Mode is the kernel's name of it, one of Modes.
	Mode string
	// MACs of its interfaces, two or more. The bond has the first one in order, so that DHCP knows it.
	MACs []string
}

// Modes are how a bond can work. All but the last need nothing of the switch; 802.3ad needs the ports to be one by LACP.
var Modes = []string{"active-backup", "balance-tlb", "balance-alb", "802.3ad"}

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
	// Stale are the paths, as path.Match patterns, of what was configured before. All that they match must go, except what Files has just
	// written. It is in force from the next start of the host on.
	Stale() []string
}

// cloudInit says whether the image has cloud-init, which would write a configuration and a host name of its own at the next boot.
type cloudInit bool

func (c cloudInit) files() []File {
	if !c {
		return nil
	}
	return []File{{"/etc/cloud/cloud.cfg.d/99-laas-network.cfg", 0o644, []byte(header + "network: {config: disabled}\npreserve_hostname: true\nmanage_etc_hosts: false\n")}}
}

// header starts each file.
const header = "# Written by the lab. It is replaced when the host is booked again.\n"

// normal gives a MAC as six bytes in lower case with colons, or "".
func normal(mac string) string {
	hw, err := net.ParseMAC(strings.TrimSpace(mac))
	if err != nil || len(hw) != 6 {
		return ""
	}
	return hw.String()
}
