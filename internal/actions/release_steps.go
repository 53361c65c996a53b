package actions

import (
	"context"
	"maps"
	"path"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/remote"
	"stackstorm-laas/internal/retry"
)

// steps are the steps of a release, by the names of booking.ReleaseSteps.
func steps(h *hostRun) map[string]booking.Step {
	return map[string]booking.Step{
		"keys": keysStep{h}, "power_off": powerStep{h}, "imaging": imagingStep{h}, "bmc_accounts": accountsStep{h},
		"wipe": wipeStep{h}, "ports": portsStep{h},
	}
}

// takeBack does one step and journals its proof, which later steps may insist on.
func (h *hostRun) takeBack(ctx context.Context, step string) (changed bool, evidence string, err error) {
	changed, evidence, err = booking.RunStep(ctx, steps(h)[step])
	note := func(m *map[string]string, text string) {
		if *m == nil {
			*m = map[string]string{}
		}
		if (*m)[step] = text; text == "" {
			delete(*m, step)
		}
	}
	note(&h.rec.Proofs, evidence)
	note(&h.rec.Troubles, "")
	if err != nil {
		note(&h.rec.Proofs, "")
		note(&h.rec.Troubles, err.Error())
	}
	if serr := h.Save(context.WithoutCancel(ctx), h.rec); err == nil {
		err = serr
	}
	return changed, evidence, err
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
	s.rec.Proofs = map[string]string{"keys": "SSH keys removed"} // the proofs of an earlier run hold no more
	if err != nil {
		s.rec.Proofs["keys"] = "SSH keys not removed: the host did not obey"
	}
	return nil
}

func (s keysStep) Prove(context.Context) (string, error) {
	if s.rec.Proofs["keys"] == "" {
		s.rec.Proofs = map[string]string{"keys": "SSH keys not removed: the host was off already"}
	}
	return s.rec.Proofs["keys"], nil
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

// Prove logs in as the administrator, finds nothing outside the baseline and no session of the tenant's, and has his login answered and refused.
func (s accountsStep) Prove(ctx context.Context) (string, error) {
	release, err := s.lease(ctx, s.host)
	if err != nil {
		return "", err
	}
	defer release()
	target, err := s.bmcTarget(ctx, s.host)
	if err != nil {
		return "", err
	}
	d, err := s.openBMC(ctx, s.host, target)
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
	if s.rec.BMC.Slot > 0 {
		if err := d.EndSessions(ctx, bmc.Account{Slot: s.rec.BMC.Slot, Name: s.rec.BMC.User}); err != nil {
			return "", err
		}
	}
	_ = d.Close() // one session at a time
	target.User, target.Password = s.rec.BMC.User, password
	switch err := s.tryLogin(ctx, s.host, target); {
	case err == nil:
		return "", fault.New(fault.Unproven, "the tenant's BMC account can still log in")
	case !fault.Is(err, fault.Credentials):
		return "", fault.Wrap(err, "prove that the tenant's BMC login is refused")
	}
	return "the BMC refuses the tenant's login", nil
}

// portsStep makes the host's ports idle. A release does that for all hosts of a switch at once; one by one it is done for a host that
// leaves quarantine.
type portsStep struct{ *hostRun }

func (s portsStep) Check(ctx context.Context) (bool, error) {
	_, err := s.checkPorts(ctx, stateIdle)
	if fault.Is(err, fault.Unproven) {
		return false, nil
	}
	return err == nil, err
}

// Apply lets laas.set_ports do it, the one writer of a switch. If that fails, the proof says why.
func (s portsStep) Apply(ctx context.Context) error { return s.setPortsAlone(ctx, stateIdle) }

// setPortsAlone has the ports of one host written, the others' on its switches with them as far as they are in the same state.
func (h *hostRun) setPortsAlone(ctx context.Context, state string) error {
	return h.startSetPorts(ctx, h.host, map[string]any{"state": state, "job_id": h.job.Job, "epoch": h.job.Epoch})
}

// startSetPorts starts laas.set_ports for the switches of one host, and waits for their ends, whatever those are.
func (l *lab) startSetPorts(ctx context.Context, host *inventory.Host, params map[string]any) error {
	switches, err := l.switchesOf(ctx, nil, host)
	if err != nil {
		return err
	}
	return l.startSetPortsOn(ctx, switches, params)
}

// startSetPortsOn is startSetPorts for some switches. One that cannot be started keeps no other from it.
func (l *lab) startSetPortsOn(ctx context.Context, switches []string, params map[string]any) error {
	tag := ""
	if job, ok := params["job_id"].(int); ok {
		tag = traceTag(job)
	}
	var g errgroup.Group
	for _, sw := range switches {
		g.Go(func() error {
			params := maps.Clone(params)
			params["switch"] = sw
			e, err := l.ST2.Start(ctx, "laas."+setPorts.Name, params, tag)
			if err != nil {
				return err
			}
			err = retry.Until(ctx, time.Second, func(ctx context.Context) (bool, error) {
				e, err := l.ST2.Execution(ctx, e.ID)
				return err == nil && !slices.Contains(live, e.Status), err
			})
			return fault.Wrap(err, "wait for the ports on switch %s", sw)
		})
	}
	return g.Wait()
}

func (s portsStep) Prove(ctx context.Context) (string, error) { return s.provePorts(ctx, stateIdle) }
