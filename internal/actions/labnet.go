package actions

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
)

var networkName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

type networkResult struct {
	action.Result
	Network string `json:"network"`
	VLAN    int    `json:"vlan"`
}

var networkParam = action.Param{Name: "network", Type: action.String, Required: true,
	Description: "Name of the network: lower case letters, digits, _ and -, at most 32. Example: storage"}

var networkOutput = []action.Field{{Name: "network, vlan", Description: "The network and its VLAN."}}

var networkCreate = &action.Action{
	Name:        "network_create",
	Description: "Make an isolated network of the lab's own, on a free VLAN of network.lab_vlans, which no booking can have. Interfaces of reserved hosts are connected to it with laas.nic_connect.",
	Params:      []action.Param{networkParam},
	Output:      networkOutput,
	Budget:      sum(records),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l, name := open(c), c.Params.String("network")
		if !networkName.MatchString(name) {
			return nil, fault.New(fault.Input, "network: %q cannot be a name: lower case letters, digits, _ and -, at most 32", name)
		}
		all, err := l.LabNetworks(ctx)
		if err != nil {
			return nil, err
		}
		if at := slices.IndexFunc(all, func(n *booking.LabNetwork) bool { return n.Name == name }); at >= 0 {
			return networkResult{action.Result{Summary: fmt.Sprintf("network %s is there already, VLAN %d", name, all[at].VLAN)}, name, all[at].VLAN}, nil
		}
		pool, err := l.labVLANs(ctx)
		if err != nil {
			return nil, err
		}
		owners, err := l.Owners(ctx)
		if err != nil {
			return nil, err
		}
		vlan, err := booking.FreeVLAN(pool, all, owners)
		if err != nil {
			return nil, err
		}
		if err := l.SaveLabNetwork(ctx, &booking.LabNetwork{Name: name, VLAN: vlan, Created: l.Now().UTC()}); err != nil {
			return nil, err
		}
		return networkResult{action.Result{Summary: fmt.Sprintf("network %s is VLAN %d", name, vlan), Changed: true}, name, vlan}, nil
	},
}

// labVLANs are the VLANs for networks of the lab's own. None of them may be one that BMCs are in: whoever has such a network would reach them.
func (l *lab) labVLANs(ctx context.Context) ([]int, error) {
	pool, err := l.Config.Network.Lab()
	if err != nil {
		return nil, err
	}
	inv, _, err := inventory.LoadUsable(ctx, l.ST2)
	if err != nil {
		return nil, err
	}
	shared := slices.DeleteFunc(inv.BMCVLANs, func(v int) bool { return !slices.Contains(pool, v) })
	if len(shared) > 0 {
		return nil, fault.New(fault.Config, "VLAN(s) %s are in network.lab_vlans, and BMCs are in them (bmc_vlan in the inventory)", netswitch.Ranges(shared)).
			WithHint("take them out of network.lab_vlans, or put the BMCs somewhere else")
	}
	return pool, nil
}

var networkDelete = &action.Action{
	Name:        "network_delete",
	Description: "Delete a network of the lab's own. Refused while it is on any interface.",
	Params:      []action.Param{networkParam},
	Output:      networkOutput,
	Budget:      sum(records),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l, name := open(c), c.Params.String("network")
		n, err := l.LabNetwork(ctx, name)
		if fault.Is(err, fault.NotFound) {
			return networkResult{action.Result{Summary: fmt.Sprintf("there is no network %s", name)}, name, 0}, nil
		}
		if err != nil {
			return nil, err
		}
		if err := l.unattached(ctx, n); err != nil {
			return nil, err
		}
		if err := l.DeleteLabNetwork(ctx, name); err != nil {
			return nil, err
		}
		// Somebody may have connected it in between: he looks at the network after he noted it, and this looks once more after it is gone.
		if err := l.unattached(ctx, n); err != nil {
			return nil, errors.Join(err, l.SaveLabNetwork(ctx, n))
		}
		return networkResult{action.Result{Summary: fmt.Sprintf("network %s is gone, VLAN %d is free", name, n.VLAN), Changed: true}, name, n.VLAN}, nil
	},
}

