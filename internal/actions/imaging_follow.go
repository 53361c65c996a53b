package actions

import (
	"context"
	"regexp"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/retry"
)

var followImaging = &action.Action{
	Name: "follow_imaging",
	Description: "Follow the host's FOG task until FOG says that it is complete. A host that does not check in, or whose image does not get on, is power-cycled once; " +
		"if that does not help, the task is to be tried a second time (again). Everything else is a failure that names the stage: cancelled, failed, vanished, not done in time.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Output: []action.Field{{Name: "image_id", Description: "FOG's number of the image."}, {Name: "fog_task", Description: "FOG's number of the task."},
		{Name: "percent", Description: "100 when it is complete."}, againField},
	// Checking in and writing, before and after a power cycle, and once the wait for a slot of FOG's.
	Budget: sum(records, restart, offAfter, starts(someStarts), func(c *config.Config) time.Duration {
		return endConsole(c) + 2*c.Imaging.CheckIn.D() + 3*c.Imaging.Deadline.D() + fogCalls(c, 4)
	}),
	Run: imaging("imaging", offIfFailed(follow)),
}

func follow(ctx context.Context, h *hostRun) (any, error) {
	im := h.rec.Imaging
	if im == nil || im.TaskID == 0 {
		return nil, fault.New(fault.Refused, "nothing is scheduled in FOG")
	}
	out := imagingResult{ImageID: im.ImageID, TaskID: im.TaskID, Percent: 100}
	if im.Complete == nil {
		f, err := h.fog()
		if err != nil {
			return nil, err
		}
		w := &follower{hostRun: h, fog: f, roll: h.roll(f), limits: h.Config.Imaging}
		stop := h.watchConsole(ctx, "imaging")
		stalled, err := w.follow(ctx)
		stop()
		switch {
		case err != nil:
			return nil, err
		case stalled != nil && im.GiveUp(stalled.Error()):
			out.Result, out.Again, out.Percent = h.result(true, "%v; it is tried a second time", stalled), true, w.seen.percent
			return out, h.keep(ctx)
		case stalled != nil:
			return nil, w.abandon(ctx, stalled)
		}
		im.Complete = h.time()
		if err := h.keep(ctx); err != nil {
			return nil, err
		}
	}
	out.Result = h.result(true, "FOG says that image %d is written (task %d)", im.ImageID, im.TaskID)
	return out, nil
}

// follower waits for the end of one FOG task.
type follower struct {
	*hostRun
	fog  *fog.Client
	roll *roll
	// limits are how long the task may take and stand still.
	limits config.Imaging
	seen   pulse
	// told is the percentage told last.
	told int
	// blind is since when FOG has not answered, or not so that it could be read.
	blind time.Time
}

// follow returns when FOG says that the task is complete. stalled says that nothing got on any more, and a power cycle has not helped.
func (w *follower) follow(ctx context.Context) (stalled, err error) {
	w.told = -10
	err = retry.Until(ctx, w.Config.Imaging.PollInterval.D(), func(ctx context.Context) (bool, error) {
		t, err := w.look(ctx, w.listed)
		if err != nil || t.State == fog.TaskComplete {
			return err == nil, err
		}
		if stalled = w.seen.stalled(w.limits, w.Now()); stalled == nil {
			return false, w.seen.late(w.limits, w.Now())
		}
		if w.rec.Imaging.Cycled {
			return true, nil
		}
		return false, w.cycle(ctx)
	})
	return stalled, err
}

// listed reads the task as all followers see it, asked as FOG has it this very moment.
func (w *follower) listed(ctx context.Context) (fog.Task, error) {
	return w.sane(w.roll.task(ctx, w.fog, w.rec.Imaging.TaskID))
}

func (w *follower) asked(ctx context.Context) (fog.Task, error) {
	t, err := w.fog.Task(ctx, w.rec.Imaging.TaskID)
	return w.sane(t, waiting(err))
}

