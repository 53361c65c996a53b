package actions

import (
	"context"
	"fmt"
	"slices"
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
		{Name: "confirm", Type: action.String, Required: true, Description: "Type the image's name here too, not its number: what is in it cannot be had back."}},
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
		switch host, err := l.holder(ctx, f, s.ImageID); {
		case err != nil:
			return nil, err
		case host != "":
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

// holder finds a host that somebody has and that was made from the image; "" if there is none. FOG tells in one answer which hosts it has the image
// for: one that it does not know has none. Of the others that is told, as deleting the image takes it from them.
func (l *lab) holder(ctx context.Context, f *fog.Client, image int) (string, error) {
	hosts, err := f.HostsOf(ctx, image)
	if err != nil || len(hosts) == 0 {
		return "", err
	}
	owners, err := l.Owners(ctx)
	if err != nil {
		return "", err
	}
	for _, o := range owners {
		host, err := inventory.LoadHost(ctx, l.ST2, o.Host)
		if err != nil {
			return "", err
		}
		if slices.Contains(hosts, host.FOGName) {
			return o.Host, nil
		}
	}
	l.Info("FOG has image %d for %d host(s) that nobody has", image, len(hosts))
	return "", nil
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
	unused := old[:0]
	for _, s := range old {
		host, err := l.holder(ctx, f, s.ImageID)
		if err != nil {
			return nil, err
		}
		if host == "" {
			unused = append(unused, s)
		}
	}
	return unused, nil
}
