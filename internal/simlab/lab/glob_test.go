package lab_test

import (
	"context"
	"path"
	"slices"
	"strings"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/hostnet"
	"stackstorm-laas/internal/remote"
)

func parent(pattern string) string { return path.Dir(pattern) }

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

func wrote(files []hostnet.File, name string) bool {
	return slices.ContainsFunc(files, func(f hostnet.File) bool { return f.Path == name })
}

// looked is a host as hostnet looks at it.
type looked struct {
	ctx  context.Context
	conn *remote.Conn
}

func (l looked) List(dir string) ([]string, error) {
	names, err := l.conn.List(l.ctx, dir)
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return names, err
}

func (l looked) Read(p string) ([]byte, error) { return l.conn.ReadFile(l.ctx, p) }

func (l looked) NetworkManager() (string, error) {
	version, err := l.conn.Run(l.ctx, "NetworkManager --version")
	return strings.TrimSpace(version), err
}
