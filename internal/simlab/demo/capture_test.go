package demo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// tenantWrites leaves something on the host's disk that only a capture of it can have.
func (p *play) tenantWrites(text string) {
	p.t.Helper()
	require.NoError(p.t, p.Lab.World().FS(host).WriteFile("/root/work", []byte(text), 0o600))
}

// holds reads what the tenant left from an image.
func (p *play) holds(image int) string {
	p.t.Helper()
	fs := p.Lab.World().ImageFS(image)
	require.NotNil(p.t, fs, "image %d is empty", image)
	text, _ := fs.ReadFile("/root/work")
	return string(text)
}

// imageNamed finds an image at FOG.
func (p *play) imageNamed(name string) *world.Image {
	all := p.Lab.World().Images()
	if i := slices.IndexFunc(all, func(i world.Image) bool { return i.Name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// sourceUntouched holds that the image that the host was made from is what it was, and that FOG has it for the host.
func (p *play) sourceUntouched() {
	p.t.Helper()
	assert.Empty(p.t, p.holds(23))
	assert.Equal(p.t, 23, p.Lab.World().AssignedImage(host))
}

func TestASnapshotHoldsTheTenantsDiskAndGivesTheHostBackAsItWas(t *testing.T) {
	t.Parallel()
	for _, fog := range []string{"1.5", "1.6"} {
		t.Run("FOG "+fog, func(t *testing.T) {
			t.Parallel()
			b := recorded(t, "01", "04", "15a", "06")
			p := open(t, demo.Options{Bodies: b, Slack: patient, FOG: fog})
			p.deliver(b[0])
			p.asBooked()
			p.tenantWrites("of the tenant")
			before := p.Lab.World().Snapshot(host)
			p.starting(p.neverInTheOpen)
			p.deliver(b[1])
			p.starting(nil)

			p.asBooked()
			p.sourceUntouched()
			made := p.imageNamed("snapshot_3")
			require.NotNil(t, made)
			assert.Equal(t, "of the tenant", p.holds(made.ID))
			p.noGuard()
			assert.Contains(t, p.files("/etc/netplan"), "/etc/netplan/01-laas.yaml", "the booked networks are back")
			assert.False(t, p.Lab.World().ImageFS(made.ID).Exists("/etc/netplan/01-laas.yaml"), "and not in the image")
			assert.Positive(t, made.DiskSize)
			p.tells(p.tasks("snapshot")[0], booking.StatusDone, host, "snapshot_3", "number 24", "2 partitions")
			assert.Equal(t, before.Hostname, p.Lab.World().Snapshot(host).Hostname)
			p.nothingScheduled()

			// Once more, after something else: the dashboard has no number for it (-1).
			p.tenantWrites("something else")
			p.deliver(b[2])
			for _, task := range p.tasks("hardware") {
				p.tells(task, booking.StatusDone, host)
			}
			text, err := p.Lab.World().FS(host).ReadFile("/root/work")
			require.NoError(t, err)
			assert.Equal(t, "of the tenant", string(text))
			assert.Equal(t, made.ID, p.Lab.World().AssignedImage(host))

			p.deliver(b[3])
			p.asBefore()
			assert.Equal(t, "of the tenant", p.holds(made.ID), "a snapshot outlives its booking")
		})
	}
}

// neverInTheOpen holds that a host that is in FOG's network neither runs its tenant's system nor can be switched on by him.
func (p *play) neverInTheOpen(e engine.Execution) {
	if e.Action != "laas.capture_image" {
		return
	}
	assert.Empty(p.t, p.host().BMCUsers, "the tenant could switch the host on")
	assert.Equal(p.t, "off", p.host().Power)
}

func TestASnapshotThatFailsLeavesNothingAndTheTenantHisHost(t *testing.T) {
	t.Parallel()
	trouble := func(kind world.TroubleKind) func(*play) {
		return func(p *play) {
			require.NoError(p.t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: kind, Percent: 40, Times: 1}))
		}
	}
	for name, c := range map[string]struct {
		breaks func(*play)
		told   string
	}{
		"the host misses FOG and boots its disk": {trouble(world.IgnoresPXE), "did not check in"},
		"it stops moving":                        {trouble(world.Stuck), "stood still at 40%"},
		"FOG gives up":                           {trouble(world.Failed), "is failed"},
		"somebody cancels it":                    {trouble(world.Cancelled), "is cancelled"},
		"somebody deletes it":                    {trouble(world.Vanished), "has vanished"},
		"FOG says complete and has nothing":      {trouble(world.WriteLost), "holds nothing new"},
		"FOG is down before it begins": {func(p *play) {
			p.breakAt(stage{action: "begin_capture"}, faults.Fault{System: "fog", Kind: faults.Error500})
		}, "FOG"},
		"the name is taken": {func(p *play) { p.Lab.World().AddImage(world.Image{ID: 40, Name: "snapshot_3", OS: "centos"}) }, "image 40 has that name"},
		"the switch refuses the ports": {func(p *play) {
			p.breakAt(stage{action: "set_ports", which: "provisioning"}, faults.Fault{System: "switch", Kind: faults.Error500})
			breaks := p.onStart
			p.starting(func(e engine.Execution) {
				breaks(e)
				if e.Action == "laas.capture_image" {
					p.Lab.Faults().Heal()
				}
			})
		}, "the ports on switch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := recorded(t, "01", "04", "06")
			p := open(t, demo.Options{Bodies: b, Slack: impatient, FOG: "1.6"})
			p.Lab.World().ReportFailures()
			p.deliver(b[0])
			p.asBooked()
			p.tenantWrites("of the tenant")
			images := p.Lab.World().Images()
			c.breaks(p)
			images = append(images, p.Lab.World().Images()[len(images):]...)
			p.dispatch(b[1])
			p.starting(nil)
			p.Lab.Faults().Heal()
			p.tells(p.tasks("snapshot")[0], booking.StatusError, c.told)
			assert.Equal(t, images, p.Lab.World().Images(), "no half image is left")
			assert.Equal(t, 23, p.Lab.World().AssignedImage(host))
			p.nothingScheduled()
			h := p.host()
			assert.Equal(t, "on", h.Power)
			assert.True(t, h.Reachable)
			assert.NotEmpty(t, h.BMCUsers)
			text, err := p.Lab.World().FS(host).ReadFile("/root/work")
			require.NoError(t, err)
			assert.Equal(t, "of the tenant", string(text))
			if name != "the name is taken" {
				p.works("laas.resume_job", map[string]any{"job_id": job})
				p.settle()
				p.asBooked()
				assert.Equal(t, "of the tenant", p.holds(p.imageNamed("snapshot_3").ID))
			}
			p.deliver(b[2])
			p.asBefore()
		})
	}
}

