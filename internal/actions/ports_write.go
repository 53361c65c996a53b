package actions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
)

// portWrite is one write to a switch.
type portWrite struct {
	*lab
	sw, state string
	want      []netswitch.Port
	// of is the host of each port.
	of  map[string]string
	rec booking.PortsRecord
	// intent is what the ports of the switch are to be, as it was and as this write makes it.
	intent *booking.Intent
	// drift is how many ports somebody had changed by hand.
	drift int
}

func (w *portWrite) add(host string, ports []netswitch.Port) {
	if len(ports) == 0 {
		return
	}
	if w.of == nil {
		w.of = map[string]string{}
	}
	w.rec.Hosts = append(w.rec.Hosts, host)
	for _, p := range ports {
		w.of[p.Name] = host
	}
	w.want = append(w.want, ports...)
}

// write journals, writes, proves and journals the outcome.
func (w *portWrite) write(ctx context.Context) ([]netswitch.Change, error) {
	last, err := w.Ports(ctx, w.sw, w.rec.Job)
	if err != nil {
		return nil, err
	}
	unsaved := last.State != "" && !last.Applied    // an earlier write ended before the switch had saved it
	if err := w.SavePorts(ctx, w.rec); err != nil { // the intent of the run
		return nil, err
	}
	if err := w.Checkpoint(ctx); err != nil {
		return nil, err
	}
	var changes []netswitch.Change
	if len(w.want) > 0 || unsaved { // or it would be forgotten that the switch is to save
		changes, err = w.onSwitch(ctx, unsaved)
	}
	if w.rec.Applied = err == nil; err != nil {
		err = fault.Wrap(err, "switch %s: set ports of %s to %s", w.sw, strings.Join(w.rec.Hosts, ", "), w.state)
		w.rec.Error = err.Error()
	}
	if serr := w.SavePorts(context.WithoutCancel(ctx), w.rec); serr != nil && err == nil {
		err = serr
	}
	return changes, err
}

// onSwitch sets the ports. What is in force already may not have been saved yet: unsaved says so.
func (w *portWrite) onSwitch(ctx context.Context, unsaved bool) ([]netswitch.Change, error) {
	d, err := w.netswitch(ctx, w.sw)
	if err != nil {
		return nil, err
	}
	if len(w.want) == 0 {
		return nil, d.Save(ctx)
	}
	if w.intent, err = w.Intent(ctx, w.sw); err != nil {
		return nil, err
	}
	if err := w.ownPorts(ctx); err != nil {
		return nil, err
	}
	if err := w.createMissing(ctx, d); err != nil {
		return nil, err
	}
	changes, err := netswitch.Set(ctx, d, w.want, w.drifted, func(map[string]netswitch.Port) error { return w.journal(ctx, true) })
	switch {
	case fault.Is(err, fault.Unproven): // the ports may be anything: the intent stays pending
		return changes, err
	case err != nil && len(changes) == 0: // nothing was written, or it was put back
		return nil, w.restore(ctx, err)
	}
	if err == nil && len(changes) == 0 && unsaved {
		err = d.Save(ctx)
	}
	if jerr := w.journal(context.WithoutCancel(ctx), false); err == nil {
		err = jerr
	}
	if err == nil {
		err = w.removeUnused(ctx, d)
	}
	return changes, err
}

// ownPorts refuses a port that is another host's, too, when somebody has that host. A claim looks at the whole inventory for that; it may have been
// edited since.
func (w *portWrite) ownPorts(ctx context.Context) error {
	var problems []fault.Problem
	for _, p := range w.want {
		for name, was := range w.intent.Ports {
			if was.Host == w.of[p.Name] || !inventory.SamePort(name, p.Name) {
				continue
			}
			owner, err := w.Owner(ctx, was.Host)
			if err != nil {
				return err
			}
			if owner == nil || !w.cabledTo(ctx, was.Host, p.Name) {
				continue
			}
			problems = append(problems, fault.Problem{Path: p.Name, Text: fmt.Sprintf("is the port of %s, too, which belongs to %s", was.Host, owner.Whose())})
		}
	}
	if err := fault.FromProblems(fault.Refused, "ports on switch "+w.sw, problems); err != nil {
		return err.(*fault.Error).WithHint("one of the two inventory entries is wrong: laas inventory validate; correct it, then run laas.resume_job")
	}
	return nil
}

// cabledTo says whether the inventory gives a port of this switch to the host; of one that it does not know, it may.
func (w *portWrite) cabledTo(ctx context.Context, host, port string) bool {
	h, err := inventory.LoadHost(ctx, w.ST2, host)
	return err != nil || slices.ContainsFunc(h.NICs, func(n inventory.NIC) bool { return n.Switch == w.sw && inventory.SamePort(n.Port, port) })
}

// closing are the states of a host that is taken away from whoever has it: its ports are written whatever somebody made of them, because a tenant who
// keeps a network is worse than a change by hand that is lost. It is told.
var closing = []string{stateWiping, stateIdle, stateIsolated}

