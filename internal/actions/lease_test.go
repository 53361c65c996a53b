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
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

func leaseAt(path, holder string, wait time.Duration) lease {
	return lease{path: path, holder: holder, host: "hpe15", wait: wait, poll: time.Millisecond}
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
