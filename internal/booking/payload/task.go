// Package payload decodes what the dashboard sends into typed tasks. It is pure: no I/O, and no decisions that need more than the
// payload itself.
//
// The dashboard's versions differ in the types they send (numbers as text, booleans as "True"), in which keys are there, and in
// what a task looks like while it is being made. All of that ends here: a task that cannot be understood is a task with a
// Problem, never an error of its job.
package payload

import (
	"fmt"
	"slices"
	"strings"

	"stackstorm-laas/internal/inventory"
)

// Kind is a type of task.
type Kind string

const (
	KindHardware  Kind = "hardware"
	KindNetwork   Kind = "network"
	KindAccess    Kind = "access"
	KindSoftware  Kind = "software"
	KindSnapshot  Kind = "snapshot"
	KindAnalytics Kind = "analytics"
	// KindUnknown is a type that this pack has never heard of.
	KindUnknown Kind = "unknown"
)

// kinds is the order of tasks in a job: the order in which a reader wants to see them.
var kinds = []Kind{KindHardware, KindNetwork, KindAccess, KindSoftware, KindSnapshot, KindAnalytics, KindUnknown}

// typeNames are the kinds by the dashboard's names for them.
var typeNames = map[string]Kind{
	"hardware": KindHardware, "network": KindNetwork, "access": KindAccess, "software": KindSoftware,
	"snapshot": KindSnapshot, "active users task": KindAnalytics,
}

// Task is one task of a job. At most one of Hardware to Snapshot is set, the one of its Kind; none when there is a Problem or
// the task is half-made.
type Task struct {
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// Host is the dashboard's id of the host, for hardware, network and snapshot.
	Host     string    `json:"host,omitempty"`
	Hardware *Hardware `json:"hardware,omitempty"`
	Network  *Network  `json:"network,omitempty"`
	Access   *Access   `json:"access,omitempty"`
	Software *Software `json:"software,omitempty"`
	Snapshot *Snapshot `json:"snapshot,omitempty"`
	// LabToken is what the lab left with the task; "" when unset.
	LabToken string `json:"lab_token,omitempty"`
	// HalfMade says what is missing while the dashboard is still creating the task; "" when it is complete. Such a task is
	// held for another poll.
	HalfMade string `json:"half_made,omitempty"`
	// Problem says why the task can never be executed as it is; "" when it can. It quotes nothing that a tenant chose.
	Problem string `json:"problem,omitempty"`
}

// Hardware is what a host is to be. An empty field was not sent: the dashboard of 2019 sends only what is to change.
type Hardware struct {
	// Image is the lab's image: a name, or a number as decimal text.
	Image    string `json:"image,omitempty"`
	Hostname string `json:"hostname,omitempty"`
	// Power is "on", "off" or "".
	Power string `json:"power,omitempty"`
	// CreateBMC asks for a tenant's account on the BMC.
	CreateBMC bool `json:"create_bmc,omitempty"`
}

// Release says whether the host is to be taken back. Nothing else in the task counts then: since 2020 a clean-up repeats the image
// and host name, even those of the next booking.
func (h *Hardware) Release() bool { return h.Power == "off" }

// Network is what the ports of a host carry.
type Network struct {
	Ports map[inventory.MAC][]VLAN `json:"ports"`
}

// VLAN is one VLAN on a port.
type VLAN struct {
	ID     int  `json:"id"`
	Tagged bool `json:"tagged"`
}

// Empty says whether no port carries any VLAN, which is how a booking's end looks.
func (n *Network) Empty() bool {
	for _, vlans := range n.Ports {
		if len(vlans) > 0 {
			return false
		}
	}
	return true
}

// Access is one user's access of one type.
type Access struct {
	// Type is ssh, vpn or raw.
	Type string `json:"type"`
	// User is the dashboard's id of the user.
	User   int  `json:"user"`
	Revoke bool `json:"revoke,omitempty"`
	// Keys are the usable public keys, one per entry, in the form of an authorized_keys line without options.
	Keys []string `json:"keys,omitempty"`
	// Hosts are dashboard ids.
	Hosts []string `json:"hosts,omitempty"`
	// KeyProblem says what is wrong with the key file as sent; "" when all of it is usable. It quotes nothing of it.
	KeyProblem string `json:"key_problem,omitempty"`
}

// Software is what is to be installed on a booking's hosts.
type Software struct {
	// Empty is how a booking's end looks: there is nothing to do.
	Empty     bool   `json:"empty,omitempty"`
	Installer string `json:"installer,omitempty"`
	// Content is a digest of all that was sent, whose shape is the installers' business.
	Content string `json:"content,omitempty"`
}

// Snapshot asks for an image of a host's disk.
type Snapshot struct {
	// DashboardID is the dashboard's number of the image to be.
	DashboardID int    `json:"dashboard_id"`
	Host        string `json:"host"`
	// Image is an existing image to overwrite; "" for a new one.
	Image string `json:"image,omitempty"`
	// Name is the new image's, by an operator; the dashboard sends none.
	Name string `json:"name,omitempty"`
}

// Contradictory says why a job cannot mean what it says, or "": its hardware is to be released while its network still carries
// VLANs, or while SSH access to the host is granted and nothing else says that the booking ends. The dashboard of mid-2020
// delivered new bookings like that, and holding them costs less than taking a tenant's host away.
//
// tasks are those of one list; a whole job always shows the SSH tasks of a booking that ended, since they are never revoked.
func Contradictory(tasks []Task) string {
	var reasons []string
	for _, t := range tasks {
		if t.Hardware == nil || !t.Hardware.Release() {
			continue
		}
		switch wired, ended, ssh := signs(tasks, t.Host); {
		case wired:
			reasons = append(reasons, "host "+t.Host+" is to be released, but its network still carries VLANs")
		case ssh && !ended:
			reasons = append(reasons, "host "+t.Host+" is to be released, but SSH access to it is being granted")
		}
	}
	return strings.Join(reasons, "; ")
}

// Unwired says which host's networks cannot be read although the host is not to be released, or "". Without them it could be handed over with its ports
// as they were for imaging.
func Unwired(tasks []Task) string {
	for _, t := range tasks {
		release := slices.ContainsFunc(tasks, func(hw Task) bool { return hw.Hardware != nil && hw.Host == t.Host && hw.Hardware.Release() })
		if t.Kind == KindNetwork && t.Problem != "" && !release {
			return fmt.Sprintf("network task %s cannot be used: %s", t.ID, t.Problem)
		}
	}
	return ""
}

// signs looks at what the rest of a job says about a host: ports that carry something, that the booking ends, SSH access granted.
func signs(tasks []Task, host string) (wired, ended, ssh bool) {
	for _, t := range tasks {
		switch {
		case t.Network != nil && t.Host == host:
			wired = wired || !t.Network.Empty()
			ended = ended || t.Network.Empty()
		case t.Access != nil && t.Access.Revoke:
			ended = true
		case t.Access != nil && t.Access.Type == "ssh":
			for _, h := range t.Access.Hosts {
				ssh = ssh || h == host
			}
		}
	}
	return wired, ended, ssh
}
