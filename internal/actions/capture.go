package actions

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/remote"
	"stackstorm-laas/internal/retry"
)

var beginCapture = &action.Action{
	Name: "begin_capture",
	Description: "Make a host ready to be captured: look whether FOG can take the image before the host is interrupted, shut its system down, and leave nobody but the lab able to switch it on. " +
		"What its ports carry is not touched.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Budget: sum(records, bmcSession, bmcSession, softPower, setApart, sshSession, func(c *config.Config) time.Duration {
		return fogCalls(c, 11) + c.Release.SSHTimeout.D()
	}),
	Run: forHost("get ready for the capture", readyForCapture),
}

func readyForCapture(ctx context.Context, h *hostRun) (any, error) {
	if h.work.Snapshot == nil {
		return h.result(false, "nothing of it is to be captured"), nil
	}
	c := h.rec.Capture
	switch {
	case c != nil && c.Complete != nil:
		return h.result(false, "was captured already, as image %d", c.ImageID), nil
	case c == nil || c.Returned != nil:
		c = &booking.Capture{Name: h.work.ImageName()}
	case c.Settled != nil: // a broken-off one is made anew; how the host was before is known from then
		c.Source, c.ImageID, c.Settled = 0, 0, nil
	}
	f, err := h.fog()
	if err != nil {
		return nil, err
	}
	if err := h.capturable(ctx, f, c); err != nil {
		return nil, err
	}
	if c.Off != nil && h.mayEnter() == nil && h.off(ctx) == nil {
		return h.result(false, "is off, ready to be captured"), h.Save(ctx, h.rec)
	}
	if h.rec.Capture != c {
		if err := h.before(ctx, c); err != nil {
			return nil, err
		}
	}
	if c.Off == nil {
		if err := h.asImaged(ctx); err != nil {
			return nil, err
		}
	}
	if err := h.shutDown(ctx); err != nil {
		return nil, err
	}
	if h.had != nil {
		h.rec.BMC = h.account
	}
	_, evidence, err := h.apart(ctx)
	if err != nil {
		return nil, err
	}
	c.Off = h.time()
	return h.result(true, "is off, ready to be captured; %s", evidence), h.Save(ctx, h.rec)
}

// before journals how the host is, for it to be like that again.
func (h *hostRun) before(ctx context.Context, c *booking.Capture) error {
	state, err := h.powerState(ctx)
	if err != nil {
		return err
	}
	if c.On = state == bmc.On; c.On {
		c.Login = h.obeying(ctx, func(*remote.Conn) error { return nil }) == nil
	}
	h.rec.Capture = c
	return h.Save(ctx, h.rec)
}

// off fails unless the host has no power.
func (h *hostRun) off(ctx context.Context) error {
	state, err := h.powerState(ctx)
	if err == nil && state != bmc.Off {
		err = fault.New(fault.Unproven, "the host has power")
	}
	return err
}

// capturable refuses a capture that cannot succeed, while the host is still as it was.
func (h *hostRun) capturable(ctx context.Context, f *fog.Client, c *booking.Capture) error {
	machine, err := f.Host(ctx, h.host.FOGName)
	if err != nil {
		return err
	}
	active, err := f.ActiveTasks(ctx)
	if err != nil {
		return err
	}
	if _, err := ownTask(active, machine, ""); err != nil {
		return err
	}
	if c.Unsettled() {
		return nil // it was looked at before; the image may be there by now
	}
	if machine.ImageID < 1 {
		return fault.New(fault.Refused, "FOG has no image for the host, so how its disk is laid out cannot be known").
			WithHint("assign the image that it was made from to the host in FOG")
	}
	if _, err := f.Image(ctx, strconv.Itoa(machine.ImageID)); err != nil {
		return err
	}
	if h.work.Snapshot.Snapshot.Image == "" {
		return f.NameFree(ctx, c.Name)
	}
	return h.overwrites(ctx, c, machine)
}

// overwrites takes an existing image for the capture, if it is a snapshot of the same booking.
func (h *hostRun) overwrites(ctx context.Context, c *booking.Capture, machine fog.Host) error {
	id, _ := strconv.Atoi(h.work.Snapshot.Snapshot.Image)
	s, err := h.Snapshot(ctx, id)
	switch {
	case err != nil:
		return err
	case s == nil || s.Job != h.job.Job:
		return fault.New(fault.Refused, "image %d is no snapshot of this booking, so it is not overwritten", id)
	case machine.ImageID == id:
		return fault.New(fault.Refused, "image %d is the one that the host was made from, so it is not overwritten", id)
	}
	c.Name, c.ImageID, c.Overwrites = s.Name, id, true
	return nil
}

