package actions

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/retry"
)

type imagingResult struct {
	action.Result
	ImageID int `json:"image_id"`
	TaskID  int `json:"fog_task"`
	Percent int `json:"percent"`
}

var scheduleImaging = &action.Action{
	Name:        "schedule_imaging",
	Description: "Assign the booked image to the host in FOG and schedule its deployment. A deployment of ours that is already scheduled for this booking is taken up; one that is not ours is refused.",
	Params:      []action.Param{hostParam, jobParam, epochParam},
	Output: []action.Field{{Name: "image_id", Description: "FOG's number of the image."}, {Name: "fog_task", Description: "FOG's number of the task."},
		{Name: "percent", Description: "How far the task is."}},
	Budget: sum(records, func(c *config.Config) time.Duration { return fogCalls(c, 8) }),
	Run:    imaging("schedule imaging", schedule),
}

func schedule(ctx context.Context, h *hostRun) (any, error) {
	if h.rec.Imaging != nil && h.rec.Imaging.Complete != nil {
		return imagingResult{Result: h.result(false, "image %d was written already", h.rec.Imaging.ImageID), ImageID: h.rec.Imaging.ImageID, TaskID: h.rec.Imaging.TaskID, Percent: 100}, nil
	}
	if err := h.portsReady(ctx, stateProvisioning); err != nil {
		return nil, err
	}
	f, err := h.fog()
	if err != nil {
		return nil, err
	}
	machine, err := f.Host(ctx, h.host.FOGName)
	if err != nil {
		return nil, err
	}
	image, err := f.Image(ctx, h.imageRef())
	if err != nil {
		return nil, err
	}
	task, err := h.present(ctx, f, machine, image)
	if err != nil {
		return nil, err
	}
	known, err := h.HostKey(ctx, h.host.Name)
	if err != nil {
		return nil, err
	}
	h.rec.Imaging = &booking.Imaging{ImageID: image.ID, ImageName: image.Name, OS: h.family(image), PreviousMachineID: known.MachineID}
	changed := task == nil
	if changed {
		if task, err = h.deploy(ctx, f, machine, image); err != nil {
			return nil, err
		}
	}
	h.rec.Imaging.TaskID = task.ID
	if err := h.Save(ctx, h.rec); err != nil {
		return nil, err
	}
	return imagingResult{Result: h.result(changed, "deployment of image %d is scheduled as FOG task %d", image.ID, task.ID), ImageID: image.ID, TaskID: task.ID, Percent: task.Percent}, nil
}

// deploy schedules a task and proves that it deploys the image that was booked.
func (h *hostRun) deploy(ctx context.Context, f *fog.Client, machine fog.Host, image fog.Image) (*fog.Task, error) {
	if err := h.Save(ctx, h.rec); err != nil { // the intent
		return nil, err
	}
	if err := f.AssignImage(ctx, machine, image.ID); err != nil {
		return nil, err
	}
	if err := h.Checkpoint(ctx); err != nil {
		return nil, err
	}
	task, err := f.ScheduleDeploy(ctx, machine, h.taskName())
	if err != nil {
		return nil, err
	}
	if task.ImageID != 0 && task.ImageID != image.ID {
		if err := f.CancelTask(ctx, task.ID); err != nil {
			return nil, fault.Wrap(err, "FOG scheduled image %d instead of %d as task %d, which could not be cancelled", task.ImageID, image.ID, task.ID)
		}
		return nil, fault.New(fault.Unproven, "FOG scheduled image %d although image %d was assigned; task %d was cancelled", task.ImageID, image.ID, task.ID).
			WithHint("look at the host in FOG; somebody may be changing its image")
	}
	return &task, nil
}