func (l *lab) unattached(ctx context.Context, n *booking.LabNetwork) error {
	all, err := l.Reservations(ctx)
	if err != nil {
		return err
	}
	if where := booking.Attached(n.Name, all); len(where) > 0 {
		return fault.New(fault.Refused, "network %s (VLAN %d) is still on %s", n.Name, n.VLAN, strings.Join(where, ", ")).WithHint("laas.nic_disconnect takes it off")
	}
	return nil
}

type attachResult struct {
	action.Result
	Job      int      `json:"job_id"`
	Epoch    int      `json:"epoch"`
	Switches []string `json:"switches"`
	VLAN     int      `json:"vlan"`
}

var attachNIC = &action.Action{
	Name: "attach_nic",
	Description: "Note that an interface of a reserved host is to be connected to a network of the lab's own, or disconnected from it. The port is written by laas.set_ports: " +
		"start laas.nic_connect or laas.nic_disconnect, which do both.",
	Params: []action.Param{hostParam,
		{Name: "nic", Type: action.String, Required: true, Description: "MAC address of the interface, or its name in the inventory. Example: ens1f0"},
		{Name: "network", Type: action.String, Required: true, Description: "Name of the network. Example: storage"},
		{Name: "do", Type: action.String, Required: true, Enum: []string{"connect", "disconnect", "prove"}, Description: "What to do; prove reads the ports back and settles what was disconnected."},
		{Name: "tagged", Type: action.Boolean, Description: "The network's frames are tagged; otherwise it is the port's native VLAN. For connect only."},
	},
	Output: []action.Field{{Name: "job_id, epoch", Description: "The reservation's job and claim."}, {Name: "switches", Description: "The host's switches: all its ports are proven."}, {Name: "vlan", Description: "The network's VLAN."}},
	Budget: sum(records, switchReads),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l := open(c)
		host, err := inventory.LoadHost(ctx, l.ST2, c.Params.String("host"))
		if err != nil {
			return nil, err
		}
		owner, err := l.Owner(ctx, host.Name)
		if err != nil {
			return nil, err
		}
		r, err := l.Reservation(ctx, host.Name)
		if err != nil {
			return nil, err
		}
		switch {
		case owner == nil || r == nil:
			return nil, fault.New(fault.Refused, "%s is not reserved", host.Name).WithHint("laas.reserve_host takes it out of the pool")
		case owner.Reservation == "":
			return nil, fault.New(fault.Refused, "%s belongs to %s", host.Name, owner.Whose())
		case owner.Quarantine != "":
			return nil, fault.New(fault.Refused, "%s is in quarantine: %s", host.Name, owner.Quarantine)
		case r.Apart == nil:
			return nil, fault.New(fault.Refused, "%s is not proven to be off and on no network yet", host.Name).WithHint("run laas.reserve_host once more, by the same name")
		}
		return l.attach(ctx, host, owner, r)
	},
}

