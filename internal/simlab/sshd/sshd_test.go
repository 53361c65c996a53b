package sshd_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pkg/sftp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/sshd"
	"stackstorm-laas/internal/simlab/world"
	"stackstorm-laas/internal/testreal"
)

type key struct {
	signer ssh.Signer
	line   string // for authorized_keys
	pem    []byte
}

func newKey(t *testing.T) key {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	require.NoError(t, err)
	return key{signer, string(ssh.MarshalAuthorizedKey(signer.PublicKey())), pem.EncodeToMemory(block)}
}

// lab is one host with an image on its disk, running and reachable.
type lab struct {
	t       *testing.T
	world   *world.World
	faults  *faults.Set
	server  *sshd.Server
	key     key
	changed chan struct{}
}

const mac = "48:df:37:00:00:01"

func serve(t *testing.T, os string) *lab {
	l := &lab{t: t, world: world.New(world.Pace{}), faults: &faults.Set{}, key: newKey(t), changed: make(chan struct{}, 1)}
	w := l.world
	w.OnChange(func() {
		select {
		case l.changed <- struct{}{}:
		default:
		}
	})
	w.SetNetwork(98, []int{98, 100})
	w.SetLabKey(l.key.line)
	w.AddHost(world.HostSpec{Name: "hpe1", NICs: []world.NIC{{MAC: mac, Name: "eno1", Switch: "sw", Port: "Ethernet1/1"}}})
	w.AddImage(world.Image{ID: 1, Name: os, OS: os, Version: "22.04"})
	require.NoError(t, w.Install("hpe1", 1))
	require.NoError(t, w.SetPort("sw", "Ethernet1/1", world.Port{Native: 98, Tagged: []int{100}}))
	s, err := sshd.Serve(w, l.faults, sshd.Config{Host: "hpe1"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	l.server = s
	require.NoError(t, w.PowerOn("hpe1"))
	l.until(func() bool { return w.Reachable("hpe1") })
	return l
}

func (l *lab) until(done func() bool) {
	for !done() {
		<-l.changed
	}
}

func (l *lab) fs() *world.FS { return l.world.FS("hpe1") }

func (l *lab) read(name string) string {
	text, err := l.fs().ReadFile(name)
	require.NoError(l.t, err)
	return string(text)
}

func (l *lab) dial(user string, k key) *ssh.Client {
	c, err := ssh.Dial("tcp", l.server.Addr(), &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(k.signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	require.NoError(l.t, err)
	l.t.Cleanup(func() { c.Close() })
	return c
}

func (l *lab) sftp() *sftp.Client {
	c, err := sftp.NewClient(l.dial("root", l.key))
	require.NoError(l.t, err)
	l.t.Cleanup(func() { c.Close() })
	return c
}

// run gives the output and the exit status; -1 is a connection that broke.
func run(t *testing.T, c *ssh.Client, command string) (string, int) {
	s, err := c.NewSession()
	require.NoError(t, err)
	defer s.Close()
	out, err := s.Output(command)
	switch err := err.(type) {
	case nil:
		return string(out), 0
	case *ssh.ExitError:
		return string(out), err.ExitStatus()
	}
	return string(out), -1
}

// tenant makes a user with a key the way the lab does.
func (l *lab) tenant(name string, k key) {
	_, status := run(l.t, l.dial("root", l.key), "useradd -m -s /bin/bash "+name)
	require.Zero(l.t, status)
	dir := "/home/" + name + "/.ssh"
	require.NoError(l.t, l.fs().Mkdir(dir, 0o700))
	require.NoError(l.t, l.fs().WriteFile(dir+"/authorized_keys", []byte(k.line), 0o600))
	for _, p := range []string{dir, dir + "/authorized_keys"} {
		require.NoError(l.t, l.fs().Chown(p, 1000, 1000))
	}
}

func TestWhoCanLogIn(t *testing.T) {
	l := serve(t, "ubuntu")
	ada := newKey(t)
	assert.Error(t, l.server.Login("ada", ada.signer))
	l.tenant("ada", ada)
	assert.NoError(t, l.server.Login("ada", ada.signer))
	assert.NoError(t, l.server.Login("root", l.key.signer))
	assert.Error(t, l.server.Login("root", ada.signer))
	assert.Error(t, l.server.Login("daemon", ada.signer))

	require.NoError(t, l.fs().Remove("/home/ada/.ssh/authorized_keys"))
	assert.Error(t, l.server.Login("ada", ada.signer), "without the file nobody gets in")
}

func TestSloppyModesKeepPeopleOut(t *testing.T) {
	tests := map[string]func(*world.FS) error{
		"keys that belong to root and are for root only": func(f *world.FS) error { return f.Chown("/home/ada/.ssh/authorized_keys", 0, 0) },
		"a directory that belongs to another":            func(f *world.FS) error { return f.Chown("/home/ada/.ssh", 1234, 1234) },
		"keys that the group can write":                  func(f *world.FS) error { return f.Chmod("/home/ada/.ssh/authorized_keys", 0o620) },
		"a home that everybody can write":                func(f *world.FS) error { return f.Chmod("/home/ada", 0o777) },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			l, ada := serve(t, "ubuntu"), newKey(t)
			l.tenant("ada", ada)
			require.NoError(t, spoil(l.fs()))
			assert.Error(t, l.server.Login("ada", ada.signer))
		})
	}
}

func TestCommands(t *testing.T) {
	tests := []struct {
		command, want string
		status        int
	}{
		{"true", "", 0},
		{"sync", "", 0},
		{"cat /etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n", 0},
		{"cat /no/such", "", 1},
		{"test -e /etc/hosts && cat '/etc/hostname'", "localhost\n", 0},
		{"false && true", "", 1},
		{"true && { false; hostname; } && hostname", "localhost\nlocalhost\n", 0},
		{"{ true; false; } && hostname", "", 1},
		{"hostname", "localhost\n", 0},
		{"id -u root", "0\n", 0},
		{"id -u nobody1", "", 1},
		{"nmcli connection reload", "", 127},
		{"rm -rf /", "", 127},
		{"cat /etc/hosts | sh", "", 2},
		{"useradd root", "", 9},
	}
	l := serve(t, "ubuntu")
	c := l.dial("root", l.key)
	for _, tt := range tests {
		t.Run(tt.command, func(t *testing.T) {
			out, status := run(t, c, tt.command)
			assert.Equal(t, tt.status, status)
			assert.Equal(t, tt.want, out)
		})
	}
}

func TestCommandsThatChangeTheHost(t *testing.T) {
	l := serve(t, "ubuntu")
	c := l.dial("root", l.key)
	_, status := run(t, c, "useradd -m -s /bin/bash opnfv")
	require.Zero(t, status)
	assert.Contains(t, l.read("/etc/passwd"), "opnfv:x:1000:1000::/home/opnfv:/bin/bash\n")
	home, err := l.fs().Stat("/home/opnfv")
	require.NoError(t, err)
	assert.Equal(t, 1000, home.UID)
	_, status = run(t, c, "useradd -m opnfv")
	assert.Equal(t, 9, status)

	require.NoError(t, l.fs().WriteFile("/etc/hostname", []byte("node-1\n"), 0o644))
	out, _ := run(t, c, "hostname")
	assert.Equal(t, "localhost\n", out, "the file is not the kernel's name")
	_, status = run(t, c, "hostname -F /etc/hostname")
	require.Zero(t, status)
	out, _ = run(t, c, "hostname")
	assert.Equal(t, "node-1\n", out)
}

func TestATenantIsNotRoot(t *testing.T) {
	l, ada := serve(t, "ubuntu"), newKey(t)
	l.tenant("ada", ada)
	c := l.dial("ada", ada)
	for _, command := range []string{"cat /etc/shadow", "useradd eve", "netplan apply", "hostname eve", "reboot"} {
		_, status := run(t, c, command)
		assert.Equal(t, 1, status, command)
	}
	f, err := sftp.NewClient(c)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Create("/etc/evil")
	assert.ErrorIs(t, err, os.ErrPermission)
	_, err = f.ReadDir("/root")
	assert.ErrorIs(t, err, os.ErrPermission)
	assert.ErrorIs(t, f.Chown("/home/ada", 0, 0), os.ErrPermission)
	file, err := f.Create("notes")
	require.NoError(t, err)
	_, err = file.Write([]byte("mine"))
	require.NoError(t, err)
	require.NoError(t, file.Close())
	assert.Equal(t, "mine", l.read("/home/ada/notes"))
}

func TestFilesAreReplacedInOneStep(t *testing.T) {
	l := serve(t, "ubuntu")
	f := l.sftp()
	file, err := f.OpenFile("/etc/.tmp", os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	require.NoError(t, err)
	require.NoError(t, file.Chmod(0o600))
	_, err = file.Write([]byte(strings.Repeat("x", 100_000)))
	require.NoError(t, err)
	require.NoError(t, file.Sync())
	require.NoError(t, file.Close())
	_, err = f.OpenFile("/etc/.tmp", os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	assert.Error(t, err, "exclusive means exclusive")
	assert.Error(t, f.Rename("/etc/.tmp", "/etc/hosts"), "plain rename does not replace")
	require.NoError(t, f.PosixRename("/etc/.tmp", "/etc/hosts"))
	assert.Len(t, l.read("/etc/hosts"), 100_000)
	info, err := f.Stat("/etc/hosts")
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	_, err = f.Lstat("/etc/.tmp")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestFilesAndDirectories(t *testing.T) {
	l := serve(t, "ubuntu")
	f := l.sftp()
	require.NoError(t, f.MkdirAll("/srv/a/b"))
	require.NoError(t, f.Chmod("/srv/a", 0o700))
	require.NoError(t, f.Chown("/srv/a/b", 7, 8))
	info, err := l.fs().Stat("/srv/a/b")
	require.NoError(t, err)
	assert.Equal(t, []int{7, 8}, []int{info.UID, info.GID})
	stat, err := f.Stat("/srv/a/b")
	require.NoError(t, err)
	assert.Equal(t, uint32(7), stat.Sys().(*sftp.FileStat).UID)
	infos, err := f.ReadDir("/srv")
	require.NoError(t, err)
	require.Len(t, infos, 1)
	assert.True(t, infos[0].IsDir())
	assert.Error(t, f.Remove("/srv/a"), "not empty")
	require.NoError(t, f.RemoveDirectory("/srv/a/b"))
	assert.False(t, l.fs().Exists("/srv/a/b"))
	file, err := f.Open("/etc/os-release")
	require.NoError(t, err)
	text, err := io.ReadAll(file)
	require.NoError(t, err)
	assert.Equal(t, l.read("/etc/os-release"), string(text))
}

func TestRealSshAndSftp(t *testing.T) {
	tools := testreal.Need(t, "ssh", "sftp")
	l := serve(t, "ubuntu")
	dir := t.TempDir()
	identity := filepath.Join(dir, "id")
	require.NoError(t, os.WriteFile(identity, l.key.pem, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "local"), []byte("hello\n"), 0o644))
	options := []string{"-F", "none", "-i", identity, "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"}
	port := strconv.Itoa(l.server.Port())

	out, err := exec.Command(tools[0], append(options, "-p", port, "root@127.0.0.1", "cat /etc/hostname")...).CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, "localhost\n", string(out))
	err = exec.Command(tools[0], append(options, "-p", port, "root@127.0.0.1", "no-such-command")...).Run()
	var status *exec.ExitError
	require.ErrorAs(t, err, &status)
	assert.Equal(t, 127, status.ExitCode())
	assert.Error(t, exec.Command(tools[0], append(options, "-p", port, "nobody@127.0.0.1", "true")...).Run())

	batch := exec.Command(tools[1], append(options, "-P", port, "-b", "-", "root@127.0.0.1")...)
	batch.Stdin = strings.NewReader("mkdir /srv\nput -f " + filepath.Join(dir, "local") + " /srv/remote\nchmod 640 /srv/remote\nrename /srv/remote /srv/moved\nls -l /srv\n" +
		"get /srv/moved " + filepath.Join(dir, "back") + "\n")
	out, err = batch.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Contains(t, string(out), "-rw-r-----")
	assert.Equal(t, "hello\n", l.read("/srv/moved"))
	back, err := os.ReadFile(filepath.Join(dir, "back"))
	require.NoError(t, err)
	assert.Equal(t, "hello\n", string(back))
}
