package demo_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/world"
)

// ranBefore lets the host have a system of the booked image that the lab knows nothing of.
func (p *play) ranBefore(machineID, mark string) {
	p.t.Helper()
	require.NoError(p.t, p.Lab.World().Install(host, 23))
	fs := p.Lab.World().FS(host)
	require.NoError(p.t, fs.WriteFile("/etc/machine-id", []byte(machineID+"\n"), 0o444))
	require.NoError(p.t, fs.Touch("/etc/machine-id", time.Now().AddDate(0, -1, 0)))
	if mark != "" {
		require.NoError(p.t, fs.WriteFile("/etc/laas-deployment", []byte(mark+"\n"), 0o644))
	}
}

func TestASystemFromBeforeTheLabKnewTheHostIsNotTakenForImaged(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Config: brisk})
	p.ranBefore("0123456789abcdef0123456789abcdef", "")
	require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.WriteLost}))
	p.dispatch(b[0])
	p.tells(p.tasks("hardware")[0], booking.StatusError, host, "nothing is known of what the host ran before")
	assert.Equal(t, "0123456789abcdef0123456789abcdef\n", p.machineID(host), "it is what FOG left there")
	assert.Empty(t, p.host().SSHKeys["opnfv"], "nobody gets in")
	require.NoError(t, p.Lab.World().EndTroubles(host))
	p.deliver(b[1])
	p.asBefore()
}

func TestASystemOfAnEarlierDeploymentIsNotTakenForImaged(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Config: brisk})
	p.ranBefore("0123456789abcdef0123456789abcdef", "laas job 7 hpe13 generation 1, FOG task 3, 2026-01-02T03:04:05Z")
	p.Engine.Keys().Set(booking.HostKeyKey(host), `{"key":"","machine_id":"fedcba98","mark":"laas job 8 hpe13 generation 1, FOG task 4, 2026-02-02T03:04:05Z"}`)
	require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.WriteLost}))
	p.dispatch(b[0])
	p.tells(p.tasks("hardware")[0], booking.StatusError, host, "the lab's mark of an earlier deployment to this host")
	assert.Empty(t, p.host().SSHKeys["opnfv"], "nobody gets in")
}

// terminate sends a SIGTERM to the action's process, as a worker that is stopped does.
func terminate(execution string) error {
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	for _, name := range all {
		env, _ := os.ReadFile(name)
		if pid, perr := strconv.Atoi(filepath.Base(filepath.Dir(name))); perr == nil && bytes.Contains(env, []byte("ST2_ACTION_EXECUTION_ID="+execution+"\x00")) {
			err = syscall.Kill(pid, syscall.SIGTERM)
		}
	}
	return err
}

func TestAWorkerThatIsStoppedSaysNothingOfTheHostThatItWaitedFor(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Config: brisk})
	var waiting atomic.Value
	p.starting(func(e engine.Execution) {
		if e.Action == "laas.verify_host" {
			waiting.Store(e.ID)
		}
	})
	starts := p.starts()
	stopped := atomic.Bool{}
	p.Lab.World().OnChange(func() {
		// The second start is the one in the middle of the wait for SSH.
		if id, ok := waiting.Load().(string); ok && starts.Load() == 2 && stopped.CompareAndSwap(false, true) {
			assert.NoError(t, terminate(id))
		}
	})
	require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.NoBoot}))
	p.dispatch(b[0])
	require.True(t, stopped.Load())
	im := p.record().Imaging
	require.NotNil(t, im)
	assert.Equal(t, 1, im.Attempt, "no try was used up")
	assert.Empty(t, im.Ended)
	assert.NotNil(t, im.Complete, "the image is written")

	require.NoError(t, p.Lab.World().EndTroubles(host))
	assert.Equal(t, "off", p.host().Power, "what runs there is not proven to be the new system")
	p.finish()
	p.asBooked()
	p.neverEarly()
	assert.Len(t, p.deployments(), 1, "it is not imaged once more")
}