var endCapture = &action.Action{
	Name: "end_capture",
	Description: "Give a host back after its capture, whatever became of that: FOG as before, the tenant's BMC account with the password it had, the ports proven, and running if it ran before. " +
		"Where the lab could log in before, the host must answer again.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Budget: sum(records, bmcSession, bmcSession, bmcSession, power, portsProof, sshSession, softPower, power, returnLimit, func(c *config.Config) time.Duration {
		return fogCalls(c, 11) + c.Imaging.Boot.D() + c.SSH.ReadyTimeout.D()
	}),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		h, err := openHost(ctx, c)
		if err != nil {
			return nil, err
		}
		if cap := h.rec.Capture; cap == nil || cap.Returned != nil {
			return h.result(false, "is as it was"), nil
		}
		return h.giveBackCaptured(ctx)
	},
}

// giveBackCaptured keeps the reason why the capture failed, if it did.
func (h *hostRun) giveBackCaptured(ctx context.Context) (any, error) {
	failed, stage, reason := h.rec.Outcome == booking.Error, h.rec.Stage, h.rec.Reason
	result, err := h.stage(ctx, "give the host back after the capture", func(ctx context.Context, h *hostRun) (any, error) {
		evidence, err := h.asItWas(ctx)
		if err != nil {
			return nil, err
		}
		h.rec.Capture.Returned = h.time()
		return h.result(true, "is as it was before the capture: %s", evidence), nil
	})
	switch {
	case err != nil && failed:
		h.rec.Reason = fmt.Sprintf("%s; and then: %s", reason, h.rec.Reason)
	case err != nil:
		return nil, err
	case failed:
		h.rec.Outcome, h.rec.Stage, h.rec.Reason = booking.Error, stage, reason+"; the host is as it was"
	case h.rec.Capture.Complete == nil:
		h.rec.Outcome, h.rec.Reason = booking.Error, "the capture ended without a result; the host is as it was"
	case h.plan.Own == nil:
		h.rec.Outcome = booking.Done
	}
	if serr := h.Save(ctx, h.rec); err == nil {
		err = serr
	}
	return result, err
}

// asItWas brings the host to whoever has it.
func (h *hostRun) asItWas(ctx context.Context) (evidence string, err error) {
	if err := h.settle(ctx, h.host, h.rec); err != nil {
		return "", err
	}
	switch {
	case h.had != nil && h.network() != nil:
		evidence, err = h.provePorts(ctx, stateBooked)
	case h.reservation != nil:
		evidence, err = h.provePorts(ctx, stateReserved)
	case h.plan.Own != nil:
		return "off", h.off(ctx)
	}
	if err != nil {
		return "", err
	}
	if h.account != nil { // when the host is out of the provisioning network: who has it can switch the host on
		h.rec.BMC = h.account
		if _, err := h.putTenant(ctx); err != nil {
			return "", err
		}
	}
	if !h.rec.Capture.On {
		return evidence + "; off", nil
	}
	if err := h.switchOn(ctx); err != nil {
		return "", err
	}
	if !h.rec.Capture.Login {
		return evidence + "; on, and the lab had no login to it", nil
	}
	return evidence + "; answers by SSH", h.answersAgain(ctx)
}

// answersAgain waits until the host that ran before runs again. A captured one is marked anew: the image has the mark it had, and would be taken for
// the old system when it is written to the same host.
func (h *hostRun) answersAgain(ctx context.Context) error {
	known, err := h.HostKey(ctx, h.host.Name)
	if err != nil {
		return err
	}
	limit := h.Config.Imaging.Boot.D() + h.Config.SSH.ReadyTimeout.D()
	if h.rec.Capture.Neutral { // the guard may have to bring its networks back
		limit += returnLimit(h.Config) + power(h.Config)
	}
	ctx, stop := context.WithTimeoutCause(ctx, limit, fault.New(fault.Failed, "the host answered by SSH before the capture, and did not within %s of it", limit).
		WithHint("look at its console"))
	defer stop()
	return retry.Until(ctx, h.Config.SSH.ReadyInterval.D(), func(ctx context.Context) (bool, error) {
		conn, err := h.ssh(ctx, h.host, known.Key)
		if err != nil {
			return false, err
		}
		defer conn.Close()
		seen, err := look(ctx, conn)
		switch {
		case err != nil:
			return false, err
		case seen.MachineID != known.MachineID:
			return false, fault.New(fault.Unproven, "the system that answers is not the one that was captured (its machine-id differs)")
		}
		if inForce, err := h.asBookedAgain(ctx, conn); err != nil || !inForce {
			return false, err
		}
		if h.rec.Capture.Complete == nil {
			return true, nil
		}
		known.Mark = fmt.Sprintf("%s, captured by FOG task %d, %s", h.taskName(), h.rec.Imaging.TaskID, h.rec.Capture.Complete.Format(time.RFC3339))
		if err := conn.WriteFile(ctx, markFile, []byte(known.Mark+"\n"), 0o644); err != nil {
			return false, err
		}
		return true, h.SaveHostKey(ctx, h.host.Name, known)
	})
}
