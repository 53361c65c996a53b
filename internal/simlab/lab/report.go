package lab

import (
	"encoding/json"
	"slices"

	"stackstorm-laas/internal/simlab/world"
)

// Report is the state of the world, for people and tests.
type Report struct {
	Hosts    []Host   `json:"hosts"`
	VPNUsers []string `json:"vpn_users"`
}

// Host is a host as it stands.
type Host struct {
	Name  string `json:"name"`
	Power string `json:"power"`
	// Image is as the bookings name it; null if there is none on the disk.
	Image any `json:"image"`
	// Wiped is the method by which the disk was wiped, if nothing was written to it since. The report as JSON has a promised shape
	// without it.
	Wiped     string `json:"-"`
	Hostname  string `json:"hostname"`
	Reachable bool   `json:"reachable"`
	// Quarantined hosts are not working as far as the dashboard is concerned.
	Quarantined bool   `json:"quarantined"`
	Ports       []Port `json:"ports"`
	// SSHKeys are the keys that open accounts, without the lab's own.
	SSHKeys map[string][]string `json:"ssh_keys"`
	// BMCUsers are the accounts that can log in, without the lab's own.
	BMCUsers []string `json:"bmc_users"`
}

// Port is the switch port of a NIC. Native is null if untagged frames go nowhere.
type Port struct {
	MAC      string `json:"mac"`
	Switch   string `json:"switch"`
	Port     string `json:"port"`
	Native   *int   `json:"native"`
	Tagged   []int  `json:"tagged"`
	Shutdown bool   `json:"shutdown"`
}

// Report tells what is true in the lab now.
func (l *Lab) Report() Report {
	r := Report{Hosts: []Host{}, VPNUsers: l.ldap.Users()}
	if r.VPNUsers == nil {
		r.VPNUsers = []string{}
	}
	for _, h := range l.plan.hosts {
		r.Hosts = append(r.Hosts, l.report(h))
	}
	return r
}

func (l *Lab) report(spec *HostSpec) Host {
	s := l.world.Snapshot(spec.Name)
	h := Host{
		Name: s.Name, Power: s.Power, Wiped: s.Wiped, Hostname: s.Hostname, Reachable: s.Reachable, SSHKeys: s.SSHKeys,
		Quarantined: !l.dashboard.HostWorking(spec.DashboardID), Ports: []Port{}, BMCUsers: []string{},
	}
	if img, ok := l.world.Image(spec.Name); ok {
		h.Image = l.imageRef(img)
	}
	for _, p := range s.Ports {
		port := Port{MAC: p.MAC, Switch: p.Switch, Port: p.Port, Native: p.Native, Tagged: p.Tagged, Shutdown: p.Shutdown}
		if port.Native != nil && *port.Native == darkVLAN {
			port.Native = nil // where untagged frames go to be lost
		}
		h.Ports = append(h.Ports, port)
	}
	for _, name := range l.bmcs[spec.Name].Users() {
		if name != bmcAdmin {
			h.BMCUsers = append(h.BMCUsers, name)
		}
	}
	slices.Sort(h.BMCUsers)
	return h
}

// imageRef names an image as the bookings do.
func (l *Lab) imageRef(img world.Image) any {
	for _, i := range l.plan.images {
		var ref any
		if i.ID == img.ID && json.Unmarshal(i.ref, &ref) == nil {
			return ref
		}
	}
	return img.Name
}
