package actions

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/inventory"
)

var captureImage = &action.Action{
	Name: "capture_image",
	Description: "Capture the disk of a host that is ready for it into an image of its own at FOG, and prove that the image holds something. " +
		"The host is pointed to the new image before anything is captured, so that no other can be overwritten, and back afterwards. It ends without power. " +
		"A capture that fails leaves neither a task nor half an image.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Output: []action.Field{{Name: "image_id", Description: "FOG's number of the new image."}, {Name: "fog_task", Description: "FOG's number of the task."}, {Name: "percent", Description: "100 when it is complete."}},
	Budget: sum(records, records, restart, starts(someStarts), bmcSession, power, func(c *config.Config) time.Duration {
		return c.Imaging.Queue.D() + c.Imaging.CheckIn.D() + 3*c.Imaging.CaptureDeadline.D() + fogCalls(c, 40)
	}),
	Run: forHostUnlessFailed("capture", captured),
}

func captured(ctx context.Context, h *hostRun) (any, error) {
	c := h.rec.Capture
	if !c.Open() {
		return nil, fault.New(fault.Refused, "the host is not ready to be captured").WithHint("laas.begin_capture does that")
	}
	if c.Complete == nil {
		f, err := h.fog()
		if err != nil {
			return nil, err
		}
		err = h.capture(ctx, f)
		after := context.WithoutCancel(ctx)
		if oerr := h.powerOff(after); oerr != nil && err == nil {
			err = oerr
		}
		if serr := h.settle(after, h.host, h.rec); serr != nil && err == nil {
			err = serr
		} else if serr != nil {
			err = fault.New(fault.KindOf(err), "%w; and FOG could not be put back as it was: %w", err, serr).WithHint("%s", fault.HintOf(err))
		}
		if err != nil {
			return nil, err
		}
	}
	return imagingResult{Result: h.result(true, "captured as image %d (%s), FOG task %d", c.ImageID, c.Name, h.rec.Imaging.TaskID), ImageID: c.ImageID, TaskID: h.rec.Imaging.TaskID, Percent: 100}, nil
}

// capture makes the image and proves it.
func (h *hostRun) capture(ctx context.Context, f *fog.Client) error {
	if err := h.portsReady(ctx, stateProvisioning); err != nil {
		return err
	}
	machine, err := f.Host(ctx, h.host.FOGName)
	if err != nil {
		return err
	}
	c := h.rec.Capture
	if c.Source == 0 {
		c.Source, c.Settled = machine.ImageID, nil
		if err := h.Save(ctx, h.rec); err != nil { // from here on there is something to be put back
			return err
		}
	}
	target, err := h.target(ctx, f)
	if err != nil {
		return err
	}
	task, err := h.scheduleCapture(ctx, f, machine, target)
	if err != nil {
		return err
	}
	h.rec.Imaging = &booking.Imaging{ImageID: target.ID, ImageName: target.Name, TaskID: task.ID, Attempt: 1, Cycled: true} // a host that misses FOG runs its owner's system
	if err := h.Save(ctx, h.rec); err != nil {
		return err
	}
	if err := h.bootToCapture(ctx, task); err != nil {
		return err
	}
	limits := h.Config.Imaging
	limits.Deadline = limits.CaptureDeadline
	stalled, err := (&follower{hostRun: h, fog: f, roll: h.roll(f), limits: limits}).follow(ctx)
	if err = cmp.Or(err, stalled); err != nil {
		return err
	}
	return h.proveCaptured(ctx, f, target)
}

// bootToCapture lets the host boot FOG, unless it works on the task already.
func (h *hostRun) bootToCapture(ctx context.Context, task fog.Task) error {
	if task.State > fog.TaskQueued {
		if state, err := h.powerState(ctx); err != nil || state == bmc.On {
			return err
		}
	}
	if err := h.awaitStart(ctx, someStarts); err != nil {
		return err
	}
	return h.restart(ctx, bmc.DevicePXE)
}

// target is the image to capture into: an empty one, shaped like the one that the host was made from. Its name was free when the capture began, so an
// empty one of that name is what a killed run made.
func (h *hostRun) target(ctx context.Context, f *fog.Client) (fog.Image, error) {
	c := h.rec.Capture
	source, err := f.Image(ctx, strconv.Itoa(c.Source))
	if err != nil {
		return fog.Image{}, err
	}
	var target fog.Image
	switch there, err := made(ctx, f, c); {
	case err != nil:
		return target, err
	case there != nil:
		target = *there
	default:
		if err := h.Checkpoint(ctx); err != nil {
			return target, err
		}
		if target, err = f.CreateImage(ctx, c.Name, source); err != nil {
			return target, err
		}
	}
	if target.Path == source.Path {
		return target, fault.New(fault.Refused, "image %d and the host's own image %d keep their files in the same place (%s): the capture would overwrite it", target.ID, source.ID, source.Path)
	}
	c.ImageID = target.ID
	return target, h.Save(ctx, h.rec)
}

// made finds the image of the capture in FOG; nil if there is none.
func made(ctx context.Context, f *fog.Client, c *booking.Capture) (*fog.Image, error) {
	images, err := f.Images(ctx)
	i := slices.IndexFunc(images, func(i fog.Image) bool {
		return i.ID == c.ImageID || c.ImageID == 0 && i.Name == c.Name && i.Captured.IsZero()
	})
	if err != nil || i < 0 {
		return nil, err
	}
	return &images[i], nil
}

