package actions

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
)

// look reads the ports. Parts with a port that the switch does not have are refused, and the others are read without them.
func (w *portWrite) look(ctx context.Context, d netswitch.Driver) (map[string]netswitch.Port, error) {
	read := func(parts ...*part) (map[string]netswitch.Port, error) {
		return netswitch.Read(ctx, d, namesOf(portsOf(parts)))
	}
	have, err := read(w.open()...)
	if !noSuchPort(err) {
		return have, err
	}
	have = map[string]netswitch.Port{}
	for _, p := range w.open() {
		on, err := read(p)
		switch {
		case noSuchPort(err):
			p.err = fault.Wrap(err, "read %s", strings.Join(namesOf(p.ports), ", "))
		case err != nil:
			return nil, err
		}
		maps.Copy(have, on)
	}
	return have, nil
}

// noSuchPort says whether a read failed because of the names: the switch has none of one, or it is none.
func noSuchPort(err error) bool { return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Input) }

func namesOf(ports []netswitch.Port) (names []string) {
	for _, p := range ports {
		names = append(names, p.Name)
	}
	return names
}

// refusal says why a part must not be written, nil if it may.
func (w *portWrite) refusal(ctx context.Context, p *part, have map[string]netswitch.Port) error {
	if p.none() {
		return w.lost(p.host)
	}
	if err := w.ownPorts(ctx, p); err != nil {
		return err
	}
	if err := w.drifted(p, have); err != nil {
		return err
	}
	_, err := netswitch.Plan(have, p.ports)
	return err
}

// lost refuses to call a host's last write on the switch ended while a port that it had, and has no more, may be anything.
func (w *portWrite) lost(host string) error {
	now := namesOf(portsOf(w.parts))
	for _, name := range slices.Sorted(maps.Keys(w.intent.Ports)) {
		if was := w.intent.Ports[name]; was.Host == host && was.Pending && !slices.Contains(now, name) {
			return fault.New(fault.Refused, "port %s, which is not the host's any more, may be anything", name).WithHint("it is closed when the host is taken back")
		}
	}
	return nil
}

// ownPorts refuses a port that is another host's, too, when somebody has that host. A claim looks at the whole inventory for that; it may have been
// edited since.
func (w *portWrite) ownPorts(ctx context.Context, part *part) error {
	var problems []fault.Problem
	for _, p := range part.ports {
		for name, was := range w.intent.Ports {
			if was.Host == part.host || !inventory.SamePort(name, p.Name) {
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
	return w.notOwn(problems)
}

func (w *portWrite) notOwn(problems []fault.Problem) error {
	if err := fault.FromProblems(fault.Refused, "ports on switch "+w.sw, problems); err != nil {
		return err.(*fault.Error).WithHint("one of the two inventory entries is wrong: laas inventory validate; correct it, then run laas.resume_job")
	}
	return nil
}

// sort leaves a port that a host had to the host that has it now, where both are written, and refuses one that two of them have.
func (w *portWrite) sort() {
	has := func(p *part, port netswitch.Port) bool {
		return slices.ContainsFunc(p.nics, func(n inventory.NIC) bool { return n.Switch == w.sw && inventory.SamePort(n.Port, port.Name) })
	}
	for _, p := range w.parts {
		var problems []fault.Problem
		p.ports = slices.DeleteFunc(p.ports, func(port netswitch.Port) bool {
			other := slices.IndexFunc(w.parts, func(other *part) bool { return other.host != p.host && has(other, port) })
			if other >= 0 && has(p, port) {
				problems = append(problems, fault.Problem{Path: port.Name, Text: fmt.Sprintf("is the port of %s, too, which belongs to the same job", w.parts[other].host)})
			}
			return other >= 0 && !has(p, port)
		})
		if p.err == nil {
			p.err = w.notOwn(problems)
		}
	}
}

// cabledTo says whether the inventory gives a port of this switch to the host; of one that it does not know, it may.
func (w *portWrite) cabledTo(ctx context.Context, host, port string) bool {
	h, err := inventory.LoadHost(ctx, w.ST2, host)
	return err != nil || slices.ContainsFunc(h.NICs, func(n inventory.NIC) bool { return n.Switch == w.sw && inventory.SamePort(n.Port, port) })
}

// drifted refuses to overwrite what somebody changed by hand since the pack wrote it. A port that is what it is to be already is fine, and so is
// one whose last write was broken off.
func (w *portWrite) drifted(part *part, have map[string]netswitch.Port) error {
	var problems []fault.Problem
	for _, p := range part.ports {
		was, known := w.intent.Ports[p.Name]
		if !known || was.Pending || len(netswitch.Diff(have[p.Name], unlabelled(p))) == 0 {
			continue
		}
		if diff := netswitch.Diff(have[p.Name], intended(was)); len(diff) > 0 {
			problems = append(problems, fault.Problem{Path: p.Name, Text: fmt.Sprintf("was changed by hand since it was written for %s on %s; to put it back: %s",
				whose(was), was.At.Format("2006-01-02 15:04 MST"), strings.Join(diff, ", "))})
		}
	}
	if w.Params.Bool("force") || w.Config.Network.OnDrift == "overwrite" || slices.Contains(closing, w.state) {
		for _, p := range problems {
			w.Info("switch %s: %s; it is overwritten", w.sw, p)
		}
		w.drift += len(problems)
		return nil
	}
	if err := fault.FromProblems(fault.Refused, "ports on switch "+w.sw, problems); err != nil {
		return err.(*fault.Error).WithHint("find out who did that and why (laas.drift_report); laas.set_ports with force=true, or network.on_drift: overwrite, overwrites it")
	}
	return nil
}
