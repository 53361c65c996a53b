package demo_test

import (
	"context"
	"hash/fnv"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/lab"
	"stackstorm-laas/internal/simlab/world"
)

var pace = world.Pace{POST: 10 * time.Millisecond, Boot: 30 * time.Millisecond, Image: 100 * time.Millisecond, Wipe: 50 * time.Millisecond, SoftOff: 10 * time.Millisecond}

// The host and the job of all bookings here.
const (
	host = "hpe13"
	job  = 1
)

// play is a session with hooks that can be set while it runs.
type play struct {
	*demo.Session
	t   *testing.T
	ctx context.Context

	mu      sync.Mutex
	onStart func(engine.Execution)
	early   []string
}

// bodies reads bodies of jobs/new by the beginnings of their names.
func bodies(t *testing.T, prefixes ...string) (out [][]byte) {
	t.Helper()
	for _, prefix := range prefixes {
		names, err := filepath.Glob("testdata/" + prefix + "*")
		require.NoError(t, err)
		require.Len(t, names, 1, prefix)
		text, err := os.ReadFile(names[0])
		require.NoError(t, err)
		out = append(out, text)
	}
	return out
}

// sampled skips most rows of the large tables with -short. The check runs this package twice: all of it, and with -short under the race detector, which
// sees the same code in every row.
func sampled(t *testing.T) {
	if row := fnv.New32a(); testing.Short() && strings.Contains(t.Name(), "/") {
		if _, _ = row.Write([]byte(t.Name())); row.Sum32()%8 != 0 {
			t.Skip("with -short, a row in eight is run")
		}
	}
}

// open starts a lab for the bookings.
func open(t *testing.T, o demo.Options) *play {
	t.Helper()
	sampled(t)
	p := &play{t: t}
	var stop context.CancelFunc
	p.ctx, stop = context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(stop)
	o.Pack = pack
	if o.Pace == (world.Pace{}) {
		o.Pace = pace
	}
	if o.Slack == 0 {
		o.Slack = 20 * time.Second
	}
	o.OnStart = func(e engine.Execution) {
		p.mu.Lock()
		f := p.onStart
		p.mu.Unlock()
		if f != nil {
			f(e)
		}
	}
	s, err := demo.Open(o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	p.Session = s
	p.watchHardware()
	return p
}

// starting sets what is called when an execution starts.
func (p *play) starting(f func(engine.Execution)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onStart = f
}

// watchHardware notes when the hardware is reported as done while the host is not what that says.
func (p *play) watchHardware() {
	p.Lab.Faults().OnWrite(p.wrote)
}

func (p *play) wrote(system, op, _ string) {
	if system != "dashboard" || op != "task.post" {
		return
	}
	for _, task := range p.tasks("hardware") {
		if task.Status != booking.StatusDone {
			continue
		}
		h := p.host()
		ended := p.Lab.Dashboard().Jobs()[0].Ended
		if clean := h.Power == "off" && len(h.BMCUsers) == 0 && allShut(h); ended != clean || !ended && !h.Reachable {
			p.mu.Lock()
			p.early = append(p.early, "the hardware was reported as done although the host is "+h.Power)
			p.mu.Unlock()
		}
	}
}

// neverEarly holds that the hardware was never reported before its proofs.
func (p *play) neverEarly() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	assert.Empty(p.t, p.early)
}

// deliver lets the dashboard serve a body and waits until nothing moves any more.
func (p *play) deliver(body []byte) {
	p.t.Helper()
	require.NoError(p.t, p.Play(p.ctx, body))
}

// dispatch lets the dashboard serve a body and waits for the work that it leads to, not polling again afterwards.
func (p *play) dispatch(body []byte) {
	p.t.Helper()
	require.NoError(p.t, p.Lab.Deliver(body))
	before := len(p.Engine.Executions())
	for range 4 {
		require.NoError(p.t, p.Engine.PollSensor(p.ctx))
		if len(p.Engine.Executions()) > before {
			break
		}
	}
	require.Greater(p.t, len(p.Engine.Executions()), before, "the sensor dispatched nothing")
	require.NoError(p.t, p.Engine.Idle(p.ctx))
}