// scheduleCapture has FOG queue the task, and takes up the one that a killed run queued.
func (h *hostRun) scheduleCapture(ctx context.Context, f *fog.Client, machine fog.Host, target fog.Image) (fog.Task, error) {
	active, err := f.ActiveTasks(ctx)
	if err != nil {
		return fog.Task{}, err
	}
	name := h.captureName()
	present, err := ownTask(active, machine, name)
	switch {
	case err != nil:
		return fog.Task{}, err
	case present != nil && present.Name == name && present.TypeID == int(fog.Capture) && present.ImageID == target.ID:
		return *present, nil
	case present != nil:
		if err := f.CancelTask(ctx, present.ID); err != nil {
			return fog.Task{}, err
		}
	}
	leave, err := h.awaitTurn(ctx, f)
	if err != nil {
		return fog.Task{}, err
	}
	defer leave()
	if err := f.AssignImage(ctx, machine, target.ID); err != nil {
		return fog.Task{}, err
	}
	if err := h.Checkpoint(ctx); err != nil {
		return fog.Task{}, err
	}
	task, err := f.Schedule(ctx, machine, fog.Capture, name)
	if err == nil && task.ImageID != 0 && task.ImageID != target.ID {
		err = fault.New(fault.Unproven, "FOG is to capture into image %d although image %d was assigned", task.ImageID, target.ID).
			WithHint("look at the host in FOG; somebody may be changing its image")
	}
	return task, err
}

func (h *hostRun) captureName() string {
	return strings.Replace(h.taskName(), " generation ", " capture generation ", 1)
}

// ownTask finds the host's active task; one that the pack did not make is Refused.
func ownTask(active []fog.Task, machine fog.Host, name string) (*fog.Task, error) {
	at := slices.IndexFunc(active, func(t fog.Task) bool { return t.HostID == machine.ID })
	switch {
	case at < 0:
		return nil, nil
	case active[at].Name == name, ours(active[at]):
		return &active[at], nil
	}
	return nil, fault.New(fault.Refused, "FOG has a task %d for the host that is not ours (%s)", active[at].ID, describe(active[at].State)).
		WithHint("let it end or cancel it in FOG")
}

// proveCaptured looks at what FOG has now: something new, of a size, in as many files as there are partitions in it.
func (h *hostRun) proveCaptured(ctx context.Context, f *fog.Client, before fog.Image) error {
	c := h.rec.Capture
	now, err := f.Image(ctx, strconv.Itoa(before.ID))
	switch {
	case err != nil:
		return err
	case now.DiskSize <= 0 || now.Partitions == 0 || now.Captured.IsZero() || now.Captured.Equal(before.Captured):
		return fault.New(fault.Unproven, "FOG task %d is complete, but image %d holds nothing new", h.rec.Imaging.TaskID, before.ID).
			WithHint("look at FOG's storage node: is its disk full?")
	}
	known, err := h.HostKey(ctx, h.host.Name)
	if err != nil {
		return err
	}
	s := &booking.Snapshot{ImageID: now.ID, Name: now.Name, Host: h.host.Name, Job: h.job.Job, DashboardID: h.work.Snapshot.Snapshot.DashboardID, Source: c.Source,
		OS: known.OS, DiskSize: now.DiskSize, Partitions: now.Partitions, TaskID: h.rec.Imaging.TaskID, Captured: h.Now().UTC()}
	if h.plan.Own == nil || h.plan.Own.Purpose != booking.ForUpdate { // which has neither
		s.MachineID, s.Mark = known.MachineID, known.Mark
	}
	if err := h.SaveSnapshot(ctx, s); err != nil {
		return err
	}
	c.Complete, h.rec.Imaging.Complete = h.time(), h.time()
	return h.Save(ctx, h.rec)
}

// powerOff leaves the host without power: its disk is somebody's, and its ports are in FOG's network.
func (h *hostRun) powerOff(ctx context.Context) error {
	_, _, err := booking.RunStep(ctx, powerStep{h})
	return err
}

// settle leaves nothing of a capture in FOG but an image that is complete: no task, the host with the image it had.
func (l *lab) settle(ctx context.Context, host *inventory.Host, rec *booking.TaskRecord) error {
	c := rec.Capture
	if !c.Unsettled() {
		return nil
	}
	f, err := l.fog()
	if err != nil {
		return err
	}
	machine, err := f.Host(ctx, host.FOGName)
	if err != nil {
		return err
	}
	active, err := f.ActiveTasks(ctx)
	if err != nil {
		return err
	}
	for _, t := range active {
		if t.HostID == machine.ID && t.TypeID == int(fog.Capture) && ours(t) {
			if err := f.CancelTask(ctx, t.ID); err != nil {
				return err
			}
		}
	}
	if machine.ImageID != c.Source {
		if err := f.AssignImage(ctx, machine, c.Source); err != nil {
			return err
		}
	}
	half, err := made(ctx, f, c)
	if err != nil {
		return err
	}
	if half != nil && c.Complete == nil && !c.Overwrites {
		if err := f.DeleteImage(ctx, half.ID); err != nil {
			return err
		}
		c.ImageID = 0
	}
	c.Settled = l.time()
	return l.Save(ctx, rec)
}
