package demo_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/lab"
	"stackstorm-laas/internal/simlab/world"
)

// What ends a task is told as it is, and not tried again by itself: somebody wanted it, or it has to be looked at.
func TestATaskThatEndsBadlyIsToldAsItIs(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	for name, c := range map[string]struct {
		kind world.TroubleKind
		told string
	}{
		"cancelled":            {world.Cancelled, "FOG task 1 is cancelled"},
		"failed, with FOG 1.6": {world.Failed, "FOG task 1 is failed"},
		"vanished":             {world.Vanished, "FOG task 1 has vanished: whether the image was written cannot be known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient, FOG: "1.6"})
			p.Lab.World().ReportFailures()
			require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: c.kind, Percent: 40, Times: 1}))
			p.dispatch(b[0])
			p.tells(p.tasks("hardware")[0], booking.StatusError, host, "imaging", c.told)
			assert.Equal(t, 1, p.runs("laas.schedule_imaging", host))
			assert.Empty(t, p.host().SSHKeys["opnfv"])
			p.nothingScheduled()
			p.neverEarly()
			p.recovers()
		})
	}
}

func TestAFOGThatShowsItsLoginPageImagesNothingAndSaysSo(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	for _, step := range []string{"schedule_imaging", "boot_to_network", "follow_imaging"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient, Pace: slower})
			p.starting(func(e engine.Execution) {
				if e.Action == "laas."+step {
					p.Lab.FOG().Enable(false)
				}
			})
			p.dispatch(b[0])
			p.tells(p.tasks("hardware")[0], booking.StatusError, host, "FOG", "login page")
			p.neverEarly()
			p.recovers()
			assert.Len(t, p.deployments(), 1, "the work goes on with the task that is there")
		})
	}
}

// slower leaves time to look at a task while it runs.
var slower = world.Pace{POST: pace.POST, Boot: pace.Boot, Image: 1500 * time.Millisecond, SoftOff: pace.SoftOff}

func TestATaskThatIsThereAlready(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	queue := func(p *play, name string) world.Task {
		require.NoError(p.t, p.Lab.World().AssignImage(host, 23))
		task, err := p.Lab.World().QueueTask(host, world.Deploy, name, "fog")
		require.NoError(p.t, err)
		return task
	}
	t.Run("of somebody else is refused and left alone", func(t *testing.T) {
		t.Parallel()
		p := open(t, demo.Options{Bodies: b, Slack: patient})
		foreign := queue(p, "by hand")
		p.dispatch(b[0])
		p.tells(p.tasks("hardware")[0], booking.StatusError, host, "task 1", "not ours")
		still, _ := p.Lab.World().Task(foreign.ID)
		assert.Equal(t, world.TaskQueued, still.State)
		assert.Len(t, p.deployments(), 1)
		require.NoError(t, p.Lab.World().CancelTask(foreign.ID))
		p.recovers()
	})
	t.Run("of this job, host and image is taken up", func(t *testing.T) {
		t.Parallel()
		p := open(t, demo.Options{Bodies: b, Slack: patient})
		there := queue(p, "laas job 1 "+host+" generation 7")
		p.dispatch(b[0])
		p.asBooked()
		done, _ := p.Lab.World().Task(there.ID)
		assert.Equal(t, world.TaskComplete, done.State)
		assert.Len(t, p.deployments(), 1)
	})
	t.Run("of this job and host with another image is cancelled", func(t *testing.T) {
		t.Parallel()
		p := open(t, demo.Options{Bodies: b, Slack: patient})
		p.Lab.World().AddImage(world.Image{ID: 77, Name: "centos-7", OS: "centos", Version: "7"})
		require.NoError(t, p.Lab.World().AssignImage(host, 77))
		_, err := p.Lab.World().QueueTask(host, world.Deploy, "laas job 1 "+host+" generation 7", "fog")
		require.NoError(t, err)
		p.dispatch(b[0])
		p.asBooked()
		require.Len(t, p.deployments(), 2)
		assert.Equal(t, world.TaskCancelled, p.deployments()[0].State)
	})
	t.Run("of ours from before is cancelled", func(t *testing.T) {
		t.Parallel()
		p := open(t, demo.Options{Bodies: b, Slack: patient})
		stale := queue(p, "laas job 99 "+host+" generation 1")
		p.dispatch(b[0])
		p.asBooked()
		old, _ := p.Lab.World().Task(stale.ID)
		assert.Equal(t, world.TaskCancelled, old.State)
		assert.Len(t, p.deployments(), 2)
	})
}

