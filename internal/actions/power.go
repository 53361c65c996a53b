package actions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

const powerStatus = "status"

type powerResult struct {
	action.Result
	Before bmc.PowerState `json:"before"`
	After  bmc.PowerState `json:"after"`
	// Forced says that the operating system did not shut down in time.
	Forced bool `json:"forced"`
	// Proven is false when the BMC accepted what nothing shows that it did.
	Proven bool `json:"proven"`
}

var powerHost = &action.Action{
	Name: "power",
	Description: "Read or change a host's power through its BMC, and prove it. on does nothing to a running host; soft asks the operating system, and takes the power away after bmc.soft_grace; " +
		"cycle takes a running host's power away and gives it back, each proven; reset starts it again with its power on, which no BMC shows: it is accepted, and not proven. What interrupts a host that somebody has, or starts one that is being taken back, needs confirm.",
	Params: []action.Param{hostParam,
		{Name: "do", Type: action.String, Default: powerStatus, Enum: []string{powerStatus, string(bmc.PowerOn), string(bmc.PowerSoft), string(bmc.PowerOff), string(bmc.PowerCycle), string(bmc.PowerReset)}, Description: "What to do; status only looks."},
		{Name: "confirm", Type: action.String, Description: "Type the host's name here too, the same as in the field host. Needed when a booking or a reservation has the host."}},
	Output: []action.Field{{Name: "before, after", Description: "on or off."}, {Name: "forced", Description: "true when the operating system did not shut down in time."},
		{Name: "proven", Description: "false after a reset: the BMC accepted it, and nothing shows whether the host started again."}},
	Budget: sum(records, bmcSession, softPower, power),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l, do := open(c), c.Params.String("do")
		host, err := inventory.LoadHost(ctx, c.ST2, c.Params.String("host"))
		if err != nil {
			return nil, err
		}
		if err := l.mayPower(ctx, host, do); err != nil {
			return nil, err
		}
		d, err := l.bmc(ctx, host)
		if err != nil {
			return nil, err
		}
		defer d.Close()
		out := powerResult{Proven: do != string(bmc.PowerReset)}
		if out.Before, err = d.PowerState(ctx); err != nil {
			return nil, err
		}
		if err := l.Checkpoint(ctx); err != nil {
			return nil, err
		}
		if err := l.change(ctx, d, host, do, &out); err != nil {
			return nil, err
		}
		if out.After, err = d.PowerState(ctx); err != nil {
			return nil, err
		}
		out.Result = action.Result{Host: host.Name, Changed: out.Before != out.After || slices.Contains([]string{string(bmc.PowerCycle), string(bmc.PowerReset)}, do),
			Summary: fmt.Sprintf("%s: power is %s", host.Name, out.After)}
		switch {
		case !out.Proven:
			out.Summary += fmt.Sprintf("; its BMC accepted the %s, but nothing shows whether the host started again: not proven (cycle is)", do)
		case do == string(bmc.PowerCycle):
			out.Summary += ", it was off in between (cycle)"
		case out.Changed:
			out.Summary += fmt.Sprintf(", it was %s (%s)", out.Before, do)
		}
		if out.Forced {
			out.Summary += "; the operating system did not shut down in time"
		}
		return out, nil
	},
}

// change does it and waits for its effect. A BMC's own cycle is as good as invisible, so it is made of two changes that can be seen; a BMC that only says
// that it did it is found out. For a reset there is nothing to look at but that the power is on.
func (l *lab) change(ctx context.Context, d bmc.Driver, host *inventory.Host, do string, out *powerResult) (err error) {
	switch do {
	case powerStatus:
		return nil
	case string(bmc.PowerSoft):
		if out.Before == bmc.On {
			out.Forced, err = l.softOff(ctx, d, host)
		}
		return err
	case string(bmc.PowerOff):
		return l.powered(ctx, d, host, bmc.PowerOff, bmc.Off)
	case string(bmc.PowerCycle):
		if _, err := bmc.PowerCycle.Needed(out.Before); err != nil {
			return err
		}
		if err := l.powered(ctx, d, host, bmc.PowerOff, bmc.Off); err != nil {
			return err
		}
		return l.powered(ctx, d, host, bmc.PowerOn, bmc.On)
	}
	return l.powered(ctx, d, host, bmc.PowerAction(do), bmc.On)
}

// mayPower refuses what would surprise whoever has the host.
func (l *lab) mayPower(ctx context.Context, host *inventory.Host, do string) error {
	owner, err := l.Owner(ctx, host.Name)
	if err != nil || owner == nil || do == powerStatus || l.Params.String("confirm") == host.Name {
		return err
	}
	away, err := l.away(ctx, owner)
	if err != nil {
		return err
	}
	switch leaving := owner.Ending || owner.Quarantine != ""; {
	case do == string(bmc.PowerOn) && away:
		return fault.New(fault.Refused, "the disk of %s is being captured or imaged: its tenant's system would start in the provisioning network", host.Name).
			WithHint("%s brings that to its end; if that is meant, start it again with confirm=%s", owner.Again(), host.Name)
	case do == string(bmc.PowerOn) && leaving:
		return fault.New(fault.Refused, "%s is being taken back or in quarantine: what the tenant left would start", host.Name).
			WithHint("if that is meant, start it again with confirm=%s", host.Name)
	case do == string(bmc.PowerOn):
		return nil
	}
	return fault.New(fault.Refused, "%s belongs to %s, whose work would be interrupted", host.Name, owner.Whose()).
		WithHint("if that is meant, start it again with confirm=%s", host.Name)
}

