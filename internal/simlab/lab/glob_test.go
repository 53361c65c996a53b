package lab_test

import (
	"path"
	"slices"

	"stackstorm-laas/internal/hostnet"
)

func parent(pattern string) string { return path.Dir(pattern) }

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

func wrote(files []hostnet.File, name string) bool {
	return slices.ContainsFunc(files, func(f hostnet.File) bool { return f.Path == name })
}
