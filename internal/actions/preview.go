package actions

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
)

// Preview is what would be done for a job, found without touching anything.
type Preview struct {
	Job int `json:"id"`
	// Held says why nothing would be started now.
	Held string `json:"held,omitempty"`
	// Waiting says that being held is normal and ends by itself.
	Waiting bool          `json:"waiting,omitempty"`
	Hosts   []HostPreview `json:"hosts"`
	Grant   []Grant       `json:"grant"`
	Revoke  []Grant       `json:"revoke"`
	// Refused are the parts that would end in error, Ignored those that are nothing for a lab.
	Refused []string `json:"refused"`
	Ignored []string `json:"ignored"`
}

// HostPreview is what would be done with a host.
type HostPreview struct {
	// ID is the dashboard's, Name the inventory's; empty when the host is not in it, or none was given.
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Action is provision, release or none.
	Action string `json:"action"`
	Note   string `json:"note,omitempty"`
	// Booked is the image as the dashboard names it, Image as FOG is asked for it, by its id or its name.
	Booked   string        `json:"booked,omitempty"`
	Image    string        `json:"image,omitempty"`
	ImageBy  string        `json:"image_by,omitempty"`
	Hostname string        `json:"hostname,omitempty"`
	BMCUser  bool          `json:"bmc_user,omitempty"`
	Ports    []PortPreview `json:"ports"`
	Refused  string        `json:"refused,omitempty"`
}

// PortPreview is a port of a host. Nothing reads switches, so what it is before is not known.
type PortPreview struct {
	MAC    string    `json:"mac"`
	Switch string    `json:"switch,omitempty"`
	Port   string    `json:"port,omitempty"`
	Before *PortWish `json:"before"`
	After  *PortWish `json:"after"`
}

// PortWish is what a port is to be.
type PortWish struct {
	Native   *int  `json:"native"`
	Tagged   []int `json:"tagged"`
	Shutdown bool  `json:"shutdown"`
}

// Grant is access that a user gets or loses.
type Grant struct {
	Task  string   `json:"task"`
	Type  string   `json:"type"`
	User  int      `json:"user"`
	Hosts []string `json:"hosts,omitempty"`
	Keys  int      `json:"keys,omitempty"`
	// Account is the VPN account's name.
	Account string `json:"account,omitempty"`
}

// Previewer knows what a preview rests on. Inventory and Network may be nil: what depends on them is left out then.
type Previewer struct {
	Inventory *inventory.Inventory
	Network   *config.Network
}

// Preview tells what would be done for jobs that the dashboard offers in one list, to a lab that owns nothing yet.
func (p Previewer) Preview(offers []booking.Offer, now time.Time) []Preview {
	view, st := booking.View{Began: now, Offers: offers}, &booking.State{}
	if p.Network != nil {
		view.PublicVLANs = p.Network.PublicVLANs
	}
	booking.Decide(st, view)
	booking.Decide(st, view) // a job is dispatched when two polls show the same
	out := []Preview{}
	var owners []*booking.Owner
	for _, o := range offers {
		tasks, problems := payload.DecodeJob(o.Job, o.Payload)
		pr := Preview{Job: o.Job, Hosts: []HostPreview{}, Grant: []Grant{}, Revoke: []Grant{}, Refused: []string{}, Ignored: []string{}}
		for _, bad := range problems {
			pr.Ignored = append(pr.Ignored, bad.String())
		}
		if h, held := st.Held[o.Job]; held {
			pr.Held, pr.Waiting = h.Reason, h.Expected
		}
		plan := &booking.Plan{Job: o.Job}
		for _, t := range tasks {
			pr.task(t)
			if t.Problem == "" && t.HalfMade == "" {
				plan.Tasks = append(plan.Tasks, booking.Planned{Task: t})
			}
		}
		if pr.Held != "" && !pr.Waiting {
			plan.Tasks, pr.Grant, pr.Revoke = nil, []Grant{}, []Grant{} // nothing of it is done
		}
		for _, w := range plan.Work() {
			h, owner := p.host(o.Job, w, owners)
			if owner != nil {
				owners = append(owners, owner)
			}
			pr.Hosts = append(pr.Hosts, h)
		}
		pr.bystanders(tasks)
		out = append(out, pr)
	}
	return out
}

// task notes what becomes of a task beside the hosts.
func (pr *Preview) task(t payload.Task) {
	name := fmt.Sprintf("%s task %s", t.Kind, t.ID)
	switch {
	case t.Kind == payload.KindAnalytics:
		pr.Ignored = append(pr.Ignored, name+": the dashboard's own statistics")
	case t.Problem != "":
		pr.Ignored = append(pr.Ignored, name+": "+t.Problem)
	case t.HalfMade != "":
	case t.Software != nil && !t.Software.Empty:
		pr.Refused = append(pr.Refused, name+": "+noSoftware)
	case t.Access != nil:
		pr.access(t, name)
	}
}

