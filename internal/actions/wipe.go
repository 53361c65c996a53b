package actions

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/retry"
)

// wipeTypes are FOG's task types by method.
var wipeTypes = map[string]fog.TaskType{booking.WipeFast: fog.FastWipe, booking.WipeNormal: fog.NormalWipe, booking.WipeFull: fog.FullWipe}

// wipeStep has FOG wipe the host's disks. For that the host must boot FOG, in the provisioning VLAN: its ports get there only when it is off and
// nobody but the lab can switch it on, because a host that misses FOG would start what the tenant left.
type wipeStep struct{ *hostRun }

// method is how the disks are to be wiped: as the lab does, or as an operator asked for. A host that only the lab has had since its last
// wipe needs none.
func (s wipeStep) method() string { return s.wipeMethod() }

func (h *hostRun) wipeMethod() string {
	switch own := h.plan.Own; {
	case own != nil && own.Untouched:
		return booking.WipeNone
	case own != nil && own.Wipe != "":
		return own.Wipe
	}
	return h.Config.Release.Wipe
}

func (s wipeStep) Check(context.Context) (bool, error) { return s.rec.Wipe.Done(s.method()), nil }

func (s wipeStep) Apply(ctx context.Context) (err error) {
	if err := s.mayWipe(); err != nil {
		return err
	}
	if err := s.wired(ctx); err != nil {
		return err
	}
	f, err := s.fog()
	if err != nil {
		return err
	}
	machine, err := f.Host(ctx, s.host.FOGName)
	if err != nil {
		return err
	}
	disks, err := f.Disks(ctx, machine)
	if err != nil {
		return err
	}
	if err := s.schedule(ctx, f, machine); err != nil {
		return err
	}
	// Whatever becomes of it, the host ends without power and without a task that would wipe it at its next start.
	defer func() {
		ctx := context.WithoutCancel(ctx)
		if oerr := powerStep(s).Apply(ctx); oerr != nil && err == nil {
			err = oerr
		}
		if err != nil {
			_ = f.CancelTask(ctx, s.rec.Wipe.TaskID) // the next wipe of this host does it if this does not
		}
	}()
	if err := s.awaitStart(ctx, someStarts); err != nil {
		return err
	}
	if err := s.restart(ctx, bmc.DevicePXE); err != nil {
		return err
	}
	if err := s.follow(ctx, f); err != nil {
		return err
	}
	return s.certify(ctx, disks)
}

// Prove goes by the certificate, which was written when FOG said that the task is complete.
func (s wipeStep) Prove(ctx context.Context) (string, error) {
	switch own := s.plan.Own; {
	case own != nil && own.Untouched:
		return "disks not wiped: nobody but the lab had the host", nil
	case s.method() == booking.WipeNone:
		return "disks not wiped: this lab wipes none (release.wipe)", nil
	}
	w := s.rec.Wipe
	if !w.Done(s.method()) {
		return "", fault.New(fault.Unproven, "the disks of %s are not wiped (%s): %s", s.host.Name, s.method(), cmp.Or(s.rec.Troubles["wipe"], "nothing was done")).
			WithHint("look at the host's console and at FOG, then run laas.return_host host=%s confirm=%s", s.host.Name, s.host.Name)
	}
	c, err := s.Certificate(ctx, s.host.Name, w.TaskID)
	if err == nil && (c == nil || c.Method != w.Method) {
		err = fault.New(fault.Unproven, "FOG task %d has no certificate in the datastore", w.TaskID)
	}
	return fmt.Sprintf("disks wiped (%s, FOG task %d)", w.Method, w.TaskID), err
}

// mayWipe insists on what was proven in this release before: no power, and no BMC account but the lab's.
func (h *hostRun) mayWipe() error {
	return fault.Wrap(h.mayEnter(), "the disks are not wiped")
}

// toWipe says whether the host's ports are to be made fit for wiping.
func (h *hostRun) toWipe() bool {
	return h.work.Mode == booking.Release && !h.rec.Wipe.Done(h.wipeMethod()) && h.mayWipe() == nil
}

// wired sees to the ports. A release did that already, for all hosts of a switch at once; a host that leaves quarantine comes alone.
func (s wipeStep) wired(ctx context.Context) error {
	if s.portsReady(ctx, stateWiping) == nil {
		if _, err := s.checkPorts(ctx, stateWiping); err == nil {
			return nil
		}
	}
	if err := s.setPortsAlone(ctx, stateWiping); err != nil {
		return err
	}
	_, err := s.checkPorts(ctx, stateWiping)
	return err
}

