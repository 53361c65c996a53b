package demo_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

func TestAnOperatorCapturesABookedHostWithConfirmOnly(t *testing.T) {
	t.Parallel()
	b := recorded(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	p.deliver(b[0])
	p.tenantWrites("of the tenant")
	p.refused("laas.capture_host", map[string]any{"host": host, "name": "mine"}, "would be interrupted", "confirm="+host)
	p.refused("laas.capture_host", map[string]any{"host": host, "name": "../mine", "confirm": host}, "the name becomes a directory")
	p.refused("laas.capture_host", map[string]any{"host": host, "name": "ubuntu-18.04", "confirm": host}, "has that name")
	p.works("laas.capture_host", map[string]any{"host": host, "name": "mine", "confirm": host})
	p.asBooked()
	p.sourceUntouched()
	made := p.imageNamed("mine")
	require.NotNil(t, made)
	assert.Equal(t, "of the tenant", p.holds(made.ID))

	p.works("laas.image_host", map[string]any{"host": host, "image": "mine", "confirm": host})
	text, err := p.Lab.World().FS(host).ReadFile("/root/work")
	require.NoError(t, err)
	assert.Equal(t, "of the tenant", string(text))
	p.refused("laas.delete_snapshot", map[string]any{"image": "mine", "confirm": "mine"}, "was made from image")
	p.deliver(b[1])
	p.asBefore()
	p.refused("laas.delete_snapshot", map[string]any{"image": "ubuntu-18.04", "confirm": "ubuntu-18.04"}, "was not captured by the pack")
	p.refused("laas.delete_snapshot", map[string]any{"image": "mine", "confirm": "yours"}, "confirm must be")
	p.works("laas.delete_snapshot", map[string]any{"image": "mine", "confirm": "mine"})
	assert.Nil(t, p.imageNamed("mine"))
	assert.Empty(t, p.Engine.Keys().List(booking.SnapshotPrefix))
}

func TestAnOperatorCapturesAHostThatNobodyHas(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient})
	p.refused("laas.capture_host", map[string]any{"host": host, "name": "empty"}, "FOG has no image for the host")
	p.inPool()
	p.works("laas.image_host", map[string]any{"host": host, "image": "23"})
	p.tenantWrites("of the lab")
	p.works("laas.capture_host", map[string]any{"host": host, "name": "ours"})
	p.inPool()
	assert.Equal(t, "of the lab", p.holds(p.imageNamed("ours").ID))
	p.sourceUntouched()

	// A reserved one stays with its reservation.
	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
	p.refused("laas.capture_host", map[string]any{"host": host, "name": "hers"}, "would be interrupted")
	p.works("laas.power", map[string]any{"host": host, "do": "on", "confirm": host})
	p.works("laas.capture_host", map[string]any{"host": host, "name": "hers", "confirm": host})
	assert.Equal(t, "on", p.host().Power, "it ran before")
	assert.True(t, allShut(p.host()))
	assert.NotNil(t, p.imageNamed("hers"))
}

const hostKeyFile = "/etc/ssh/ssh_host_ed25519_key"

func TestAnUpdatedImageIsANewOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ os, log, update string }{
		"ubuntu": {"ubuntu", "/var/log/apt/history.log", "dist-upgrade"},
		"centos": {"centos", "/var/log/yum.log", "upgrade"},
		"suse":   {"suse", "/var/log/zypp/history", "update"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient})
			p.Lab.World().AddImage(world.Image{ID: 77, Name: c.os + "-base", OS: c.os, Version: "9"})
			p.refused("laas.update_image", map[string]any{"image": "nonsense", "name": "new", "host": host}, "FOG has no image")
			e := p.works("laas.update_image", map[string]any{"image": "77", "name": "new", "host": host})
			p.inPool()
			made := p.imageNamed("new")
			require.NotNil(t, made)
			assert.EqualValues(t, made.ID, e.Result.(map[string]any)["output"].(map[string]any)["image_id"])
			fs := p.Lab.World().ImageFS(made.ID)
			log, err := fs.ReadFile(c.log)
			require.NoError(t, err)
			assert.Contains(t, string(log), c.update)
			id, err := fs.ReadFile("/etc/machine-id")
			require.NoError(t, err)
			assert.Empty(t, id, "each host of the image is one of its own")
			assert.False(t, fs.Exists("/etc/laas-deployment"))
			assert.False(t, fs.Exists(hostKeyFile), "nor does it have a key that whoever gets the image could read")
			assert.False(t, p.Lab.World().ImageFS(77).Exists(c.log), "the old image stays as it is")
			keys := map[string]bool{}
			for range 2 {
				p.works("laas.image_host", map[string]any{"host": host, "image": "new"})
				key, err := p.Lab.World().FS(host).ReadFile(hostKeyFile)
				require.NoError(t, err)
				keys[string(key)] = true
			}
			assert.Len(t, keys, 2, "each system has a key of its own")
		})
	}
}

