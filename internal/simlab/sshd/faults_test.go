package sshd_test

import (
	"os"
	"testing"

	"github.com/pkg/sftp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/faults"
)

func (l *lab) fault(op string, kind faults.Kind) {
	l.faults.Add(faults.Fault{System: "ssh", Op: op, Target: "hpe1", Kind: kind})
}

func TestLoginsThatFail(t *testing.T) {
	for _, kind := range []faults.Kind{faults.Refuse, faults.Error500, faults.Garbage} {
		t.Run(string(kind), func(t *testing.T) {
			l := serve(t, "ubuntu")
			l.fault("connect", kind)
			assert.Error(t, l.server.Login("root", l.key.signer))
		})
	}
}

func TestRequestsThatFail(t *testing.T) {
	for _, kind := range []faults.Kind{faults.Refuse, faults.Error500} {
		t.Run(string(kind), func(t *testing.T) {
			l := serve(t, "ubuntu")
			c, f := l.dial("root", l.key), l.sftp()
			l.fault("exec", kind)
			l.fault("sftp", kind)
			_, status := run(t, c, "useradd ada")
			assert.NotZero(t, status)
			_, err := f.Create("/etc/x")
			assert.Error(t, err)
			assert.Error(t, f.Remove("/etc/hosts"))
			_, err = f.ReadDir("/etc")
			assert.Error(t, err)
			assert.False(t, l.fs().Exists("/etc/x"))
			assert.True(t, l.fs().Exists("/etc/hosts"))
			assert.NotContains(t, l.read("/etc/passwd"), "ada")
		})
	}
}

func TestRequestsThatHangEndWithTheConnectionOrTheServer(t *testing.T) {
	for _, op := range []string{"connect", "exec", "sftp.read"} {
		t.Run(op, func(t *testing.T) {
			l := serve(t, "ubuntu")
			ended := make(chan error, 1)
			var call func() error
			if op == "connect" {
				call = func() error { return l.server.Login("root", l.key.signer) }
			} else {
				c, f := l.dial("root", l.key), l.sftp()
				call = func() error {
					if op == "exec" {
						s, err := c.NewSession()
						if err != nil {
							return err
						}
						return s.Run("true")
					}
					_, err := f.ReadDir("/etc")
					return err
				}
			}
			l.fault(op, faults.Hang)
			go func() { ended <- call() }()
			require.NoError(t, l.server.Close())
			assert.Error(t, <-ended)
		})
	}
}

func TestGarbageInsteadOfContent(t *testing.T) {
	l := serve(t, "ubuntu")
	c := l.dial("root", l.key)
	l.fault("exec", faults.Garbage)
	out, status := run(t, c, "hostname")
	assert.Zero(t, status)
	assert.NotContains(t, out, "localhost")
}

// replace writes a file in the way the lab does.
func replace(t *testing.T, f *sftp.Client, name, text string) {
	file, err := f.OpenFile("/etc/.tmp", os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	require.NoError(t, err)
	require.NoError(t, file.Chmod(0o600))
	_, err = file.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, f.PosixRename("/etc/.tmp", name))
}

func TestFilesThatAreNotWritten(t *testing.T) {
	for _, kind := range []faults.Kind{faults.Forget, faults.Lie} {
		t.Run(string(kind), func(t *testing.T) {
			l := serve(t, "ubuntu")
			c, f := l.dial("root", l.key), l.sftp()
			wrote := make(chan string, 100)
			l.faults.OnWrite(func(_, op, target string) { wrote <- op + " " + target })
			shown := func() string {
				out, _ := run(t, c, "cat /etc/hostname")
				return out
			}
			l.fault("sftp.write", kind)
			replace(t, f, "/etc/hostname", "node-1\n")
			assert.Equal(t, map[faults.Kind]string{faults.Forget: "localhost\n", faults.Lie: "node-1\n"}[kind], shown())
			assert.Equal(t, "localhost\n", l.read("/etc/hostname"))
			assert.Empty(t, wrote)
			l.faults.Heal()
			assert.Equal(t, "localhost\n", shown(), "lies end with the fault")
			replace(t, f, "/etc/hostname", "node-1\n")
			assert.Equal(t, "node-1\n", l.read("/etc/hostname"))
			assert.Equal(t, "sftp.write hpe1", <-wrote)
		})
	}
}

func TestCommandsThatAreNotDone(t *testing.T) {
	for _, kind := range []faults.Kind{faults.Forget, faults.Lie} {
		t.Run(string(kind), func(t *testing.T) {
			l := serve(t, "ubuntu")
			c := l.dial("root", l.key)
			lied := kind == faults.Lie
			l.fault("exec", kind)
			_, status := run(t, c, "useradd -m ada && hostname node-1")
			require.Zero(t, status)
			_, status = run(t, c, "id -u ada")
			assert.Equal(t, lied, status == 0)
			out, _ := run(t, c, "hostname")
			assert.Equal(t, lied, out == "node-1\n")
			assert.NotContains(t, l.read("/etc/passwd"), "ada")
			_, status = run(t, c, "poweroff")
			assert.Zero(t, status)
			assert.True(t, l.world.Up("hpe1"))
			l.faults.Heal()
			out, _ = run(t, c, "hostname")
			assert.Equal(t, "localhost\n", out)
		})
	}
}
