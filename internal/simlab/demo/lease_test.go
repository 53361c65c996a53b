package demo_test

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/demo"
)

func TestABMCNeverHasTwoSessionsOfOurs(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	var most, changes atomic.Int64
	p.Lab.Faults().OnWrite(func(system, op, target string) {
		p.wrote(system, op, target)
		if system != "bmc" || target != host {
			return
		}
		changes.Add(1)
		now := int64(p.Lab.BMC(host).Sessions())
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
	})
	// Several operators at once, in whatever order they come.
	var wg sync.WaitGroup
	for _, do := range []string{"on", "cycle", "off", "on", "reset", "off"} {
		wg.Go(func() {
			_, err := p.Engine.Run(p.ctx, "laas.power", map[string]any{"host": host, "do": do}, "")
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.NoError(t, p.Engine.Idle(p.ctx))
	assert.Positive(t, changes.Load())
	assert.EqualValues(t, 1, most.Load())

	// Nor does provisioning, which proves the tenant's login beside that of the lab. In a release nothing is counted: the
	// simulated BMC keeps the handshake of a refused login for a while.
	p.dispatch(b[0])
	p.asBooked()
	assert.EqualValues(t, 1, most.Load())
	p.dispatch(b[1])
	p.asBefore()
}

func TestTheMachinesLocksAreWhereTheLabSays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient, Config: func(all map[string]any) { all["bmc"].(map[string]any)["lock_dir"] = dir }})
	before := p.Lab.BMC(host).Logins()
	p.refused("laas.power", map[string]any{"host": host, "do": "on"}, "the file system that the workers share", "touch "+filepath.Join(dir, "laas-shared"))
	assert.Equal(t, before, p.Lab.BMC(host).Logins(), "the BMC was not asked")
	assert.Equal(t, "off", p.host().Power)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "laas-shared"), nil, 0o600))
	p.works("laas.power", map[string]any{"host": host, "do": "on"})
	assert.Equal(t, "on", p.host().Power)
	locks, err := filepath.Glob(filepath.Join(dir, "laas-bmc-*.lock"))
	require.NoError(t, err)
	assert.Len(t, locks, 1)
}
