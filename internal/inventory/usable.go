package inventory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"stackstorm-laas/internal/fault"
)

// readers is how many keys are read side by side: a lab has more hosts than one wants to wait for one by one.
const readers = 8

// LoadUsable reads the lab's hosts, and leaves out what is wrong instead of failing: an entry that one host's owner mistyped must not
// stop the bookings of the others. unusable says what is wrong, by the host's name and by its dashboard id as far as it is known.
// Switches are not read.
func LoadUsable(ctx context.Context, keys Keys) (inv *Inventory, unusable map[string]string, err error) {
	value, found, err := get(ctx, keys, hostsKey)
	if err != nil {
		return nil, nil, err
	}
	if !found {
		return nil, nil, noHosts()
	}
	all := &report{}
	inv = &Inventory{Hosts: map[string]*Host{}, Switches: map[string]*Switch{}}
	inv.Names = parseNames(all, value)
	hosts, reports := make([]*Host, len(inv.Names)), make([]report, len(inv.Names))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i, name := range inv.Names {
		g.Go(func() (err error) {
			hosts[i], err = loadHost(gctx, keys, &reports[i], name)
			if fault.Is(err, fault.Config) { // no such entry, or one that cannot be read
				reports[i].fail(name, "%v", err)
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	for i, name := range inv.Names {
		inv.Hosts[name] = hosts[i]
		all.errors = append(all.errors, reports[i].errors...)
	}
	inv.check(all)
	return inv, inv.leaveOut(all), nil
}

// leaveOut drops the hosts that something is wrong with; of two hosts that would be taken for one another, both.
func (inv *Inventory) leaveOut(rep *report) map[string]string {
	out := map[string]string{}
	for _, p := range slices.Concat(rep.errors, rep.clashing) {
		name := inv.hostAt(p.Path)
		if name == "" {
			continue
		}
		if out[name] == "" {
			out[name] = p.String()
		}
	}
	for name, why := range out {
		if h := inv.Hosts[name]; h != nil {
			out[h.DashboardID] = why
		}
	}
	for name := range out {
		delete(inv.Hosts, name)
	}
	inv.Names = slices.DeleteFunc(inv.Names, func(name string) bool { return inv.Hosts[name] == nil })
	return out
}

// hostAt finds the host that a problem's path begins with; of "h1" and "h1.example", the longer one.
func (inv *Inventory) hostAt(path string) string {
	names := slices.SortedFunc(slices.Values(inv.Names), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, name := range names {
		if rest, ok := strings.CutPrefix(path, name); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return name
		}
	}
	return ""
}
