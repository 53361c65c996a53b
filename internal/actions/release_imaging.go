package actions

import (
	"context"
	"slices"
	"strings"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
)

// imagingStep cancels a deployment of the booking's that is still scheduled or under way: the host would be imaged at its next start. What a capture
// left half made goes, too.
type imagingStep struct{ *hostRun }

// captures are the records of captures that FOG may have something left of.
func (s imagingStep) captures(ctx context.Context) ([]*booking.TaskRecord, error) {
	all, err := s.Tasks(ctx, s.job.Job)
	return slices.DeleteFunc(all, func(r *booking.TaskRecord) bool {
		own := s.plan.Own != nil || r.Host == s.host.Name
		return !own || !r.Capture.Unsettled()
	}), err
}

// left finds the deployments of the booking that FOG still has. FOG is not asked about one that was seen to be complete.
func (s imagingStep) left(ctx context.Context) (*fog.Client, []fog.Task, error) {
	if s.rec.Imaging == nil || s.rec.Imaging.Complete != nil {
		return nil, nil, nil
	}
	f, err := s.fog()
	if err != nil {
		return nil, nil, err
	}
	active, err := f.ActiveTasks(ctx)
	ours := slices.DeleteFunc(active, func(t fog.Task) bool {
		return t.ID != s.rec.Imaging.TaskID && !strings.HasPrefix(t.Name, s.taskPrefix())
	})
	return f, ours, err
}

func (s imagingStep) Check(ctx context.Context) (bool, error) {
	_, left, err := s.left(ctx)
	if err != nil || len(left) > 0 {
		return false, err
	}
	half, err := s.captures(ctx)
	return len(half) == 0, err
}

func (s imagingStep) Apply(ctx context.Context) error {
	half, err := s.captures(ctx)
	if err != nil {
		return err
	}
	for _, rec := range half {
		if err := s.settle(ctx, s.host, rec); err != nil {
			return err
		}
		if rec.Task == s.rec.Task { // the step's own record is written by whoever does the step
			s.rec.Capture = rec.Capture
		}
	}
	f, left, err := s.left(ctx)
	if err != nil {
		return err
	}
	for _, t := range left {
		if err := f.CancelTask(ctx, t.ID); err != nil {
			return err
		}
	}
	return nil
}

func (s imagingStep) Prove(ctx context.Context) (string, error) {
	clean, err := s.Check(ctx)
	if err == nil && !clean {
		err = fault.New(fault.Unproven, "FOG still has a task or half an image of the booking")
	}
	return "no deployment is under way", err
}
