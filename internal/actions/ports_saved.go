package actions

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
)

// portsProof is the time that provePorts may take.
func portsProof(c *config.Config) time.Duration {
	return switchReads(c) + setPorts.Budget(c)
}

// provePorts is checkPorts, and that the ports stay so: a switch that was not told to save, or refused to, comes back from a restart with what was
// there before, be it a tenant's network on a host that is free or FOG's below a tenant. Where the last write of the host's ports did not get to its
// end, laas.set_ports goes on with it: nobody else may have a switch save, which may be in the middle of another write. It gives one sentence of evidence.
func (h *hostRun) provePorts(ctx context.Context, state string) (string, error) {
	evidence, err := h.checkPorts(ctx, state)
	if err != nil {
		return "", err
	}
	unsaved, err := h.unsaved(ctx)
	if err != nil || len(unsaved) == 0 {
		return evidence, err
	}
	again := map[string]any{"state": state, "job_id": h.job.Job, "epoch": h.job.Epoch, "host": h.host.Name}
	if err := h.startSetPortsOn(ctx, slices.Sorted(maps.Keys(unsaved)), again); err != nil {
		return "", err
	}
	if unsaved, err = h.unsaved(ctx); err != nil {
		return "", err
	}
	for _, sw := range slices.Sorted(maps.Keys(unsaved)) {
		return "", fault.New(fault.Unproven, "the ports of %s on switch %s are %s, but would not be after a restart of it: %s", h.host.Name, sw, state, unsaved[sw]).
			WithHint("look at what keeps the switch from saving its configuration; run laas.resume_job when it is well")
	}
	return evidence, nil
}

// unsaved are the switches on which the last write of the host's ports for this job did not get to its end, and why. Also those on which it has none any more.
func (h *hostRun) unsaved(ctx context.Context) (map[string]string, error) {
	intents, err := h.Intents(ctx)
	if err != nil {
		return nil, err
	}
	switches := union(nil, h.host)
	for _, in := range intents {
		if slices.ContainsFunc(slices.Collect(maps.Values(in.Ports)), func(p booking.PortIntent) bool { return p.Host == h.host.Name }) {
			switches = append(switches, in.Switch)
		}
	}
	out := map[string]string{}
	for _, sw := range switches {
		rec, err := h.Ports(ctx, sw, h.job.Job)
		if err != nil {
			return nil, err
		}
		if last, written := rec.Hosts[h.host.Name]; written && !last.Applied {
			out[sw] = cmp.Or(last.Error, "the write was broken off")
		}
	}
	return out, nil
}
