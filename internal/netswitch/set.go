package netswitch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"stackstorm-laas/internal/fault"
)

// Set brings ports into the wanted state with one read, one write and one read back, and saves the switch's configuration once at the
// end. Nothing to do writes nothing. When the write fails, or the read back shows something else, the ports are put back to what was
// read before and nothing is saved. The error is then the write's own, or Unproven; always Unproven if putting back could not be
// proven, which the text then says. Changes that stand are returned even with an error: what could not be saved is in force.
func Set(ctx context.Context, d Driver, want []Port) ([]Change, error) {
	want, err := normalise(want)
	if err != nil {
		return nil, err
	}
	before, err := read(ctx, d, names(want))
	if err != nil {
		return nil, err
	}
	changes := differing(before, want)
	if len(changes) == 0 {
		return nil, nil
	}
	if err := write(ctx, d, changes); err != nil {
		return nil, putBack(ctx, d, changes, err)
	}
	if err := d.Save(ctx); err != nil {
		return changes, fault.Wrap(err, "the ports are as wanted, but the switch did not save its configuration")
	}
	return changes, nil
}

// write makes the changes and proves them.
func write(ctx context.Context, d Driver, changes []Change) error {
	ports := make([]Port, len(changes))
	for i, c := range changes {
		ports[i] = c.After
	}
	if err := d.Write(ctx, ports); err != nil {
		return err
	}
	have, err := read(ctx, d, names(ports))
	if err != nil {
		return fault.As(fault.Unproven, fault.Wrap(err, "read the ports back"))
	}
	return mismatch(have, ports)
}

// putBack restores the state before the changes and proves it. It is done even when ctx has ended: a port left in between may join
// what must be apart.
func putBack(ctx context.Context, d Driver, changes []Change, cause error) error {
	ctx = context.WithoutCancel(ctx)
	ports := make([]Port, len(changes))
	for i, c := range changes {
		ports[i] = c.Before
	}
	now, err := read(ctx, d, names(ports))
	if err == nil {
		if undo := differing(now, ports); len(undo) > 0 {
			err = write(ctx, d, undo)
		}
	}
	if err != nil {
		return fault.New(fault.Unproven, "%w; and the ports could not be put back: %w", cause, err).
			WithHint("check the ports on the switch: %s", strings.Join(names(ports), ", "))
	}
	return fault.Wrap(cause, "the ports were put back")
}

// read insists on every port that was asked for.
func read(ctx context.Context, d Driver, ports []string) (map[string]Port, error) {
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

func differing(have map[string]Port, want []Port) []Change {
	var out []Change
	for _, p := range want {
		if len(Diff(have[p.Name], p)) > 0 {
			before := have[p.Name]
			before.Name = p.Name
			out = append(out, Change{Port: p.Name, Before: before, After: p})
		}
	}
	return out
}

// mismatch is nil if all ports are as wanted.
func mismatch(have map[string]Port, want []Port) error {
	var wrong []error
	for _, p := range want {
		if diff := Diff(have[p.Name], p); len(diff) > 0 {
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
