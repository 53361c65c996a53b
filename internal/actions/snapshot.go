package actions

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/inventory"
)

var deleteSnapshot = &action.Action{
	Name: "delete_snapshot",
	Description: "Delete an image that the pack captured from FOG. One that a host which somebody has was made from stays, and so does an image that the pack did not capture. " +
		"FOG keeps the files on its storage node: delete them there if they must be gone.",
	Params: []action.Param{{Name: "image", Type: action.String, Required: true, Description: "FOG's number or name of the image. Example: snapshot_3"},
		{Name: "confirm", Type: action.String, Required: true, Description: "The image's name once more: what is in it cannot be had back."}},
	Budget: sum(records, records, func(c *config.Config) time.Duration { return fogCalls(c, 40) }),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l := open(c)
		f, err := l.fog()
		if err != nil {
			return nil, err
		}
		image, err := f.Image(ctx, c.Params.String("image"))
		if err != nil {
			return nil, err
		}
		s, err := l.Snapshot(ctx, image.ID)
		switch {
		case err != nil:
			return nil, err
		case s == nil:
			return nil, fault.New(fault.Refused, "image %d (%s) was not captured by the pack", image.ID, image.Name).WithHint("delete it in FOG if nobody needs it")
		case c.Params.String("confirm") != image.Name:
			return nil, fault.New(fault.Input, "confirm must be the image's name, %q", image.Name)
		}
		used, err := l.imagesInUse(ctx, f)
		if err != nil {
			return nil, err
		}
		if host := used[s.ImageID]; host != "" {
			return nil, fault.New(fault.Refused, "%s was made from image %d, and somebody has it", host, s.ImageID)
		}
		if err := l.deleteImage(ctx, f, s); err != nil {
			return nil, err
		}
		return action.Result{Changed: true, Summary: fmt.Sprintf("image %d (%s) is deleted", s.ImageID, s.Name)}, nil
	},
}

func (l *lab) deleteImage(ctx context.Context, f *fog.Client, s *booking.Snapshot) error {
	if err := l.Checkpoint(ctx); err != nil {
		return err
	}
	if err := f.DeleteImage(ctx, s.ImageID); err != nil {
		return err
	}
	return l.ForgetSnapshot(ctx, s.ImageID)
}

// imagesInUse tells which image FOG has for each host that somebody has, by the image.
func (l *lab) imagesInUse(ctx context.Context, f *fog.Client) (map[int]string, error) {
	owners, err := l.Owners(ctx)
	if err != nil {
		return nil, err
	}
	used := map[int]string{}
	for _, o := range owners {
		host, err := inventory.LoadHost(ctx, l.ST2, o.Host)
		if err != nil {
			return nil, err
		}
		if host.FOGName == "" {
			continue
		}
		machine, err := f.Host(ctx, host.FOGName)
		if err != nil {
			return nil, err
		}
		used[machine.ImageID] = o.Host
	}
	return used, nil
}

type expiredResult struct {
	action.Result
	Deleted []string `json:"deleted"`
	Kept    int      `json:"kept"`
	Failed  []string `json:"failed"`
}

var expireSnapshots = &action.Action{
	Name:        "expire_snapshots",
	Description: "Delete the snapshots that are older than imaging.snapshot_expiry from FOG; without that setting, none. One whose booking goes on stays, one that a host which somebody has was made from, and one that an operator made.",
	Output: []action.Field{{Name: "deleted", Description: "Numbers of the images that are gone."}, {Name: "kept", Description: "How many snapshots there are."},
		{Name: "failed", Description: "Numbers of the images that could not be deleted."}},
	Budget: sum(records, records, records, func(c *config.Config) time.Duration { return fogCalls(c, 200) }),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l := open(c)
		all, err := l.Snapshots(ctx)
		if err != nil {
			return nil, err
		}
		old, err := l.expired(ctx, all)
		if err != nil {
			return nil, err
		}
		out := expiredResult{Deleted: []string{}, Failed: []string{}}
		for _, s := range old {
			f, err := l.fog()
			if err == nil {
				err = l.deleteImage(ctx, f, s)
			}
			if err != nil {
				l.Info("image %d (%s): %v", s.ImageID, s.Name, err)
				out.Failed = append(out.Failed, strconv.Itoa(s.ImageID))
				continue
			}
			out.Deleted = append(out.Deleted, strconv.Itoa(s.ImageID))
		}
		out.Kept = len(all) - len(out.Deleted)
		out.Result = action.Result{Changed: len(out.Deleted) > 0, Summary: fmt.Sprintf("%d snapshot(s) deleted, %d kept", len(out.Deleted), out.Kept)}
		if len(out.Failed) > 0 {
			return nil, fault.New(fault.Failed, "%s, %d could not be deleted: %v", out.Summary, len(out.Failed), out.Failed).WithHint("look at FOG; it is tried again the next time")
		}
		return out, nil
	},
}

// expired picks the snapshots that nobody can want any more. FOG is asked only if there may be any.
func (l *lab) expired(ctx context.Context, all []*booking.Snapshot) (old []*booking.Snapshot, err error) {
	days := l.Config.Imaging.SnapshotExpiry
	owners, err := l.Owners(ctx)
	if err != nil || days == 0 {
		return nil, err
	}
	live := map[int]bool{}
	for _, o := range owners {
		live[o.Job] = true
	}
	for _, s := range all {
		if s.DashboardID != 0 && !live[s.Job] && l.Now().Sub(s.Captured) > time.Duration(days)*24*time.Hour {
			old = append(old, s)
		}
	}
	if len(old) == 0 {
		return nil, nil
	}
	f, err := l.fog()
	if err != nil {
		return nil, err
	}
	used, err := l.imagesInUse(ctx, f)
	if err != nil {
		return nil, err
	}
	unused := old[:0]
	for _, s := range old {
		if used[s.ImageID] == "" {
			unused = append(unused, s)
		}
	}
	return unused, nil
}
