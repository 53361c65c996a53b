package actions

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

func leaseAt(path, holder string, wait time.Duration) lease {
	return lease{path: path, holder: holder, host: "hpe15", endpoint: bmcAt(path).Endpoint(), wait: wait, poll: time.Millisecond}
}

// bmcAt is a BMC of the test's own.
func bmcAt(path string) bmc.Target {
	return bmc.Target{Address: path, Port: 623, MinInterval: time.Second}
}

func TestOnlyOneAtATimeHasABMC(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var now, most, turns atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			release, err := leaseAt(path, "execution e", time.Minute).take(t.Context())
			if !assert.NoError(t, err) {
				return
			}
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			turns.Add(1)
			now.Add(-1)
			release()
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, most.Load())
	assert.EqualValues(t, 16, turns.Load())
}

func TestAWaitForABMCEndsAndNamesWhoHasIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := leaseAt(path, "execution 5f00", time.Minute).take(t.Context())
	require.NoError(t, err)
	_, err = leaseAt(path, "execution 5f01", 5*time.Millisecond).take(t.Context())
	assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, "execution 5f00 has been talking to the BMC of hpe15")

	cancelled, stop := context.WithCancelCause(t.Context())
	stop(fault.New(fault.Cancelled, "the booking was cancelled"))
	_, err = leaseAt(path, "execution 5f01", time.Minute).take(cancelled)
	assert.Equal(t, fault.Cancelled, fault.KindOf(err), "%v", err)

	release()
	release, err = leaseAt(path, "x", time.Minute).take(t.Context())
	require.NoError(t, err)
	defer release()
	_, err = leaseAt(path, "execution 5f01", 5*time.Millisecond).take(t.Context())
	assert.ErrorContains(t, err, "x has been talking", "nothing of a longer name before it is left")
}

func TestALeaseEndsWithTheProcessThatHasIt(t *testing.T) {
	if path := os.Getenv("LEASE_OF_A_CHILD"); path != "" {
		_, err := leaseAt(path, "execution of the child", time.Minute).take(t.Context())
		require.NoError(t, err)
		_, _ = os.Stdout.WriteString("taken\n")
		select {} // until it is killed
	}
	path := filepath.Join(t.TempDir(), "lock")
	child := exec.Command(os.Args[0], "-test.run=^TestALeaseEndsWithTheProcessThatHasIt$")
	child.Env = append(os.Environ(), "LEASE_OF_A_CHILD="+path)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "taken\n", line)
	_, err = leaseAt(path, "", 5*time.Millisecond).take(t.Context())
	assert.ErrorContains(t, err, "execution of the child")

	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	release, err := leaseAt(path, "", time.Minute).take(t.Context())
	require.NoError(t, err)
	release()
}

func TestALeaseIsForOneBMCAndNotForAllThereAre(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c := config.Maxima()
	c.BMC.SoftGrace, c.BMC.PowerTimeout, c.BMC.Timeout, c.BMC.PollInterval = 0, 0, 0, 0
	l := &lab{Call: &action.Call{Config: c, Execution: "5f00"}}
	host := func(name, address string) *inventory.Host {
		return &inventory.Host{Name: name, BMC: &inventory.BMC{Address: address, Port: 623}}
	}
	release, err := l.lease(t.Context(), host("hpe15", "10.0.0.15"))
	require.NoError(t, err)
	other, err := l.lease(t.Context(), host("hpe16", "10.0.0.16"))
	require.NoError(t, err)
	other()
	_, err = l.lease(t.Context(), host("alias", "10.0.0.15"))
	assert.ErrorContains(t, err, "execution 5f00")
	release()
}

func TestWhoeverTakesABMCOverKeepsTheDistanceToTheLastCommand(t *testing.T) {
	for name, c := range map[string]struct {
		before func(t *testing.T, path string)
		wait   time.Duration
	}{
		"the last holder let go a moment ago": {func(t *testing.T, path string) { letGo(t, path, 400*time.Millisecond) }, 600 * time.Millisecond},
		"the last holder let go long ago":     {func(t *testing.T, path string) { letGo(t, path, time.Hour) }, 0},
		"the last holder was killed": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte("execution 5f00"), 0o600))
			long := time.Now().Add(-time.Hour)
			require.NoError(t, os.Chtimes(path, long, long))
		}, time.Second},
		"nobody had it before": {func(*testing.T, string) {}, time.Second}, // or the file was cleaned away
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lock")
			synctest.Test(t, func(t *testing.T) {
				c.before(t, path)
				began := time.Now()
				release, err := leaseAt(path, "x", time.Minute).take(t.Context())
				require.NoError(t, err)
				defer release()
				bmcAt(path).Turn(nil)
				assert.Equal(t, c.wait, time.Since(began))
			})
		})
	}
}

// letGo has another holder, of whose commands this process knows nothing, take the lease and release it some time ago.
func letGo(t *testing.T, path string, ago time.Duration) {
	l := leaseAt(path, "execution 5f00", time.Minute)
	l.endpoint = "of another process"
	release, err := l.take(t.Context())
	require.NoError(t, err)
	release()
	at := time.Now().Add(-ago)
	require.NoError(t, os.Chtimes(path, at, at))
}

// onWorker is an action on a machine of its own: it shares no temporary directory with the others.
func onWorker(t *testing.T, lockDir string) lease {
	t.Setenv("TMPDIR", t.TempDir())
	c := config.Maxima()
	c.BMC.LockDir = lockDir
	l := (&lab{Call: &action.Call{Config: c, Execution: "5f00"}}).leaseOf(&inventory.Host{Name: "hpe15", BMC: &inventory.BMC{Address: "10.0.0.15", Port: 623}})
	l.wait, l.poll = 5*time.Millisecond, time.Millisecond
	return l
}

func TestWorkersThatShareALockDirectoryTakeTurns(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, sharedMark), nil, 0o600))
	release, err := onWorker(t, dir).take(t.Context())
	require.NoError(t, err)
	_, err = onWorker(t, dir).take(t.Context())
	assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
	release()
	release, err = onWorker(t, dir).take(t.Context())
	require.NoError(t, err)
	release()
}

func TestALockDirectoryThatIsNotMountedIsNotTakenForTheSharedOne(t *testing.T) {
	dir := t.TempDir()
	for _, dir := range []string{dir, filepath.Join(dir, "missing")} {
		_, err := onWorker(t, dir).take(t.Context())
		assert.Equal(t, fault.Config, fault.KindOf(err), "%v", err)
		assert.Contains(t, fault.HintOf(err), filepath.Join(dir, sharedMark))
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}
