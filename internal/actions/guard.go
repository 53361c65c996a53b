package actions

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/hostnet"
	"stackstorm-laas/internal/remote"
)

// writeInterfaces replaces the host's network configuration. It takes effect when the host boots. Where the lab will reach the host on its
// booked network, what was there before is kept on the host, with a guard that brings it back if nobody confirms the new one.
func (h *hostRun) writeInterfaces(ctx context.Context, c *remote.Conn) error {
	render, why, err := hostnet.Detect(looked{ctx, c})
	if err != nil {
		return err
	}
	h.rendered = render.Name() + ": " + why
	files, err := render.Files(h.interfaces())
	if err != nil {
		return err
	}
	if h.work.Mode == booking.Provision {
		if err := h.keepFormer(ctx, c, render); err != nil {
			return err
		}
	}
	// A host that changes its networks in the middle of a booking has none to go back to: the ports of its former one are taken away.
	h.rec.Guarded = h.work.Mode == booking.Provision && h.public() && h.Config.SSH.NetworkGuard > 0 && hostnet.Guardable(looked{ctx, c}.exists)
	if h.rec.Guarded {
		if err := h.arm(ctx, c, render, files); err != nil {
			return err
		}
	} else if err := removeGuard(ctx, c); err != nil {
		return err
	}
	return replaceFiles(ctx, c, render, files)
}

// looked is a host as hostnet looks at it.
type looked struct {
	ctx  context.Context
	conn *remote.Conn
}

func (l looked) List(dir string) ([]string, error) { return names(l.ctx, l.conn, dir) }

func (l looked) Read(p string) ([]byte, error) { return l.conn.ReadFile(l.ctx, p) }

func (l looked) NetworkManager() (string, error) {
	version, err := l.conn.Run(l.ctx, "/usr/sbin/NetworkManager --version")
	if fault.Is(err, fault.Failed) { // what is left of one that is not installed any more
		return "", nil
	}
	return strings.TrimSpace(version), err
}

func (l looked) exists(p string) bool { return there(l.ctx, l.conn, p) }

// replaceFiles makes files the host's network configuration, and nothing else.
func replaceFiles(ctx context.Context, c *remote.Conn, render hostnet.Renderer, files []hostnet.File) error {
	stale, err := stalePaths(ctx, c, render)
	if err != nil {
		return err
	}
	for _, old := range stale {
		if !slices.ContainsFunc(files, func(f hostnet.File) bool { return f.Path == old }) {
			if err := c.Remove(ctx, old); err != nil {
				return err
			}
		}
	}
	return writeFiles(ctx, c, files)
}

// arm keeps the configuration that the host has and installs the guard. It may be run again after a crash at any point: what was kept is what was
// there before the first file of ours.
func (h *hostRun) arm(ctx context.Context, c *remote.Conn, render hostnet.Renderer, files []hostnet.File) error {
	state, err := names(ctx, c, hostnet.GuardDir)
	if err != nil {
		return err
	}
	has := func(p string) bool { return slices.Contains(state, path.Base(p)) }
	switch {
	case has(hostnet.GuardReturning) && there(ctx, c, hostnet.GuardParts()[0]):
		return fault.New(fault.Transient, "the host is returning to its former network this very moment").WithHint("run laas.resume_job in a minute")
	case !has(hostnet.GuardArmed): // nothing, or what is left of a guard that has done its work
		if err := removeGuard(ctx, c); err != nil {
			return err
		}
		state = nil
	}
	for dir, mode := range map[string]fs.FileMode{hostnet.GuardDir: 0o700, hostnet.GuardWantsDir: 0o755} {
		if err := c.MkdirAll(ctx, dir, mode); err != nil {
			return err
		}
	}
	parts := hostnet.Guard(max(h.Config.SSH.NetworkGuard, h.Config.SSH.ReadyTimeout).D(), files)
	if has(hostnet.GuardNew) { // an earlier run's, too
		known, err := c.ReadFile(ctx, hostnet.GuardNew)
		if err != nil {
			return err
		}
		parts[0].Data = []byte(strings.Join(slices.Compact(slices.Sorted(strings.Lines(string(known)+string(parts[0].Data)))), ""))
	}
	if err := writeFiles(ctx, c, parts); err != nil || has(hostnet.GuardSaved) {
		return err
	}
	stale, err := stalePaths(ctx, c, render)
	if err != nil {
		return err
	}
	for _, f := range files { // also what is replaced, and goes by no pattern
		if !slices.Contains(stale, f.Path) && there(ctx, c, f.Path) {
			stale = append(stale, f.Path)
		}
	}
	for _, old := range stale {
		if err := c.MkdirAll(ctx, path.Dir(hostnet.GuardOld+old), 0o700); err != nil {
			return err
		}
		if err := c.Rename(ctx, old, hostnet.GuardOld+old); err != nil {
			return err
		}
	}
	return writeFiles(ctx, c, []hostnet.File{{Path: hostnet.GuardSaved, Mode: 0o600}})
}