func TestAHostThatFOGDoesNotKnowKeepsNoImageFromBeingDeleted(t *testing.T) {
	t.Parallel()
	for _, fog := range []string{"1.5", "1.6"} {
		t.Run(fog, func(t *testing.T) {
			t.Parallel()
			b := recorded(t, "01", "04", "06")
			p := open(t, demo.Options{Bodies: b, Slack: patient, FOG: fog, Config: func(c map[string]any) { c["imaging"].(map[string]any)["snapshot_expiry"] = 30 }})
			p.deliver(b[0])
			p.deliver(b[1])
			p.works("laas.capture_host", map[string]any{"host": host, "name": "mine", "confirm": host})
			mine := p.imageNamed("mine")
			require.NoError(t, p.Lab.World().AssignImage(host, mine.ID))
			p.refused("laas.delete_snapshot", map[string]any{"image": "mine", "confirm": "mine"}, host+" was made from image")
			require.NoError(t, p.Lab.World().AssignImage(host, 23))
			p.Lab.FOG().Rename(host, "elsewhere")
			p.works("laas.delete_snapshot", map[string]any{"image": "mine", "confirm": "mine"})
			assert.Nil(t, p.imageNamed("mine"))

			p.Lab.FOG().Rename(host, host)
			p.deliver(b[2])
			snapshot := p.imageNamed("snapshot_3")
			p.ages(snapshot.ID, 31*24*time.Hour)
			p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
			require.NoError(t, p.Lab.World().AssignImage(host, snapshot.ID))
			p.works("laas.expire_snapshots", nil)
			assert.NotNil(t, p.imageNamed("snapshot_3"), "alice has a host with it")
			require.NoError(t, p.Lab.World().AssignImage(host, 23))
			p.Lab.FOG().Rename(host, "elsewhere")
			p.works("laas.expire_snapshots", nil)
			assert.Nil(t, p.imageNamed("snapshot_3"))
		})
	}
}

func TestSnapshotsOfBookingsThatEndedExpire(t *testing.T) {
	t.Parallel()
	b := recorded(t, "01", "04", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Config: func(c map[string]any) { c["imaging"].(map[string]any)["snapshot_expiry"] = 30 }})
	p.deliver(b[0])
	p.deliver(b[1])
	made := p.imageNamed("snapshot_3")
	require.NotNil(t, made)
	p.ages(made.ID, 31*24*time.Hour)
	p.works("laas.expire_snapshots", nil)
	assert.NotNil(t, p.imageNamed("snapshot_3"), "its booking goes on")
	p.deliver(b[2])
	p.ages(made.ID, 29*24*time.Hour)
	p.works("laas.expire_snapshots", nil)
	assert.NotNil(t, p.imageNamed("snapshot_3"), "it is not old enough")
	p.ages(made.ID, 31*24*time.Hour)
	p.works("laas.expire_snapshots", nil)
	assert.Nil(t, p.imageNamed("snapshot_3"))
	assert.Empty(t, p.Engine.Keys().List(booking.SnapshotPrefix))
}

// ages lets a snapshot be of some time ago.
func (p *play) ages(image int, age time.Duration) {
	p.t.Helper()
	text, found := p.Engine.Keys().Get(booking.SnapshotKey(image))
	require.True(p.t, found)
	var s booking.Snapshot
	require.NoError(p.t, json.Unmarshal([]byte(text), &s))
	s.Captured = time.Now().Add(-age)
	aged, err := json.Marshal(s)
	require.NoError(p.t, err)
	p.Engine.Keys().Set(booking.SnapshotKey(image), string(aged))
}

// A capture that failed, and after which the host could not be given back either, is made by the next run.
func TestACaptureWhoseHostWasNotGivenBackIsResumedAtOnce(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]faults.Fault{
		"its tenant's BMC account was not made": {System: "bmc", Op: "user.set", Kind: faults.Refuse},
		"its ports were not written":            {System: "switch", Kind: faults.Error500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := recorded(t, "01")[0]
			p := open(t, demo.Options{Bodies: [][]byte{b}, Dashboard: "2019", Slack: impatient, Config: brisk})
			p.deliver(b)
			p.asBooked()
			require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.Cancelled, Percent: 40, Times: 1}))
			p.breakAt(stage{action: "end_capture"}, fault)
			require.Equal(t, "failed", p.action("laas.capture_host", map[string]any{"host": host, "name": "snap1", "confirm": host}).Status)
			p.Lab.Faults().Heal()
			require.NoError(t, p.Lab.World().EndTroubles(host))
			require.Equal(t, "off", p.host().Power)

			p.starting(p.neverInTheOpen)
			p.works("laas.resume_job", map[string]any{"job_id": job})
			p.settle()
			p.starting(nil)
			p.asBooked()
			p.sourceUntouched()
			require.NotNil(t, p.imageNamed("snap1"))
			assert.Positive(t, p.imageNamed("snap1").DiskSize)
		})
	}
}
