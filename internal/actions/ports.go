package actions

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
)

// What the ports of a host can be.
const (
	stateProvisioning = "provisioning"
	stateBooked       = "booked"
	stateIdle         = "idle"
	// stateWiping is provisioning for a host that is being taken back.
	stateWiping = "wiping"
	// stateReserved is what the host's reservation connects.
	stateReserved = "reserved"
)

type portsResult struct {
	action.Result
	Hosts []string `json:"hosts"`
	// Changes are texts like "Ethernet1/1: native VLAN 98 -> 100".
	Changes []string `json:"changes"`
}

var setPorts = &action.Action{
	Name: "set_ports",
	Description: "Bring the ports of a job's hosts on one switch into a state, with one write, and read them back. " +
		"provisioning: the hosts that are to be imaged; booked: the hosts that are configured, as the booking says; wiping: the hosts that are taken back, for FOG to wipe their disks; idle: the same, in the end; reserved: a reserved host, as its interfaces are connected.",
	Params: []action.Param{
		{Name: "switch", Type: action.String, Required: true, Description: "Name of the switch as the inventory's interfaces call it. Example: 10.64.0.11"},
		{Name: "state", Type: action.String, Required: true, Enum: []string{stateProvisioning, stateBooked, stateWiping, stateIdle, stateReserved}, Description: "What the ports are to be."},
		jobParam, epochParam,
	},
	Output: []action.Field{{Name: "hosts", Description: "Whose ports were set."}, {Name: "changes", Description: "What was changed, port by port."}},
	Budget: sum(records, records, records, switchChange),
	Run:    runSetPorts,
}

func runSetPorts(ctx context.Context, c *action.Call) (any, error) {
	r, err := openRun(ctx, c)
	if err != nil {
		return nil, err
	}
	sw, state := c.Params.String("switch"), c.Params.String("state")
	rec := booking.PortsRecord{Switch: sw, State: state, Job: r.job.Job, Epoch: r.job.Epoch}
	want, err := r.portsOn(ctx, sw, state, &rec)
	if err != nil {
		return nil, err
	}
	last, err := r.Ports(ctx, sw, r.job.Job)
	if err != nil {
		return nil, err
	}
	unsaved := last.State != "" && !last.Applied  // an earlier write ended before the switch had saved it
	if err := r.SavePorts(ctx, rec); err != nil { // the intent
		return nil, err
	}
	if err := r.Checkpoint(ctx); err != nil {
		return nil, err
	}
	changes, err := r.writePorts(ctx, sw, want, unsaved)
	rec.Applied = err == nil
	if err != nil {
		err = fault.Wrap(err, "switch %s: set ports of %s to %s", sw, strings.Join(rec.Hosts, ", "), state)
		rec.Error = err.Error()
	}
	if serr := r.SavePorts(context.WithoutCancel(ctx), rec); serr != nil && err == nil {
		err = serr
	}
	if err != nil {
		return nil, err
	}
	out := portsResult{Hosts: rec.Hosts, Changes: []string{}}
	for _, ch := range changes {
		out.Changes = append(out.Changes, ch.Port+": "+strings.Join(netswitch.Diff(ch.Before, ch.After), ", "))
	}
	out.Result = action.Result{Switch: sw, Changed: len(changes) > 0,
		Summary: fmt.Sprintf("switch %s: %d port(s) of %d host(s) are %s, read back; %d changed", sw, len(want), len(rec.Hosts), state, len(changes))}
	return out, nil
}

// writePorts sets ports. What is in force already may not have been saved yet: unsaved says so.
func (r *run) writePorts(ctx context.Context, sw string, want []netswitch.Port, unsaved bool) ([]netswitch.Change, error) {
	if len(want) == 0 && !unsaved {
		return nil, nil
	}
	d, err := r.netswitch(ctx, sw)
	if err != nil {
		return nil, err
	}
	if len(want) == 0 { // or it would be forgotten
		return nil, d.Save(ctx)
	}
	if err := r.createMissing(ctx, d, want); err != nil {
		return nil, err
	}
	changes, err := netswitch.Set(ctx, d, want)
	if err == nil && len(changes) == 0 && unsaved {
		err = d.Save(ctx)
	}
	return changes, err
}

// createMissing makes the VLANs that the switch lacks, if the lab wants that.
func (r *run) createMissing(ctx context.Context, d netswitch.Driver, want []netswitch.Port) error {
	if !r.Config.Network.CreateVLANs {
		return nil
	}
	missing, err := netswitch.Missing(ctx, d, want)
	if err != nil || len(missing) == 0 {
		return err
	}
	vlans := map[int]string{}
	for _, id := range missing {
		vlans[id] = ""
	}
	return d.(netswitch.VLANs).CreateVLANs(ctx, vlans)
}

