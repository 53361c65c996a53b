package actions

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
)

// ManagedPort is a port that the pack writes, as it is to be and as it differs.
type ManagedPort struct {
	Switch string `json:"switch"`
	booking.PortIntent
	// Differs is what the port lacks of that, in words; empty when it is as it is to be.
	Differs []string `json:"differs"`
	// Seen is in which VLANs the switch saw the host's address on the port; "not seen", or empty where the switch does not tell.
	Seen string `json:"seen,omitempty"`
}

// PortsReport is how all managed ports stand.
type PortsReport struct {
	action.Result
	Differ int `json:"differ"`
	// Unread are switches that could not be read.
	Unread []string      `json:"unread"`
	Ports  []ManagedPort `json:"ports"`
}

var portsOutput = []action.Field{{Name: "differ", Description: "How many ports are not what the pack wrote last."}, {Name: "unread", Description: "Switches that could not be read."},
	{Name: "ports", Description: "The ports: for whom, in which state, when and by which execution each was written last, what it lacks of that, and where the switch saw the host's address."}}

var someSwitch = action.Param{Name: "switch", Type: action.String, Description: "Only this switch. Leave empty for all. Example: 10.64.0.11"}

var driftReport = &action.Action{
	Name: "drift_report",
	Description: "Compare every port that the pack ever wrote with what it wrote last, and tell which differ: somebody changed them by hand, or the switch came back from a restart with something else. " +
		"Nothing is changed. A rule runs it every hour.",
	Params: []action.Param{someSwitch},
	Output: portsOutput,
	Budget: sum(records, allSwitches),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		out, _, err := open(c).comparePorts(ctx, c.Params.String("switch"))
		if err != nil {
			return nil, err
		}
		return out, nil
	},
}

var networkVerify = &action.Action{
	Name:        "network_verify",
	Description: "Like laas.drift_report, and it fails if a port differs or a switch cannot be read.",
	Params:      []action.Param{someSwitch},
	Output:      portsOutput,
	Budget:      sum(records, allSwitches),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		out, unread, err := open(c).comparePorts(ctx, c.Params.String("switch"))
		switch {
		case err != nil:
			return nil, err
		case out.Differ > 0:
			var texts []string
			for _, p := range out.Ports {
				if len(p.Differs) > 0 {
					texts = append(texts, fmt.Sprintf("%s %s: %s", p.Switch, p.Port, strings.Join(p.Differs, ", ")))
				}
			}
			return nil, fault.New(fault.Unproven, "%s: %s", out.Summary, strings.Join(texts, "; ")).
				WithHint("laas.drift_report shows them; find out who changed them. laas.set_ports with the port's job_id, that job's epoch, the host and force=true writes them again, " +
					"as does laas ports apply --job N --host H --force")
		}
		return out, unread
	},
}

// allSwitches is the look at every switch; they are looked at side by side.
func allSwitches(c *config.Config) time.Duration { return 4 * switchReads(c) }

// comparePorts reads the managed ports of one switch, or of all. unread says why some could not be read.
func (l *lab) comparePorts(ctx context.Context, only string) (out PortsReport, unread, err error) {
	intents, err := l.Intents(ctx)
	if err != nil {
		return out, nil, err
	}
	if only != "" {
		all := slices.Clone(intents)
		if intents = slices.DeleteFunc(intents, func(i *booking.Intent) bool { return i.Switch != only }); len(intents) == 0 {
			return out, nil, NoPortsOn(only, all)
		}
	}
	live, hosts := make([]sight, len(intents)), l.hostsOf(ctx, intents)
	failed := make([]error, len(intents))
	done := make(chan struct{})
	for i, in := range intents {
		go func() {
			live[i], failed[i] = l.lookAt(ctx, in)
			done <- struct{}{}
		}()
	}
	for range intents {
		<-done
	}
	out = PortsReport{Unread: []string{}, Ports: []ManagedPort{}}
	for i, in := range intents {
		if failed[i] != nil {
			out.Unread = append(out.Unread, in.Switch)
			l.Info("switch %s: %v", in.Switch, failed[i])
		}
		for _, name := range slices.Sorted(maps.Keys(in.Ports)) {
			p := ManagedPort{Switch: in.Switch, PortIntent: in.Ports[name], Differs: []string{}}
			if failed[i] == nil {
				p.Differs = append(p.Differs, netswitch.Diff(live[i].ports[name], intended(p.PortIntent))...)
				text, wrong := seen(in, p.PortIntent, hosts[p.Host], live[i])
				if p.Seen = text; len(p.Differs) == 0 { // otherwise it is what the port is now
					p.Differs = append(p.Differs, wrong...)
				}
				if host := hosts[p.Host]; host != nil && stray(in.Switch, p.PortIntent, host) {
					p.Differs = append(p.Differs, "it is no port of "+p.Host+" any more, and was not closed")
				}
			}
			if len(p.Differs) > 0 {
				out.Differ++
			}
			out.Ports = append(out.Ports, p)
		}
	}
	out.Summary = fmt.Sprintf("%d port(s) on %d switch(es), %d differ from what the pack wrote", len(out.Ports), len(intents), out.Differ)
	if len(out.Unread) > 0 {
		out.Summary += fmt.Sprintf("; %d switch(es) could not be read", len(out.Unread))
	}
	return out, errors.Join(failed...), nil
}

