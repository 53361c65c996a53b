package hostnet_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/hostnet"
	"stackstorm-laas/internal/simlab/world"
	"stackstorm-laas/internal/testreal"
)

// disk is files by path.
type disk map[string]string

// guarded is a disk with the guard of a new configuration: one file replaced, one new, one that went. state is what the guard keeps of its own.
func guarded(state ...string) disk {
	d := disk{
		"/etc/netplan/01-laas.yaml":                                 "new",
		"/etc/netplan/same.yaml":                                    "new, too",
		hostnet.GuardOld + "/etc/netplan/50-cloud-init.yaml":        "old",
		hostnet.GuardOld + "/etc/netplan/same.yaml":                 "old, too",
		hostnet.GuardOld + "/etc/NetworkManager/Wired connection 1": "a name with blanks",
		"/etc/hosts": "not of the network",
	}
	for _, f := range hostnet.Guard(time.Second, []hostnet.File{{Path: "/etc/netplan/01-laas.yaml"}, {Path: "/etc/netplan/same.yaml"}}) {
		d[f.Path] = string(f.Data)
	}
	delete(d, hostnet.GuardArmed)
	for _, s := range state {
		d[s] = ""
	}
	return d
}

var formerly = disk{
	"/etc/netplan/50-cloud-init.yaml":        "old",
	"/etc/netplan/same.yaml":                 "old, too",
	"/etc/NetworkManager/Wired connection 1": "a name with blanks",
	"/etc/hosts":                             "not of the network",
}

func without(d disk, names ...string) disk {
	for _, n := range names {
		delete(d, n)
	}
	return d
}

// states of a guard when it starts, and whether it is to bring the former configuration back.
var states = map[string]struct {
	before  disk
	returns bool
}{
	"nobody confirms":                                {guarded(hostnet.GuardArmed, hostnet.GuardSaved), true},
	"the lab had not saved everything":               {without(guarded(hostnet.GuardArmed), "/etc/netplan/01-laas.yaml"), true},
	"it was confirmed":                               {guarded(hostnet.GuardConfirmed, hostnet.GuardSaved), false},
	"it was interrupted before anything was removed": {guarded(hostnet.GuardReturning, hostnet.GuardSaved), true},
	"it was interrupted when one was back": {func() disk {
		d := without(guarded(hostnet.GuardReturning), hostnet.GuardNew, "/etc/netplan/01-laas.yaml", hostnet.GuardOld+"/etc/netplan/same.yaml")
		d["/etc/netplan/same.yaml"] = "old, too"
		return d
	}(), true},
}

// after holds what a guard left.
func after(t *testing.T, before, have disk, returns, rebooted bool) {
	t.Helper()
	assert.Equal(t, returns, rebooted, "restarts")
	if !returns {
		assert.Equal(t, before, have)
		return
	}
	if _, again := before[hostnet.GuardReturning]; !again {
		assert.Regexp(t, `^returned to the former network after 1 s without the lab's confirmation, 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\n`, have[hostnet.GuardNote])
	}
	assert.Equal(t, formerly, without(have, hostnet.GuardNote))
}

func TestTheGuardOfASimulatedHost(t *testing.T) {
	for name, c := range states {
		t.Run(name, func(t *testing.T) {
			f := world.NewFS()
			for p, text := range c.before {
				require.NoError(t, f.MkdirAll(path.Dir(p), 0o755))
				require.NoError(t, f.WriteFile(p, []byte(text), 0o600))
			}
			rebooted := world.GuardReturns(f, time.Second)
			have := disk{}
			var walk func(string)
			walk = func(dir string) {
				infos, _ := f.ReadDir(dir)
				for _, i := range infos {
					p := path.Join(dir, i.Name())
					if i.IsDir() {
						walk(p)
						continue
					}
					text, err := f.ReadFile(p)
					require.NoError(t, err)
					have[p] = string(text)
				}
			}
			walk("/")
			after(t, c.before, have, c.returns, rebooted)
		})
	}
}

func TestRealShellRunsTheGuardAsTheSimulatedHostDoes(t *testing.T) {
	for _, shell := range []string{"dash", "bash"} {
		program := testreal.Need(t, shell)[0]
		for name, c := range states {
			t.Run(shell+": "+name, func(t *testing.T) {
				t.Parallel()
				root := t.TempDir()
				for p, text := range c.before {
					require.NoError(t, os.MkdirAll(filepath.Join(root, path.Dir(p)), 0o755))
					require.NoError(t, os.WriteFile(filepath.Join(root, p), []byte(text), 0o640))
				}
				have, rebooted := runGuard(t, program, root, nil)
				after(t, c.before, have, c.returns, rebooted)
			})
		}
	}
}

