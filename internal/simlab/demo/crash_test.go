package demo_test

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
)

// afterWrite counts writes to the lab's systems and calls what it is given after the nth, before it is answered.
func (p *play) afterWrite(n int64, crash func()) {
	var writes atomic.Int64
	p.Lab.Faults().OnWrite(func(system, op, target string) {
		p.wrote(system, op, target)
		if writes.Add(1) == n {
			crash()
		}
	})
}

// every has a run killed after each of its writes, as it should be before a release. Otherwise most of the small steps by which files get onto a host are
// left out: they are as many as all other writes together, three times over.
var every = flag.Bool("every", false, "kill runs after every single write")

// kills notes the writes of a whole run and gives those to kill one after. It is called before the run.
func (p *play) kills() func() []int64 {
	var mu sync.Mutex
	var ops []string
	p.Lab.Faults().OnWrite(func(system, op, target string) {
		p.wrote(system, op, target)
		mu.Lock()
		defer mu.Unlock()
		ops = append(ops, op)
	})
	return func() (out []int64) {
		mu.Lock()
		defer mu.Unlock()
		inside := func(i int) bool { return i > 0 && i+1 < len(ops) && ops[i-1] == ops[i] && ops[i+1] == ops[i] }
		for i, op := range ops {
			if *every || op != "sftp.write" || !inside(i) || i%10 == 0 {
				out = append(out, int64(i)+1)
			}
		}
		return out
	}
}

// asBooked holds that the lab is as the first booking of 2019 wants it.
func (p *play) asBooked() {
	p.t.Helper()
	h := p.host()
	assert.Equal(p.t, "on", h.Power)
	assert.True(p.t, h.Reachable)
	assert.Equal(p.t, 23.0, h.Image)
	assert.Equal(p.t, "my-dev-box", h.Hostname)
	assert.Len(p.t, h.SSHKeys["opnfv"], 2)
	if assert.NotNil(p.t, h.Ports[0].Native) {
		assert.Equal(p.t, 100, *h.Ports[0].Native)
	}
	assert.Empty(p.t, h.Ports[0].Tagged)
	assert.True(p.t, h.Ports[1].Shutdown)
	p.noGuard()
	p.allAre(booking.StatusDone, "")
	name, word := login(p.t, p.tasks("hardware")[0].Message)
	assert.Equal(p.t, []string{name}, h.BMCUsers)
	assert.True(p.t, p.opensBMC(name, word))
	assert.Len(p.t, p.Lab.LDAP().Users(), 2)
	for _, a := range p.tasks("access") {
		if strings.Contains(a.Message, "VPN") {
			name, word := login(p.t, a.Message)
			assert.True(p.t, p.Lab.LDAP().Login(name, word), name)
		}
	}
}

// finish works on the job again if something is left to do.
func (p *play) finish() {
	p.t.Helper()
	for _, task := range p.tasks("") {
		if task.Status != booking.StatusDone {
			e := p.action("laas.resume_job", map[string]any{"job_id": job})
			require.Equal(p.t, "succeeded", e.Status, "%v", e.Result)
			return
		}
	}
}

func TestAKillAfterAnyWriteOfProvisioningLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	whole := open(t, demo.Options{Bodies: b})
	kills := whole.kills()
	whole.deliver(b[0])
	whole.asBooked()
	require.Greater(t, len(kills()), 20)
	for _, n := range kills() {
		t.Run(fmt.Sprintf("write %d", n), func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient})
			p.afterWrite(n, p.Engine.KillRunning)
			p.dispatch(b[0])
			p.watchHardware()
			p.finish()
			p.asBooked()
			p.nothingScheduled()
			p.neverEarly()
		})
	}
}

func TestAKillAfterAnyWriteOfAReleaseLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	whole := open(t, demo.Options{Bodies: b})
	whole.deliver(b[0])
	kills := whole.kills()
	whole.deliver(b[1])
	whole.asBefore()
	require.Greater(t, len(kills()), 10)
	for _, n := range kills() {
		t.Run(fmt.Sprintf("write %d", n), func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient})
			p.dispatch(b[0])
			p.afterWrite(n, p.Engine.KillRunning)
			p.dispatch(b[1])
			p.watchHardware()
			p.finish()
			if text, owned := p.Engine.Keys().Get(booking.OwnerKey(host)); owned && strings.Contains(text, `"quarantine"`) {
				e := p.action("laas.return_host", map[string]any{"host": host, "confirm": host})
				assert.Equal(t, "succeeded", e.Status, "%v", e.Result)
			}
			p.asBefore()
			p.allAre(booking.StatusDone, "")
			p.neverEarly()
		})
	}
}
