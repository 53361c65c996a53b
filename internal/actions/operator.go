package actions

import (
	"context"
	"fmt"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

var confirmParam = action.Param{Name: "confirm", Type: action.String, Required: true, Description: "Type the host's name here too, the same as in the field host, so that it is not done to another by mistake."}

type adoptResult struct {
	action.Result
	Accounts []string `json:"accounts"`
}

var adoptHost = &action.Action{
	Name: "adopt_host",
	Description: "Record which accounts belong on the host's BMC. At the end of a booking every other account is removed. " +
		"Run it once for each host, after looking at the accounts; never while a tenant has the host.",
	Params: []action.Param{hostParam},
	Output: []action.Field{{Name: "accounts", Description: "The accounts that were recorded."}},
	Budget: sum(records, bmcSession),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l := open(c)
		h, err := inventory.LoadHost(ctx, c.ST2, c.Params.String("host"))
		if err != nil {
			return nil, err
		}
		owner, err := l.Owner(ctx, h.Name)
		if err != nil {
			return nil, err
		}
		if owner != nil {
			return nil, fault.New(fault.Refused, "%s belongs to %s: a tenant's account would be taken for one of the lab's", h.Name, owner.Whose()).
				WithHint("adopt it when the booking has ended")
		}
		d, err := l.bmc(ctx, h)
		if err != nil {
			return nil, err
		}
		defer d.Close()
		accounts, err := d.Accounts(ctx)
		if err != nil {
			return nil, err
		}
		out, base := adoptResult{Accounts: []string{}}, booking.Baseline{}
		for _, a := range accounts {
			if a.Name == c.Config.BMC.TenantUser && a.Enabled {
				return nil, fault.New(fault.Refused, "the BMC of %s has an account named %s, which is the tenants' (bmc.tenant_user)", h.Name, a.Name).
					WithHint("remove it on the BMC, or choose another bmc.tenant_user, then adopt the host again")
			}
			if a.Enabled {
				base.Accounts = append(base.Accounts, booking.BaselineAccount{Slot: a.Slot, Name: a.Name, Privilege: a.Privilege})
				out.Accounts = append(out.Accounts, fmt.Sprintf("slot %d: %s, %s", a.Slot, a.Name, a.Privilege))
			}
		}
		if err := l.SaveBaseline(ctx, h.Name, base); err != nil {
			return nil, err
		}
		out.Result = action.Result{Host: h.Name, Changed: true, Summary: fmt.Sprintf("%s: %d account(s) belong on its BMC", h.Name, len(out.Accounts))}
		return out, nil
	},
}

var returnHost = &action.Action{
	Name: "return_host",
	Description: "Take a host out of quarantine: prove every step of its release anew, put it back into the dashboard's pool and finish the task of its old job. " +
		"It stays in quarantine if anything is still unproven.",
	Params: []action.Param{hostParam, confirmParam},
	Budget: sum(records, records, alarmCall, sshSession, bmcSession, accountSession, accountSession, power, switchReads,
		func(c *config.Config) time.Duration {
			return wiping(c) + fogCalls(c, 6) + dashboardCalls(c, 10) + setPorts.Budget(c) + time.Second
		}),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		h, err := quarantined(ctx, c)
		if err != nil {
			return nil, err
		}
		for _, s := range booking.ReleaseSteps {
			if !s.Required {
				continue
			}
			if _, _, err := h.takeBack(ctx, s.Name); err != nil {
				return nil, fault.Wrap(err, "%s stays in quarantine: %s", h.host.Name, s.Name)
			}
		}
		result, err := prove(ctx, h)
		if err != nil {
			return nil, err
		}
		if p := result.(proofResult); !p.Clean {
			return nil, fault.New(fault.Unproven, "%s", p.Summary)
		}
		if own := h.plan.Own; own == nil || own.Pooled {
			if err := h.intoPool(ctx); err != nil {
				return nil, err
			}
		}
		result, err = h.finishOld(ctx, "is proven clean and back in the pool")
		if err != nil {
			return nil, err
		}
		// The ownership ends last: until then this can be run again.
		return result, h.letGo(ctx, h.host.Name)
	},
}

var retireHost = &action.Action{
	Name:        "retire_host",
	Description: "Give up a host that is in quarantine: it stays out of the dashboard's pool, and the task of its old job is finished, so that the booking's other hosts come free.",
	Params:      []action.Param{hostParam, confirmParam},
	Budget:      sum(records, records, alarmCall, func(c *config.Config) time.Duration { return dashboardCalls(c, 10) }),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		h, err := quarantined(ctx, c)
		if err != nil {
			return nil, err
		}
		if err := h.outOfPool(ctx); err != nil {
			return nil, err
		}
		h.rec.Outcome, h.rec.Reason = booking.Done, ""
		h.rec.Proofs = map[string]string{"ports": "the machine was taken out of service"}
		if err := h.forgetSecrets(ctx); err != nil {
			return nil, err
		}
		if err := h.ForgetConsole(ctx, h.job.Job, h.host.Name); err != nil {
			return nil, err
		}
		if err := h.Save(ctx, h.rec); err != nil {
			return nil, err
		}
		return h.finishOld(ctx, "is retired: out of the pool, in quarantine for good")
	},
}

// quarantined loads a host that is in quarantine, with the job it came from.
func quarantined(ctx context.Context, c *action.Call) (*hostRun, error) {
	l, name := open(c), c.Params.String("host")
	if c.Params.String("confirm") != name {
		return nil, fault.New(fault.Input, "confirm must be the host's name, %q", name)
	}
	host, err := inventory.LoadHost(ctx, c.ST2, name)
	if err != nil {
		return nil, err
	}
	owner, err := l.Owner(ctx, name)
	if err != nil {
		return nil, err
	}
	if owner == nil || owner.Quarantine == "" {
		return nil, fault.New(fault.Refused, "%s is not in quarantine", name)
	}
	job, err := l.Job(ctx, owner.Job)
	if err == nil && job == nil {
		err = fault.New(fault.NotFound, "the journal has no job %d, which %s came from", owner.Job, name)
	}
	if err != nil {
		return nil, err
	}
	plan, err := booking.LoadPlan(ctx, l.ST2, owner.Job, job.Plan)
	if err != nil {
		return nil, err
	}
	return (&run{lab: l, job: job, plan: plan}).onHost(ctx, host)
}

// finishOld reports the host's old job, whose tasks the dashboard still has as ended in error.
func (h *hostRun) finishOld(ctx context.Context, what string) (any, error) {
	if err := h.acknowledge(ctx); err != nil {
		return nil, err
	}
	if _, err := report(ctx, h.run); err != nil {
		return nil, err
	}
	return h.result(true, "%s", what), nil
}

// All is every action of the pack, in the order of the reference.
func All() action.Set {
	return action.Set{
		claimHosts, setPorts,
		beginImaging, scheduleImaging, bootToNetwork, followImaging, verifyHost, configureHost, handOver, awaitReturn,
		beginCapture, captureImage, endCapture, updateSystem, deleteSnapshot, expireSnapshots,
		powerHost, bootBookedHosts, bmcHealth, bmcReport, rotateBMCPassword, setBIOSPassword,
		isolateHost, rejoinHost, networkPlan, networkVerify, driftReport,
		takeHost, giveBack, attachNIC, networkCreate, networkDelete,
		grantVPN, revokeVPN,
		releaseStep, proveRelease,
		reportJob, reconcile, resumeJob,
		adoptHost, returnHost, retireHost,
	}
}
