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
	sw, state  string
	job, epoch int
	parts      []*part
	// intent is what the ports of the switch are to be, as it was and as this write makes it.
	intent *booking.Intent
	// drift is how many ports somebody had changed by hand.
	drift int
}

// part is what is written or refused as a whole, whatever becomes of the others: the ports of one host, or one port of a host that is cut off.
type part struct {
	host  string
	ports []netswitch.Port
	// nics are the host's in the inventory.
	nics []inventory.NIC
	// err is why it was not written, or not proven.
	err error
}

// none says that the host has no port to be set on the switch. It is a part all the same where an earlier write of its ports was not saved.
func (p *part) none() bool { return len(p.ports) == 0 && p.err == nil }

// closing are the states of a host that is taken away from whoever has it: its ports are written whatever somebody made of them, because a tenant who
// keeps a network is worse than a change by hand that is lost. It is told.
var closing = []string{stateWiping, stateIdle, stateIsolated}

// cutting are those in which a host is to reach nothing any more. One port that cannot be closed must not keep the others open.
var cutting = []string{stateIdle, stateIsolated}

func (w *portWrite) add(host *inventory.Host, ports []netswitch.Port) {
	groups := [][]netswitch.Port{ports}
	if slices.Contains(cutting, w.state) && len(ports) > 0 {
		groups = slices.Collect(slices.Chunk(ports, 1))
	}
	for _, g := range groups {
		w.parts = append(w.parts, &part{host: host.Name, ports: g, nics: host.NICs})
	}
}

// refuse notes why the ports of a host are left as they are.
func (w *portWrite) refuse(host string, err error) {
	w.parts = append(w.parts, &part{host: host, err: err})
}

// open are the parts that nothing speaks against so far.
func (w *portWrite) open() []*part {
	return slices.DeleteFunc(slices.Clone(w.parts), func(p *part) bool { return p.err != nil })
}

func portsOf(parts []*part) (ports []netswitch.Port) {
	for _, p := range parts {
		ports = append(ports, p.ports...)
	}
	return ports
}

func hostsOf(parts []*part) (hosts []string) {
	for _, p := range parts {
		if !slices.Contains(hosts, p.host) {
			hosts = append(hosts, p.host)
		}
	}
	return hosts
}

// write journals, writes, proves and journals the outcome. An error says what became of which hosts.
func (w *portWrite) write(ctx context.Context) ([]netswitch.Change, error) {
	rec, err := w.Ports(ctx, w.sw, w.job)
	if err != nil {
		return nil, err
	}
	left := func(p *part) bool { // an earlier write ended before the switch had saved it
		last, written := rec.Hosts[p.host]
		return written && !last.Applied
	}
	w.parts = slices.DeleteFunc(w.parts, func(p *part) bool { return p.none() && !left(p) })
	unsaved := slices.ContainsFunc(w.parts, left)
	if err := w.note(ctx, rec, false); err != nil { // the intent of the run
		return nil, err
	}
	if err := w.Checkpoint(ctx); err != nil {
		return nil, err
	}
	changes, err := w.onSwitch(ctx, unsaved)
	for _, p := range w.open() {
		p.err = err
	}
	err = w.failure()
	if nerr := w.note(context.WithoutCancel(ctx), rec, true); nerr != nil && err == nil {
		err = nerr
	}
	return changes, err
}

// note journals for each host what is about to be written, or what became of it.
func (w *portWrite) note(ctx context.Context, rec booking.PortsRecord, done bool) error {
	for _, host := range hostsOf(w.parts) {
		now := booking.PortsWrite{State: w.state, Epoch: w.epoch, Applied: done, At: w.Now().UTC()}
		var all []error
		for _, p := range w.parts {
			if p.host == host && p.err != nil {
				all = append(all, p.err)
			}
		}
		if err := errors.Join(all...); err != nil {
			now.Applied, now.Error = false, fmt.Sprintf("switch %s: set ports of %s to %s: %v", w.sw, host, w.state, err)
		}
		rec.Hosts[host] = now
	}
	return w.SavePorts(ctx, rec)
}

// failure is one error of all that the parts have, each with the hosts that it is about.
func (w *portWrite) failure() error {
	var all []error
	var told []error
	for _, p := range w.parts {
		if p.err == nil || slices.Contains(told, p.err) {
			continue
		}
		told = append(told, p.err)
		about := slices.DeleteFunc(slices.Clone(w.parts), func(other *part) bool { return other.err != p.err })
		all = append(all, fault.Wrap(p.err, "switch %s: set ports of %s to %s", w.sw, strings.Join(hostsOf(about), ", "), w.state))
	}
	if len(all) < 2 {
		return errors.Join(all...)
	}
	return fault.As(fault.KindOf(all[0]), errors.Join(all...))
}

// onSwitch sets the ports of the parts that nothing speaks against. What is in force already may not have been saved yet: unsaved says so.
func (w *portWrite) onSwitch(ctx context.Context, unsaved bool) ([]netswitch.Change, error) {
	if len(w.open()) == 0 {
		return nil, nil
	}
	d, err := w.netswitch(ctx, w.sw)
	if err != nil {
		return nil, err
	}
	if w.intent, err = w.Intent(ctx, w.sw); err != nil {
		return nil, err
	}
	have, err := w.look(ctx, d)
	if err != nil {
		return nil, err
	}
	for _, p := range w.open() {
		p.err = w.refusal(ctx, p, have)
	}
	made, err := w.createMissing(ctx, d)
	if err != nil {
		return nil, err
	}
	parts := w.open()
	if len(parts) == 0 {
		return nil, nil
	}
	if err := w.journal(ctx, parts, false); err != nil {
		return nil, err
	}
	changes, err := w.put(ctx, d, have, parts)
	switch {
	case fault.Is(err, fault.Unproven): // the ports may be anything: the intent stays pending
		return changes, err
	case err != nil && len(changes) == 0: // nothing was written, or it was put back
		return nil, w.restore(ctx, err)
	}
	if err == nil && len(changes) == 0 && (unsaved || made) {
		err = d.Save(ctx)
	}
	if jerr := w.journal(context.WithoutCancel(ctx), parts, true); err == nil {
		err = jerr
	}
	if err == nil && len(w.open()) == len(parts) {
		err = w.removeUnused(ctx, d)
	}
	return changes, err
}

// put writes the parts and proves them: all or none, or as many as can be where hosts are cut off.
func (w *portWrite) put(ctx context.Context, d netswitch.Driver, have map[string]netswitch.Port, parts []*part) ([]netswitch.Change, error) {
	if !slices.Contains(cutting, w.state) {
		return netswitch.Apply(ctx, d, have, portsOf(parts))
	}
	changes, open, err := netswitch.Close(ctx, d, have, portsOf(parts))
	for _, p := range parts {
		if !p.none() {
			p.err = open[p.ports[0].Name]
		}
	}
	return changes, err
}