// portsOn collects what the ports of the run's hosts on a switch are to be. A host that is not the job's any more is left out.
func (r *run) portsOn(ctx context.Context, sw, state string, rec *booking.PortsRecord) ([]netswitch.Port, error) {
	var want []netswitch.Port
	for _, name := range r.job.Hosts {
		host, err := inventory.LoadHost(ctx, r.ST2, name)
		if err != nil {
			return nil, err
		}
		h, err := r.onHost(ctx, host)
		if err != nil {
			return nil, err
		}
		if !h.concerns(state) {
			continue
		}
		err = r.Fence(ctx, name, r.job.Job, r.job.Epoch)
		if fault.Is(err, fault.Refused) { // let go already
			continue
		}
		if err != nil {
			return nil, err
		}
		ports, err := h.wantedPorts(state)
		if err != nil {
			return nil, err
		}
		on := ports[sw]
		if len(on) > 0 {
			rec.Hosts = append(rec.Hosts, name)
			want = append(want, on...)
		}
	}
	return want, nil
}

// concerns says whether the host takes part in a change of state.
func (h *hostRun) concerns(state string) bool {
	switch state {
	case stateIdle:
		return h.work.Mode == booking.Release || h.plan.Own != nil
	case stateReserved:
		return h.reservation != nil
	case stateWiping:
		return h.toWipe()
	case stateProvisioning:
		return h.work.Mode == booking.Provision && h.rec.Configured == nil && h.rec.HandedOver == nil
	}
	return h.work.Mode != booking.Release && h.rec.Configured != nil && h.rec.HandedOver == nil && h.work.Network != nil
}

// wantedPorts is what the host's ports are to be in a state, by switch.
func (h *hostRun) wantedPorts(state string) (map[string][]netswitch.Port, error) {
	n := h.Config.Network
	switch {
	case state == stateBooked && h.work.Network != nil:
		return labelled(h, "booked")(bookedPorts(n, h.host, h.work.Network.Network))
	case state == stateReserved:
		return labelled(h, "reserved")(reservedPorts(n, h.host, h.reservation))
	}
	out := map[string][]netswitch.Port{}
	for _, nic := range h.host.NICs {
		if nic.Switch == "" || nic.Port == "" {
			continue
		}
		p := idlePort(n, nic)
		if state == stateProvisioning || state == stateWiping {
			p = netswitch.Port{Name: nic.Port, Native: n.ProvisioningVLAN, Tagged: withBMC(nil, nic)}
		}
		out[nic.Switch] = append(out[nic.Switch], p)
	}
	return labelled(h, state)(out, nil)
}

// labelled gives ports a description that tells an engineer at the switch whose they are.
func labelled(h *hostRun, state string) func(map[string][]netswitch.Port, error) (map[string][]netswitch.Port, error) {
	return func(ports map[string][]netswitch.Port, err error) (map[string][]netswitch.Port, error) {
		for _, on := range ports {
			for i := range on {
				on[i].Description = fmt.Sprintf("laas %s %s job %d", h.host.Name, state, h.job.Job)
				if state == stateIdle {
					on[i].Description = fmt.Sprintf("laas %s idle", h.host.Name)
				}
			}
		}
		return ports, err
	}
}

// idlePort is the port of a host that nobody has booked.
func idlePort(n config.Network, nic inventory.NIC) netswitch.Port {
	if n.Idle == "quarantine" {
		return netswitch.Port{Name: nic.Port, Native: n.QuarantineVLAN, Tagged: withBMC(nil, nic)}
	}
	if nic.BMCVLAN != 0 { // shutting the port would cut off the BMC
		return netswitch.Port{Name: nic.Port, Tagged: withBMC(nil, nic)}
	}
	return netswitch.Port{Name: nic.Port, Shutdown: true}
}

func withBMC(tagged []int, nic inventory.NIC) []int {
	if nic.BMCVLAN != 0 {
		tagged = append(tagged, nic.BMCVLAN)
		slices.Sort(tagged)
	}
	return tagged
}