// drifted refuses to overwrite what somebody changed by hand since the pack wrote it. A port that is what it is to be already is fine, and so is
// one whose last write was broken off.
func (w *portWrite) drifted(before map[string]netswitch.Port) error {
	var problems []fault.Problem
	for _, p := range w.want {
		was, known := w.intent.Ports[p.Name]
		have := before[p.Name]
		if !known || was.Pending || len(netswitch.Diff(have, unlabelled(p))) == 0 {
			continue
		}
		if diff := netswitch.Diff(have, intended(was)); len(diff) > 0 {
			problems = append(problems, fault.Problem{Path: p.Name, Text: fmt.Sprintf("was changed by hand since it was written for %s on %s; to put it back: %s",
				whose(was), was.At.Format("2006-01-02 15:04 MST"), strings.Join(diff, ", "))})
		}
	}
	w.drift = len(problems)
	if w.Params.Bool("force") || w.Config.Network.OnDrift == "overwrite" || slices.Contains(closing, w.state) {
		for _, p := range problems {
			w.Info("switch %s: %s; it is overwritten", w.sw, p)
		}
		return nil
	}
	if err := fault.FromProblems(fault.Refused, "ports on switch "+w.sw, problems); err != nil {
		return err.(*fault.Error).WithHint("find out who did that and why (laas.drift_report); laas.set_ports with force=true, or network.on_drift: overwrite, overwrites it")
	}
	return nil
}

// journal keeps what the ports are to be. Of a pending write, only what it changes is noted: until it is proven, the port may be anything.
func (w *portWrite) journal(ctx context.Context, pending bool) error {
	next := &booking.Intent{Switch: w.sw, Ports: map[string]booking.PortIntent{}, Created: w.intent.Created}
	for name, p := range w.intent.Ports {
		next.Ports[name] = p
	}
	for _, p := range w.want {
		now := booking.PortIntent{Port: p.Name, Host: w.of[p.Name], Job: w.rec.Job, State: w.state, Native: p.Native, Tagged: p.Tagged, MTU: p.MTU, Shutdown: p.Shutdown,
			Pending: pending, At: w.Now().UTC(), Execution: w.Execution}
		if was, known := next.Ports[p.Name]; known && !was.Pending && same(was, now) {
			now.At, now.Execution, now.Pending = was.At, was.Execution, false
		}
		next.Ports[p.Name] = now
	}
	if err := w.SaveIntent(ctx, next); err != nil {
		return err
	}
	if !pending {
		w.intent = next
	}
	return nil
}

// restore journals that the ports are what they were.
func (w *portWrite) restore(ctx context.Context, cause error) error {
	if err := w.SaveIntent(context.WithoutCancel(ctx), w.intent); err != nil {
		return fault.As(fault.KindOf(cause), errors.Join(cause, fault.Wrap(err, "and it could not be journalled that the ports are as they were")))
	}
	return cause
}

// createMissing makes the VLANs that the switch lacks, if the lab wants that.
func (w *portWrite) createMissing(ctx context.Context, d netswitch.Driver) error {
	missing, err := netswitch.Missing(ctx, d, w.want)
	if err != nil || len(missing) == 0 {
		return err
	}
	if !w.Config.Network.CreateVLANs {
		return fault.New(fault.Refused, "the switch lacks VLAN(s) %s, and the pack is not to create any (network.create_vlans)", netswitch.Ranges(missing)).
			WithHint("create them on the switch, then run laas.resume_job")
	}
	vlans := map[int]string{}
	for _, id := range missing {
		vlans[id] = ""
	}
	w.intent.Created = merge(w.intent.Created, missing) // before they are made: what was not is fine to remove
	if err := w.SaveIntent(ctx, w.intent); err != nil {
		return err
	}
	return d.(netswitch.VLANs).CreateVLANs(ctx, vlans)
}

// removeUnused removes the VLANs that the pack made and no port of the pack's carries any more, if the lab wants that.
func (w *portWrite) removeUnused(ctx context.Context, d netswitch.Driver) error {
	list, ok := d.(netswitch.VLANs)
	unused := w.intent.Unused()
	if !ok || !w.Config.Network.RemoveVLANs || len(unused) == 0 {
		return nil
	}
	if err := list.RemoveVLANs(ctx, unused); err != nil {
		return fault.Wrap(err, "the ports are as wanted, but VLAN(s) %s could not be removed", netswitch.Ranges(unused))
	}
	if err := d.Save(ctx); err != nil {
		return err
	}
	w.intent.Created = slices.DeleteFunc(w.intent.Created, func(id int) bool { return slices.Contains(unused, id) })
	return w.SaveIntent(ctx, w.intent)
}

// intended is a port as the journal says it is to be.
func intended(i booking.PortIntent) netswitch.Port {
	return netswitch.Port{Name: i.Port, Native: i.Native, Tagged: i.Tagged, MTU: i.MTU, Shutdown: i.Shutdown}
}

func same(a, b booking.PortIntent) bool {
	return a.Host == b.Host && a.Job == b.Job && a.State == b.State && len(netswitch.Diff(intended(a), intended(b))) == 0 && a.MTU == b.MTU
}

// unlabelled leaves the description as it is.
func unlabelled(p netswitch.Port) netswitch.Port {
	p.Description = ""
	return p
}

// whose tells for whom a port was written.
func whose(i booking.PortIntent) string {
	if i.Job == 0 {
		return fmt.Sprintf("%s (%s)", i.Host, i.State)
	}
	return fmt.Sprintf("%s (%s, job %d)", i.Host, i.State, i.Job)
}
