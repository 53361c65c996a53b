package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/simlab/control"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/lab"
	"stackstorm-laas/internal/simlab/world"
)

func TestFlagsMayStandAnywhere(t *testing.T) {
	for _, args := range [][]string{
		{"--for", "60s", "--dir", "d", "switch", "refuse"}, {"switch", "refuse", "--for=60s", "--dir=d"}, {"switch", "--dir", "d", "refuse", "--for", "1m"},
	} {
		o := options{dir: "default"}
		rest, err := o.parse("fault", args)
		require.NoError(t, err)
		assert.Equal(t, []string{"switch", "refuse"}, rest)
		assert.Equal(t, options{dir: "d", lasts: time.Minute}, o)
	}
	_, err := (&options{}).parse("fault", []string{"--nonsense"})
	assert.Error(t, err)
}

// A lab that is up takes a booking's life from the command line.
func TestEventsReachTheLab(t *testing.T) {
	dir := t.TempDir()
	bodies, err := bodies([]string{"../../datastore/example/booking.json", "../../datastore/example/booking_end.json"})
	require.NoError(t, err)
	l, err := lab.Start(lab.Options{JobsBodies: bodies, Pace: fastest, Dir: dir})
	require.NoError(t, err)
	defer l.Close()
	s, err := control.Serve(l, dir)
	require.NoError(t, err)
	defer s.Close()
	ctl := func(args ...string) error {
		return ctlApp().RunContext(t.Context(), append([]string{"laas-lab", "ctl", "--dir", dir}, args...))
	}
	require.NoError(t, ctl("book", "../../datastore/example/booking.json"))
	assert.True(t, l.Dashboard().HostBooked("hpe13"))
	require.NoError(t, ctl("fault", "switch", "refuse", "--for", "60s"))
	assert.Equal(t, faults.Refuse, l.Faults().At("switch", "show", "sw1"))
	assert.NoError(t, ctl("fault", "--help"))
	assert.Equal(t, fault.Input, fault.KindOf(ctl("book", "../../laas.yaml.example")), "it is no list of jobs")
	require.NoError(t, ctl("heal"))
	assert.Empty(t, l.Faults().Active())
	require.NoError(t, ctl("reimage", "1", "hpe13", "23"))
	require.NoError(t, ctl("end", "1"))
	assert.True(t, l.Dashboard().Jobs()[0].Ended)
	assert.Error(t, ctl("fault", "switch", "explode"))
	require.NoError(t, l.World().SetPort("sw1", "Ethernet1/1", world.Port{Native: 98}))
	_, err = l.World().QueueTask("hpe13", world.NormalWipe, "", "")
	require.NoError(t, err)
	require.NoError(t, l.World().SetBoot("hpe13", world.Boot{Device: "pxe"}))
	changed := make(chan struct{}, 1)
	l.World().OnChange(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	require.NoError(t, l.World().PowerOn("hpe13"))
	for l.World().Wiped("hpe13") == 0 {
		select {
		case <-changed:
		case <-time.After(30 * time.Second):
			require.FailNow(t, "it is not wiped")
		}
	}
	client, err := control.Find(dir)
	require.NoError(t, err)
	standing, err := client.World(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "normal", standing.Hosts[0].Wiped)
	require.NoError(t, ctl("trouble", "hpe13", "stuck", "--percent", "40", "--times", "1"))
	require.NoError(t, ctl("trouble", "hpe13", "power-supply-fails"))
	assert.True(t, slices.ContainsFunc(l.World().Sensors("hpe13"), func(s world.Sensor) bool { return s.Failed }))
	require.NoError(t, ctl("heal"))
	assert.Error(t, ctl("trouble", "hpe13", "explodes"))
	assert.Error(t, ctl("trouble", "hpe99", "stuck"))
	assert.Error(t, ctl("end"))
	assert.Error(t, ctl("end", "soon"))
	require.NoError(t, s.Close())
	assert.Error(t, ctl("heal"), "a lab that is gone is said to be")
}

func ctlApp() *cli.App {
	return &cli.App{Name: "laas-lab", Commands: []*cli.Command{ctlCommand()}, ExitErrHandler: func(*cli.Context, error) {}}
}