// bookedPorts turns a network task into ports, by switch. It refuses what no tenant's port may carry, all problems at once.
// Interfaces of the host without a VLAN are idle.
func bookedPorts(n config.Network, host *inventory.Host, task *payload.Network) (map[string][]netswitch.Port, error) {
	var problems []fault.Problem
	out := map[string][]netswitch.Port{}
	for mac := range task.Ports {
		if host.NIC(mac) == nil {
			problems = append(problems, fault.Problem{Path: string(mac), Text: "is not an interface of " + host.Name + " in the inventory"})
		}
	}
	for _, nic := range host.NICs {
		vlans := task.Ports[nic.MAC]
		if len(vlans) > 0 && (nic.Switch == "" || nic.Port == "") {
			problems = append(problems, fault.Problem{Path: string(nic.MAC), Text: "has no switch and port in the inventory"})
			continue
		}
		if nic.Switch == "" || nic.Port == "" {
			continue
		}
		p, bad := bookedPort(n, nic, vlans)
		problems = append(problems, bad...)
		out[nic.Switch] = append(out[nic.Switch], p)
	}
	slices.SortFunc(problems, func(a, b fault.Problem) int { return strings.Compare(a.Path, b.Path) })
	return out, fault.FromProblems(fault.Refused, "networks booked for "+host.Name, problems)
}

func bookedPort(n config.Network, nic inventory.NIC, vlans []payload.VLAN) (p netswitch.Port, problems []fault.Problem) {
	if len(vlans) == 0 {
		return idlePort(n, nic), nil
	}
	p = netswitch.Port{Name: nic.Port}
	lab, _ := n.Lab() // checked with the configuration
	add := func(format string, args ...any) {
		problems = append(problems, fault.Problem{Path: string(nic.MAC), Text: fmt.Sprintf(format, args...)})
	}
	for _, v := range vlans {
		switch {
		case v.ID < 1 || v.ID > 4094:
			add("%d is not a VLAN number (1-4094)", v.ID)
		case v.ID == n.ProvisioningVLAN || v.ID == n.DarkVLAN || v.ID == n.QuarantineVLAN || v.ID == nic.BMCVLAN || slices.Contains(n.ReservedVLANs, v.ID):
			add("VLAN %d is the lab's own", v.ID)
		case slices.Contains(lab, v.ID):
			add("VLAN %d is for the lab's own networks", v.ID)
		case slices.Contains(p.Tagged, v.ID) || p.Native == v.ID:
			add("VLAN %d is booked twice", v.ID)
		case v.Tagged:
			p.Tagged = append(p.Tagged, v.ID)
		case p.Native != 0: // decided: the 2019 pack took the last one, but which of two networks a tenant meant must not be guessed
			add("VLANs %d and %d are both untagged", p.Native, v.ID)
		default:
			p.Native = v.ID
		}
	}
	slices.Sort(p.Tagged)
	p.Tagged = withBMC(p.Tagged, nic)
	return p, problems
}

// checkPorts reads the host's ports and compares them with what they are to be. It gives one sentence of evidence.
func (h *hostRun) checkPorts(ctx context.Context, state string) (string, error) {
	want, err := h.wantedPorts(state)
	if err != nil {
		return "", err
	}
	count := 0
	for sw, ports := range want {
		var names []string
		for _, p := range ports {
			names = append(names, p.Name)
		}
		d, err := h.netswitch(ctx, sw)
		if err != nil {
			return "", err
		}
		have, err := d.Read(ctx, names)
		if err != nil {
			return "", fault.Wrap(err, "read the ports of %s on switch %s", h.host.Name, sw)
		}
		for _, p := range ports {
			if diff := netswitch.Diff(have[p.Name], p); len(diff) > 0 {
				return "", h.portsDiffer(ctx, sw, p.Name, diff)
			}
			count++
		}
	}
	return fmt.Sprintf("%d switch port(s) %s, read back", count, state), nil
}

// portsDiffer explains a port that is not as wanted, with the reason of the last write if that failed.
func (h *hostRun) portsDiffer(ctx context.Context, sw, port string, diff []string) error {
	err := fault.New(fault.Unproven, "switch %s port %s is not as wanted: %s", sw, port, strings.Join(diff, ", "))
	if rec, rerr := h.Ports(ctx, sw, h.job.Job); rerr == nil && rec.Error != "" {
		err = fault.New(fault.Unproven, "switch %s port %s is not as wanted; the last write failed: %s", sw, port, rec.Error)
	}
	return err.WithHint("look at the port; run laas.resume_job when the switch is well")
}

// portsReady fails unless the last write to each of the host's switches brought the ports into the state in this very run.
func (h *hostRun) portsReady(ctx context.Context, state string) error {
	for _, sw := range union(nil, h.host) {
		rec, err := h.Ports(ctx, sw, h.job.Job)
		switch {
		case err != nil:
			return err
		case rec.State != state || rec.Epoch != h.job.Epoch || !rec.Applied:
			why := rec.Error
			if why == "" {
				why = "no such write in this run"
			}
			return fault.New(fault.Refused, "the ports on switch %s are not %s: %s", sw, state, why)
		}
	}
	return nil
}
