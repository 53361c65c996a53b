// Package testreal finds the real programs that tests named TestReal... hold the pack against.
package testreal

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// dirs are where distributions keep servers that are in no ordinary user's PATH.
var dirs = []string{"/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/lib/openssh", "/usr/lib/openldap", "/usr/libexec"}

// Need gives the paths of the programs, in order. A missing one skips the test on a developer's machine and fails it where CI is "true".
func Need(t testing.TB, programs ...string) []string {
	t.Helper()
	paths := make([]string, len(programs))
	for i, p := range programs {
		if paths[i] = find(p); paths[i] != "" {
			continue
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed", p)
		}
		t.Skipf("%s is not installed", p)
	}
	return paths
}

func find(program string) string {
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, dir := range dirs {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	return ""
}
