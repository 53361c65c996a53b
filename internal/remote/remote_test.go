package remote_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/remote"
	"stackstorm-laas/internal/remote/remotetest"
	"stackstorm-laas/internal/secret"
)

func TestRealSshdIsUsedAsPromised(t *testing.T) {
	h := startSSHD(t)
	remotetest.Conformance(t, h.cfg, h.target, t.TempDir())
}

func TestRealSshdLoginsAreToldApart(t *testing.T) {
	h := startSSHD(t)
	stranger, _ := newKey(t)
	_, otherHost := newKey(t)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	public, err := ssh.NewPublicKey(private.Public())
	require.NoError(t, err)
	ecdsaHost := string(ssh.MarshalAuthorizedKey(public))
	for _, c := range []struct {
		name   string
		change func(*remote.Config, *remote.Target)
		kind   fault.Kind // empty for accepted
	}{
		{"the right key, an unknown host", func(*remote.Config, *remote.Target) {}, ""},
		{"the known host key", func(_ *remote.Config, t *remote.Target) { t.HostKey = h.keys["ed25519"] }, ""},
		{"the known host key is not the type that the host would choose", func(_ *remote.Config, t *remote.Target) { t.HostKey = h.keys["rsa"] }, ""},
		{"the known host key with a comment", func(_ *remote.Config, t *remote.Target) { t.HostKey = h.keys["ed25519"] + " root@node1\n" }, ""},
		{"the host key changed", func(_ *remote.Config, t *remote.Target) { t.HostKey = otherHost }, fault.Refused},
		{"the host has no key of the known type any more", func(_ *remote.Config, t *remote.Target) {
			t.HostKey = ecdsaHost
		}, fault.Refused},
		{"the host key is unreadable", func(_ *remote.Config, t *remote.Target) { t.HostKey = "nonsense" }, fault.Config},
		{"a key that the host does not know", func(c *remote.Config, _ *remote.Target) { c.Key = stranger }, fault.Credentials},
		{"no key", func(c *remote.Config, _ *remote.Target) { c.Key = secret.New("-----BEGIN nonsense") }, fault.Config},
		{"nobody listens", func(_ *remote.Config, target *remote.Target) { target.Port = freeTCP(t) }, fault.Transient},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, target := h.cfg, h.target
			c.change(&cfg, &target)
			conn, err := remote.Dial(t.Context(), cfg, target)
			if c.kind == "" {
				require.NoError(t, err)
				assert.Contains(t, []string{h.keys["ed25519"], h.keys["rsa"]}, conn.HostKey())
				require.NoError(t, conn.Close())
				return
			}
			assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			assert.NotContains(t, err.Error(), cfg.Key.Reveal())
		})
	}
}

func TestRealSshdFilesAreReplacedAsAWhole(t *testing.T) {
	h := startSSHD(t)
	c, dir := h.dial(t), t.TempDir()
	path := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
	old, err := os.Open(path)
	require.NoError(t, err)
	defer old.Close()

	require.NoError(t, c.WriteFile(t.Context(), path, []byte("new"), 0o600))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode())
	text := make([]byte, 3)
	_, err = old.Read(text)
	require.NoError(t, err)
	assert.Equal(t, "old", string(text), "who has the old file open keeps it whole")

	err = c.WriteFile(t.Context(), filepath.Join(dir, "no", "file"), []byte("x"), 0o600)
	assert.Equal(t, fault.NotFound, fault.KindOf(err), "%v", err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "taken"), 0o755))
	err = c.WriteFile(t.Context(), filepath.Join(dir, "taken"), []byte("x"), 0o600)
	assert.Error(t, err, "a directory is there")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "no temporary files are left: %v", entries)
}

func TestRealSshdFilesAreGivenAway(t *testing.T) {
	h := startSSHD(t)
	if os.Getuid() != 0 {
		t.Skip("only root may give files away")
	}
	c, path := h.dial(t), filepath.Join(t.TempDir(), "file")
	require.NoError(t, c.WriteFile(t.Context(), path, []byte("x"), 0o600))
	require.NoError(t, c.Chown(t.Context(), path, 12345, 54321))
	info, err := os.Stat(path)
	require.NoError(t, err)
	owner := info.Sys().(*syscall.Stat_t)
	assert.Equal(t, [2]uint32{12345, 54321}, [2]uint32{owner.Uid, owner.Gid})
	assert.Equal(t, fault.NotFound, fault.KindOf(c.Chown(t.Context(), path+"x", 0, 0)))
}

func TestRealSshdOperationsEndInTime(t *testing.T) {
	h := startSSHD(t)
	t.Run("a command that hangs ends with the command timeout", func(t *testing.T) {
		h := *h
		h.cfg.CommandTimeout = 200 * time.Millisecond
		c := h.dial(t)
		_, err := c.Run(t.Context(), "sleep 600")
		assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
		assert.ErrorContains(t, err, "node1")
		_, err = c.Run(t.Context(), "true")
		assert.Equal(t, fault.Transient, fault.KindOf(err), "the connection is gone: %v", err)
	})
	t.Run("a command that hangs ends with its context", func(t *testing.T) {
		c := h.dial(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { cancel(fault.New(fault.Superseded, "not wanted any more")) })
		_, err := c.Run(ctx, "sleep 600")
		assert.Equal(t, fault.Superseded, fault.KindOf(err), "%v", err)
	})
}

func TestAPeerThatAcceptsAndNeverAnswersIsGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	key, _ := newKey(t)
	cfg := remote.Config{User: "root", Key: key, ConnectTimeout: 100 * time.Millisecond}
	target := remote.Target{Host: "node1", Address: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
	_, err = remote.Dial(t.Context(), cfg, target)
	assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)

	cfg.ConnectTimeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = remote.Dial(ctx, cfg, target)
	assert.Equal(t, fault.Cancelled, fault.KindOf(err), "%v", err)
}

func TestAPeerThatSpeaksSomethingElseMayYetSpeakSSH(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, strings.Repeat("It works! ", 2000))
			c.Close()
		}
	}()
	key, _ := newKey(t)
	_, err = remote.Dial(t.Context(), remote.Config{User: "root", Key: key, ConnectTimeout: 5 * time.Second},
		remote.Target{Host: "node1", Address: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port})
	assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
}
