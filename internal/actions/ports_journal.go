package actions

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
)

// journal keeps what the ports are to be: pending until they are proven, and where they were not. Of a pending write, only what it changes is
// noted: until it is proven, the port may be anything.
func (w *portWrite) journal(ctx context.Context, parts []*part, done bool) error {
	next := &booking.Intent{Switch: w.sw, Ports: map[string]booking.PortIntent{}, Created: w.intent.Created}
	for name, p := range w.intent.Ports {
		next.Ports[name] = p
	}
	for _, part := range parts {
		for _, p := range part.ports {
			now := booking.PortIntent{Port: p.Name, Host: part.host, Job: w.job, State: w.state, Native: p.Native, Tagged: p.Tagged, MTU: p.MTU, Shutdown: p.Shutdown,
				Pending: !done || part.err != nil, At: w.Now().UTC(), Execution: w.Execution}
			if was, known := next.Ports[p.Name]; known && !was.Pending && same(was, now) && part.err == nil {
				now.At, now.Execution, now.Pending = was.At, was.Execution, false
			}
			next.Ports[p.Name] = now
		}
	}
	if err := w.SaveIntent(ctx, next); err != nil {
		return err
	}
	if done {
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

// createMissing makes the VLANs that the switch lacks, if the lab wants that. Otherwise, and where the switch has one that is not in use, the parts that
// need them are refused.
func (w *portWrite) createMissing(ctx context.Context, d netswitch.Driver) (made bool, err error) {
	missing, err := netswitch.Missing(ctx, d, portsOf(w.open()))
	if err != nil || len(missing) == 0 {
		return false, err
	}
	if !w.Config.Network.CreateVLANs {
		w.lacking(missing, func(lacks []int) error {
			return fault.New(fault.Refused, "the switch lacks VLAN(s) %s, and the pack is not to create any (network.create_vlans)", netswitch.Ranges(lacks)).
				WithHint("create them on the switch, then run laas.resume_job")
		})
		return false, nil
	}
	vlans := map[int]string{}
	for _, id := range missing {
		vlans[id] = ""
	}
	w.intent.Created = merge(w.intent.Created, missing) // before they are made: what was not is fine to remove
	if err := w.SaveIntent(ctx, w.intent); err != nil {
		return false, err
	}
	err = d.(netswitch.VLANs).CreateVLANs(ctx, vlans)
	if fault.Is(err, fault.Refused) {
		w.lacking(missing, func([]int) error { return err })
		return true, nil
	}
	return err == nil, err
}

// lacking refuses the parts that need one of the VLANs.
func (w *portWrite) lacking(missing []int, why func(lacks []int) error) {
	for _, p := range w.open() {
		lacks := slices.DeleteFunc(slices.Clone(missing), func(id int) bool {
			return !slices.ContainsFunc(p.ports, func(p netswitch.Port) bool { return p.Native == id || slices.Contains(p.Tagged, id) })
		})
		if len(lacks) > 0 {
			p.err = why(lacks)
		}
	}
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
