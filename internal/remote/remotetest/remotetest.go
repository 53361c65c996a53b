// Package remotetest holds hosts that tests run package remote against to what it expects of an SSH server.
package remotetest

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/remote"
)

// Conformance logs in to a host with a shell and SFTP, and works in dir, an empty directory there.
func Conformance(t *testing.T, cfg remote.Config, target remote.Target, dir string) {
	Login(t, cfg, target)
	Files(t, cfg, target, dir)
	for _, c := range []struct {
		name, command, out string
		text               string // of the failure
	}{
		{"a command that succeeds gives its output", "echo one; echo two >&2", "one\n", ""},
		{"a command that fails tells its status and what it complained", "echo out; echo first >&2; echo last >&2; exit 3", "", "exit status 3: first / last"},
		{"a command that does not exist", "no-such-command-anywhere", "", "exit status 127"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := dial(t, cfg, target).Run(t.Context(), c.command)
			assert.Equal(t, c.out, out)
			if c.text == "" {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, fault.Failed, fault.KindOf(err), "%v", err)
			assert.ErrorContains(t, err, c.text)
			assert.ErrorContains(t, err, target.Host)
		})
	}
}

// Login is the part of Conformance that needs no shell and no files.
func Login(t *testing.T, cfg remote.Config, target remote.Target) {
	t.Run("the host key that was seen first is known the next time", func(t *testing.T) {
		first := dial(t, cfg, target)
		pinned := target
		pinned.HostKey = first.HostKey()
		require.NotEmpty(t, pinned.HostKey)
		assert.Equal(t, first.HostKey(), dial(t, cfg, pinned).HostKey())
	})
}

// Files is the part of Conformance that needs SFTP only.
func Files(t *testing.T, cfg remote.Config, target remote.Target, dir string) {
	t.Run("what a writer left behind when it was killed goes with the next one", func(t *testing.T) {
		ctx, c := t.Context(), dial(t, cfg, target)
		at := path.Join(dir, "k")
		require.NoError(t, c.MkdirAll(ctx, at, 0o700))
		for _, name := range []string{".file.ABCDEFGHIJKLMNOPQRSTUVWXYZ", ".file.ABC", ".other.ABCDEFGHIJKLMNOPQRSTUVWXYZ"} {
			require.NoError(t, c.WriteFile(ctx, path.Join(at, name), nil, 0o600))
		}
		require.NoError(t, c.WriteFile(ctx, path.Join(at, "file"), nil, 0o600))
		names, err := c.List(ctx, at)
		require.NoError(t, err)
		assert.Equal(t, []string{".file.ABC", ".other.ABCDEFGHIJKLMNOPQRSTUVWXYZ", "file"}, names)
		require.NoError(t, c.RemoveAll(ctx, at))
	})
	t.Run("files are moved, and directories removed with all that is in them", func(t *testing.T) {
		ctx, c := t.Context(), dial(t, cfg, target)
		from, to := path.Join(dir, "m", "from"), path.Join(dir, "m", "deep", "to")
		assert.Equal(t, fault.NotFound, fault.KindOf(c.Rename(ctx, from, to)), "it is missing")
		require.NoError(t, c.MkdirAll(ctx, path.Dir(to), 0o700))
		for _, text := range []string{"one", "two"} { // the second time over what is there
			require.NoError(t, c.WriteFile(ctx, from, []byte(text), 0o640))
			require.NoError(t, c.Rename(ctx, from, to))
			have, err := c.ReadFile(ctx, to)
			require.NoError(t, err)
			assert.Equal(t, text, string(have))
		}
		names, err := c.List(ctx, path.Dir(from))
		require.NoError(t, err)
		assert.Equal(t, []string{"deep"}, names)
		require.NoError(t, c.RemoveAll(ctx, path.Join(dir, "m")))
		require.NoError(t, c.RemoveAll(ctx, path.Join(dir, "m")), "again is fine")
		_, err = c.List(ctx, path.Join(dir, "m"))
		assert.Equal(t, fault.NotFound, fault.KindOf(err), "%v", err)
	})
	t.Run("files are written, replaced, read, listed and removed", func(t *testing.T) {
		ctx, c := t.Context(), dial(t, cfg, target)
		deep, name := path.Join(dir, "a", "b"), path.Join(dir, "a", "b", "file")
		_, err := c.ReadFile(ctx, name)
		assert.Equal(t, fault.NotFound, fault.KindOf(err), "%v", err)
		_, err = c.List(ctx, deep)
		assert.Equal(t, fault.NotFound, fault.KindOf(err), "%v", err)
		assert.Equal(t, fault.NotFound, fault.KindOf(c.WriteFile(ctx, name, nil, 0o600)), "the directory is missing")

		require.NoError(t, c.MkdirAll(ctx, deep, 0o700))
		require.NoError(t, c.MkdirAll(ctx, deep, 0o700), "again is fine")
		for _, text := range []string{"one\n", "two, and longer\n", "", strings.Repeat("0123456789abcdef", 10_000)} {
			require.NoError(t, c.WriteFile(ctx, name, []byte(text), 0o600))
			have, err := c.ReadFile(ctx, name)
			require.NoError(t, err)
			assert.Equal(t, text, string(have))
		}
		require.NoError(t, c.WriteFile(ctx, path.Join(deep, "another"), []byte("x"), 0o644))
		names, err := c.List(ctx, deep)
		require.NoError(t, err)
		assert.Equal(t, []string{"another", "file"}, names)
		require.NoError(t, c.Remove(ctx, name))
		require.NoError(t, c.Remove(ctx, name), "again is fine")
		_, err = c.ReadFile(ctx, name)
		assert.Equal(t, fault.NotFound, fault.KindOf(err), "%v", err)
	})
}

func dial(t *testing.T, cfg remote.Config, target remote.Target) *remote.Conn {
	t.Helper()
	c, err := remote.Dial(t.Context(), cfg, target)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}
