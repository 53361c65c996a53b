// Package inventory is the lab's hosts, network interfaces, switches and BMCs as loaded from StackStorm's datastore
// (datastore/hosts.json). It validates them and says everything that is wrong at once.
package inventory

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
)

// MAC is a hardware address: six bytes, lower case, separated by colons.
type MAC string

// ParseMAC reads a MAC in any common notation.
func ParseMAC(s string) (MAC, error) {
	hw, err := net.ParseMAC(strings.TrimSpace(s))
	if err != nil || len(hw) != 6 {
		return "", fmt.Errorf("%q is no MAC address (six bytes like 48:df:37:1d:13:00)", s)
	}
	return MAC(hw.String()), nil
}

// Host is one server of the lab.
type Host struct {
	// Name is the datastore key of the entry and the name used in workflows and messages.
	Name string
	// DashboardID is the host's id on the dashboard (dashboard_id, or laas_id in old files); Name when the entry has none.
	DashboardID string
	// FOGName is the host's exact name in FOG.
	FOGName string
	// Hostname is the DNS name or address that the lab reaches the host at.
	Hostname string
	// SSHPort is 22 unless the entry says otherwise.
	SSHPort int
	// Images are the FOG images of the host by OS family: ubuntu, centos, suse. Values are FOG ids or names.
	Images map[string]string
	// NICs are ordered by MAC.
	NICs []NIC
	// Bonds make one interface of several where these are booked alike.
	Bonds []Bond
	// BMC is nil for a host without one.
	BMC *BMC
	// Unknown keeps keys of the entry that the pack has no use for.
	Unknown map[string]json.RawMessage
}

// NIC is a network interface and the switch port it is cabled to.
type NIC struct {
	MAC    MAC
	Name   string
	Bus    string
	Switch string
	Port   string
	// BMCVLAN is set where the NIC shares its port with the BMC; that VLAN then stays tagged on the port. 0 for none.
	BMCVLAN int
}

// Bond is interfaces that work as one.
type Bond struct {
	// Name on the host, bond0 to bond99.
	Name string
	// Mode is one of BondModes.
	Mode string
	// NICs are its interfaces, two or more, ordered by MAC.
	NICs []MAC
}

// LACP is the one mode of a bond that the switch must be set up for: a port channel, which the lab makes by hand.
const LACP = "802.3ad"

// BondModes are the modes that an entry may name, the first of them by default.
var BondModes = []string{"active-backup", "balance-tlb", "balance-alb", LACP}

// BMC is how a host's baseboard management controller is reached.
type BMC struct {
	// Address is a name or IP address.
	Address string
	// Protocol is ipmi or redfish.
	Protocol string
	// Port is 623 for ipmi and 443 for redfish unless the entry says otherwise.
	Port int
	// CipherSuite of IPMI 2.0; 17 unless the entry says otherwise, -1 asks the BMC.
	CipherSuite int
	// MAC of the BMC's own interface; empty if not given.
	MAC MAC
	// Credentials names the encrypted datastore key with {"user","password"} of the administrator.
	Credentials string
}

// Switch is one switch.
type Switch struct {
	// Name is what NICs call it; the entry's key is "switch_" + Name.
	Name string
	// Driver is nxos unless the entry says otherwise.
	Driver string
	// Address is a host name, an address, or a URL with scheme and port. Name if the entry has none.
	Address string
	// Credentials names the encrypted datastore key with {"user","password"}. Empty when the switch_<name> key itself
	// holds user and password, which then must be encrypted.
	Credentials string
}

// Inventory is the whole lab.
type Inventory struct {
	// Names is the list "hosts": the lab's hosts in the order of the file.
	Names    []string
	Hosts    map[string]*Host
	Switches map[string]*Switch
	// BMCVLANs are those that BMCs share ports of hosts in (NIC.BMCVLAN), sorted; also of hosts that are left out because something else is wrong with them.
	BMCVLANs []int
}

// ByDashboardID finds a host by its id on the dashboard, or nil.
func (inv *Inventory) ByDashboardID(id string) *Host {
	for _, h := range inv.Hosts {
		if h.DashboardID == id {
			return h
		}
	}
	return nil
}

// NIC finds an interface of the host by MAC, or nil.
func (h *Host) NIC(mac MAC) *NIC {
	for i := range h.NICs {
		if h.NICs[i].MAC == mac {
			return &h.NICs[i]
		}
	}
	return nil
}