func (pr *Preview) access(t payload.Task, name string) {
	a := t.Access
	g := Grant{Task: t.ID, Type: a.Type, User: a.User, Hosts: a.Hosts, Keys: len(a.Keys)}
	if a.Type == "vpn" {
		g.Account = vpnAccount(pr.Job, a.User)
	}
	switch {
	case a.Revoke:
		pr.Revoke = append(pr.Revoke, g)
	case a.KeyProblem != "" && a.Type == "ssh":
		pr.Refused = append(pr.Refused, name+": the SSH key cannot be used: "+a.KeyProblem)
	case a.Type != "ssh" && a.Type != "vpn":
		pr.Refused = append(pr.Refused, name+": "+noSuchAccess)
	default:
		pr.Grant = append(pr.Grant, g)
	}
}

// bystanders adds the hosts that a task names and that nothing is done with.
func (pr *Preview) bystanders(tasks []payload.Task) {
	for _, t := range tasks {
		if t.Host != "" && !slices.ContainsFunc(pr.Hosts, func(h HostPreview) bool { return h.ID == t.Host }) {
			pr.Hosts = append(pr.Hosts, HostPreview{ID: t.Host, Action: "none", Ports: []PortPreview{}})
		}
	}
}

// host tells what would be done with one host, and whose it would be then.
func (p Previewer) host(job int, w *booking.Work, owners []*booking.Owner) (HostPreview, *booking.Owner) {
	h := HostPreview{ID: w.LabID, Action: string(w.Mode), Ports: []PortPreview{}, Refused: w.Refused}
	var host *inventory.Host
	if p.Inventory != nil {
		if host = p.Inventory.ByDashboardID(w.LabID); host == nil {
			h.Refused = fmt.Sprintf("the lab's inventory has no host with the dashboard id %q", w.LabID)
		} else {
			h.Name = host.Name
		}
	}
	switch w.Mode {
	case booking.CaptureDisk:
		h.Note = "its disk is captured as image " + w.ImageName() + ", then it is as before"
	case booking.Configure:
		h.Action, h.Note = "none", "not imaged; only its keys and ports are brought to what is booked"
	case booking.Provision:
		h.describe(w, host)
	}
	var n config.Network
	if p.Network != nil {
		n = *p.Network
	}
	if host != nil && h.Refused == "" && w.Mode != booking.Release {
		h.Refused = unusable(n, p.Inventory, w, host)
		if other, vlan := booking.Conflict(w, job, owners, n.PublicVLANs); h.Refused == "" && other != nil && p.Network != nil {
			h.Refused = fmt.Sprintf("VLAN %d is private and on the ports of %s, which belongs to job %d", vlan, other.Host, other.Job)
		}
	}
	if h.Refused != "" {
		h.Action = "none"
		return h, nil
	}
	if h.Ports, h.Refused = ports(n, host, w); h.Refused != "" {
		h.Action, h.Ports = "none", []PortPreview{}
		return h, nil
	}
	return h, &booking.Owner{Job: job, Host: w.LabID, LabID: w.LabID, VLANs: w.VLANs(), Ending: w.Mode == booking.Release}
}

func (h *HostPreview) describe(w *booking.Work, host *inventory.Host) {
	hw := w.Hardware.Hardware
	h.Booked, h.Hostname, h.BMCUser = hw.Image, w.Hostname(), hw.CreateBMC
	h.Image, h.ImageBy = hw.Image, "name"
	if host != nil {
		h.Image = imageFor(host, hw.Image)
	}
	if hw.Image == booking.UnknownImage {
		h.ImageBy = "its number, which the lab knows if it took a snapshot for this booking, and refuses otherwise"
	} else if _, err := strconv.Atoi(h.Image); err == nil {
		h.ImageBy = "id"
	}
	if h.Hostname != hw.Hostname {
		h.Note = "a host name has no underscores; hyphens take their place"
	}
}

// ports are the ports after the work. Without an inventory they are told by the addresses of the host's interfaces.
func ports(n config.Network, host *inventory.Host, w *booking.Work) (out []PortPreview, refused string) {
	out = []PortPreview{}
	if w.Mode != booking.Release && w.Network == nil {
		return out, ""
	}
	if host == nil {
		if w.Network == nil {
			return out, ""
		}
		host = &inventory.Host{Name: w.LabID}
		for mac := range w.Network.Network.Ports {
			host.NICs = append(host.NICs, inventory.NIC{MAC: mac})
		}
		slices.SortFunc(host.NICs, func(a, b inventory.NIC) int { return strings.Compare(string(a.MAC), string(b.MAC)) })
	}
	for _, nic := range host.NICs {
		port := idlePort(n, nic)
		if w.Mode != booking.Release {
			var problems []fault.Problem
			if port, problems = bookedPort(n, nic, w.Network.Network.Ports[nic.MAC]); len(problems) > 0 {
				return out, problems[0].String()
			}
		}
		out = append(out, PortPreview{MAC: string(nic.MAC), Switch: nic.Switch, Port: nic.Port, After: wish(port)})
	}
	return out, ""
}

func wish(p netswitch.Port) *PortWish {
	out := &PortWish{Tagged: append([]int{}, p.Tagged...), Shutdown: p.Shutdown}
	if p.Native != 0 {
		out.Native = &p.Native
	}
	return out
}
