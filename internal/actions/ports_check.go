package actions

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
)

// checkPorts reads the host's ports and compares them with what they are to be. It gives one sentence of evidence.
func (h *hostRun) checkPorts(ctx context.Context, state string) (string, error) {
	want, err := h.wantedPorts(ctx, state)
	if err != nil {
		return "", err
	}
	count := 0
	for sw, ports := range want {
		var names []string
		for _, p := range ports {
			names = append(names, p.Name)
		}
		d, err := h.netswitch(ctx, sw)
		if err != nil {
			return "", err
		}
		have, err := d.Read(ctx, names)
		if err != nil {
			return "", fault.Wrap(err, "read the ports of %s on switch %s", h.host.Name, sw)
		}
		for _, p := range ports {
			if diff := netswitch.Diff(have[p.Name], p); len(diff) > 0 {
				return "", h.portsDiffer(ctx, sw, p.Name, diff)
			}
			count++
		}
	}
	return fmt.Sprintf("%d switch port(s) %s, read back", count, state), nil
}

// portsDiffer explains a port that is not as wanted, with the reason of the last write if that failed.
func (h *hostRun) portsDiffer(ctx context.Context, sw, port string, diff []string) error {
	err := fault.New(fault.Unproven, "switch %s port %s is not as wanted: %s", sw, port, strings.Join(diff, ", "))
	if rec, rerr := h.Ports(ctx, sw, h.job.Job); rerr == nil && rec.Hosts[h.host.Name].Error != "" {
		err = fault.New(fault.Unproven, "switch %s port %s is not as wanted; the last write failed: %s", sw, port, rec.Hosts[h.host.Name].Error)
	}
	return err.WithHint("look at the port; run laas.resume_job when the switch is well")
}

// portsReady fails unless the last write of the host's ports on each of its switches brought them into the state in this very run.
func (h *hostRun) portsReady(ctx context.Context, state string) error {
	if h.isolation != nil {
		return h.isolated()
	}
	for _, sw := range union(nil, h.host) {
		rec, err := h.Ports(ctx, sw, h.job.Job)
		if err != nil {
			return err
		}
		last := rec.Hosts[h.host.Name]
		if last.State != state || last.Epoch != h.job.Epoch || !last.Applied {
			return fault.New(fault.Refused, "the ports on switch %s are not %s: %s", sw, state, cmp.Or(last.Error, "no such write in this run"))
		}
	}
	return nil
}
