package actions

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestABMCThatIsLentIsGivenBackToWhoeverAsksForIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lent := leaseAt(path, "execution of the console", time.Minute)
	for range 5 {
		release, err := lent.spare(t.Context())
		require.NoError(t, err)
		turn, stop := lent.lend(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			<-turn.Done()
			release()
		}()
		other, err := leaseAt(path, "execution 5f00", time.Minute).take(t.Context())
		require.NoError(t, err, "the console gives the BMC up")
		<-ended
		stop()

		impatient, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_, err = lent.spare(impatient)
		cancel()
		assert.ErrorIs(t, err, context.DeadlineExceeded, "it does not get it back before the other has ended")
		other()
	}
}

func TestABMCIsNotSpareWhileAnybodyWaitsForIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := leaseAt(path, "execution 5f00", time.Minute).take(t.Context())
	require.NoError(t, err)
	lent := leaseAt(path, "", time.Minute)
	assert.False(t, lent.asked(), "who has it does not ask any more")
	waits, giveUp := context.WithCancel(t.Context())
	waited := make(chan error)
	go func() {
		_, err := leaseAt(path, "execution 5f01", time.Minute).take(waits)
		waited <- err
	}()
	require.Eventually(t, lent.asked, time.Minute, time.Millisecond)
	giveUp()
	require.Error(t, <-waited)
	assert.False(t, lent.asked(), "who waits no more asks no more")
	held()
	release, err := lent.spare(t.Context())
	require.NoError(t, err)
	release()
}

func TestWhoIsKilledAsksNoMore(t *testing.T) {
	if path := os.Getenv("ASKED_BY_A_CHILD"); path != "" {
		defer leaseAt(path, "", time.Minute).ask()()
		_, _ = os.Stdout.WriteString("asked\n")
		select {} // until it is killed
	}
	path := filepath.Join(t.TempDir(), "lock")
	child := exec.Command(os.Args[0], "-test.run=^TestWhoIsKilledAsksNoMore$")
	child.Env = append(os.Environ(), "ASKED_BY_A_CHILD="+path)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	_, err = out.Read(make([]byte, 1))
	require.NoError(t, err)
	lent := leaseAt(path, "", time.Minute)
	assert.True(t, lent.asked())
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	assert.False(t, lent.asked())
}