// stalePaths are the files of the host's present configuration, ours among them.
func stalePaths(ctx context.Context, c *remote.Conn, render hostnet.Renderer) (out []string, err error) {
	for _, pattern := range render.Stale() {
		there, err := names(ctx, c, path.Dir(pattern))
		if err != nil {
			return nil, err
		}
		for _, name := range there {
			full := path.Join(path.Dir(pattern), name)
			if ok, _ := path.Match(pattern, full); ok && !slices.Contains(out, full) {
				out = append(out, full)
			}
		}
	}
	return out, nil
}

// writeFiles also makes directories that are not there: not every image has all that its system reads.
func writeFiles(ctx context.Context, c *remote.Conn, files []hostnet.File) error {
	for _, f := range files {
		err := c.WriteFile(ctx, f.Path, f.Data, f.Mode)
		if fault.Is(err, fault.NotFound) {
			if err = c.MkdirAll(ctx, path.Dir(f.Path), 0o755); err == nil {
				err = c.WriteFile(ctx, f.Path, f.Data, f.Mode)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// confirm tells the guard that the host is reached on its new network, and takes the guard and what it kept off the host. It fails as Unproven when
// the guard was faster.
func (h *hostRun) confirm(ctx context.Context, c *remote.Conn) error {
	err := c.Rename(ctx, hostnet.GuardArmed, hostnet.GuardConfirmed)
	state, lerr := names(ctx, c, hostnet.GuardDir)
	acted := func(p string) bool { return slices.Contains(state, path.Base(p)) }
	switch {
	case lerr != nil:
		return lerr
	case fault.Is(err, fault.NotFound) && (acted(hostnet.GuardReturning) || acted(hostnet.GuardNote)): // else an earlier run of ours has confirmed it
		return fault.New(fault.Unproven, "the host answers, and its guard brings its former network back all the same: ssh.network_guard was over")
	case err != nil && !fault.Is(err, fault.NotFound):
		return err
	}
	return removeGuard(ctx, c)
}

// removeGuard leaves nothing of a guard on the host, read back.
func removeGuard(ctx context.Context, c *remote.Conn) error {
	installed := false
	for _, p := range hostnet.GuardParts() {
		installed = installed || there(ctx, c, p)
		if err := c.Remove(ctx, p); err != nil {
			return err
		}
	}
	if err := c.RemoveAll(ctx, hostnet.GuardDir); err != nil {
		return err
	}
	left, err := names(ctx, c, hostnet.GuardWantsDir)
	if err != nil {
		return err
	}
	if len(left) == 0 {
		if err := c.RemoveAll(ctx, hostnet.GuardWantsDir); err != nil {
			return err
		}
	}
	if !installed {
		return nil
	}
	_, err = c.Run(ctx, "systemctl daemon-reload") // it forgets the unit
	return err
}

// names are what is in a directory, nothing if it is not there.
func names(ctx context.Context, c *remote.Conn, dir string) ([]string, error) {
	out, err := c.List(ctx, dir)
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return out, err
}

func there(ctx context.Context, c *remote.Conn, p string) bool {
	names, err := c.List(ctx, path.Dir(p))
	return err == nil && slices.Contains(names, path.Base(p))
}
