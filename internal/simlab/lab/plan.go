package lab

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/simlab/dashboard"
	"stackstorm-laas/internal/simlab/world"
)

// The lab's VLANs.
const (
	provisioningVLAN = 98
	quarantineVLAN   = 97
	darkVLAN         = 96
	ownVLANs         = "2000-2009"
)

var (
	publicVLANs   = []int{100, 101}
	reservedVLANs = []int{1, 99}
)

// plan is what the lab is made of.
type plan struct {
	hosts  []*HostSpec
	images []image
	// switches are the entries of the inventory file, by name.
	switches map[string]map[string]any
}

// image is an image, and how bookings name it.
type image struct {
	world.Image
	ref json.RawMessage
}

func makePlan(o Options) (*plan, error) {
	p := &plan{switches: map[string]map[string]any{}}
	if o.HostsFile != nil {
		if err := p.fromFile(o.HostsFile); err != nil {
			return nil, err
		}
	}
	for _, h := range o.Hosts {
		h.NICs = slices.Clone(h.NICs)
		p.hosts = append(p.hosts, &h)
	}
	for _, body := range o.JobsBodies {
		if !gjson.ValidBytes(body) || !gjson.ParseBytes(body).IsArray() {
			return nil, fault.New(fault.Input, "a body of jobs is no JSON list as in GET jobs/new")
		}
		// An inventory that was given is the lab's own: bookings of other hosts are not its.
		p.fromJobs(gjson.ParseBytes(body), o.HostsFile == nil)
	}
	if len(p.images) == 0 {
		p.addImage(json.RawMessage("23"))
		p.addImage(json.RawMessage("25"))
	}
	p.complete(o)
	return p, nil
}

// fromFile takes hosts and switches from an inventory.
func (p *plan) fromFile(file []byte) error {
	inv, problems, _ := inventory.ParseFile(file)
	if err := fault.FromProblems(fault.Input, "the inventory", problems); err != nil {
		return err
	}
	raw := map[string]map[string]any{}
	for _, e := range gjson.ParseBytes(file).Array() {
		var value map[string]any
		if json.Unmarshal([]byte(e.Get("value").String()), &value) == nil {
			raw[e.Get("name").String()] = value
		}
	}
	for _, name := range inv.Names {
		h := inv.Hosts[name]
		spec := &HostSpec{Name: name, DashboardID: h.DashboardID, FOGName: h.FOGName, Redfish: h.BMC != nil && h.BMC.Protocol == "redfish", entry: raw[name]}
		for _, n := range h.NICs {
			spec.NICs = append(spec.NICs, world.NIC{MAC: string(n.MAC), Name: n.Name, Switch: n.Switch, Port: n.Port})
		}
		p.hosts = append(p.hosts, spec)
		for _, family := range []string{"ubuntu", "centos", "suse"} {
			if ref := h.Images[family]; ref != "" {
				p.addFamily(ref, family)
			}
		}
	}
	for name := range inv.Switches {
		p.switches[name] = raw["switch_"+name]
	}
	return nil
}

// fromJobs takes hosts, MACs and images from a body of jobs/new, as far as it can be understood.
func (p *plan) fromJobs(body gjson.Result, newHosts bool) {
	each := func(job gjson.Result, typ string, f func(gjson.Result)) {
		if tasks := job.Get("payload").Get(typ); tasks.IsObject() {
			tasks.ForEach(func(_, t gjson.Result) bool {
				if t.IsObject() {
					f(t)
				}
				return true
			})
		}
	}
	body.ForEach(func(_, job gjson.Result) bool {
		each(job, "hardware", func(t gjson.Result) {
			if newHosts {
				p.host(t.Get("id").String())
			}
			p.addImage(json.RawMessage(t.Get("image").Raw))
		})
		each(job, "network", func(t gjson.Result) {
			t.ForEach(func(id, nics gjson.Result) bool {
				if nics.IsObject() && newHosts {
					h := p.host(id.String())
					nics.ForEach(func(mac, _ gjson.Result) bool {
						p.addNIC(h, mac.String())
						return true
					})
				}
				return true
			})
		})
		each(job, "snapshot", func(t gjson.Result) {
			if newHosts {
				p.host(t.Get("host").String())
			}
		})
		return true
	})
}

