package remote_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/remote"
	"stackstorm-laas/internal/remote/remotetest"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/sshd"
	"stackstorm-laas/internal/simlab/world"
)

// simulated is a host of the simulated lab that is up, and the lab's login on it.
func simulated(t *testing.T) (remote.Config, remote.Target, *world.World, *faults.Set) {
	t.Helper()
	key, public := newKey(t)
	w, f := world.New(world.Pace{}), &faults.Set{}
	w.SetLabKey(public)
	w.SetNetwork(98, []int{98})
	w.AddHost(world.HostSpec{Name: "hpe1", NICs: []world.NIC{{MAC: "48:df:37:00:00:01", Name: "eno1", Switch: "sw", Port: "Ethernet1/1"}}})
	w.AddImage(world.Image{ID: 1, Name: "ubuntu", OS: "ubuntu", Version: "22.04"})
	require.NoError(t, w.Install("hpe1", 1))
	require.NoError(t, w.SetPort("sw", "Ethernet1/1", world.Port{Native: 98}))
	require.NoError(t, w.PowerOn("hpe1"))
	require.Eventually(t, func() bool { return w.Reachable("hpe1") }, 10*time.Second, time.Millisecond, "%s", w.ReachReason("hpe1"))
	s, err := sshd.Serve(w, f, sshd.Config{Host: "hpe1"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return remote.Config{User: "root", Key: key, ConnectTimeout: 5 * time.Second, CommandTimeout: 5 * time.Second},
		remote.Target{Host: "hpe1", Address: "127.0.0.1", Port: s.Port()}, w, f
}

func TestTheSimulatedHostIsUsedAsPromised(t *testing.T) {
	cfg, target, _, _ := simulated(t)
	remotetest.Login(t, cfg, target)
	remotetest.Files(t, cfg, target, "/root")
}

func TestWhatAHostDoesNotDoIsNotTakenForDone(t *testing.T) {
	write := func(ctx context.Context, c *remote.Conn) error {
		return c.WriteFile(ctx, "/root/file", []byte("new"), 0o600)
	}
	read := func(ctx context.Context, c *remote.Conn) error { _, err := c.ReadFile(ctx, "/root/file"); return err }
	remove := func(ctx context.Context, c *remote.Conn) error { return c.Remove(ctx, "/root/file") }
	move := func(ctx context.Context, c *remote.Conn) error {
		return c.Rename(ctx, "/root/.ssh/authorized_keys", "/root/moved")
	}
	removeAll := func(ctx context.Context, c *remote.Conn) error { return c.RemoveAll(ctx, "/root") }
	run := func(ctx context.Context, c *remote.Conn) error { _, err := c.Run(ctx, "hostname"); return err }
	for _, c := range []struct {
		name  string
		fault faults.Fault
		do    func(context.Context, *remote.Conn) error
		kinds []fault.Kind
	}{
		{"it forgets what it writes", faults.Fault{Op: "sftp.write", Kind: faults.Forget}, write, []fault.Kind{fault.Unproven}},
		{"it forgets to remove", faults.Fault{Op: "sftp.write", Kind: faults.Forget}, remove, []fault.Kind{fault.Unproven}},
		{"it forgets to move", faults.Fault{Op: "sftp.write", Kind: faults.Forget}, move, []fault.Kind{fault.Unproven}},
		{"it forgets to remove a directory", faults.Fault{Op: "sftp.write", Kind: faults.Forget}, removeAll, []fault.Kind{fault.Unproven, fault.Failed}},
		{"it hangs when writing", faults.Fault{Op: "sftp.write", Kind: faults.Hang}, write, []fault.Kind{fault.Transient}},
		{"it hangs when reading", faults.Fault{Op: "sftp.read", Kind: faults.Hang}, read, []fault.Kind{fault.Transient}},
		{"it fails to write", faults.Fault{Op: "sftp.write", Kind: faults.Error500}, write, []fault.Kind{fault.Failed, fault.Transient}},
		{"it refuses to read", faults.Fault{Op: "sftp.read", Kind: faults.Refuse}, read, []fault.Kind{fault.Refused, fault.Transient}},
		{"it hangs at a command", faults.Fault{Op: "exec", Kind: faults.Hang}, run, []fault.Kind{fault.Transient}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg, target, w, f := simulated(t)
			cfg.CommandTimeout = time.Second
			conn, err := remote.Dial(t.Context(), cfg, target)
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.WriteFile(t.Context(), "/root/file", []byte("old"), 0o600))
			c.fault.System = "ssh"
			f.Add(c.fault)
			err = c.do(t.Context(), conn)
			assert.Contains(t, c.kinds, fault.KindOf(err), "%v", err)
			text, err := w.FS("hpe1").ReadFile("/root/file")
			require.NoError(t, err)
			assert.Equal(t, "old", string(text))
		})
	}
}

func TestAHostWithoutItsPortIsNotReached(t *testing.T) {
	cfg, target, w, _ := simulated(t)
	cfg.ConnectTimeout = 200 * time.Millisecond
	require.NoError(t, w.SetPort("sw", "Ethernet1/1", world.Port{Shutdown: true}))
	_, err := remote.Dial(t.Context(), cfg, target)
	assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
}
