package fog

import (
	"context"
	"fmt"
	"net/http"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
	"stackstorm-laas/internal/retry"
)

// Schedule queues a task for the host, and gives it. FOG does not tell which task it made, so it is looked for among the active ones.
// Refused if the host has an active task already. Deploy and Capture concern the image that is assigned to the host at this moment; a
// Capture into a protected image is refused, which FOG's pages do, and its API does not. After a Capture the host is to switch itself off
// instead of booting: what is on its disk is somebody's who must not be let into FOG's network.
//
// That the host has no task is looked up before anything is sent, and not left to FOG: it refuses a second task only beside a deployment
// or a capture. Beside a wipe it cancels the wipe, or, 1.6, says ok to a second wipe and makes none (Host::createImagePackage).
func (c *Client) Schedule(ctx context.Context, h Host, typ TaskType, name string) (Task, error) {
	if _, known := typeNames[typ]; !known {
		return Task{}, fault.New(fault.Internal, "the pack schedules no %s", typ)
	}
	what := fmt.Sprintf("schedule a %s of host %s", typ, h.Name)
	if typ == Capture {
		if err := c.capturable(ctx, h, what); err != nil {
			return Task{}, err
		}
	}
	s := scheduling{c: c, host: h, typ: typ, name: name}
	t, err := retry.Do(ctx, c.retry, func() (Task, error) { return s.try(ctx) })
	if s.accepted && fault.Is(err, fault.Transient) {
		err = fault.As(fault.Unproven, err)
	}
	return t, c.wrap(err, what)
}

// capturable says that the image that the host is assigned to now may be overwritten.
func (c *Client) capturable(ctx context.Context, h Host, what string) error {
	now, err := c.hostByID(ctx, h.ID)
	switch {
	case err != nil:
		return fault.Wrap(err, "%s", what)
	case now.ImageID < 1:
		return c.wrap(fault.New(fault.Refused, "no image is assigned to the host"), what)
	}
	img, _, err := c.imageByID(ctx, now.ImageID, what)
	if err == nil && img.Protected {
		err = c.wrap(fault.New(fault.Refused, "image %s is protected", img.Name).WithHint("assign an image of its own to the host before it is captured"), what)
	}
	return err
}

// scheduling is what is known between two tries. No step that succeeded is repeated, so that a FOG that fails every other call is
// enough.
type scheduling struct {
	c    *Client
	host Host
	typ  TaskType
	name string
	// free says that the host had no task, sent that FOG may have made ours, unanswered that it did not say, accepted that it has.
	free, sent, unanswered, accepted bool
}

func (s *scheduling) try(ctx context.Context) (Task, error) {
	if !s.free {
		t, found, err := s.c.activeOf(ctx, s.host)
		switch {
		case err != nil:
			return Task{}, err
		case found:
			return Task{}, occupied(t)
		}
		s.free = true
	}
	if s.unanswered { // it may be there already
		if t, found, err := s.c.activeOf(ctx, s.host); err != nil || found {
			return s.ours(t, err)
		}
		s.unanswered = false
	}
	if !s.accepted {
		if err := s.post(ctx); err != nil {
			return Task{}, err
		}
	}
	t, found, err := s.c.activeOf(ctx, s.host)
	if err == nil && !found {
		err = fault.New(fault.Transient, "FOG accepted it, but shows no active task of the host")
	}
	return s.ours(t, err)
}

// post sends the task. A second sending does no harm: FOG refuses it, or puts it into the first one's place. That it refuses one after a
// failure is as good as an acceptance, if the task turns out to be ours.
func (s *scheduling) post(ctx context.Context) error {
	_, err := s.c.once(ctx, http.MethodPost, path("host/%d/task", s.host.ID), map[string]any{
		"taskTypeID": int(s.typ), "taskName": s.name, "shutdown": s.typ == Capture, "debug": false, "deploySnapins": false, "wol": false,
	})
	switch {
	case err == nil:
		s.accepted = true
		return nil
	case fault.Is(err, fault.Refused) && s.sent:
		return nil
	case fault.Is(err, fault.Transient):
		s.sent, s.unanswered = true, rest.StatusOf(err) == 0
	}
	return err
}

// ours checks that the host's active task is the one that was sent.
func (s *scheduling) ours(t Task, err error) (Task, error) {
	switch {
	case err != nil:
		return Task{}, err
	case t.TypeID == int(s.typ) && (s.accepted || t.Name == s.name):
		return t, nil
	}
	return Task{}, occupied(t)
}

func occupied(t Task) error {
	return fault.New(fault.Refused, "the host has an active task already (task %d, %s)", t.ID, t.State).
		WithHint("look at FOG's active tasks; cancel the one of this host if nobody needs it")
}

// activeOf finds the active task of a host, by a single read. FOG allows one at a time.
func (c *Client) activeOf(ctx context.Context, h Host) (Task, bool, error) {
	tasks, err := c.activeTasks(ctx)
	if err != nil {
		return Task{}, false, err
	}
	for _, t := range tasks {
		if t.HostID == h.ID && t.State.Active() {
			return t, true, nil
		}
	}
	return Task{}, false, nil
}
