package actions

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
)

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
		if h.work.Mode == booking.CaptureDisk {
			return h.rec.Capture.Open() && h.rec.Capture.Settled == nil
		}
		return h.work.Mode == booking.Provision && h.rec.Configured == nil && h.rec.HandedOver == nil
	}
	if h.work.Mode == booking.CaptureDisk {
		return h.rec.Capture.Open() && h.network() != nil
	}
	return h.work.Mode != booking.Release && h.rec.Configured != nil && h.rec.HandedOver == nil && h.work.Network != nil
}

// network is what the host is to be set up for, or else what it has; nil if its booking says nothing of its ports.
func (h *hostRun) network() *payload.Network {
	if h.work.Network != nil {
		return h.work.Network.Network
	}
	return h.wired
}

// wantedPorts is what the host's ports are to be in a state, by switch. An isolated host's are shut: where that is not what is asked for, it
// is Refused. In a state that takes the host away from whoever has it, the ports that it had are among them.
func (h *hostRun) wantedPorts(ctx context.Context, state string) (map[string][]netswitch.Port, error) {
	n := h.Config.Network
	switch {
	case h.isolation != nil && state != stateIdle && state != stateIsolated:
		return nil, h.isolated()
	case h.isolation != nil:
		return labelled(h, state)(h.isolatedPorts(ctx, h.host))
	case state == stateBooked && h.wired != nil:
		return labelled(h, "booked")(bookedPorts(n, h.host, h.wired))
	case state == stateBooked && h.network() != nil:
		return labelled(h, "booked")(bookedPorts(n, h.host, h.network()))
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
	if slices.Contains(closing, state) {
		return labelled(h, state)(h.withStrays(ctx, h.host, out))
	}
	return labelled(h, state)(out, nil)
}

func (h *hostRun) isolated() error {
	return fault.New(fault.Refused, "%s is isolated since %s: its ports stay shut", h.host.Name, h.isolation.At.Format("2006-01-02 15:04 MST")).WithHint("laas.rejoin_host ends that")
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

// isolatedPorts are the ports that a host has and had, shut, by switch. A BMC that shares a port keeps its VLAN, or the host could not be switched off.
func (l *lab) isolatedPorts(ctx context.Context, host *inventory.Host) (map[string][]netswitch.Port, error) {
	out := map[string][]netswitch.Port{}
	for _, nic := range host.NICs {
		if nic.Switch != "" && nic.Port != "" {
			out[nic.Switch] = append(out[nic.Switch], idlePort(config.Network{}, nic))
		}
	}
	return l.withStrays(ctx, host, out)
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
	for _, nic := range host.NICs { // a BMC is not reached by its host's other interfaces either
		n.ReservedVLANs = withBMC(slices.Clone(n.ReservedVLANs), nic)
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
	for _, b := range host.Bonds {
		if b.Mode == inventory.LACP && !alike(b, task) {
			problems = append(problems, fault.Problem{Path: b.Name, Text: "its interfaces are one to the switch (802.3ad), and are not booked alike"})
		}
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
		case v.ID == n.ProvisioningVLAN || v.ID == n.DarkVLAN || v.ID == n.QuarantineVLAN || slices.Contains(n.ReservedVLANs, v.ID):
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
	p.Tagged, p.MTU = withBMC(p.Tagged, nic), n.SwitchMTU
	return p, problems
}