func TestWhatFOGDoesNotHaveIsSaidBeforeAnythingIsTouched(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	fogName := func(p *play, host, name string) {
		text, found := p.Engine.Keys().Get(host)
		require.True(p.t, found)
		var entry map[string]any
		require.NoError(p.t, json.Unmarshal([]byte(text), &entry))
		entry["fog_name"] = name
		changed, err := json.Marshal(entry)
		require.NoError(p.t, err)
		p.Engine.Keys().Set(host, string(changed))
	}
	for name, c := range map[string]struct {
		hosts []lab.HostSpec
		spoil func(p *play)
		told  string
		// hint is what the operator reads beside it.
		hint string
	}{
		"the image is gone when its turn comes": {spoil: func(p *play) {
			p.starting(func(e engine.Execution) {
				if e.Action == "laas.schedule_imaging" {
					p.Lab.World().AddImage(world.Image{ID: 230, Name: "backup of 23", OS: "ubuntu", Version: "18.04"})
					assert.NoError(p.t, p.Lab.World().DeleteImage(23))
				}
			})
		}, told: "find image 23", hint: "backup of 23"},
		"the host is unknown": {spoil: func(p *play) { fogName(p, host, "hpe31") }, told: "find host hpe31"},
		"two hosts have its name": {hosts: []lab.HostSpec{{Name: "twin", FOGName: host}}, spoil: func(p *play) { fogName(p, "twin", "another") },
			told: "2 entries of that name", hint: "rename all but one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Hosts: c.hosts, Slack: patient})
			c.spoil(p)
			p.dispatch(b[0])
			p.tells(p.tasks("hardware")[0], booking.StatusError, host, "schedule imaging", c.told)
			assert.Empty(t, p.deployments())
			assert.Equal(t, "off", p.named(host).Power)
			for _, e := range p.Engine.Executions() {
				if e.Action == "laas.schedule_imaging" {
					text, _ := json.Marshal(e.Result)
					assert.Contains(t, string(text), c.hint)
				}
			}
			p.neverEarly()
		})
	}
}

func TestAHostThatRunsSomethingElseThanItsImageIsNotHandedOver(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	for name, c := range map[string]struct {
		spoil func(p *play)
		told  string
	}{
		"the wrong system": {func(p *play) {
			p.Lab.World().AddImage(world.Image{ID: 77, Name: "centos-7", OS: "centos", Version: "7"})
			require.NoError(p.t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.OtherImage, Image: 77, Times: 1}))
		}, `runs "centos", the booked image 23 is ubuntu`},
		"an image without the lab's key": {func(p *play) { p.Lab.World().SetLabKey("ssh-ed25519 " + strings.Repeat("A", 68) + " other") }, "does not accept the key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient, Config: brisk})
			c.spoil(p)
			p.dispatch(b[0])
			p.tells(p.tasks("hardware")[0], booking.StatusError, host, "boot and proof of the image", c.told)
			assert.Len(t, p.deployments(), 1, "a second try would write the same")
			assert.Empty(t, p.host().SSHKeys["opnfv"])
			assert.Empty(t, p.host().BMCUsers)
			assert.Zero(t, p.runs("laas.configure_host", host))
			p.neverEarly()
		})
	}
}

func TestAHostThatBootsItsOldDiskIsNotTakenForImaged(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Config: brisk})
	p.dispatch(b[0])
	p.asBooked()
	before := p.machineID(host)
	require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.WriteLost}))
	require.NoError(t, p.Lab.Dashboard().Reimage(job, host, "23"))
	require.NoError(t, p.Settle(p.ctx))
	p.tells(p.tasks("hardware")[0], booking.StatusError, host, "still runs the system it ran before")
	assert.Equal(t, before, p.machineID(host))
	assert.Len(t, p.deployments(), 2, "FOG wrote somewhere else, as it would again")
}

func TestAHostKeyThatChangesAfterTheProofEndsIt(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	p.starting(func(e engine.Execution) {
		if e.Action != "laas.configure_host" {
			return
		}
		_, private, err := ed25519.GenerateKey(rand.Reader)
		assert.NoError(t, err)
		block, err := ssh.MarshalPrivateKey(private, "")
		assert.NoError(t, err)
		assert.NoError(t, p.Lab.World().FS(host).WriteFile("/etc/ssh/ssh_host_ed25519_key", pem.EncodeToMemory(block), 0o600))
	})
	p.dispatch(b[0])
	p.tells(p.tasks("hardware")[0], booking.StatusError, host, "the host key is not the known one")
	assert.Empty(t, p.host().SSHKeys["opnfv"])
	p.neverEarly()
}

func TestABMCThatForgetsOrRefusesTheBootDeviceImagesNothing(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	for kind, told := range map[faults.Kind]string{faults.Forget: "boot", faults.Refuse: "BMC"} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient})
			p.Lab.Faults().Add(faults.Fault{System: "bmc", Op: "boot.set", Kind: kind})
			p.dispatch(b[0])
			p.tells(p.tasks("hardware")[0], booking.StatusError, host, "boot from the network", told)
			assert.Equal(t, "off", p.host().Power, "a host that does not boot FOG does not start at all")
			p.neverEarly()
			p.recovers()
		})
	}
}
