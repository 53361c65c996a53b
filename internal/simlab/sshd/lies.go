package sshd

import (
	"io/fs"
	"path"
	"sync"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/peer"
	"stackstorm-laas/internal/simlab/world"
)

// lies holds the disk that a host shows while it lies: a copy of the real one with the writes that were not made. Logins and the
// network go by the real one.
type lies struct {
	server *Server
	mu     sync.Mutex
	of     *world.FS
	shown  *world.FS
	// name is the hostname that is shown, if there was a lie about it.
	name string
}

// view is the disk that reads see.
func (l *lies) view() *world.FS {
	truth := l.server.world.FS(l.server.cfg.Host)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of != truth || !peer.Lying(l.server.faults, system, l.server.cfg.Host) {
		l.of, l.shown, l.name = nil, nil, ""
	}
	if l.shown != nil {
		return l.shown
	}
	return truth
}

// hostname is the name that is shown, given the real one.
func (l *lies) hostname(truth string) string {
	l.view()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.name != "" {
		return l.name
	}
	return truth
}

func (l *lies) setHostname(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.name = name
}

// targets are the disks that a write goes to; none when it is forgotten.
func (l *lies) targets(kind faults.Kind) []*world.FS {
	shown, truth := l.view(), l.server.world.FS(l.server.cfg.Host)
	switch {
	case truth == nil || kind == faults.Forget:
		return nil
	case kind == faults.Lie && shown == truth:
		shown = duplicate(truth)
		l.mu.Lock()
		l.of, l.shown = truth, shown
		l.mu.Unlock()
		return []*world.FS{shown}
	case kind == faults.Lie:
		return []*world.FS{shown}
	case shown != truth:
		return []*world.FS{truth, shown}
	}
	return []*world.FS{truth}
}

// duplicate copies a whole disk.
func duplicate(from *world.FS) *world.FS {
	to := world.NewFS()
	var walk func(dir string)
	walk = func(dir string) {
		infos, _ := from.ReadDir(dir)
		for _, i := range infos {
			p := path.Join(dir, i.Name())
			if i.IsDir() {
				_ = to.Mkdir(p, i.Mode())
				walk(p)
			} else if data, err := from.ReadFile(p); err == nil {
				_ = to.WriteFile(p, data, i.Mode())
			}
			_ = to.Chown(p, i.UID, i.GID)
			_ = to.Chmod(p, i.Mode()&fs.ModePerm)
		}
	}
	walk("/")
	return to
}