// present finds the host's active task: ours for this work is taken up, ours from before is cancelled, a foreign one is refused.
func (h *hostRun) present(ctx context.Context, f *fog.Client, machine fog.Host, image fog.Image) (*fog.Task, error) {
	active, err := f.ActiveTasks(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(active, func(t fog.Task) bool { return t.HostID == machine.ID })
	if at < 0 {
		return nil, nil
	}
	t := &active[at]
	this := t.Name == h.taskName() || h.rec.Imaging != nil && h.rec.Imaging.TaskID == t.ID
	switch {
	case this && (t.ImageID == 0 || t.ImageID == image.ID):
		return t, nil
	case this || strings.HasPrefix(t.Name, "laas "):
		return nil, f.CancelTask(ctx, t.ID)
	}
	return nil, fault.New(fault.Refused, "FOG has a task %d for the host that is not ours (%s)", t.ID, describe(t.State)).
		WithHint("let it end or cancel it in FOG, then run laas.resume_job job_id=%d", h.job.Job)
}

// taskName marks a FOG task as ours, for this very work.
func (h *hostRun) taskName() string {
	return fmt.Sprintf("%sgeneration %d", h.taskPrefix(), h.rec.Generation)
}

// taskPrefix marks a FOG task as one of this booking on this host.
func (h *hostRun) taskPrefix() string { return fmt.Sprintf("laas job %d %s ", h.job.Job, h.host.Name) }

// imageRef is the image as FOG is asked for it: a booking may name one of the host's OS families.
func (h *hostRun) imageRef() string { return imageFor(h.host, h.work.Hardware.Hardware.Image) }

func imageFor(host *inventory.Host, booked string) string {
	if own, ok := host.Images[strings.ToLower(booked)]; ok {
		return own
	}
	return booked
}

// families are the OS families that an image's name may tell.
var families = []string{"ubuntu", "debian", "centos", "rocky", "almalinux", "fedora", "rhel", "suse"}

// family is the OS that must boot, as far as the inventory or the image's name tells.
func (h *hostRun) family(image fog.Image) string {
	for name, ref := range h.host.Images {
		if ref == fmt.Sprint(image.ID) || ref == image.Name {
			return name
		}
	}
	for _, f := range families {
		if strings.Contains(strings.ToLower(image.Name), f) {
			return f
		}
	}
	return ""
}

var bootToNetwork = &action.Action{
	Name:        "boot_to_network",
	Description: "Let the host boot from the network once, through its BMC: one-time boot device PXE, then power on, or cycle when it runs. A host that FOG is imaging already is left alone.",
	Params:      []action.Param{hostParam, jobParam, epochParam},
	Budget:      sum(records, bmcSession, power, power, func(c *config.Config) time.Duration { return fogCalls(c, 1) }),
	Run:         imaging("boot from the network", bootNetwork),
}

func bootNetwork(ctx context.Context, h *hostRun) (any, error) {
	if h.rec.Imaging == nil {
		return nil, fault.New(fault.Refused, "nothing is scheduled in FOG")
	}
	if h.rec.Imaging.Complete != nil {
		return h.result(false, "the image was written already"), nil
	}
	f, err := h.fog()
	if err != nil {
		return nil, err
	}
	task, err := f.Task(ctx, h.rec.Imaging.TaskID)
	if err != nil {
		return nil, err
	}
	if task.State > fog.TaskQueued {
		return h.result(false, "FOG task %d is %s already", task.ID, describe(task.State)), nil
	}
	d, err := h.bmc(ctx, h.host)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if err := d.SetBootDevice(ctx, bmc.Boot{Device: bmc.DevicePXE}); err != nil {
		return nil, err
	}
	state, err := d.PowerState(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.Checkpoint(ctx); err != nil {
		return nil, err
	}
	if state == bmc.On { // its disk is about to be overwritten; nothing on it needs a soft end
		if err := h.powered(ctx, d, h.host, bmc.PowerOff, bmc.Off); err != nil {
			return nil, err
		}
	}
	if err := h.powered(ctx, d, h.host, bmc.PowerOn, bmc.On); err != nil {
		return nil, err
	}
	return h.result(true, "booting from the network, power is on"), nil
}

var followImaging = &action.Action{
	Name:        "follow_imaging",
	Description: "Follow the host's FOG task until FOG says that it is complete. Everything else is a failure that names the stage: not checked in, cancelled, failed, vanished, not done in time.",
	Params:      []action.Param{hostParam, jobParam, epochParam},
	Output: []action.Field{{Name: "image_id", Description: "FOG's number of the image."}, {Name: "fog_task", Description: "FOG's number of the task."},
		{Name: "percent", Description: "100 when it is complete."}},
	Budget: sum(records, func(c *config.Config) time.Duration {
		return c.Imaging.CheckIn.D() + c.Imaging.Deadline.D() + fogCalls(c, 2)
	}),
	Run: imaging("imaging", follow),
}

func follow(ctx context.Context, h *hostRun) (any, error) {
	im := h.rec.Imaging
	if im == nil || im.TaskID == 0 {
		return nil, fault.New(fault.Refused, "nothing is scheduled in FOG")
	}
	if im.Complete == nil {
		f, err := h.fog()
		if err != nil {
			return nil, err
		}
		if err := h.checkedIn(ctx, f); err != nil {
			return nil, err
		}
		if err := h.complete(ctx, f); err != nil {
			return nil, err
		}
		im.Complete = h.time()
		if err := h.Save(ctx, h.rec); err != nil {
			return nil, err
		}
	}
	return imagingResult{Result: h.result(true, "FOG says that image %d is written (task %d)", im.ImageID, im.TaskID), ImageID: im.ImageID, TaskID: im.TaskID, Percent: 100}, nil
}

// checkedIn waits until the host has booted FOG.
func (h *hostRun) checkedIn(ctx context.Context, f *fog.Client) error {
	limit := h.Config.Imaging.CheckIn.D()
	ctx, stop := context.WithTimeoutCause(ctx, limit, fault.New(fault.Failed, "the host did not check in with FOG within %s: it has not booted from the network", limit).
		WithHint("look at its console and at DHCP and TFTP in the provisioning VLAN"))
	defer stop()
	return retry.Until(ctx, h.Config.Imaging.PollInterval.D(), func(ctx context.Context) (bool, error) {
		t, err := h.task(ctx, f)
		return err == nil && t.State > fog.TaskQueued, err
	})
}

// complete waits until FOG says that the image is written.
func (h *hostRun) complete(ctx context.Context, f *fog.Client) error {
	limit, told, percent := h.Config.Imaging.Deadline.D(), -10, 0
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	timer := time.AfterFunc(limit, func() {
		stop(fault.New(fault.Failed, "FOG had not written the image within %s", limit).WithHint("look at the host's console and at FOG's storage node"))
	})
	defer timer.Stop()
	err := retry.Until(ctx, h.Config.Imaging.PollInterval.D(), func(ctx context.Context) (bool, error) {
		t, err := h.task(ctx, f)
		if err == nil && t.Percent >= told+10 {
			told = t.Percent - t.Percent%10
			h.Info("%s: imaging %d%%", h.host.Name, t.Percent)
		}
		percent = max(percent, t.Percent)
		return err == nil && t.State == fog.TaskComplete, err
	})
	return fault.Wrap(err, "imaging reached %d%%", percent)
}

// task reads the FOG task; a state that can only end badly is an error.
func (h *hostRun) task(ctx context.Context, f *fog.Client) (fog.Task, error) {
	t, err := f.Task(ctx, h.rec.Imaging.TaskID)
	switch {
	case fault.Is(err, fault.NotFound):
		return t, fault.New(fault.Failed, "FOG task %d has vanished: whether the image was written cannot be known", h.rec.Imaging.TaskID)
	case err != nil:
		return t, err
	case t.State == fog.TaskCancelled, t.State == fog.TaskFailed:
		return t, fault.New(fault.Failed, "FOG task %d is %s", t.ID, describe(t.State)).WithHint("somebody cancelled it in FOG, or FOG gave up; look there")
	}
	return t, nil
}

func describe(s fog.TaskState) string {
	switch s {
	case fog.TaskCheckedIn:
		return "checked in"
	case fog.TaskInProgress:
		return "in progress"
	case fog.TaskComplete:
		return "complete"
	case fog.TaskCancelled:
		return "cancelled"
	case fog.TaskFailed:
		return "failed"
	}
	return "queued"
}