func TestRealShellGuardStopsWaitingWhenItIsConfirmed(t *testing.T) {
	program := testreal.Need(t, "sh")[0]
	root, before := t.TempDir(), guarded(hostnet.GuardArmed, hostnet.GuardSaved)
	before[hostnet.GuardOld+"/x"] = ""
	for p, text := range before {
		require.NoError(t, os.MkdirAll(filepath.Join(root, path.Dir(p)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, p), []byte(text), 0o640))
	}
	// The lab confirms while it waits, and takes all away from under it.
	have, rebooted := runGuard(t, program, root, func() {
		require.NoError(t, os.Rename(filepath.Join(root, hostnet.GuardArmed), filepath.Join(root, hostnet.GuardConfirmed)))
		require.NoError(t, os.RemoveAll(filepath.Join(root, hostnet.GuardDir)))
	})
	assert.False(t, rebooted)
	assert.Equal(t, disk{"/etc/netplan/01-laas.yaml": "new", "/etc/netplan/same.yaml": "new, too", "/etc/hosts": "not of the network"},
		without(have, hostnet.GuardParts()...))
}

// runGuard runs the script as the unit does, in a tree of its own, with programs beside it that only take notes. Its sleep calls during once.
func runGuard(t *testing.T, shell, root string, during func()) (have disk, rebooted bool) {
	t.Helper()
	bin, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	wait := "1"
	sleep := "#!/bin/sh\n"
	hold, gone := filepath.Join(bin, "asleep"), filepath.Join(bin, "go")
	if during != nil {
		wait, sleep = "3", sleep+"touch "+hold+"\nwhile [ ! -e "+gone+" ]; do /bin/sleep 0.01; done\n"
	}
	for name, text := range map[string]string{
		"sleep": sleep, "systemctl": "#!/bin/sh\necho systemctl \"$@\" >>" + log + "\n", "ip": "#!/bin/sh\necho ip \"$@\"\n", "sync": "#!/bin/sh\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755))
	}
	cmd := exec.Command(shell, filepath.Join(root, hostnet.GuardDir, "guard"), wait)
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "LAAS_ROOT=" + root}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	if during != nil {
		require.Eventually(t, func() bool { _, err := os.Stat(hold); return err == nil }, 10*time.Second, time.Millisecond)
		during()
		require.NoError(t, os.WriteFile(gone, nil, 0o600))
	}
	require.NoError(t, cmd.Wait(), out.String())
	assert.Empty(t, out.String())
	have = disk{}
	require.NoError(t, filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(p)
		have[strings.TrimPrefix(p, root)] = string(text)
		return err
	}))
	calls, _ := os.ReadFile(log)
	return have, string(calls) == "systemctl --no-block reboot\n"
}

func TestRealSystemdTakesTheUnitOfTheGuard(t *testing.T) {
	program := testreal.Need(t, "systemd-analyze")[0]
	root := t.TempDir()
	for _, f := range hostnet.Guard(600*time.Second, nil) {
		p := filepath.Join(root, f.Path)
		require.NoError(t, os.MkdirAll(filepath.Dir(p), 0o755))
		require.NoError(t, os.WriteFile(p, f.Data, f.Mode))
	}
	for _, target := range []string{"multi-user", "sysinit", "basic", "shutdown"} {
		require.NoError(t, os.WriteFile(filepath.Join(root, "etc/systemd/system", target+".target"), []byte("[Unit]\nDescription=x\n"), 0o644))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(root, "bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "bin/sh"), nil, 0o755))
	verify := func(unit string) string {
		out, err := exec.Command(program, "verify", "--man=no", "--root="+root, unit).CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	assert.Empty(t, verify("laas-network-guard.service"), "systemd has nothing to complain about")
	assert.Empty(t, verify("multi-user.target"))
	unit := filepath.Join(root, hostnet.GuardParts()[1])
	text, err := os.ReadFile(unit)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(unit, append(text, "Nonsense=1\n"...), 0o644))
	assert.Contains(t, verify("multi-user.target"), "laas-network-guard.service:", "what starts the host reads the guard's unit")
}

func TestANoteIsOneLineOfHarmlessCharacters(t *testing.T) {
	assert.Equal(t, "eno1 UP 10.0.0.5/24; default via 10.0.0.1 a b", hostnet.Note([]byte("eno1   UP  10.0.0.5/24\n\n default via 10.0.0.1 {{ a }}\x1b `b`\n")))
	assert.LessOrEqual(t, len(hostnet.Note([]byte(strings.Repeat("x", 5000)))), 700)
}