// look reads the task and tells how far it is. A FOG that does not answer for a while says nothing of the host.
func (w *follower) look(ctx context.Context, read func(context.Context) (fog.Task, error)) (fog.Task, error) {
	t, err := read(ctx)
	now, patience := w.Now(), w.Config.Imaging.CheckIn.D()
	switch {
	case fault.Is(err, fault.Transient) && w.blind.IsZero():
		w.blind = now
		return t, err
	case fault.Is(err, fault.Transient) && now.Sub(w.blind) > patience:
		return t, fault.As(fault.Deadline, fault.Wrap(err, "FOG has not told for %s how far the task is", patience))
	case err != nil:
		return t, err
	}
	if !w.blind.IsZero() {
		w.seen.forgive(now.Sub(w.blind))
		w.blind = time.Time{}
	}
	w.seen.beat(t, now)
	if t.Percent >= w.told+10 && t.State == fog.TaskInProgress {
		w.told = t.Percent - t.Percent%10
		w.Info("%s: imaging %d%%%s", w.host.Name, t.Percent, pace(t))
	}
	return t, nil
}

// plainText is what FOG's texts of rate and time look like. They come from the host that is being imaged.
var plainText = regexp.MustCompile(`^[0-9A-Za-z .,:/]{1,24}$`)

// pace is how fast the task is, as FOG tells it.
func pace(t fog.Task) (text string) {
	if plainText.MatchString(t.Rate) {
		text += ", " + t.Rate
	}
	if plainText.MatchString(t.Left) {
		text += ", " + t.Left + " left"
	}
	return text
}

// cycle starts the host once more in the middle of a wait, unless FOG, asked this very moment, says that it gets on. That it was done is
// journalled before.
func (w *follower) cycle(ctx context.Context) error {
	why := w.seen.stalled(w.limits, w.Now())
	if t, err := w.look(ctx, w.asked); err != nil || !t.State.Active() {
		return err
	}
	if w.seen.stalled(w.limits, w.Now()) == nil {
		return nil
	}
	w.rec.Imaging.Cycled = true
	if err := w.keep(ctx); err != nil {
		return err
	}
	w.Info("%s: %v: its power is cycled, and it boots from the network once more", w.host.Name, why)
	if err := w.awaitStart(ctx, someStarts); err != nil {
		return err
	}
	if err := w.restart(ctx, bmc.DevicePXE); err != nil {
		return fault.As(fault.Failed, fault.Wrap(err, "%v, and its power could not be cycled", why))
	}
	w.seen, w.told = pulse{}, -10
	return nil
}

// abandon ends the last try: the task must not be left for the host's next start.
func (w *follower) abandon(ctx context.Context, why error) error {
	im := w.rec.Imaging
	err := fault.New(fault.Failed, "%w; neither a power cycle nor a second try has helped", why).WithHint("%s", fault.HintOf(why))
	if cerr := w.fog.CancelTask(ctx, im.TaskID); cerr != nil {
		err = fault.New(fault.Failed, "%w; FOG task %d is still there: %w", err, im.TaskID, cerr).WithHint("cancel the task in FOG")
	}
	return err
}

// sane judges what FOG says of the task; a state that can only end badly is an error, and a later run makes a new task.
func (h *hostRun) sane(t fog.Task, err error) (fog.Task, error) {
	switch {
	case fault.Is(err, fault.NotFound):
		err = fault.New(fault.Failed, "FOG task %d has vanished: whether the image was written cannot be known", h.rec.Imaging.TaskID).
			WithHint("somebody deleted it in FOG; run laas.resume_job to write the image anew")
	case err != nil:
		return t, err
	case t.State == fog.TaskCancelled, t.State == fog.TaskFailed:
		err = fault.New(fault.Failed, "FOG task %d is %s", t.ID, t.State).WithHint("somebody cancelled it in FOG, or FOG gave up; look there")
	}
	if err != nil {
		h.rec.Imaging.Fail(err.Error())
	}
	return t, err
}