func (l *lab) attach(ctx context.Context, host *inventory.Host, owner *booking.Owner, r *booking.Reservation) (any, error) {
	nic, err := nicOf(host, l.Params.String("nic"))
	if err != nil {
		return nil, err
	}
	n, err := l.LabNetwork(ctx, l.Params.String("network"))
	if err != nil {
		return nil, err
	}
	changed, evidence := false, ""
	switch l.Params.String("do") {
	case "connect":
		if err = l.usable(ctx, n); err != nil {
			return nil, err
		}
		if changed, err = r.Connect(booking.Attachment{MAC: string(nic.MAC), Network: n.Name, VLAN: n.VLAN, Tagged: l.Params.Bool("tagged")}); err != nil {
			return nil, err
		}
	case "disconnect":
		changed = r.Disconnect(string(nic.MAC), n.Name)
	default:
		if evidence, err = l.proveReserved(ctx, host, r); err != nil {
			return nil, err
		}
		r.Settle()
	}
	owner.VLANs = r.VLANs()
	if err := l.SaveReservation(ctx, r); err != nil {
		return nil, err
	}
	if _, err := l.LabNetwork(ctx, n.Name); err != nil { // deleted in between
		r.Disconnect(string(nic.MAC), n.Name)
		return nil, errors.Join(err, l.SaveReservation(ctx, r))
	}
	if err := l.SaveOwner(ctx, owner); err != nil {
		return nil, err
	}
	summary := fmt.Sprintf("%s: %s is to have %d network(s)", host.Name, nic.MAC, len(networksOn(r, nic)))
	if evidence != "" {
		summary = fmt.Sprintf("%s: %s has %d network(s); %s", host.Name, nic.MAC, len(networksOn(r, nic)), evidence)
	}
	return attachResult{action.Result{Summary: summary, Host: host.Name, Changed: changed},
		owner.Job, owner.Epoch, union(nil, host), n.VLAN}, nil // all of its ports are proven, with the name of whose they are
}

// usable refuses a network that interfaces cannot be connected to now.
func (l *lab) usable(ctx context.Context, n *booking.LabNetwork) error {
	pool, err := l.labVLANs(ctx)
	if err != nil {
		return err
	}
	owners, err := l.Owners(ctx)
	if err != nil {
		return err
	}
	return n.Usable(pool, owners)
}

// proveReserved reads the ports of a reserved host from its switches.
func (l *lab) proveReserved(ctx context.Context, host *inventory.Host, r *booking.Reservation) (string, error) {
	job, err := l.Job(ctx, r.Job)
	if err != nil {
		return "", err
	}
	plan, err := booking.LoadPlan(ctx, l.ST2, r.Job, job.Plan)
	if err != nil {
		return "", err
	}
	h, err := (&run{lab: l, job: job, plan: plan}).onHost(ctx, host)
	if err != nil {
		return "", err
	}
	return h.checkPorts(ctx, stateReserved)
}

// networksOn are the networks that an interface is to have.
func networksOn(r *booking.Reservation, nic *inventory.NIC) (out []booking.Attachment) {
	for _, a := range r.NICs {
		if a.MAC == string(nic.MAC) && !a.Leaving {
			out = append(out, a)
		}
	}
	return out
}

// nicOf finds an interface by MAC or name. It must be cabled.
func nicOf(host *inventory.Host, ref string) (*inventory.NIC, error) {
	var names []string
	for i := range host.NICs {
		n := &host.NICs[i]
		mac, err := inventory.ParseMAC(ref)
		if n.Name == ref || err == nil && n.MAC == mac {
			if n.Switch == "" || n.Port == "" {
				return nil, fault.New(fault.Refused, "interface %s of %s has no switch and port in the inventory", ref, host.Name)
			}
			return n, nil
		}
		names = append(names, fmt.Sprintf("%s (%s)", n.Name, n.MAC))
	}
	return nil, fault.New(fault.Input, "nic: %s has no interface %q in the inventory", host.Name, ref).WithHint("it has %s", strings.Join(names, ", "))
}

// reservedPorts are a reserved host's ports, by switch: what is connected, and idle where nothing is.
func reservedPorts(n config.Network, host *inventory.Host, r *booking.Reservation) (map[string][]netswitch.Port, error) {
	out := map[string][]netswitch.Port{}
	for i := range host.NICs {
		nic := &host.NICs[i]
		if nic.Switch == "" || nic.Port == "" {
			continue
		}
		p := idlePort(n, *nic)
		if on := networksOn(r, nic); len(on) > 0 {
			p = netswitch.Port{Name: nic.Port}
			for _, a := range on {
				if a.Tagged {
					p.Tagged = append(p.Tagged, a.VLAN)
				} else {
					p.Native = a.VLAN
				}
			}
			slices.Sort(p.Tagged)
			p.Tagged = withBMC(p.Tagged, *nic)
		}
		out[nic.Switch] = append(out[nic.Switch], p)
	}
	return out, nil
}
