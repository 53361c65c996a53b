package actions

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/remote"
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
			changed, evidence, err := booking.RunStep(ctx, steps(h)[name])
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
	return max(sshSession(c), bmcSession(c)+power(c), 2*bmcSession(c))
}

// steps are the steps of a release, by the names of booking.ReleaseSteps.
func steps(h *hostRun) map[string]booking.Step {
	return map[string]booking.Step{
		"keys": keysStep{h}, "power_off": powerStep{h}, "bmc_accounts": accountsStep{h}, "ports": portsStep{h},
	}
}

// keysStep takes the tenant's SSH keys off a host that still obeys, so that his sessions' way in ends as early as possible. A tenant
// with root can lie on his own host, and one on private networks is out of reach: what is proven is that the host is off and
// reaches nothing, so a host that does not obey is no failure of this step.
type keysStep struct{ *hostRun }

func (s keysStep) Check(ctx context.Context) (bool, error) {
	off, err := powerStep(s).Check(ctx)
	return off && err == nil, nil
}

func (s keysStep) Apply(ctx context.Context) error {
	err := s.obeying(ctx, func(c *remote.Conn) error {
		u, found, err := passwd(ctx, c, s.Config.SSH.TenantUser)
		if err != nil || !found {
			return err
		}
		if err := c.Remove(ctx, path.Join(u.home, ".ssh/authorized_keys")); err != nil {
			return err
		}
		return s.keysAre(ctx, c, nil)
	})
	s.rec.Proofs = map[string]string{"keys": "SSH keys removed"}
	if err != nil {
		s.rec.Proofs["keys"] = "SSH keys not removed: the host did not obey"
	}
	return nil
}

func (s keysStep) Prove(ctx context.Context) (string, error) {
	if s.rec.Proofs["keys"] == "" {
		s.rec.Proofs = map[string]string{"keys": "SSH keys not removed: the host was off already"}
	}
	return s.rec.Proofs["keys"], s.Save(ctx, s.rec)
}

// obeying calls do with a session on the host, in the short time that such a host gets.
func (h *hostRun) obeying(ctx context.Context, do func(*remote.Conn) error) error {
	ctx, stop := context.WithTimeout(ctx, h.Config.Release.SSHTimeout.D())
	defer stop()
	known, err := h.HostKey(ctx, h.host.Name)
	if err != nil {
		return err
	}
	c, err := h.ssh(ctx, h.host, known.Key)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c)
}

// powerStep takes the power away.
type powerStep struct{ *hostRun }

func (s powerStep) Check(ctx context.Context) (bool, error) {
	d, err := s.bmc(ctx, s.host)
	if err != nil {
		return false, err
	}
	defer d.Close()
	state, err := d.PowerState(ctx)
	return state == bmc.Off, err
}

func (s powerStep) Apply(ctx context.Context) error {
	d, err := s.bmc(ctx, s.host)
	if err != nil {
		return err
	}
	defer d.Close()
	return s.powered(ctx, d, s.host, bmc.PowerOff, bmc.Off)
}

func (s powerStep) Prove(ctx context.Context) (string, error) {
	off, err := s.Check(ctx)
	if err == nil && !off {
		err = fault.New(fault.Unproven, "the host still has power")
	}
	return "power is off", err
}

// accountsStep leaves on the BMC what its baseline records, and nothing else.
type accountsStep struct{ *hostRun }

func (s accountsStep) Check(ctx context.Context) (bool, error) {
	d, err := s.bmc(ctx, s.host)
	if err != nil {
		return false, err
	}
	defer d.Close()
	extra, err := s.outside(ctx, d)
	return len(extra) == 0, err
}

func (s accountsStep) Apply(ctx context.Context) error {
	d, err := s.bmc(ctx, s.host)
	if err != nil {
		return err
	}
	defer d.Close()
	extra, err := s.outside(ctx, d)
	if err != nil {
		return err
	}
	for _, a := range extra {
		if err := d.ClearAccount(ctx, a.Slot); err != nil {
			return err
		}
	}
	return nil
}

// Prove logs in as the administrator, finds nothing outside the baseline, and has the tenant's login answered and refused.
func (s accountsStep) Prove(ctx context.Context) (string, error) {
	target, err := s.bmcTarget(ctx, s.host)
	if err != nil {
		return "", err
	}
	d, err := ipmi.Open(ctx, target)
	if err != nil {
		return "", err
	}
	defer d.Close()
	extra, err := s.outside(ctx, d)
	if err != nil {
		return "", err
	}
	if len(extra) > 0 {
		return "", fault.New(fault.Unproven, "the BMC still has %d account(s) outside its baseline, the first in slot %d", len(extra), extra[0].Slot)
	}
	if s.rec.BMC == nil {
		return "no tenant's account on the BMC", nil
	}
	password, found, err := s.ST2.GetSecret(ctx, s.rec.BMC.Secret)
	if err != nil || !found { // never made: its password is stored before it is
		return "no tenant's account on the BMC", err
	}
	target.User, target.Password = s.rec.BMC.User, password
	switch err := ipmi.TryLogin(ctx, target); {
	case err == nil:
		return "", fault.New(fault.Unproven, "the tenant's BMC account can still log in")
	case !fault.Is(err, fault.Credentials):
		return "", fault.Wrap(err, "prove that the tenant's BMC login is refused")
	}
	return "the BMC refuses the tenant's login", nil
}

// portsStep is applied for all hosts of a switch at once, by laas.set_ports.
type portsStep struct{ *hostRun }

func (s portsStep) Check(ctx context.Context) (bool, error) { return true, nil }

func (s portsStep) Apply(ctx context.Context) error { return nil }

func (s portsStep) Prove(ctx context.Context) (string, error) { return s.checkPorts(ctx, stateIdle) }

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
	Budget: sum(records, records, sshSession, bmcSession, bmcSession, bmcSession, switchReads,
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
	if h.rec.BMC != nil {
		if err := h.ST2.Delete(ctx, h.rec.BMC.Secret); err != nil {
			return nil, err
		}
		h.rec.BMC = nil
	}
	if err := h.Save(ctx, h.rec); err != nil {
		return nil, err
	}
	if err := h.Disown(ctx, h.host.Name); err != nil {
		return nil, err
	}
	return proofResult{Result: h.result(true, "is proven clean"), Clean: true, Unproven: []string{}}, nil
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
