package remote_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"stackstorm-laas/internal/remote"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/testreal"
)

// newKey makes a private key and its public half in authorized-keys form.
func newKey(t *testing.T) (secret.String, string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	require.NoError(t, err)
	pub, err := ssh.NewPublicKey(public)
	require.NoError(t, err)
	return secret.New(string(pem.EncodeToMemory(block))), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub)))
}

// host is a private sshd.
type host struct {
	dir    string
	cfg    remote.Config
	target remote.Target
	keys   map[string]string // public host keys by type
}

const sshdConfig = `Port %[1]d
ListenAddress 127.0.0.1
HostKey %[2]s/ed25519
HostKey %[2]s/rsa
PidFile %[2]s/pid
AuthorizedKeysFile %[2]s/authorized_keys
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
Subsystem sftp internal-sftp
`

// startSSHD starts sshd with keys of two types and the user that runs the test.
func startSSHD(t *testing.T) *host {
	t.Helper()
	tools := testreal.Need(t, "sshd", "ssh-keygen")
	if os.Getuid() == 0 {
		require.NoError(t, os.MkdirAll("/run/sshd", 0o755)) // sshd insists on it
	}
	h := &host{dir: t.TempDir(), keys: map[string]string{}}
	for kind, bits := range map[string]string{"ed25519": "256", "rsa": "2048"} {
		path := filepath.Join(h.dir, kind)
		out, err := exec.Command(tools[1], "-q", "-t", kind, "-b", bits, "-N", "", "-C", "", "-f", path).CombinedOutput()
		require.NoError(t, err, "%s", out)
		public, err := os.ReadFile(path + ".pub")
		require.NoError(t, err)
		h.keys[kind] = strings.TrimSpace(string(public))
	}
	key, public := newKey(t)
	require.NoError(t, os.WriteFile(filepath.Join(h.dir, "authorized_keys"), []byte(public+"\n"), 0o600))
	port := freeTCP(t)
	conf := filepath.Join(h.dir, "sshd_config")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, sshdConfig, port, h.dir), 0o600))

	log := filepath.Join(h.dir, "log")
	cmd := exec.Command(tools[0], "-D", "-f", conf, "-E", log)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	h.cfg = remote.Config{User: user(t), Key: key, ConnectTimeout: 10 * time.Second, CommandTimeout: 10 * time.Second}
	h.target = remote.Target{Host: "node1", Address: "127.0.0.1", Port: port}
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond, "sshd does not listen: see %s", log)
	return h
}

func user(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("id", "-un").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

func freeTCP(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (h *host) dial(t *testing.T) *remote.Conn {
	t.Helper()
	c, err := remote.Dial(t.Context(), h.cfg, h.target)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}