type bootedResult struct {
	action.Result
	// Booted were switched on, Running were on already. Skipped are not booked by what the dashboard says now, not handed over yet, or being captured; Unknown may be booked.
	Booted  []string `json:"booted"`
	Running []string `json:"running"`
	Skipped []string `json:"skipped"`
	Unknown []string `json:"unknown"`
	Failed  []string `json:"failed"`
}

var bootBookedHosts = &action.Action{
	Name: "boot_booked_hosts",
	Description: "After a power failure: switch on the hosts that tenants have, one after another (imaging.stagger). Only those that were handed over and that the dashboard confirms to be booked; " +
		"one that runs is left alone.",
	Output: []action.Field{{Name: "booted", Description: "Hosts that were switched on and are proven on."}, {Name: "running", Description: "Hosts that ran already."},
		{Name: "skipped", Description: "Hosts that are not handed over, that are being captured, or that the dashboard says are not booked."},
		{Name: "unknown", Description: "Hosts of which it could not be found out whether they are booked; they stay off."}, {Name: "failed", Description: "Hosts whose power could not be read or switched on."}},
	Budget: sum(records, records, manyHosts),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l := open(c)
		owners, err := l.Owners(ctx)
		if err != nil {
			return nil, err
		}
		out := bootedResult{Booted: []string{}, Running: []string{}, Skipped: []string{}, Unknown: []string{}, Failed: []string{}}
		var troubles []error
		for _, o := range owners {
			if err := l.Checkpoint(ctx); err != nil {
				return nil, err
			}
			into, err := l.bootBooked(ctx, o, &out)
			if fault.Is(err, fault.Cancelled) {
				return nil, err
			}
			if err != nil {
				troubles = append(troubles, fault.Wrap(err, "%s", o.Host))
			}
			*into = append(*into, o.Host)
		}
		out.Result = action.Result{Changed: len(out.Booted) > 0,
			Summary: fmt.Sprintf("%d host(s) switched on, %d ran already, %d left off, %d failed, %d unknown", len(out.Booted), len(out.Running), len(out.Skipped), len(out.Failed), len(out.Unknown))}
		if err := errors.Join(troubles...); err != nil {
			return nil, fault.New(fault.Unproven, "%s:\n%w", out.Summary, err).WithHint("look at their BMCs, and at the dashboard for those that are unknown; then start it again: what runs is left alone")
		}
		return out, nil
	},
}

// manyHosts is the time for 30 hosts whose BMCs are all as slow as they may be. In a lab with more, that is not over at its end and is started again.
func manyHosts(c *config.Config) time.Duration {
	return 30 * (dashboardCalls(c, 1) + powerSession(c) + power(c) + c.Imaging.Stagger.D())
}

// bootBooked switches one host on, and gives the list that it belongs to then.
func (l *lab) bootBooked(ctx context.Context, o *booking.Owner, out *bootedResult) (into *[]string, err error) {
	if booking.IsOwn(o.Job) || o.Ending || o.Quarantine != "" {
		return &out.Skipped, nil
	}
	over, err := l.handedOver(ctx, o)
	if err != nil {
		return &out.Unknown, err
	}
	away, err := l.away(ctx, o)
	if err != nil {
		return &out.Unknown, err
	}
	if !over || away {
		return &out.Skipped, nil
	}
	d, err := l.dashboard()
	if err != nil {
		return &out.Unknown, err
	}
	now, err := d.Host(ctx, o.LabID)
	if err != nil {
		return &out.Unknown, err
	}
	if !now.Booked {
		return &out.Skipped, nil
	}
	host, err := inventory.LoadHost(ctx, l.ST2, o.Host)
	if err != nil {
		return &out.Failed, err
	}
	b, err := l.bmc(ctx, host)
	if err != nil {
		return &out.Failed, err
	}
	defer b.Close()
	switch state, err := b.PowerState(ctx); {
	case err != nil:
		return &out.Failed, err
	case state == bmc.On:
		return &out.Running, nil
	}
	if err := awaitStart(ctx, l.Store, l.Now, host.Name, l.Config.Imaging.Stagger.D(), 1); err != nil {
		return &out.Failed, err
	}
	if err := l.powered(ctx, b, host, bmc.PowerOn, bmc.On); err != nil {
		return &out.Failed, err
	}
	return &out.Booted, nil
}

// handedOver says whether the host's tenant has it.
func (l *lab) handedOver(ctx context.Context, o *booking.Owner) (bool, error) {
	all, err := l.Tasks(ctx, o.Job)
	return slices.ContainsFunc(all, func(r *booking.TaskRecord) bool {
		return r.Host == o.Host && r.HandedOver != nil && r.Outcome == booking.Done
	}), err
}

// captured says whether the host has left its networks to be captured, and is not back yet.
func (l *lab) captured(ctx context.Context, o *booking.Owner) (bool, error) {
	return l.anyTask(ctx, o, func(r *booking.TaskRecord) bool { return r.Capture.Open() })
}

// away says whether what is on the host's disk would start in the provisioning network: the host was captured, or what it is imaged with was never seen to boot.
func (l *lab) away(ctx context.Context, o *booking.Owner) (bool, error) {
	return l.anyTask(ctx, o, func(r *booking.TaskRecord) bool {
		return r.Capture.Open() || r.Mode == booking.Provision && r.Proofs["power_off"] != "" && r.Booted == nil
	})
}

// anyTask says whether a task of the host is like that.
func (l *lab) anyTask(ctx context.Context, o *booking.Owner, is func(*booking.TaskRecord) bool) (bool, error) {
	all, err := l.Tasks(ctx, o.Job)
	return slices.ContainsFunc(all, func(r *booking.TaskRecord) bool { return (r.Host == o.Host || booking.IsOwn(o.Job)) && is(r) }), err
}
