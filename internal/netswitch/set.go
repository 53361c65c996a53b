package netswitch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"stackstorm-laas/internal/fault"
)

// Set is Read and Apply.
func Set(ctx context.Context, d Driver, want []Port) ([]Change, error) {
	want, err := normalise(want)
	if err != nil {
		return nil, err
	}
	before, err := Read(ctx, d, names(want))
	if err != nil {
		return nil, err
	}
	return Apply(ctx, d, before, want)
}

// Apply brings ports that were just read into the wanted state with one write and one read back, and saves the switch's configuration once at the
// end. Nothing to do writes nothing and saves nothing: who cannot tell whether an earlier Apply got as far as saving calls Save. A write whose answer was lost is looked up: it counts as made if the switch shows it whole. When the
// write fails, or the read back shows something else, the ports are put back to what was read before and nothing is saved. The error is
// then the write's own, or Unproven; always Unproven if putting back could not be proven, which the text then says. Changes that stand are
// returned even with an error: what could not be saved is in force.
func Apply(ctx context.Context, d Driver, before map[string]Port, want []Port) ([]Change, error) {
	changes, err := Plan(before, want)
	if err != nil || len(changes) == 0 {
		return nil, err
	}
	if err := write(ctx, d, changes); err != nil {
		return nil, putBack(ctx, d, changes, err)
	}
	return changes, save(ctx, d)
}

func save(ctx context.Context, d Driver) error {
	return fault.Wrap(d.Save(ctx), "the ports are as wanted, but the switch did not save its configuration")
}

// Close is Apply for ports that are taken from whoever has them: what is closed stays closed, whatever becomes of the others, and nothing is put
// back. What one write of all did not close is tried port by port, unless the switch does not answer. open says why of each port that is not
// proven to be as wanted; the changes are those of the others. The error is that they were not saved, or that Plan refuses.
func Close(ctx context.Context, d Driver, before map[string]Port, want []Port) (changes []Change, open map[string]error, err error) {
	all, err := Plan(before, want)
	if err != nil || len(all) == 0 {
		return nil, nil, err
	}
	cause := write(ctx, d, all)
	if cause == nil {
		return all, nil, save(ctx, d)
	}
	open = map[string]error{}
	var ports []string
	for _, c := range all {
		ports = append(ports, c.Port)
	}
	have, unread := Read(ctx, d, ports)
	for _, c := range all {
		why := unread
		if why == nil {
			why = mismatch(have, []Port{c.After})
		}
		switch {
		case why == nil:
		case fault.Is(cause, fault.Transient):
			why = errors.Join(cause, why)
		default:
			why = write(ctx, d, []Change{c})
		}
		if why == nil {
			changes = append(changes, c)
		} else {
			open[c.Port] = fault.As(fault.Unproven, fault.Wrap(why, "%s", c.Port))
		}
	}
	if len(changes) == 0 {
		return nil, open, nil
	}
	return changes, open, save(ctx, d)
}

// Plan finds what is to be changed, and says in full what it then is. What no port can be is Input, a port in a mode that the pack does not know
// Refused.
func Plan(before map[string]Port, want []Port) ([]Change, error) {
	want, err := normalise(want)
	if err != nil {
		return nil, err
	}
	var changes []Change
	var problems []fault.Problem
	for _, after := range want {
		have := before[after.Name]
		if len(Diff(have, after)) == 0 {
			continue
		}
		if !known(have.Mode) {
			problems = append(problems, fault.Problem{Path: after.Name, Text: fmt.Sprintf("is in mode %q, and the pack changes access and trunk ports only", have.Mode)})
		}
		have.Name = after.Name
		after.Description = cmp.Or(after.Description, have.Description)
		if after.Mode == "" && have.Native == after.Native && slices.Equal(have.Tagged, after.Tagged) {
			after.Mode = have.Mode
		}
		changes = append(changes, Change{Port: after.Name, Before: have, After: after})
	}
	if err := fault.FromProblems(fault.Refused, "switch ports", problems); err != nil {
		return nil, err.(*fault.Error).WithHint("if a host hangs on the port, make it an access or trunk port on the switch (NX-OS: switchport)")
	}
	return changes, nil
}

// write makes the changes and proves them.
func write(ctx context.Context, d Driver, changes []Change) error {
	ports := make([]Port, len(changes))
	for i, c := range changes {
		ports[i] = c.After
	}
	lost := d.Write(ctx, ports)
	if lost != nil && !fault.Is(lost, fault.Transient) {
		return lost
	}
	have, err := Read(ctx, d, names(ports))
	if err == nil {
		err = mismatch(have, ports)
	} else {
		err = fault.As(fault.Unproven, fault.Wrap(err, "read the ports back"))
	}
	if err != nil && lost != nil {
		return lost
	}
	return err
}

// putBack restores the state before the changes and proves it. It is done even when ctx has ended: a port left in between may join
// what must be apart.
func putBack(ctx context.Context, d Driver, changes []Change, cause error) error {
	ctx = context.WithoutCancel(ctx)
	var ports []string
	for _, c := range changes {
		ports = append(ports, c.Port)
	}
	now, err := Read(ctx, d, ports)
	if err == nil {
		if undo := undoing(now, changes); len(undo) > 0 {
			err = write(ctx, d, undo)
		}
	}
	if err != nil {
		return fault.New(fault.Unproven, "%w; and the ports could not be put back: %w", cause, err).
			WithHint("check the ports on the switch: %s", strings.Join(ports, ", "))
	}
	return fault.Wrap(cause, "the ports were put back")
}

// undoing gives the changes that lead back. An MTU that nobody wanted changed is not written: some switches have none per port.
func undoing(now map[string]Port, changes []Change) (undo []Change) {
	for _, c := range changes {
		have, old := now[c.Port], c.Before
		if c.After.MTU == 0 {
			old.MTU = 0
		}
		if len(exact(have, old)) > 0 {
			undo = append(undo, Change{Port: c.Port, Before: have, After: old})
		}
	}
	return undo
}

// Read insists on every port that is asked for: one that the switch does not have is NotFound.
func Read(ctx context.Context, d Driver, ports []string) (map[string]Port, error) {
	have, err := d.Read(ctx, ports)
	if err != nil {
		return nil, err
	}
	for _, name := range ports {
		if _, ok := have[name]; !ok {
			return nil, fault.New(fault.NotFound, "the switch has no port %s", name)
		}
	}
	return have, nil
}

// mismatch is nil if all ports are as wanted.
func mismatch(have map[string]Port, want []Port) error {
	var wrong []error
	for _, p := range want {
		if diff := exact(have[p.Name], p); len(diff) > 0 {
			wrong = append(wrong, fmt.Errorf("%s: %s", p.Name, strings.Join(diff, ", ")))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fault.New(fault.Unproven, "the switch accepted the change, but still lacks: %w", errors.Join(wrong...))
}

func names(ports []Port) []string {
	out := make([]string, len(ports))
	for i, p := range ports {
		out[i] = p.Name
	}
	slices.Sort(out)
	return out
}
