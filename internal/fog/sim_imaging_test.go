package fog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// wired is a simulated FOG whose host hpe13 has image 23 on its disk and hangs in the provisioning VLAN.
func wired(t *testing.T, version string) (*world.World, *faults.Set, *fog.Client, fog.Host) {
	t.Helper()
	w, f, _, c := simulated(t, version, 10*time.Second, 250*time.Millisecond)
	w.SetNetwork(98, []int{98})
	require.NoError(t, w.SetPort("sw", "1/13", world.Port{Native: 98}))
	require.NoError(t, w.Install("hpe13", 23))
	h, err := c.Host(t.Context(), "hpe13")
	require.NoError(t, err)
	return w, f, c, h
}

// until waits for what changes of the world bring about.
func until(t *testing.T, w *world.World, cond func() bool) {
	t.Helper()
	changed := make(chan struct{}, 1)
	w.OnChange(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	for !cond() {
		select {
		case <-changed:
		case <-time.After(30 * time.Second):
			require.FailNow(t, "it does not happen")
		}
	}
}

// perform schedules a task, boots the host into it and waits for its end.
func perform(t *testing.T, w *world.World, c *fog.Client, h fog.Host, typ fog.TaskType) fog.Task {
	t.Helper()
	task, err := c.Schedule(t.Context(), h, typ, "laas "+typ.String())
	require.NoError(t, err)
	assert.Equal(t, int(typ), task.TypeID)
	assert.Equal(t, "laas "+typ.String(), task.Name)
	assert.True(t, task.CheckIn.IsZero())
	require.NoError(t, w.PowerOff(h.Name))
	require.NoError(t, w.SetBoot(h.Name, world.Boot{Device: "pxe"}))
	require.NoError(t, w.PowerOn(h.Name))
	until(t, w, func() bool {
		now, ok := w.Task(task.ID)
		return !ok || now.State >= world.TaskComplete
	})
	task, err = c.Task(t.Context(), task.ID)
	require.NoError(t, err)
	return task
}

func TestASnapshotIsCapturedIntoAnImageOfItsOwn(t *testing.T) {
	for _, version := range []string{"1.5", "1.6"} {
		t.Run(version, func(t *testing.T) {
			w, _, c, h := wired(t, version)
			source, err := c.Image(t.Context(), "23")
			require.NoError(t, err)
			assert.Equal(t, "ubuntu2004-x86_64", source.Path)
			assert.Positive(t, source.Size)
			assert.True(t, source.Captured.IsZero())
			require.NoError(t, w.FS("hpe13").WriteFile("/root/work", []byte("of the tenant"), 0o600))

			snapshot, err := c.CreateImage(t.Context(), "laas-7-hpe13", source)
			require.NoError(t, err)
			assert.Equal(t, fog.Image{ID: snapshot.ID, Name: "laas-7-hpe13", Path: "laas-7-hpe13", OS: "Linux", OSID: source.OSID, TypeID: source.TypeID}, snapshot)
			_, err = c.CreateImage(t.Context(), "laas-7-hpe13", source)
			assert.Equal(t, fault.Refused, fault.KindOf(err))
			require.NoError(t, c.AssignImage(t.Context(), h, snapshot.ID))
			task := perform(t, w, c, h, fog.Capture)
			assert.Equal(t, fog.TaskComplete, task.State)
			assert.False(t, task.CheckIn.IsZero())

			images, err := c.Images(t.Context())
			require.NoError(t, err)
			require.Len(t, images, 3)
			assert.Contains(t, images, source, "the source is what it was")
			captured, err := c.Image(t.Context(), snapshot.Name)
			require.NoError(t, err)
			assert.Positive(t, captured.Size)
			assert.Positive(t, captured.DiskSize)
			assert.False(t, captured.Captured.IsZero())
			text, err := w.ImageFS(snapshot.ID).ReadFile("/root/work")
			require.NoError(t, err)
			assert.Equal(t, "of the tenant", string(text))
			_, err = w.ImageFS(23).ReadFile("/root/work")
			assert.Error(t, err)

			require.NoError(t, c.DeleteImage(t.Context(), snapshot.ID))
			require.NoError(t, c.DeleteImage(t.Context(), snapshot.ID), "again")
			assert.Len(t, w.Images(), 2)
			w.AddImage(world.Image{ID: 40, Name: "golden", OS: "ubuntu", Protected: true})
			assert.Equal(t, fault.Refused, fault.KindOf(c.DeleteImage(t.Context(), 40)))
			assert.Len(t, w.Images(), 3)
			require.NoError(t, c.AssignImage(t.Context(), h, 40))
			_, err = c.Schedule(t.Context(), h, fog.Capture, "laas")
			assert.Equal(t, fault.Refused, fault.KindOf(err))
		})
	}
}

func TestAWipeOnTheSimulatedFOG(t *testing.T) {
	for _, version := range []string{"1.5", "1.6"} {
		for typ, method := range map[fog.TaskType]string{fog.FastWipe: "fast", fog.NormalWipe: "normal", fog.FullWipe: "full"} {
			t.Run(version+" "+method, func(t *testing.T) {
				w, _, c, h := wired(t, version)
				task := perform(t, w, c, h, typ)
				assert.Equal(t, fog.TaskComplete, task.State)
				s := w.Snapshot("hpe13")
				assert.Equal(t, method, s.Wiped)
				disks, err := c.Disks(t.Context(), h)
				require.NoError(t, err)
				assert.Equal(t, []fog.Disk{{Model: s.DiskModel, Serial: s.DiskSerial}}, disks)
			})
		}
	}
}

func TestHowTasksEnd(t *testing.T) {
	for _, version := range []string{"1.5", "1.6"} {
		t.Run(version, func(t *testing.T) {
			w, _, c, h := wired(t, version)
			w.SetSlots(4)
			slots, err := c.Slots(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 4, slots, "the node that is off does not count")
			require.NoError(t, c.AssignImage(t.Context(), h, 25))
			require.NoError(t, w.AddTrouble("hpe13", world.Trouble{Kind: world.Cancelled, Times: 1}))
			assert.Equal(t, fog.TaskCancelled, perform(t, w, c, h, fog.Deploy).State)

			require.NoError(t, w.AddTrouble("hpe13", world.Trouble{Kind: world.Vanished, Times: 1}))
			task, err := c.Schedule(t.Context(), h, fog.Deploy, "laas")
			require.NoError(t, err)
			require.NoError(t, w.SetBoot("hpe13", world.Boot{Device: "pxe"}))
			require.NoError(t, w.Reset("hpe13"))
			until(t, w, func() bool { _, ok := w.Task(task.ID); return !ok })
			_, err = c.Task(t.Context(), task.ID)
			assert.Equal(t, fault.NotFound, fault.KindOf(err))
			active, err := c.ActiveTasks(t.Context())
			require.NoError(t, err)
			assert.Empty(t, active)

			if version == "1.6" {
				require.NoError(t, w.AddTrouble("hpe13", world.Trouble{Kind: world.Failed, Times: 1}))
				assert.Equal(t, fog.TaskFailed, perform(t, w, c, h, fog.Deploy).State)
			}
			assert.Equal(t, fog.TaskComplete, perform(t, w, c, h, fog.Deploy).State)
			until(t, w, func() bool { return w.Up("hpe13") })
		})
	}
}

func TestImagesThatFOGOnlyTalksAbout(t *testing.T) {
	for _, kind := range []faults.Kind{faults.Forget, faults.Lie} {
		t.Run(string(kind), func(t *testing.T) {
			w, f, c, _ := wired(t, "1.5")
			f.Add(faults.Fault{System: "fog", Op: "image", Kind: kind})
			_, err := c.CreateImage(t.Context(), "new", fog.Image{ID: 23})
			assert.Error(t, err)
			assert.Equal(t, fault.Unproven, fault.KindOf(c.DeleteImage(t.Context(), 25)))
			assert.Len(t, w.Images(), 2)
		})
	}
}

func TestHostsThatFOGNamesOtherwise(t *testing.T) {
	_, _, s, c := simulated(t, "1.6", 10*time.Second, 250*time.Millisecond)
	s.Rename("hpe14", "hpe13")
	_, err := c.Host(t.Context(), "hpe13")
	assert.Equal(t, fault.Failed, fault.KindOf(err), "two of one name")
	s.Rename("hpe14", "hpe14")
	s.Rename("hpe13", "rack-1-hpe13")
	_, err = c.Host(t.Context(), "hpe13")
	assert.Equal(t, fault.NotFound, fault.KindOf(err))
	assert.Contains(t, fault.HintOf(err), "rack-1-hpe13")
}
