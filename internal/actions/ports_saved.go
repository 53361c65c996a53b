package actions

import (
	"context"

	"stackstorm-laas/internal/fault"
)

// provePorts is checkPorts, and that the ports stay so: a switch that was not told to save, or refused to, comes back from a restart with what was
// there before, be it a tenant's network on a host that is free or FOG's below a tenant. Where the last write of the job did not get to its
// end, each of its switches is told to save once more. It gives one sentence of evidence.
func (h *hostRun) provePorts(ctx context.Context, state string) (string, error) {
	evidence, err := h.checkPorts(ctx, state)
	if err != nil {
		return "", err
	}
	for _, sw := range union(nil, h.host) {
		rec, err := h.Ports(ctx, sw, h.job.Job)
		if err != nil {
			return "", err
		}
		if last, written := rec.Hosts[h.host.Name]; !written || last.Applied {
			continue
		}
		d, err := h.netswitch(ctx, sw)
		if err == nil {
			err = d.Save(ctx)
		}
		if err != nil {
			return "", fault.New(fault.Unproven, "the ports of %s on switch %s are %s, but would not be after a restart of it: %w", h.host.Name, sw, state, err).
				WithHint("look at what keeps the switch from saving its configuration; run laas.resume_job when it is well")
		}
	}
	return evidence, nil
}
