package world_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/world"
)

const (
	host      = "hpe13"
	nic0      = "48:df:37:1d:13:00"
	nic1      = "48:df:37:1d:13:01"
	provision = 98
	tenant    = 100
	private   = 200
	oldImage  = 24
	newImage  = 23
)

var (
	pace     = world.Pace{POST: time.Minute, Boot: 2 * time.Minute, Image: 10 * time.Minute, Wipe: 20 * time.Minute, SoftOff: 30 * time.Second}
	toDeploy = pace.POST + pace.Boot + pace.Image // from power on to the image being complete
	toBoot   = pace.POST + pace.Boot
)

// rack is a lab with one host that has an old image on its disk and is off.
func rack(t *testing.T) *world.World {
	t.Helper()
	w := world.New(pace)
	w.SetNetwork(provision, []int{provision, tenant})
	w.SetLabKey("ssh-ed25519 AAAAlab laas@lab")
	w.AddImage(world.Image{ID: newImage, Name: "ubuntu2004", OS: "ubuntu", Version: "20.04"})
	w.AddImage(world.Image{ID: oldImage, Name: "centos7", OS: "centos", Version: "7"})
	w.AddHost(world.HostSpec{Name: host, NICs: []world.NIC{
		{MAC: nic0, Name: "eno49", Switch: "sw1", Port: "Ethernet1/1"},
		{MAC: nic1, Name: "eno50", Switch: "sw1", Port: "Ethernet1/2"},
	}})
	require.NoError(t, w.Install(host, oldImage))
	return w
}

// step is one thing that is done to get a host imaged.
type step func(*testing.T, *world.World)

func setPort(name string, p world.Port) step {
	return func(t *testing.T, w *world.World) { require.NoError(t, w.SetPort("sw1", name, p)) }
}

var provisioning = map[string]step{
	"install VLAN": setPort("Ethernet1/1", world.Port{Native: provision}),
	"boot flag": func(t *testing.T, w *world.World) {
		require.NoError(t, w.SetBoot(host, world.Boot{Device: "pxe"}))
	},
	"image": func(t *testing.T, w *world.World) { require.NoError(t, w.AssignImage(host, newImage)) },
	"task": func(t *testing.T, w *world.World) {
		_, _ = w.QueueTask(host, world.Deploy, "deploy", "laas")
	},
	"power": func(t *testing.T, w *world.World) { require.NoError(t, w.PowerOn(host)) },
}

var order = []string{"install VLAN", "boot flag", "image", "task", "power"}

func provisionWithout(t *testing.T, w *world.World, left ...string) {
	t.Helper()
	for _, name := range order {
		skip := false
		for _, l := range left {
			skip = skip || l == name
		}
		if !skip {
			provisioning[name](t, w)
		}
	}
}

func TestAHostGetsItsImageOnlyIfNothingIsLeftOut(t *testing.T) {
	for _, left := range append([]string{""}, order...) {
		name := "without " + left
		if left == "" {
			name = "with everything done"
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := rack(t)
				if left == "image" { // an image assigned long ago is what FOG would write
					require.NoError(t, w.AssignImage(host, oldImage))
				}
				provisionWithout(t, w, left)
				wait(24 * time.Hour)
				img, ok := w.Image(host)
				require.True(t, ok)
				if left == "" {
					assert.Equal(t, "ubuntu2004", img.Name)
					assert.True(t, w.Reachable(host), w.ReachReason(host))
					return
				}
				assert.Equal(t, "centos7", img.Name)
				assert.Equal(t, left != "power", w.Power(host))
			})
		})
	}
}

func TestAnImagedHostIsReachedOnlyWhereItsPortAndItsOwnConfigurationAgree(t *testing.T) {
	vlan100 := "network: {version: 2, ethernets: {a: {match: {macaddress: '48:DF:37:1D:13:00'}}}, vlans: {a.100: {id: 100, link: a, dhcp4: true}}}"
	for name, c := range map[string]struct {
		netplan string
		port    world.Port
		reached bool
	}{
		"untagged on a public native VLAN":             {port: world.Port{Native: tenant}, reached: true},
		"untagged, the tenant VLAN left out":           {port: world.Port{}, reached: false},
		"untagged, the port shut":                      {port: world.Port{Native: tenant, Shutdown: true}, reached: false},
		"untagged on a private VLAN":                   {port: world.Port{Native: private}, reached: false},
		"untagged, the tenant VLAN only tagged":        {port: world.Port{Tagged: []int{tenant}}, reached: false},
		"tagged on both sides":                         {netplan: vlan100, port: world.Port{Tagged: []int{200, tenant}}, reached: true},
		"tagged on the host, native on the port":       {netplan: vlan100, port: world.Port{Native: tenant}, reached: false},
		"no interface asks for an address":             {netplan: "network: {version: 2}", port: world.Port{Native: tenant}, reached: false},
		"set-name does not get in the way":             {netplan: "network: {ethernets: {a: {match: {macaddress: '48:df:37:1d:13:00'}, set-name: lan0, dhcp4: yes}}}", port: world.Port{Native: tenant}, reached: true},
		"the configuration is for another card":        {netplan: "network: {ethernets: {a: {match: {macaddress: '48:df:37:1d:13:ff'}, dhcp4: true}}}", port: world.Port{Native: tenant}, reached: false},
		"the configuration is for the other interface": {netplan: "network: {ethernets: {eno50: {dhcp4: true}}}", port: world.Port{Native: tenant}, reached: false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := rack(t)
				provisionWithout(t, w)
				wait(toDeploy + toBoot)
				require.True(t, w.Reachable(host), w.ReachReason(host))
				if c.netplan != "" {
					require.NoError(t, w.FS(host).WriteFile("/etc/netplan/50-cloud-init.yaml", []byte(c.netplan), 0o600))
					require.NoError(t, w.ApplyNetwork(host))
				}
				require.NoError(t, w.SetPort("sw1", "Ethernet1/1", c.port))
				assert.Equal(t, c.reached, w.Reachable(host), w.ReachReason(host))
			})
		})
	}
}

func TestImagingTakesItsTimeAndShowsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := rack(t)
		provisionWithout(t, w)
		at := func(d time.Duration, state, percent int, what string) {
			t.Helper()
			wait(d)
			task, ok := w.Task(1)
			require.True(t, ok)
			assert.Equal(t, state, task.State, what)
			assert.Equal(t, percent, task.Percent, what)
		}
		at(pace.POST-time.Second, world.TaskQueued, 0, "in POST")
		assert.Equal(t, "pxe", w.GetBoot(host).Device)
		at(time.Second, world.TaskCheckedIn, 0, "FOG boots")
		assert.Equal(t, "none", w.GetBoot(host).Device, "the flag was for one boot")
		at(pace.Boot, world.TaskInProgress, 0, "writing begins")
		_, readable := w.Image(host)
		assert.False(t, readable, "a half-written disk is none")
		at(pace.Image/4, world.TaskInProgress, 25, "a quarter of the time")
		at(3*pace.Image/4, world.TaskComplete, 100, "all of it")
		assert.False(t, w.Up(host))
		wait(toBoot)
		assert.True(t, w.Up(host))
	})
}

func TestALostPowerInTheMiddleLeavesAStalledTaskAndABrokenDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := rack(t)
		provisionWithout(t, w)
		wait(pace.POST + pace.Boot + pace.Image/2)
		require.NoError(t, w.PowerOff(host))
		wait(time.Hour)
		task, _ := w.Task(1)
		assert.Equal(t, world.TaskInProgress, task.State)
		assert.Equal(t, 50, task.Percent)

		require.NoError(t, w.PowerOn(host))
		wait(time.Hour)
		assert.False(t, w.Up(host), "nothing boots from a broken disk")
		assert.Nil(t, w.FS(host))

		require.NoError(t, w.SetBoot(host, world.Boot{Device: "pxe"}))
		require.NoError(t, w.Reset(host))
		wait(toDeploy + toBoot)
		assert.True(t, w.Up(host), "FOG begins again with a task that is still active")
	})
}

func TestTheImageOfATaskIsTheOneAssignedWhenItWasQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := rack(t)
		provisionWithout(t, w)
		require.NoError(t, w.AssignImage(host, oldImage))
		wait(toDeploy)
		img, _ := w.Image(host)
		assert.Equal(t, newImage, img.ID)
	})
}

func TestFOGRefusesTasks(t *testing.T) {
	w := rack(t)
	_, err := w.QueueTask(host, world.Deploy, "", "")
	require.Error(t, err, "no image is assigned")
	require.NoError(t, w.AssignImage(host, newImage))
	_, err = w.QueueTask(host, 99, "", "")
	require.ErrorIs(t, err, world.ErrTaskType)
	first, err := w.QueueTask(host, world.Deploy, "", "")
	require.NoError(t, err)
	_, err = w.QueueTask(host, world.Deploy, "", "")
	require.ErrorIs(t, err, world.ErrActiveTask)
	require.NoError(t, w.CancelTask(first.ID))
	require.Error(t, w.CancelTask(first.ID))
	_, err = w.QueueTask(host, world.Deploy, "", "")
	require.NoError(t, err)
	require.Error(t, w.AssignImage(host, 4711))
}

func TestACancelledTaskWritesNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := rack(t)
		provisionWithout(t, w)
		wait(pace.POST + time.Second)
		require.NoError(t, w.CancelTask(1))
		wait(time.Hour)
		img, ok := w.Image(host)
		require.True(t, ok)
		assert.Equal(t, oldImage, img.ID)
		assert.True(t, w.Up(host))
	})
}

func TestEachImagingMakesANewSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := rack(t)
		identity := func() [2]string {
			key, err := w.FS(host).ReadFile("/etc/ssh/ssh_host_ed25519_key.pub")
			require.NoError(t, err)
			return [2]string{w.Snapshot(host).MachineID, string(key)}
		}
		provisionWithout(t, w)
		wait(toDeploy + toBoot)
		first := identity()
		require.NoError(t, w.FS(host).WriteFile("/root/tenant", []byte("was here"), 0o600))
		require.NoError(t, w.Reset(host))
		wait(toBoot)
		assert.Equal(t, first, identity(), "a reboot keeps the identity")
		assert.True(t, w.FS(host).Exists("/root/tenant"))

		provisionWithout(t, w, "power")
		require.NoError(t, w.Reset(host))
		wait(toDeploy + toBoot)
		assert.NotEqual(t, first, identity())
		assert.False(t, w.FS(host).Exists("/root/tenant"))
	})
}