// schedule has FOG queue the task, and takes up one that is queued for this very release already.
func (s wipeStep) schedule(ctx context.Context, f *fog.Client, machine fog.Host) error {
	name := fmt.Sprintf("%swipe generation %d", s.taskPrefix(), s.rec.Generation)
	active, err := f.ActiveTasks(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(active, func(t fog.Task) bool { return t.HostID == machine.ID })
	switch {
	case at < 0:
	case active[at].Name == name && active[at].TypeID == int(wipeTypes[s.method()]):
		s.rec.Wipe = &booking.Wipe{Method: s.method(), TaskID: active[at].ID, Started: s.Now().UTC()}
		return s.Save(ctx, s.rec)
	case strings.HasPrefix(active[at].Name, "laas "):
		if err := f.CancelTask(ctx, active[at].ID); err != nil {
			return err
		}
	default:
		return fault.New(fault.Refused, "FOG has a task %d for the host that is not ours (%s)", active[at].ID, describe(active[at].State)).
			WithHint("let it end or cancel it in FOG")
	}
	s.rec.Wipe = &booking.Wipe{Method: s.method(), Started: s.Now().UTC()}
	if err := s.Save(ctx, s.rec); err != nil { // the intent
		return err
	}
	if err := s.Checkpoint(ctx); err != nil {
		return err
	}
	task, err := f.Schedule(ctx, machine, wipeTypes[s.method()], name)
	if err != nil {
		return err
	}
	s.rec.Wipe.TaskID = task.ID
	return s.Save(ctx, s.rec)
}

// follow waits until FOG says that the disks are wiped. A host that does not check in may be running what the tenant left, so that gets no
// second try here: its power goes.
func (s wipeStep) follow(ctx context.Context, f *fog.Client) error {
	c, id := s.Config.Imaging, s.rec.Wipe.TaskID
	if err := s.reach(ctx, f, c.CheckIn.D(), func(t fog.Task) bool { return t.State > fog.TaskQueued },
		fault.New(fault.Failed, "the host did not check in with FOG within %s (task %d): it has not booted from the network", c.CheckIn.D(), id).
			WithHint("look at its console and at DHCP and TFTP in the provisioning VLAN")); err != nil {
		return err
	}
	s.Info("%s: FOG is wiping its disks (%s)", s.host.Name, s.method())
	began := s.Now()
	if err := s.reach(ctx, f, s.Config.Release.WipeDeadline.D(), func(t fog.Task) bool { return t.State == fog.TaskComplete },
		fault.New(fault.Failed, "FOG had not wiped the disks within %s (task %d)", s.Config.Release.WipeDeadline.D(), id).
			WithHint("large disks take hours: raise release.wipe_deadline, or choose another release.wipe")); err != nil {
		return err
	}
	// FOG says complete when its script has ended, also one that found no disk to overwrite (docs/hardware.md).
	if took := s.Now().Sub(began).Round(time.Second); s.method() != booking.WipeFast && took < s.Config.Release.WipeLeast.D() {
		return fault.New(fault.Unproven, "FOG says that the disks are wiped (%s, task %d), after %s: no disk is overwritten in that time", s.method(), id, took).
			WithHint("look at FOG's version and at the host's disks (docs/hardware.md, Wiping); if they are that small, lower release.wipe_least")
	}
	return nil
}

// reach waits until the task is as wanted; a task that can only end badly is an error.
func (s wipeStep) reach(ctx context.Context, f *fog.Client, limit time.Duration, there func(fog.Task) bool, late error) error {
	ctx, stop := context.WithTimeoutCause(ctx, limit, late)
	defer stop()
	shared := s.roll(f)
	return retry.Until(ctx, s.Config.Imaging.PollInterval.D(), func(ctx context.Context) (bool, error) {
		t, err := shared.task(ctx, f, s.rec.Wipe.TaskID)
		switch {
		case fault.Is(err, fault.NotFound):
			return false, fault.New(fault.Failed, "FOG task %d has vanished: whether the disks were wiped cannot be known", s.rec.Wipe.TaskID)
		case err != nil:
			return false, err
		case t.State == fog.TaskCancelled, t.State == fog.TaskFailed:
			return false, fault.New(fault.Failed, "FOG task %d, which wipes the disks, is %s", t.ID, describe(t.State))
		}
		return there(t), nil
	})
}

func (s wipeStep) certify(ctx context.Context, disks []fog.Disk) error {
	s.rec.Wipe.Complete = s.time()
	c := &booking.Certificate{Host: s.host.Name, Job: s.job.Job, Method: s.rec.Wipe.Method, Scope: booking.WipeScope, Disks: []booking.Disk{}, TaskID: s.rec.Wipe.TaskID,
		Started: s.rec.Wipe.Started, Complete: *s.rec.Wipe.Complete}
	for _, d := range disks {
		c.Disks = append(c.Disks, booking.Disk(d))
	}
	if err := s.Certify(ctx, c); err != nil {
		return err
	}
	return s.Save(ctx, s.rec)
}

// wiping is the longest time of the step.
func wiping(c *config.Config) time.Duration {
	return fogCalls(c, 13) + starts(someStarts)(c) + restart(c) + bmcSession(c) + power(c) + c.Imaging.CheckIn.D() + c.Release.WipeDeadline.D() + 2*switchReads(c) + setPorts.Budget(c) + time.Second
}
