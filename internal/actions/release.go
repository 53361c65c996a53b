package actions

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
)

type releaseResult struct {
	action.Result
	Step string `json:"step"`
}

var releaseStep = &action.Action{
	Name:        "release_step",
	Description: "Do one step of taking a host back: look whether it is needed, do it, and prove it.",
	Params: []action.Param{hostParam,
		{Name: "step", Type: action.String, Required: true, Enum: stepNames(), Description: "Which step."},
		jobParam, epochParam},
	Output: []action.Field{{Name: "step", Description: "The step."}},
	Budget: sum(records, longestStep),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		name := c.Params.String("step")
		return forHost("release: "+name, func(ctx context.Context, h *hostRun) (any, error) {
			changed, evidence, err := h.takeBack(ctx, name)
			if err != nil {
				return nil, err
			}
			return releaseResult{h.result(changed, "%s", evidence), name}, nil
		})(ctx, c)
	},
}

// stepNames are the steps that are done host by host.
func stepNames() (names []string) {
	for _, s := range booking.ReleaseSteps {
		if !s.Apart {
			names = append(names, s.Name)
		}
	}
	return names
}

func longestStep(c *config.Config) time.Duration {
	return max(sshSession(c), bmcSession(c)+power(c), bmcSession(c)+2*accountSession(c), fogCalls(c, 5), wiping(c))
}

type proofResult struct {
	action.Result
	Clean bool `json:"clean"`
	// Unproven are the names of steps without proof.
	Unproven []string `json:"unproven"`
}

var proveRelease = &action.Action{
	Name: "prove_release",
	Description: "Prove every step of a host's release once more, at its end. A clean host is let go; any other is taken out of the dashboard's pool " +
		"(working=false) and put into quarantine, until laas.return_host or laas.retire_host.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Output: []action.Field{{Name: "clean", Description: "true when everything is proven."}, {Name: "unproven", Description: "Steps without proof."}},
	Budget: sum(records, records, sshSession, bmcSession, bmcSession, accountSession, portsProof, func(c *config.Config) time.Duration { return fogCalls(c, 1) },
		func(c *config.Config) time.Duration { return dashboardCalls(c, 2) }),
	Run: forHost("proof of the release", prove),
}

func prove(ctx context.Context, h *hostRun) (any, error) {
	h.rec.Proofs = map[string]string{"keys": h.rec.Proofs["keys"]}
	failed := map[string]error{}
	all := steps(h)
	for _, s := range booking.ReleaseSteps {
		if !s.Required {
			continue
		}
		if err := h.Checkpoint(ctx); err != nil {
			return nil, err
		}
		evidence, err := all[s.Name].Prove(ctx)
		if err != nil {
			failed[s.Name] = fault.Wrap(err, "%s", s.Name)
			continue
		}
		h.rec.Proofs[s.Name] = evidence
	}
	verdict := booking.Judge(failed)
	h.rec.Outcome, h.rec.Reason = verdict.Hardware, verdict.Reason
	if verdict.Reason != "" {
		return h.quarantine(ctx, verdict, failed)
	}
	if err := h.forgetSecrets(ctx); err != nil {
		return nil, err
	}
	// What is left of one of the lab's own jobs is for whoever looks why it failed, until the next one.
	if own := h.plan.Own; own == nil || own.Purpose == booking.ForFree {
		if err := h.ForgetConsole(ctx, h.job.Job, h.host.Name); err != nil {
			return nil, err
		}
	}
	if err := h.Save(ctx, h.rec); err != nil {
		return nil, err
	}
	clean := proofResult{Result: h.result(true, "is proven clean"), Clean: true, Unproven: []string{}}
	owner, err := h.Owner(ctx, h.host.Name)
	if err != nil {
		return nil, err
	}
	if own := h.plan.Own; own != nil && own.Pooled && (owner == nil || owner.Quarantine == "") {
		if err := h.intoPool(ctx); err != nil {
			return nil, err
		}
	}
	if owner != nil && owner.Quarantine != "" { // it is out of the pool, and an operator brings it back
		clean.Result = h.result(true, "is proven clean, and in quarantine until laas.return_host or laas.retire_host")
		return clean, nil
	}
	return clean, h.letGo(ctx, h.host.Name)
}

func (h *hostRun) intoPool(ctx context.Context) error {
	d, err := h.dashboard()
	if err != nil {
		return err
	}
	_, err = d.SetWorking(ctx, h.host.DashboardID, true)
	return err
}

// quarantine keeps the host from everybody. It must leave the dashboard's pool before its network task may be reported, because that
// alone frees it.
func (h *hostRun) quarantine(ctx context.Context, v booking.Verdict, failed map[string]error) (any, error) {
	owner := &booking.Owner{Job: h.job.Job, Epoch: h.job.Epoch, Host: h.host.Name, LabID: h.work.LabID, Since: h.Now().UTC(), Quarantine: v.Reason, Ending: true}
	if v.Network != booking.Done {
		before, err := h.Owner(ctx, h.host.Name)
		if err != nil {
			return nil, err
		}
		if before != nil {
			owner.VLANs = before.VLANs
		}
	}
	if err := h.SaveOwner(ctx, owner); err != nil {
		return nil, err
	}
	if err := h.outOfPool(ctx); err != nil {
		delete(h.rec.Proofs, "ports") // not to be reported
		h.rec.Reason += fmt.Sprintf("; and the dashboard did not take it out of its pool: %v", err)
	}
	if err := h.Save(ctx, h.rec); err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(failed))
	return proofResult{Result: h.result(true, "is NOT proven clean and in quarantine: %s", h.rec.Reason), Unproven: names}, nil
}

func (h *hostRun) outOfPool(ctx context.Context) error {
	d, err := h.dashboard()
	if err != nil {
		return err
	}
	_, err = d.SetWorking(ctx, h.work.LabID, false)
	return err
}

// forgetSecrets deletes what the datastore has of a tenant's host that nobody needs once it is nobody's: his BMC password, and the networks of his image.
func (h *hostRun) forgetSecrets(ctx context.Context) error {
	if h.rec.BMC != nil {
		if err := h.ST2.Delete(ctx, h.rec.BMC.Secret); err != nil {
			return err
		}
		h.rec.BMC = nil
	}
	return h.ST2.Delete(ctx, formerKey(h.host.Name))
}
