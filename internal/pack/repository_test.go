package pack

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPackFileNamesThePack(t *testing.T) {
	doc := readYAML(t, "pack.yaml")
	assert.Equal(t, "laas", doc["ref"])
	assert.Equal(t, "laas", doc["name"])
	assert.Equal(t, ">=3.8.0", doc["stackstorm_version"])
	assert.Equal(t, []any{"3"}, doc["python_versions"])
	assert.Regexp(t, `^\d+\.\d+\.\d+$`, doc["version"])
	assert.Contains(t, doc["email"], "@", "StackStorm's direct registration fails without it")
	for _, key := range []string{"description", "author", "keywords"} {
		assert.NotEmpty(t, doc[key], key)
	}
	assert.Contains(t, string(read(t, "CHANGES.md")), "## "+doc["version"].(string), "the version has an entry in CHANGES.md")
	assert.NoFileExists(t, filepath.Join(root, "requirements.txt"), "the pack needs nothing from pip")
}

func TestPackHasWhatTheExchangeAsksFor(t *testing.T) {
	assert.Contains(t, string(read(t, "LICENSE")), "Apache License")
	assert.NotEmpty(t, read(t, "README.md"))
	icon, err := png.DecodeConfig(bytes.NewReader(read(t, "icon.png")))
	require.NoError(t, err)
	assert.Equal(t, [2]int{64, 64}, [2]int{icon.Width, icon.Height})
}

// tracked gives the mode of every file in git's index.
func tracked(t *testing.T) map[string]string {
	t.Helper()
	modes := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSuffix(git(t, "ls-files", "-s", "-z"), "\x00"), "\x00") {
		meta, path, _ := strings.Cut(line, "\t")
		modes[path] = strings.Fields(meta)[0]
	}
	return modes
}

func TestScriptsAreExecutableInGit(t *testing.T) {
	modes := tracked(t)
	for _, path := range []string{"setup.sh", "actions/run.sh", ".ci/run"} {
		assert.Equal(t, "100755", modes[path], path)
	}
	assert.Equal(t, "120000", modes["actions/workflows"], "the link to the workflows is committed")
	target, err := os.Readlink(filepath.Join(root, "actions/workflows"))
	require.NoError(t, err)
	assert.Equal(t, "../workflows", target)
	assert.True(t, slices.ContainsFunc(keys(modes), func(p string) bool { return strings.HasPrefix(p, "workflows/") }),
		"git keeps no empty folder, and StackStorm refuses a link to nothing")
}

func keys(modes map[string]string) (paths []string) {
	for p := range modes {
		paths = append(paths, p)
	}
	return paths
}

func TestGitHoldsNoBinariesAndNoBigFiles(t *testing.T) {
	for path, mode := range tracked(t) {
		if mode == "120000" || path == "icon.png" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted and not committed yet
		}
		require.NoError(t, err)
		assert.Less(t, len(text), 300_000, "%s is too big", path)
		assert.False(t, bytes.IndexByte(text, 0) >= 0, "%s is no text", path)
		if strings.HasSuffix(path, ".go") {
			assert.LessOrEqual(t, bytes.Count(text, []byte("\n")), 400, "%s is too long", path)
		}
	}
}

func TestAnActionOfACloneWithoutBinariesSaysSo(t *testing.T) {
	clone := filepath.Join(t.TempDir(), "laas")
	top := strings.TrimSpace(git(t, "rev-parse", "--show-toplevel"))
	git(t, "clone", "-q", "--no-hardlinks", top, clone)
	cmd := exec.Command(filepath.Join(clone, "actions/run.sh"), "--host=pod1", "--action=power")
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 3, exit.ExitCode(), "the status of a config error")
	assert.Empty(t, stderr.String())
	var answer struct {
		Error struct {
			Kind, Message, Hint string
			Retryable           *bool
		}
	}
	require.NoError(t, json.Unmarshal(stdout, &answer), "stdout is one JSON document: %s", stdout)
	assert.Equal(t, "config", answer.Error.Kind)
	assert.Contains(t, answer.Error.Message, "bin/laas-")
	assert.Contains(t, answer.Error.Hint, "./setup.sh build")
	require.NotNil(t, answer.Error.Retryable)
	assert.False(t, *answer.Error.Retryable)
}
