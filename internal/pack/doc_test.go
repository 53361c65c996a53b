// Package pack holds the tests of the repository as a StackStorm pack: who imports whom, metadata against StackStorm's own
// schemas and the rules of its web UI, and what a clone contains.
package pack

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// root is the folder of the pack.
const root = "../.."

// read gives a file of the pack.
func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return text
}

// readYAML gives the one document of a YAML file.
func readYAML(t *testing.T, path string) map[string]any {
	t.Helper()
	var doc map[string]any
	require.NoError(t, yaml.Unmarshal(read(t, path), &doc), path)
	return doc
}

func readJSON(t *testing.T, path string) (doc any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &doc), path)
	return doc
}

// files lists the YAML files of a folder of the pack.
func files(t *testing.T, folder string) (paths []string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, folder, "*.yaml"))
	require.NoError(t, err)
	for _, f := range found {
		paths = append(paths, folder+"/"+filepath.Base(f))
	}
	return paths
}

// names gives the names of files without folder and ending.
func names(paths []string) map[string]bool {
	out := map[string]bool{}
	for _, p := range paths {
		out[strings.TrimSuffix(filepath.Base(p), ".yaml")] = true
	}
	return out
}

// git runs git in the pack's folder, also where the checkout belongs to another user.
func git(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("this copy of the pack is no git checkout")
	}
	cmd := exec.Command("git", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "git %v: %s", args, out)
	return string(out)
}