// NoPortsOn says that the pack has written no port on a switch, which a name that is mistyped must not hide.
func NoPortsOn(sw string, intents []*booking.Intent) error {
	var names []string
	for _, in := range intents {
		names = append(names, in.Switch)
	}
	if len(names) == 0 {
		names = []string{"none yet"}
	}
	return fault.New(fault.NotFound, "the pack has written no port on a switch %q", sw).WithHint("it has on: %s", strings.Join(names, ", "))
}

func (l *lab) readPorts(ctx context.Context, in *booking.Intent) (map[string]netswitch.Port, error) {
	d, err := l.netswitch(ctx, in.Switch)
	if err != nil {
		return nil, err
	}
	have, err := d.Read(ctx, slices.Sorted(maps.Keys(in.Ports)))
	return have, fault.Wrap(err, "read the ports of switch %s", in.Switch)
}

// PortsPlan is what a write would change.
type PortsPlan struct {
	action.Result
	Changes []string `json:"changes"`
}

var networkPlan = &action.Action{
	Name:        "network_plan",
	Description: "Tell what laas.set_ports would change on the switches for the hosts of a job, port by port, and which VLANs it would create. Nothing is written.",
	Params: []action.Param{{Name: "job_id", Type: action.Integer, Required: true, Description: "Number of the job. Example: 1"},
		{Name: "state", Type: action.String, Default: stateBooked, Enum: []string{stateBooked, stateProvisioning, stateIdle, stateReserved}, Description: "What the ports would be."}},
	Output: []action.Field{{Name: "changes", Description: "What would be changed, port by port."}},
	Budget: sum(records, records, allSwitches),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l, id := open(c), c.Params.Int("job_id")
		job, err := l.Job(ctx, id)
		if err == nil && job == nil {
			err = fault.New(fault.NotFound, "the journal has no job %d", id).WithHint("before a job is claimed, laas job plan shows its ports")
		}
		if err != nil {
			return nil, err
		}
		plan, err := booking.LoadPlan(ctx, l.ST2, id, job.Plan)
		if err != nil {
			return nil, err
		}
		return (&run{lab: l, job: job, plan: plan}).planPorts(ctx, c.Params.String("state"))
	},
}

func (r *run) planPorts(ctx context.Context, state string) (any, error) {
	want := map[string][]netswitch.Port{}
	owners, err := r.owned(ctx)
	if err == nil && len(owners) == 0 {
		err = fault.New(fault.Refused, "job %d has no host any more", r.job.Job)
	}
	if err != nil {
		return nil, err
	}
	var named []string // what the run would not write by itself
	for _, o := range owners {
		h, err := r.onOwned(ctx, o)
		if err != nil {
			return nil, err
		}
		if state == stateBooked && (o.Epoch != r.job.Epoch || !h.concerns(state)) {
			named = append(named, o.Host)
		}
		if state == stateBooked && h.network() == nil {
			continue
		}
		ports, err := h.wantedPorts(ctx, state)
		if err != nil {
			return nil, err
		}
		for sw, on := range ports {
			want[sw] = append(want[sw], on...)
		}
	}
	out := PortsPlan{Changes: []string{}}
	for _, sw := range slices.Sorted(maps.Keys(want)) {
		changes, err := r.planSwitch(ctx, sw, want[sw])
		if err != nil {
			return nil, err
		}
		out.Changes = append(out.Changes, changes...)
	}
	out.Result = action.Result{Summary: fmt.Sprintf("job %d: %d change(s) on %d switch(es) to be %s; nothing was written", r.job.Job, len(out.Changes), len(want), state)}
	if len(named) > 0 && len(out.Changes) > 0 {
		out.Summary += fmt.Sprintf("; %s: written only when named (host)", strings.Join(named, ", "))
	}
	return out, nil
}

func (r *run) planSwitch(ctx context.Context, sw string, want []netswitch.Port) (out []string, err error) {
	d, err := r.netswitch(ctx, sw)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range want {
		names = append(names, p.Name)
	}
	have, err := d.Read(ctx, names)
	if err != nil {
		return nil, err
	}
	missing, err := netswitch.Missing(ctx, d, want)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		out = append(out, fmt.Sprintf("%s: create VLAN(s) %s", sw, netswitch.Ranges(missing)))
	}
	for _, p := range want {
		if diff := netswitch.Diff(have[p.Name], unlabelled(p)); len(diff) > 0 {
			out = append(out, fmt.Sprintf("%s %s: %s", sw, p.Name, strings.Join(diff, ", ")))
		}
	}
	return out, nil
}