// host gives the host that a booking calls id, and makes it if the lab has none.
func (p *plan) host(id string) *HostSpec {
	i := slices.IndexFunc(p.hosts, func(h *HostSpec) bool { return h.DashboardID == id || (h.DashboardID == "" && h.Name == id) })
	if i >= 0 {
		return p.hosts[i]
	}
	h := &HostSpec{Name: id}
	if hostName.MatchString(id) {
		p.hosts = append(p.hosts, h)
	}
	return h
}

// hostName is what an inventory can call a host.
var hostName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// addNIC gives the host an interface, unless no interface can have that MAC or another one has it.
func (p *plan) addNIC(h *HostSpec, mac string) {
	hw, err := net.ParseMAC(mac)
	if err != nil || len(hw) != 6 || hw[0]&1 == 1 {
		return
	}
	mac = hw.String()
	for _, other := range p.hosts {
		if slices.ContainsFunc(other.NICs, func(n world.NIC) bool { return n.MAC == mac }) {
			return
		}
	}
	h.NICs = append(h.NICs, world.NIC{MAC: mac})
}

// shape tells from bodies which dashboard they are of: in 2022 images have names.
func shape(bodies [][]byte) string {
	for _, body := range bodies {
		for _, image := range gjson.GetBytes(body, "#.payload.hardware.@values.#.image").Array() {
			for _, i := range image.Array() {
				if _, err := strconv.Atoi(i.String()); err != nil && !slices.Contains(noImages, i.String()) {
					return "2022"
				}
			}
		}
	}
	return "2019"
}

// recordedUsers are the users of the recorded bookings; the dashboard makes up those of others.
var recordedUsers = []dashboard.User{
	{ID: 2, Username: "alice", Email: "alice@example.org"},
	{ID: 3, Username: "bob.smith", Email: "bob.smith@example.org"},
	{ID: 4, Username: "nokey", Email: "nokey@example.org"},
}

// complete fills in what the specs leave open: names, NICs, and where they are cabled to.
func (p *plan) complete(o Options) {
	used := map[string]bool{}
	for _, h := range p.hosts {
		for _, n := range h.NICs {
			used[n.Switch+" "+n.Port] = true
		}
	}
	next := map[string]int{}
	for i, h := range p.hosts {
		h.Redfish = h.Redfish || slices.Contains(o.Redfish, h.Name)
		if h.DashboardID == "" {
			h.DashboardID = h.Name
		}
		if h.FOGName == "" {
			h.FOGName = h.Name
		}
		if len(h.NICs) == 0 && h.entry == nil {
			p.addNIC(h, madeUpMAC(h.Name, 0))
			p.addNIC(h, madeUpMAC(h.Name, 1))
		}
		if h.entry == nil {
			slices.SortFunc(h.NICs, func(a, b world.NIC) int { return strings.Compare(a.MAC, b.MAC) })
		}
		for k := range h.NICs {
			n := &h.NICs[k]
			if n.Name == "" {
				n.Name = fmt.Sprintf("ens1f%d", k)
			}
			if n.Switch != "" {
				continue
			}
			n.Switch = fmt.Sprintf("sw%d", i/o.HostsPerSwitch+1)
			if o.SpreadNICs {
				n.Switch = fmt.Sprintf("sw%d", k+1)
			}
			for n.Port == "" || used[n.Switch+" "+n.Port] {
				next[n.Switch]++
				n.Port = fmt.Sprintf("Ethernet1/%d", next[n.Switch])
			}
			used[n.Switch+" "+n.Port] = true
		}
	}
}

// madeUpMAC is a locally administered address that stays the same for a host.
func madeUpMAC(host string, i int) string {
	sum := sha256.Sum256([]byte(host))
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", sum[0], sum[1], sum[2], sum[3], i)
}

// labVLANs are those that every switch has before the pack first writes to it. Nobody made the dark one, and those of bookings are the pack's work.
func labVLANs() map[int]string {
	vlans := map[int]string{provisioningVLAN: "provisioning", quarantineVLAN: "quarantine"}
	for _, id := range publicVLANs {
		vlans[id] = fmt.Sprintf("public-%d", id)
	}
	for _, id := range reservedVLANs[1:] {
		vlans[id] = fmt.Sprintf("lab-%d", id)
	}
	return vlans
}
