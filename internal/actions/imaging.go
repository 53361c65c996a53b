package actions

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/inventory"
)

type imagingResult struct {
	action.Result
	ImageID int `json:"image_id"`
	TaskID  int `json:"fog_task"`
	Percent int `json:"percent"`
	// Again says that the deployment came to nothing and is to be tried a second time.
	Again bool `json:"again"`
}

var againField = action.Field{Name: "again", Description: "true when this try came to nothing and another one is to be made."}

var scheduleImaging = &action.Action{
	Name:        "schedule_imaging",
	Description: "Wait for the host's turn at FOG, assign the booked image to it there and schedule its deployment. A deployment of ours that is already scheduled for this booking is taken up; one that is not ours is refused.",
	Params:      []action.Param{hostParam, jobParam, epochParam},
	Output: []action.Field{{Name: "image_id", Description: "FOG's number of the image."}, {Name: "fog_task", Description: "FOG's number of the task."},
		{Name: "percent", Description: "How far the task is."}},
	Budget: sum(records, records, healthRead, offAfter, func(c *config.Config) time.Duration { return c.Imaging.Queue.D() + fogCalls(c, 18) }),
	Run:    unlessFailed(imaging("schedule imaging", offIfFailed(checked(schedule)))),
}

func schedule(ctx context.Context, h *hostRun) (any, error) {
	if h.rec.Imaging != nil && h.rec.Imaging.Complete != nil {
		return imagingResult{Result: h.result(false, "image %d was written already", h.rec.Imaging.ImageID), ImageID: h.rec.Imaging.ImageID, TaskID: h.rec.Imaging.TaskID, Percent: 100}, nil
	}
	if err := h.mayEnter(); err != nil {
		return nil, err
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
	ref, err := h.imageRef(ctx, h.job.Job, h.host, h.work.Hardware.Hardware.Image)
	if err != nil {
		return nil, err
	}
	image, err := f.Image(ctx, ref)
	if err != nil {
		return nil, err
	}
	family, err := h.family(ctx, image)
	if err != nil {
		return nil, err
	}
	switch done, err := h.unfollowed(ctx, f, machine, image); {
	case err != nil:
		return nil, err
	case done:
		id := h.rec.Imaging.TaskID
		return imagingResult{Result: h.result(false, "image %d was written as FOG task %d while nobody followed it", image.ID, id), ImageID: image.ID, TaskID: id, Percent: 100}, nil
	}
	next, err := h.nextTry(ctx, f)
	if err != nil {
		return nil, err
	}
	task, err := h.present(ctx, f, machine, image)
	if err != nil {
		return nil, err
	}
	next.ImageID, next.ImageName, next.OS = image.ID, image.Name, family
	if err := h.recall(ctx, &next); err != nil {
		return nil, err
	}
	h.rec.Imaging = &next
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

// unfollowed says that the deployment that a run began and did not follow to its end is complete by now: whoever follows it finds that out at
// once, and goes on with the proof. One that ended badly is an error, as it is for whoever follows; one that FOG knows nothing of is made anew.
func (h *hostRun) unfollowed(ctx context.Context, f *fog.Client, machine fog.Host, image fog.Image) (done bool, err error) {
	im := h.rec.Imaging
	if im == nil || im.TaskID == 0 || im.Ended != "" || im.ImageID != image.ID {
		return false, nil
	}
	t, err := f.Task(ctx, im.TaskID)
	switch {
	case fault.Is(err, fault.NotFound):
		im.TaskID = 0
		return false, nil
	case err == nil && (t.HostID != machine.ID || t.TypeID != int(fog.Deploy) || t.ImageID != 0 && t.ImageID != image.ID):
		return false, nil // FOG's numbers begin anew with its database
	}
	t, err = h.sane(t, err)
	return err == nil && t.State == fog.TaskComplete, err
}

// nextTry is the deployment to go on with: the one that a killed run began, or a new one. The task of a try that came to nothing is
// cancelled first.
func (h *hostRun) nextTry(ctx context.Context, f *fog.Client) (booking.Imaging, error) {
	last := h.rec.Imaging
	switch {
	case last == nil:
		return booking.Imaging{Attempt: 1}, nil
	case last.Ended == "":
		return *last, nil
	}
	if last.TaskID != 0 {
		if err := f.CancelTask(ctx, last.TaskID); err != nil && !fault.Is(err, fault.NotFound) {
			return booking.Imaging{}, fault.Wrap(err, "the last try came to nothing (%s), and its task is still there", last.Ended)
		}
	}
	return booking.Imaging{Attempt: last.Attempt, Cycled: last.Cycled}, nil
}

// deploy schedules a task and proves that it deploys the image that was booked.
func (h *hostRun) deploy(ctx context.Context, f *fog.Client, machine fog.Host, image fog.Image) (*fog.Task, error) {
	leave, err := h.awaitTurn(ctx, f)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := h.Save(ctx, h.rec); err != nil { // the intent
		return nil, err
	}
	if err := f.AssignImage(ctx, machine, image.ID); err != nil {
		return nil, err
	}
	if err := h.Checkpoint(ctx); err != nil {
		return nil, err
	}
	task, err := f.Schedule(ctx, machine, fog.Deploy, h.taskName())
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
	// What an earlier run of the same job writes now is as good as what this one would write: nobody has had the host in between.
	same := strings.HasPrefix(t.Name, h.taskPrefix()) && t.TypeID == int(fog.Deploy) && t.ImageID == image.ID
	switch {
	case same, this && (t.ImageID == 0 || t.ImageID == image.ID):
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

// imageRef is the image as FOG is asked for it: a booking may name one of the host's OS families, or a snapshot of its own without its number.
func (l *lab) imageRef(ctx context.Context, job int, host *inventory.Host, booked string) (string, error) {
	if booked != booking.UnknownImage {
		return imageFor(host, booked), nil
	}
	all, err := l.Snapshots(ctx)
	if err != nil {
		return "", err
	}
	if s := booking.MadeBy(all, job, host.Name); s != nil {
		return strconv.Itoa(s.ImageID), nil
	}
	return "", fault.New(fault.NotFound, "the dashboard names no image, only that it is a snapshot (image -1), and the lab has none of this host for this booking").
		WithHint("laas.image_host images the host with the snapshot that is meant, by its number in FOG")
}

func imageFor(host *inventory.Host, booked string) string {
	if own, ok := host.Images[strings.ToLower(booked)]; ok {
		return own
	}
	return booked
}

// families are the OS families that an image's name may tell.
var families = []string{"ubuntu", "debian", "centos", "rocky", "almalinux", "fedora", "rhel", "suse"}

// family is the OS that must boot, as far as the inventory or the image's name tells.
func (h *hostRun) family(ctx context.Context, image fog.Image) (string, error) {
	if s, err := h.Snapshot(ctx, image.ID); err != nil || s != nil && s.OS != "" {
		return osOf(s), err
	}
	for name, ref := range h.host.Images {
		if ref == fmt.Sprint(image.ID) || ref == image.Name {
			return name, nil
		}
	}
	for _, f := range families {
		if strings.Contains(strings.ToLower(image.Name), f) {
			return f, nil
		}
	}
	return "", nil
}

func osOf(s *booking.Snapshot) string {
	if s == nil {
		return ""
	}
	return s.OS
}

func describe(s fog.TaskState) string { return s.String() }
