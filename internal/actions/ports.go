package actions

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
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
	// stateIsolated is shut, whoever has the host.
	stateIsolated = "isolated"
)

type portsResult struct {
	action.Result
	Hosts []string `json:"hosts"`
	// Changes are texts like "Ethernet1/1: native VLAN 98 -> 100".
	Changes []string `json:"changes"`
}

var switchParam = action.Param{Name: "switch", Type: action.String, Required: true, Description: "Name of the switch as the inventory's interfaces call it. Example: 10.64.0.11"}

var setPorts = &action.Action{
	Name: "set_ports",
	Description: "Bring ports on one switch into a state, with one write, and read them back. " +
		"provisioning: the job's hosts that are to be imaged; booked: the hosts that are configured, as the booking says; wiping: the hosts that are taken back, for FOG to wipe their disks; " +
		"idle: the same, in the end; reserved: a reserved host, as its interfaces are connected; isolated: one host, shut, whoever has it. " +
		"A port that was changed by hand since it was written is not overwritten unless told. One host's ports that must not be written keep no other's from it; the failure then tells whose.",
	Params: []action.Param{switchParam,
		{Name: "state", Type: action.String, Required: true, Enum: []string{stateProvisioning, stateBooked, stateWiping, stateIdle, stateReserved, stateIsolated}, Description: "What the ports are to be."},
		{Name: "job_id", Type: action.Integer, Description: "Number of the job whose hosts are meant. Not for isolated."},
		{Name: "epoch", Type: action.Integer, Description: "Which claim of the job this execution belongs to, from laas.claim_hosts. An older one is refused. Not for isolated."},
		{Name: "host", Type: action.String, Description: "Only this host, also when it was handed over already. Example: hpe13"},
		{Name: "force", Type: action.Boolean, Description: "Overwrite ports that were changed by hand since the pack wrote them."},
		{Name: "rejoin", Type: action.Boolean, Description: "Open the ports of an isolated host, with host only. For laas.rejoin_host, which ends the isolation when they are proven."},
	},
	Output: []action.Field{{Name: "hosts", Description: "Whose ports were set."}, {Name: "changes", Description: "What was changed, port by port."}},
	Budget: sum(records, records, records, switchChange, switchChange),
	Run:    runSetPorts,
}

func runSetPorts(ctx context.Context, c *action.Call) (any, error) {
	sw, state := c.Params.String("switch"), c.Params.String("state")
	if err := enough(c, state); err != nil {
		return nil, err
	}
	w := &portWrite{lab: open(c), sw: sw, state: state, job: c.Params.Int("job_id"), epoch: c.Params.Int("epoch")}
	var err error
	if state == stateIsolated {
		err = w.isolated(ctx)
	} else {
		err = w.ofJob(ctx)
	}
	if err != nil {
		return nil, err
	}
	w.sort()
	changes, err := w.write(ctx)
	if err != nil {
		return nil, err
	}
	out := portsResult{Hosts: append([]string{}, hostsOf(w.parts)...), Changes: []string{}}
	for _, ch := range changes {
		out.Changes = append(out.Changes, ch.Port+": "+strings.Join(netswitch.Diff(ch.Before, ch.After), ", "))
	}
	out.Result = action.Result{Switch: sw, Changed: len(changes) > 0,
		Summary: fmt.Sprintf("switch %s: %d port(s) of %d host(s) are %s, read back; %d changed", sw, len(portsOf(w.parts)), len(out.Hosts), state, len(changes))}
	if w.drift > 0 {
		out.Summary += fmt.Sprintf("; %d of them had been changed by hand, and were overwritten", w.drift)
	}
	return out, nil
}

// enough says which parameters the state needs.
func enough(c *action.Call, state string) error {
	var problems []fault.Problem
	need := func(there bool, name string) {
		if !there {
			problems = append(problems, fault.Problem{Path: name, Text: "is required for state " + state})
		}
	}
	if state == stateIsolated {
		need(c.Params.String("host") != "", "host")
	} else {
		need(c.Params.Int("job_id") != 0, "job_id")
		need(c.Params.Int("epoch") != 0, "epoch")
		need(!c.Params.Bool("rejoin") || c.Params.String("host") != "", "host")
	}
	return fault.FromProblems(fault.Input, "parameters of set_ports", problems)
}

// isolated collects the ports of one host, whoever has it.
func (w *portWrite) isolated(ctx context.Context) error {
	host, err := inventory.LoadHost(ctx, w.ST2, w.Params.String("host"))
	if err != nil {
		return err
	}
	ports, err := w.isolatedPorts(ctx, host)
	w.add(host, ports[w.sw])
	return err
}

// ofJob collects what the ports of a job's hosts are to be. A host that is not the job's any more is left out; one whose ports must not be so is
// refused, and keeps none of the others.
func (w *portWrite) ofJob(ctx context.Context) error {
	r, err := openRun(ctx, w.Call)
	if err != nil {
		return err
	}
	only := w.Params.String("host")
	owners, err := r.owned(ctx) // a host that the run claimed and that is in none of them was let go already
	if err != nil {
		return err
	}
	if only != "" && !slices.ContainsFunc(owners, func(o *booking.Owner) bool { return o.Host == only }) {
		return r.noSuchHost(only, owners)
	}
	for _, o := range owners {
		claimed := o.Epoch == r.job.Epoch
		if only != "" && o.Host != only || only == "" && !claimed {
			continue
		}
		h, err := r.onOwned(ctx, o)
		if fault.Is(err, fault.Config) {
			w.refuse(o.Host, err)
			continue
		}
		if err != nil {
			return err
		}
		switch {
		case claimed && h.concerns(w.state):
		case only == "":
			continue
		case w.state != stateBooked:
			return fault.New(fault.Refused, "the ports of %s are not to be %s now", only, w.state)
		default:
			if err := h.stands(ctx, o); err != nil {
				return err
			}
		}
		if w.Params.Bool("rejoin") {
			h.isolation = nil
		}
		if err := h.mayEnter(); err != nil && w.state == stateProvisioning {
			w.refuse(o.Host, fault.Wrap(err, "%s stays where it is", o.Host))
			continue
		}
		ports, err := h.wantedPorts(ctx, w.state)
		if fault.Is(err, fault.Refused) {
			w.refuse(o.Host, err)
			continue
		}
		if err != nil {
			return err
		}
		if err := h.unwire(ctx, w.state); err != nil {
			return err
		}
		w.add(h.host, ports[w.sw])
	}
	return nil
}