// settle heals everything and waits until nothing moves any more.
func (p *play) settle() {
	p.t.Helper()
	p.Lab.Faults().Heal()
	require.NoError(p.t, p.Settle(p.ctx))
}

// action runs an action as an operator does and gives its output.
func (p *play) action(name string, params map[string]any) engine.Execution {
	p.t.Helper()
	e, err := p.Engine.Run(p.ctx, name, params, "")
	require.NoError(p.t, err)
	require.NoError(p.t, p.Engine.Idle(p.ctx))
	return e
}

func (p *play) host() lab.Host { return p.Lab.Report().Hosts[0] }

// tasks are the job's tasks of a type, as the dashboard has them.
func (p *play) tasks(typ string) (out []demo.Task) {
	for _, j := range p.Report().Jobs {
		for _, t := range j.Tasks {
			if t.Type == typ || typ == "" {
				out = append(out, t)
			}
		}
	}
	return out
}

// messages are all messages that the dashboard shows, in one text.
func (p *play) messages() string {
	var out []string
	for _, t := range p.tasks("") {
		out = append(out, t.Message)
	}
	return strings.Join(out, "\n")
}

// allAre holds that every task of a type has a status, and a message.
func (p *play) allAre(status int, typ string) {
	p.t.Helper()
	for _, t := range p.tasks(typ) {
		assert.Equal(p.t, status, t.Status, "%s task %s: %s", t.Type, t.ID, t.Message)
		assert.NotEmpty(p.t, t.Message, "%s task %s", t.Type, t.ID)
	}
}

func allShut(h lab.Host) bool {
	return !slices.ContainsFunc(h.Ports, func(p lab.Port) bool { return !p.Shutdown || p.Native != nil || len(p.Tagged) > 0 })
}

var password = regexp.MustCompile(`(?m)^  password: +(\S+)$`)
var user = regexp.MustCompile(`(?m)^  user: +(\S+)$`)

// login reads user and password out of a message.
func login(t *testing.T, message string) (name, pass string) {
	t.Helper()
	u, w := user.FindStringSubmatch(message), password.FindStringSubmatch(message)
	require.NotNil(t, u, message)
	require.NotNil(t, w, message)
	return u[1], w[1]
}

// asBefore holds that the lab is as if there had never been a booking.
func (p *play) asBefore() {
	p.t.Helper()
	h := p.host()
	assert.Nil(p.t, h.Image, "something is left on the disk")
	assert.Equal(p.t, world.NormalWipe, p.Lab.World().Wiped(host), "the disk was not wiped")
	assert.Equal(p.t, "off", h.Power)
	assert.True(p.t, allShut(h), "ports: %+v", h.Ports)
	assert.Empty(p.t, h.BMCUsers)
	assert.False(p.t, h.Quarantined)
	p.nobodyLeft()
	p.Lab.Dashboard().Tick()
	assert.False(p.t, p.Lab.Dashboard().HostBooked(host), "the host is not free")
	assert.Empty(p.t, p.Engine.Keys().List(booking.OwnerPrefix))
}

// nobodyLeft holds that no account and no task is left over.
func (p *play) nobodyLeft() {
	p.t.Helper()
	assert.Empty(p.t, p.Lab.LDAP().Users())
	p.nothingScheduled()
	for _, key := range []string{"laas.secret.bmc.1." + host, "laas.secret.vpn.laas-1-2", "laas.secret.vpn.laas-1-3"} {
		_, found := p.Engine.Keys().Get(key)
		assert.False(p.t, found, "the datastore still has %s", key)
	}
}

// nothingScheduled holds that FOG has no task that is not at its end.
func (p *play) nothingScheduled() {
	p.t.Helper()
	for _, t := range p.Lab.World().Tasks() {
		assert.GreaterOrEqual(p.t, t.State, world.TaskComplete, "FOG task %d is still there", t.ID)
	}
}
