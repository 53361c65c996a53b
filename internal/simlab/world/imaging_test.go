package world_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/world"
)

// run queues a task for the host and boots it from the network.
func run(t *testing.T, w *world.World, name string, typ int) world.Task {
	t.Helper()
	task, err := w.QueueTask(name, typ, "a task", "fog")
	require.NoError(t, err)
	boot(t, w, name)
	return task
}

func boot(t *testing.T, w *world.World, name string) {
	t.Helper()
	require.NoError(t, w.PowerOff(name))
	require.NoError(t, w.SetBoot(name, world.Boot{Device: "pxe"}))
	require.NoError(t, w.PowerOn(name))
}

func wired(t *testing.T) *world.World {
	w := rack(t)
	setPort("Ethernet1/1", world.Port{Native: provision})(t, w)
	require.NoError(t, w.AssignImage(host, newImage))
	return w
}

func now(w *world.World, id int) world.Task {
	task, _ := w.Task(id)
	return task
}

func TestAWipeLeavesNothingToBoot(t *testing.T) {
	for typ, method := range map[int]string{world.FastWipe: "fast", world.NormalWipe: "normal", world.FullWipe: "full"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := wired(t)
				require.NoError(t, w.AssignImage(host, 0))
				task := run(t, w, host, typ)
				assert.True(t, now(w, task.ID).CheckedIn.IsZero())
				wait(toBoot + pace.Wipe/2)
				assert.Equal(t, world.TaskInProgress, now(w, task.ID).State)
				assert.Zero(t, now(w, task.ID).Percent, "a wipe tells nothing of its progress")
				assert.False(t, now(w, task.ID).CheckedIn.IsZero())
				assert.Nil(t, w.FS(host), "gone with the first block")
				assert.Empty(t, w.Snapshot(host).Wiped, "and not wiped before the last")
				wait(pace.Wipe + toBoot)
				assert.Equal(t, world.TaskComplete, now(w, task.ID).State)
				s := w.Snapshot(host)
				assert.Equal(t, method, s.Wiped)
				assert.Equal(t, typ, w.Wiped(host))
				assert.Nil(t, s.Image)
				assert.False(t, s.Up)
				assert.Equal(t, w.DiskSerial(host), s.DiskSerial)
				assert.NotEmpty(t, s.DiskSerial)
				require.NoError(t, w.Install(host, oldImage))
				assert.Empty(t, w.Snapshot(host).Wiped, "something is written to it")
			})
		})
	}
}

func TestACaptureReadsTheDiskIntoTheAssignedImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wired(t)
		boot(t, w, host)
		wait(toBoot)
		require.True(t, w.Up(host))
		require.NoError(t, w.FS(host).WriteFile("/root/work", []byte("of the tenant"), 0o600))
		id, err := w.CreateImage(world.Image{Name: "snapshot"})
		require.NoError(t, err)
		assert.Nil(t, w.ImageFS(id), "a definition is empty")
		source := w.Images()[1]
		require.NoError(t, w.AssignImage(host, id))
		task := run(t, w, host, world.Capture)
		wait(toBoot + pace.Image/2)
		assert.InDelta(t, 50, now(w, task.ID).Percent, 1)
		wait(pace.Image + toBoot)
		assert.Equal(t, world.TaskComplete, now(w, task.ID).State)
		assert.True(t, w.Up(host), "the host boots its disk again")
		text, err := w.ImageFS(id).ReadFile("/root/work")
		require.NoError(t, err)
		assert.Equal(t, "of the tenant", string(text))
		images := w.Images()
		assert.Equal(t, source, images[1], "the source image is what it was")
		assert.Equal(t, "centos", images[2].OS)
		assert.Positive(t, images[2].Size)
		assert.False(t, images[2].Captured.IsZero())

		require.NoError(t, w.FS(host).WriteFile("/root/work", []byte("later"), 0o600))
		text, _ = w.ImageFS(id).ReadFile("/root/work")
		assert.Equal(t, "of the tenant", string(text), "a copy")
		run(t, w, host, world.Deploy)
		wait(24 * time.Hour)
		text, _ = w.FS(host).ReadFile("/root/work")
		assert.Equal(t, "of the tenant", string(text), "what was captured is deployed")
	})
}

func TestACaptureIntoAnImageOverwritesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wired(t)
		w.AddImage(world.Image{ID: 30, Name: "alias", OS: "ubuntu", Path: "ubuntu2004"})
		run(t, w, host, world.Capture)
		wait(24 * time.Hour)
		for _, id := range []int{newImage, 30} {
			text, err := w.ImageFS(id).ReadFile("/etc/os-release")
			require.NoError(t, err)
			assert.Contains(t, string(text), "CentOS", "image %d, by its path", id)
		}
	})
}

func TestDeploymentsOverTheSlotsWaitTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wired(t)
		w.SetSlots(1)
		assert.Equal(t, 1, w.Slots())
		names := []string{host, "hpe14", "hpe15"}
		for i, name := range names[1:] {
			port := []string{"Ethernet1/14", "Ethernet1/15"}[i]
			w.AddHost(world.HostSpec{Name: name, NICs: []world.NIC{{MAC: "48:df:37:1d:" + name[3:] + ":00", Switch: "sw1", Port: port}}})
			setPort(port, world.Port{Native: provision})(t, w)
			require.NoError(t, w.AssignImage(name, newImage))
		}
		first := run(t, w, host, world.Deploy)
		wait(time.Second)
		second := run(t, w, "hpe14", world.Deploy)
		wait(time.Second)
		wipe := run(t, w, "hpe15", world.FullWipe)
		wait(toBoot)
		states := func() (s []int) {
			for _, id := range []int{first.ID, second.ID, wipe.ID} {
				s = append(s, now(w, id).State)
			}
			return s
		}
		assert.Equal(t, []int{world.TaskInProgress, world.TaskCheckedIn, world.TaskInProgress}, states(), "a wipe asks for no slot")
		wait(pace.Image)
		assert.Equal(t, world.TaskComplete, now(w, first.ID).State)
		assert.Equal(t, world.TaskInProgress, now(w, second.ID).State)
		require.NoError(t, w.PowerOff("hpe14"))
		again := run(t, w, host, world.Deploy)
		wait(24 * time.Hour)
		assert.Equal(t, world.TaskCheckedIn, now(w, again.ID).State, "FOG holds the slot of a host that is gone")
		require.NoError(t, w.CancelTask(second.ID))
		wait(24 * time.Hour)
		assert.Equal(t, world.TaskComplete, now(w, again.ID).State)
	})
}

func TestImagesComeAndGo(t *testing.T) {
	w := rack(t)
	id, err := w.CreateImage(world.Image{Name: "snapshot", Path: "snapshot"})
	require.NoError(t, err)
	assert.Equal(t, oldImage+1, id)
	_, err = w.CreateImage(world.Image{Name: "snapshot"})
	assert.Error(t, err)
	require.NoError(t, w.AssignImage(host, id))
	require.NoError(t, w.DeleteImage(id))
	assert.Zero(t, w.AssignedImage(host), "FOG takes it from its hosts")
	assert.Error(t, w.DeleteImage(id))
}
