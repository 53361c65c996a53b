package world_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/world"
)

// wait lets time pass and everything that is due in it happen.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestPower(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *world.World){
		"power on of a running host does nothing": func(t *testing.T, w *world.World) {
			require.NoError(t, w.PowerOn(host))
			assert.True(t, w.Up(host))
		},
		"power off is at once": func(t *testing.T, w *world.World) {
			require.NoError(t, w.PowerOff(host))
			assert.False(t, w.Power(host))
		},
		"soft off takes the time of a shutdown": func(t *testing.T, w *world.World) {
			require.NoError(t, w.SoftOff(host))
			wait(pace.SoftOff - time.Second)
			assert.True(t, w.Power(host))
			assert.False(t, w.Reachable(host))
			wait(time.Second)
			assert.False(t, w.Power(host))
		},
		"soft off without a system is not heard": func(t *testing.T, w *world.World) {
			require.NoError(t, w.Reset(host))
			require.NoError(t, w.SoftOff(host))
			wait(time.Hour)
			assert.True(t, w.Up(host))
		},
		"reset boots again": func(t *testing.T, w *world.World) {
			require.NoError(t, w.Reset(host))
			assert.False(t, w.Up(host))
			wait(toBoot)
			assert.True(t, w.Up(host))
		},
		"reset and cycle of a host that is off are refused": func(t *testing.T, w *world.World) {
			require.NoError(t, w.PowerOff(host))
			require.ErrorIs(t, w.Reset(host), world.ErrOff)
			require.ErrorIs(t, w.Cycle(host), world.ErrOff)
		},
		"a boot that is interrupted does not end": func(t *testing.T, w *world.World) {
			require.NoError(t, w.Reset(host))
			wait(toBoot - time.Second)
			require.NoError(t, w.PowerOff(host))
			wait(time.Hour)
			assert.False(t, w.Up(host))
		},
		"a persistent boot device stays": func(t *testing.T, w *world.World) {
			b := world.Boot{Device: "pxe", Persistent: true, EFI: true}
			require.NoError(t, w.SetBoot(host, b))
			require.NoError(t, w.Cycle(host))
			wait(toBoot)
			assert.Equal(t, b, w.GetBoot(host))
			assert.True(t, w.Up(host), "without a task FOG lets the disk boot")
		},
		"the firmware set-up waits for somebody": func(t *testing.T, w *world.World) {
			require.NoError(t, w.SetBoot(host, world.Boot{Device: "bios"}))
			require.NoError(t, w.Cycle(host))
			wait(time.Hour)
			assert.False(t, w.Up(host))
			require.NoError(t, w.Reset(host))
			wait(toBoot)
			assert.True(t, w.Up(host))
		},
		"an unknown host is an error": func(t *testing.T, w *world.World) {
			require.Error(t, w.PowerOn("nobody"))
			assert.False(t, w.Power("nobody"))
			assert.NotEmpty(t, w.ReachReason("nobody"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := rack(t)
				require.NoError(t, w.SetPort("sw1", "Ethernet1/1", world.Port{Native: provision}))
				require.NoError(t, w.PowerOn(host))
				wait(toBoot)
				require.True(t, w.Reachable(host), w.ReachReason(host))
				run(t, w)
			})
		})
	}
}

func TestAHostWithAnEmptyDiskBootsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world.New(pace)
		w.AddHost(world.HostSpec{Name: host})
		require.NoError(t, w.PowerOn(host))
		wait(time.Hour)
		assert.True(t, w.Power(host))
		assert.False(t, w.Up(host))
		assert.Nil(t, w.Snapshot(host).Image)
	})
}

func TestChangesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := rack(t)
		told := make(chan struct{}, 100)
		w.OnChange(func() { told <- struct{}{} })
		require.NoError(t, w.PowerOn(host))
		wait(toBoot)
		assert.Len(t, told, 3, "power, end of POST, system up")
	})
}
