package actions

import (
	"cmp"
	"context"
	"strings"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
)

// FOG's network, the provisioning VLAN, is the lab's: from there everything that the lab runs is reached. So a host that somebody has enters it
// only when it is off and nobody but the lab can switch it on. There is one rule for that, mayEnter, whatever the host is to do there: be
// imaged, captured or wiped. laas.set_ports asks it before it writes; no workflow can forget it.

var beginImaging = &action.Action{
	Name: "begin_imaging",
	Description: "Make a host ready to be imaged: its power is off and, where somebody had it, its BMC lets nobody but the lab log in, both proven. Only then do its ports leave for the provisioning VLAN. " +
		"What they carry is not touched. A host that is being imaged already is left alone.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Budget: sum(records, healthRead, setApart),
	Run:    imaging("get ready for imaging", checked(readyForImaging)),
}

func readyForImaging(ctx context.Context, h *hostRun) (any, error) {
	switch im := h.rec.Imaging; {
	case !h.concerns(stateProvisioning):
		return h.result(false, "has been imaged"), nil
	case im != nil && im.TaskID != 0 && im.Ended == "" && h.mayEnter() == nil: // it runs FOG, or what FOG wrote
		return h.result(false, "is being imaged"), nil
	}
	changed, evidence, err := h.apart(ctx)
	if err != nil {
		return nil, err
	}
	return h.result(changed, "is ready to be imaged: %s", evidence), nil
}

// lent says whether what is on the host's disk is, or may be, somebody's who is not the lab.
func (h *hostRun) lent() bool {
	switch {
	case h.plan.Own != nil:
		return !h.plan.Own.Untouched || h.rec.Lent && h.rec.Booted == nil && h.work.Mode != booking.Release
	case h.had != nil, h.work.Mode == booking.Release:
		return true
	case h.rec.Booted == nil:
		return h.rec.Lent
	}
	return h.rec.Written != nil
}

// proofs are the steps of taking a host back without which it does not enter the provisioning VLAN, in their order: who has a login on its BMC could
// switch it on again. What only the lab has had since its disks were wiped is off, and that is enough.
func (h *hostRun) proofs() []string {
	if h.lent() {
		return []string{"power_off", "bmc_accounts"}
	}
	return []string{"power_off"}
}

// apart proves that nobody runs the host or could switch it on, and makes it so.
func (h *hostRun) apart(ctx context.Context) (changed bool, evidence string, err error) {
	var all []string
	for _, step := range h.proofs() {
		did, what, err := h.takeBack(ctx, step)
		if err != nil {
			return changed, "", err
		}
		changed, all = changed || did, append(all, what)
	}
	return changed, strings.Join(all, "; "), nil
}

// setApart is the budget of hostRun.apart.
func setApart(c *config.Config) time.Duration {
	return 5*bmcSession(c) + power(c) + 2*accountSession(c)
}

// mayEnter refuses the provisioning VLAN to a host without those proofs. The lab's own system, which was proven and which nobody else has a login
// to, may run there.
func (h *hostRun) mayEnter() error {
	if h.work.Mode == booking.Provision && h.rec.Booted != nil && !h.lent() {
		return nil
	}
	for _, step := range h.proofs() {
		if h.rec.Proofs[step] == "" {
			return fault.New(fault.Refused, "%s is not proven: the tenant's system could start in the provisioning network (%s)", step, cmp.Or(h.rec.Troubles[step], "nothing was done for it"))
		}
	}
	return nil
}

// offIfFailed takes the power away from a host whose imaging comes to nothing, for now or for good, where somebody else's system may still be on its disk: a host that
// misses FOG starts that.
func offIfFailed(do func(context.Context, *hostRun) (any, error)) func(context.Context, *hostRun) (any, error) {
	return func(ctx context.Context, h *hostRun) (any, error) {
		result, err := do(ctx, h)
		given := h.rec.Imaging != nil && h.rec.Imaging.Ended != ""
		if err == nil && !given || !h.lent() || h.mayEnter() != nil || h.lost(ctx) != nil {
			return result, err
		}
		if oerr := h.powerOff(context.WithoutCancel(ctx)); oerr != nil {
			oerr = fault.Wrap(oerr, "and its power could not be taken away, so that its former system may run in the provisioning network")
			if err == nil {
				return nil, oerr
			}
			return nil, fault.New(fault.KindOf(err), "%w; %w", err, oerr).WithHint("%s", fault.HintOf(oerr))
		}
		return result, err
	}
}

// offAfter is the budget of the power that offIfFailed takes away.
func offAfter(c *config.Config) time.Duration { return 3*bmcSession(c) + power(c) }

// unlessFailed refuses a stage of a host that failed in this very run already, which keeps its reason.
func unlessFailed(run func(context.Context, *action.Call) (any, error)) func(context.Context, *action.Call) (any, error) {
	return func(ctx context.Context, c *action.Call) (any, error) {
		h, err := openHost(ctx, c)
		if err == nil && h.rec.Outcome == booking.Error {
			err = fault.New(fault.Refused, "%s: nothing more is done with it in this run, it failed at: %s", h.host.Name, h.rec.Stage)
		}
		if err != nil {
			return nil, err
		}
		return run(ctx, c)
	}
}