func TestABookingThatEndsAfterItsCaptureWasCancelledLeavesNothing(t *testing.T) {
	t.Parallel()
	b := recorded(t, "01", "04", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Pace: slower})
	p.deliver(b[0])
	images := p.Lab.World().Images()
	killed := make(chan struct{})
	var once sync.Once
	p.Lab.Faults().OnWrite(func(system, op, _ string) {
		if system == "fog" && op == "task.post" {
			once.Do(func() { close(killed) })
		}
	})
	require.NoError(t, p.Lab.Deliver(b[1]))
	for range 2 {
		require.NoError(t, p.Engine.PollSensor(p.ctx))
	}
	<-killed
	for _, e := range p.Engine.Executions() {
		if e.Action == "laas.process_job" && e.Status == "running" {
			require.NoError(t, p.Engine.Cancel(e.ID))
		}
	}
	require.NoError(t, p.Engine.Idle(p.ctx))
	assert.Equal(t, "off", p.host().Power, "its tenant's system is not let into FOG's network")
	p.nothingScheduled()
	p.works("laas.reconcile", nil)
	p.deliver(b[2])
	p.asBefore()
	assert.Equal(t, images, p.Lab.World().Images())
}

// The sensor holds the rest of a booking while a run of it is not over.
func TestACaptureThatTheDashboardKnowsNothingOfIsResumedWhenNobodyWorksOnIt(t *testing.T) {
	t.Parallel()
	b := recorded(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	p.deliver(b[0])
	p.tenantWrites("of the tenant")
	p.starting(func(e engine.Execution) {
		if e.Action == "laas.capture_image" {
			for _, e := range p.Engine.Executions() {
				if e.Action == "laas.process_job" || e.Action == "laas.capture_host" {
					_ = p.Engine.Cancel(e.ID)
				}
			}
		}
	})
	p.action("laas.capture_host", map[string]any{"host": host, "name": "mine", "confirm": host})
	p.starting(nil)
	assert.Equal(t, "off", p.host().Power)
	p.refused("laas.power", map[string]any{"host": host, "do": "on"}, "would start in the provisioning network")
	p.works("laas.boot_booked_hosts", nil)
	assert.Equal(t, "off", p.host().Power)
	p.forgetExecution()
	p.works("laas.reconcile", nil)
	p.settle()
	p.asBooked()
	assert.Equal(t, "of the tenant", p.holds(p.imageNamed("mine").ID))
	p.deliver(b[1])
	p.asBefore()
}

// forgetExecution makes the job's run one whose execution StackStorm does not know: its worker died, and nobody cancelled it.
func (p *play) forgetExecution() {
	p.t.Helper()
	text, found := p.Engine.Keys().Get(booking.JobKey(job))
	require.True(p.t, found)
	var r booking.JobRecord
	require.NoError(p.t, json.Unmarshal([]byte(text), &r))
	require.Equal(p.t, "running", r.State)
	r.Execution = ""
	lost, err := json.Marshal(r)
	require.NoError(p.t, err)
	p.Engine.Keys().Set(booking.JobKey(job), string(lost))
}

func TestAKillAfterAnyWriteOfASnapshotLeavesTheHostAsItWas(t *testing.T) {
	t.Parallel()
	b := recorded(t, "01", "04")
	whole := open(t, demo.Options{Bodies: b})
	whole.deliver(b[0])
	kills := whole.kills()
	whole.deliver(b[1])
	whole.asBooked()
	require.Greater(t, len(kills()), 10)
	for _, n := range kills() {
		t.Run(fmt.Sprintf("write %d", n), func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient})
			p.dispatch(b[0])
			p.tenantWrites("of the tenant")
			p.afterWrite(n, p.Engine.KillRunning)
			p.dispatch(b[1])
			p.watchHardware()
			p.finish()
			p.asBooked()
			p.nothingScheduled()
			p.sourceUntouched()
			made := p.imageNamed("snapshot_3")
			require.NotNil(t, made)
			assert.Equal(t, "of the tenant", p.holds(made.ID))
			assert.Len(t, p.Lab.World().Images(), len(whole.Lab.World().Images()), "no half image is left")
		})
	}
}

