package actions

import (
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/hostnet"
	"stackstorm-laas/internal/remote"
	"stackstorm-laas/internal/secret"
)

// A snapshot is written to hosts in the provisioning VLAN, so it must not hold the networks that its host was booked with. It gets those that the
// host's own image came with, which were kept when the booked ones were written. On the captured host the guard stands by: if the lab does not reach
// it to put the booked ones back, it does that by itself.

// formerNetwork is what configured the interfaces of a host when its image had been written.
type formerNetwork struct {
	// Task is FOG's task that wrote the image.
	Task  int            `json:"fog_task"`
	Files []hostnet.File `json:"files"`
}

// formerKey is where it is, encrypted: network configurations can have passwords in them.
func formerKey(host string) string { return "laas.secret.interfaces." + host }

// maxFormer bounds what is kept.
const maxFormer = 128 << 10

// keepFormer keeps the configuration that an image came with, before the first change of it.
func (h *hostRun) keepFormer(ctx context.Context, c *remote.Conn, render hostnet.Renderer) error {
	if h.rec.Imaging == nil {
		return nil
	}
	known, err := h.former(ctx)
	if err != nil || known != nil && known.Task == h.rec.Imaging.TaskID {
		return err
	}
	paths, err := stalePaths(ctx, c, render)
	if err != nil {
		return err
	}
	f, size := formerNetwork{Task: h.rec.Imaging.TaskID}, 0
	for _, p := range paths {
		text, err := c.ReadFile(ctx, p)
		if err != nil {
			return err
		}
		f.Files = append(f.Files, hostnet.File{Path: p, Mode: 0o600, Data: text})
		size += len(text)
	}
	if size > maxFormer {
		f.Files = nil
	}
	text, err := json.Marshal(f)
	if err != nil {
		return fault.New(fault.Internal, "write %s: %w", formerKey(h.host.Name), err)
	}
	return h.ST2.PutSecret(ctx, formerKey(h.host.Name), secret.New(string(text)))
}

// former reads what was kept; nil if there is nothing.
func (h *hostRun) former(ctx context.Context) (*formerNetwork, error) {
	text, found, err := h.ST2.GetSecret(ctx, formerKey(h.host.Name))
	if err != nil || !found {
		return nil, err
	}
	f := &formerNetwork{}
	if err := json.Unmarshal([]byte(text.Reveal()), f); err != nil {
		return nil, fault.New(fault.Config, "datastore key %s cannot be read", formerKey(h.host.Name)).WithHint("delete it; snapshots of the host then hold its booked networks")
	}
	return f, nil
}

// asImaged gives the host's disk the networks that its image came with, from its next start on. It does nothing where the lab has no login, no guard, or
// nothing was kept.
func (h *hostRun) asImaged(ctx context.Context) error {
	f, err := h.former(ctx)
	if err != nil || f == nil || len(f.Files) == 0 || h.had == nil || h.network() == nil || !h.rec.Capture.Login || h.Config.SSH.NetworkGuard == 0 {
		return err
	}
	return h.obeying(ctx, func(c *remote.Conn) error {
		render, _, err := hostnet.Detect(looked{ctx, c})
		if err != nil || !hostnet.Guardable(looked{ctx, c}.exists) {
			return err
		}
		h.rec.Capture.Neutral = true
		if err := h.Save(ctx, h.rec); err != nil {
			return err
		}
		if err := h.arm(ctx, c, render, f.Files); err != nil {
			return err
		}
		if err := replaceFiles(ctx, c, render, f.Files); err != nil {
			return err
		}
		_, err = c.Run(ctx, "sync")
		return err
	})
}

// asBookedAgain puts the booked networks back onto a host that was captured, and says whether they are in force: they are when the host has started
// since. The guard may have done it all.
func (h *hostRun) asBookedAgain(ctx context.Context, c *remote.Conn) (inForce bool, err error) {
	if !h.rec.Capture.Neutral {
		return true, nil
	}
	state, err := names(ctx, c, hostnet.GuardDir)
	if err != nil {
		return false, err
	}
	has := func(p string) bool { return slices.Contains(state, path.Base(p)) }
	switch {
	case has(hostnet.GuardReturning):
		return false, fault.New(fault.Transient, "the host is returning to its booked network this very moment")
	case h.rec.Capture.Restarted != nil, !has(hostnet.GuardArmed) && !has(hostnet.GuardConfirmed):
		return true, removeGuard(ctx, c)
	case has(hostnet.GuardArmed): // the guard keeps its hands off from here on
		if err := c.Rename(ctx, hostnet.GuardArmed, hostnet.GuardConfirmed); err != nil {
			return false, err
		}
	}
	if err := returnFiles(ctx, c, state); err != nil {
		return false, err
	}
	if _, err := c.Run(ctx, "sync"); err != nil {
		return false, err
	}
	if err := h.shutDown(ctx); err != nil {
		return false, err
	}
	if err := h.switchOn(ctx); err != nil {
		return false, err
	}
	h.rec.Capture.Restarted = h.time()
	return false, h.Save(ctx, h.rec)
}

// returnFiles does what the guard would do: what was written goes, what was there before comes back. It may be run again after a crash at any point.
func returnFiles(ctx context.Context, c *remote.Conn, state []string) error {
	if slices.Contains(state, path.Base(hostnet.GuardNew)) {
		written, err := c.ReadFile(ctx, hostnet.GuardNew)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(written)) {
			if err := c.Remove(ctx, strings.TrimSuffix(line, "\n")); err != nil {
				return err
			}
		}
		if err := c.Remove(ctx, hostnet.GuardNew); err != nil { // or the next run would remove what has come back
			return err
		}
	}
	return returnBelow(ctx, c, "/")
}

func returnBelow(ctx context.Context, c *remote.Conn, dir string) error {
	all, err := names(ctx, c, hostnet.GuardOld+dir)
	if err != nil {
		return err
	}
	for _, name := range all {
		p := path.Join(dir, name)
		if _, err := c.List(ctx, hostnet.GuardOld+p); err == nil {
			if err := returnBelow(ctx, c, p); err != nil {
				return err
			}
			continue
		}
		if err := c.MkdirAll(ctx, path.Dir(p), 0o755); err != nil {
			return err
		}
		if err := c.Rename(ctx, hostnet.GuardOld+p, p); err != nil {
			return err
		}
	}
	return nil
}
