package world_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/world"
)

// said is everything that a host has written to its console since it was switched on.
func said(w *world.World, name string) string {
	text, _ := w.Console(name, 0)
	return string(text)
}

func TestAHostTellsOnItsConsoleWhatItDoes(t *testing.T) {
	for name, c := range map[string]struct {
		trouble *world.Trouble
		says    []string
		last    string
	}{
		"a deployment":         {nil, []string{"Power-on self-test of hpe1", "PXE boot from", "check in with FOG", "Partclone", "Task complete", "Booting from the hard disk"}, "localhost login: "},
		"it never checks in":   {&world.Trouble{Kind: world.NeverChecksIn}, []string{"PXE boot from"}, "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(1,0)\r\n"},
		"it is stuck":          {&world.Trouble{Kind: world.Stuck, Percent: 40}, []string{"Completed:  40.00%"}, "I/O error, dev sda, sector 2048\r\n"},
		"it cannot boot":       {&world.Trouble{Kind: world.NoBoot}, []string{"Power-on self-test"}, "No bootable device was found. Press any key to restart.\r\n"},
		"it ignores the order": {&world.Trouble{Kind: world.IgnoresPXE}, []string{"Power-on self-test"}, "No bootable device was found. Press any key to restart.\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(world.Pace{Image: 20 * time.Millisecond})
			w.AddHost(world.HostSpec{Name: "hpe1", NICs: []world.NIC{{MAC: "48:df:37:00:00:01", Name: "eth0", Switch: "sw", Port: "Ethernet1/1"}}})
			w.AddImage(world.Image{ID: 1, Name: "ubuntu", OS: "ubuntu", Version: "22.04"})
			w.SetNetwork(100, []int{100})
			require.NoError(t, w.SetPort("sw", "Ethernet1/1", world.Port{Native: 100}))
			require.NoError(t, w.AssignImage("hpe1", 1))
			_, err := w.QueueTask("hpe1", world.Deploy, "t", "laas")
			require.NoError(t, err)
			if c.trouble != nil {
				require.NoError(t, w.AddTrouble("hpe1", *c.trouble))
			}
			require.NoError(t, w.SetBoot("hpe1", world.Boot{Device: "pxe"}))
			require.NoError(t, w.PowerOn("hpe1"))
			all, read := "", 0
			require.Eventually(t, func() bool {
				text, next := w.Console("hpe1", read)
				all, read = all+string(text), next
				return strings.HasSuffix(all, c.last)
			}, 20*time.Second, time.Millisecond)
			for _, text := range c.says {
				assert.Contains(t, all, text)
			}
		})
	}
}

func TestAConsoleIsReadOnAndForgottenWhenTheHostIsSwitchedOn(t *testing.T) {
	w := world.New(world.Pace{POST: time.Hour})
	w.AddHost(world.HostSpec{Name: "hpe1"})
	require.NoError(t, w.PowerOn("hpe1"))
	require.NoError(t, w.Say("hpe1", "a former tenant\r\n"))
	first, next := w.Console("hpe1", 0)
	assert.Contains(t, string(first), "a former tenant")
	again, same := w.Console("hpe1", next)
	assert.Empty(t, again)
	assert.Equal(t, next, same)

	require.NoError(t, w.PowerOff("hpe1"))
	require.NoError(t, w.PowerOn("hpe1"))
	assert.Equal(t, "Power-on self-test of hpe1\r\n", said(w, "hpe1"))
	second, _ := w.Console("hpe1", next)
	assert.Equal(t, "Power-on self-test of hpe1\r\n", string(second))

	for range 3000 {
		require.NoError(t, w.Say("hpe1", strings.Repeat("x", 100)))
	}
	assert.LessOrEqual(t, len(said(w, "hpe1")), 64<<10)
	assert.Empty(t, said(w, "nobody"))
}