// Such a host is not reached before it has its booked networks again, neither by us afterwards nor, with those in its image, in FOG's network.
func TestASnapshotOfAHostWhosePublicNetworkIsTaggedCanBeUsed(t *testing.T) {
	t.Parallel()
	var b [][]byte
	for _, body := range recorded(t, "01", "04", "15a", "06") {
		b = append(b, bytes.ReplaceAll(body, []byte(`"tagged": false`), []byte(`"tagged": true`)))
	}
	p := open(t, demo.Options{Bodies: b, Slack: patient, Config: settings("ssh", map[string]any{"ready_timeout": 8, "network_guard": 8})})
	p.deliver(b[0])
	require.Equal(t, []int{100}, p.port(0).Tagged)
	require.True(t, p.host().Reachable)
	p.tenantWrites("of the tenant")
	before := p.files("/etc/netplan")
	p.deliver(b[1])
	p.tells(p.tasks("snapshot")[0], booking.StatusDone, host)
	assert.True(t, p.host().Reachable)
	assert.Equal(t, before, p.files("/etc/netplan"))
	p.noGuard()
	p.deliver(b[2])
	for _, task := range p.tasks("hardware") {
		p.tells(task, booking.StatusDone, host)
	}
	assert.True(t, p.host().Reachable)
	assert.Equal(t, "of the tenant", p.files("/root")["/root/work"])
	p.noGuard()
	p.deliver(b[3])
	p.asBefore()
}
