// Package testreal finds the real programs that some tests talk to.
package testreal

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// places are searched after PATH: servers of a distribution are often outside of an ordinary user's.
var places = []string{"/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/lib/openssh"}

// Need gives the path of a program. Without it the test is skipped; in CI (CI=true) it fails, so that nobody mistakes a test
// that did not run for one that passed.
func Need(t testing.TB, program string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, dir := range places {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
	return ""
}
