package bmc_test

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/bmc"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
	"stackstorm-laas/internal/testreal"
)

func serve(t *testing.T, f *faults.Set) (*world.World, *bmc.Server) {
	w := world.New(world.Pace{})
	w.AddHost(world.HostSpec{Name: "hpe1", NICs: []world.NIC{{MAC: "48:df:37:00:00:01", Name: "eth0", Switch: "sw", Port: "Ethernet1/1"}}})
	w.AddImage(world.Image{ID: 1, Name: "ubuntu", OS: "ubuntu", Version: "22.04"})
	require.NoError(t, w.Install("hpe1", 1))
	s, err := bmc.Serve(w, f, bmc.Config{Host: "hpe1", Admin: "admin", Password: "secret"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return w, s
}

// tool is a real ipmitool for a BMC.
type tool struct {
	t    *testing.T
	path string
	base []string
}

func ipmitool(t *testing.T, s *bmc.Server, user, password, suite string) tool {
	path := testreal.Need(t, "ipmitool")[0]
	return tool{t, path, []string{"-I", "lanplus", "-H", "127.0.0.1", "-p", strconv.Itoa(s.Port()), "-U", user, "-P", password, "-C", suite, "-N", "1", "-R", "1"}}
}

func (i tool) try(args string) (string, error) {
	out, err := exec.Command(i.path, append(i.base, strings.Fields(args)...)...).CombinedOutput()
	return string(out), err
}

func (i tool) run(args string) string {
	i.t.Helper()
	out, err := i.try(args)
	require.NoError(i.t, err, out)
	return out
}

func TestRealIpmitoolSwitchesPower(t *testing.T) {
	for _, suite := range []string{"3", "17"} {
		t.Run("suite "+suite, func(t *testing.T) {
			w, s := serve(t, nil)
			i := ipmitool(t, s, "admin", "secret", suite)
			assert.Contains(t, i.run("power status"), "is off")
			out, err := i.try("power cycle")
			assert.Error(t, err, "a host that is off cannot be cycled: %s", out)
			i.run("power on")
			assert.True(t, w.Power("hpe1"))
			i.run("power on")
			i.run("power cycle")
			i.run("power reset")
			assert.Contains(t, i.run("power status"), "is on")
			i.run("power off")
			assert.False(t, w.Power("hpe1"))
		})
	}
}

func TestRealIpmitoolShutsTheSystemDown(t *testing.T) {
	w, s := serve(t, nil)
	i := ipmitool(t, s, "admin", "secret", "17")
	up := make(chan struct{}, 100)
	w.OnChange(func() { up <- struct{}{} })
	require.NoError(t, w.PowerOn("hpe1"))
	for !w.Up("hpe1") {
		<-up
	}
	i.run("power soft")
	for w.Power("hpe1") {
		<-up
	}
}

func TestRealIpmitoolSetsTheBootDevice(t *testing.T) {
	tests := []struct {
		name, args string
		want       world.Boot
		shows      []string
	}{
		{"pxe once", "bootdev pxe", world.Boot{Device: "pxe"}, []string{"Force PXE", "only next boot", "BIOS PC Compatible"}},
		{"disk for good", "bootdev disk options=persistent", world.Boot{Device: "disk", Persistent: true}, []string{"Force Boot from default Hard-Drive", "all future boots"}},
		{"pxe over EFI for good", "bootdev pxe options=persistent,efiboot", world.Boot{Device: "pxe", Persistent: true, EFI: true}, []string{"Force PXE", "all future boots", "BIOS EFI boot"}},
		{"set-up", "bootdev bios", world.Boot{Device: "bios"}, []string{"Force Boot into BIOS Setup"}},
		{"nothing", "bootdev none", world.Boot{Device: "none"}, []string{"No override"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, s := serve(t, nil)
			i := ipmitool(t, s, "admin", "secret", "3")
			i.run("chassis " + tt.args)
			assert.Equal(t, tt.want, w.GetBoot("hpe1"))
			out := i.run("chassis bootparam get 5")
			for _, text := range tt.shows {
				assert.Contains(t, out, text)
			}
		})
	}
}

func TestRealIpmitoolManagesAccounts(t *testing.T) {
	_, s := serve(t, nil)
	i := ipmitool(t, s, "admin", "secret", "3")
	i.run("user set name 3 tenant")
	i.run("user set password 3 hunter2 16")
	i.run("channel setaccess 1 3 link=on ipmi=on callin=on privilege=3")
	assert.Equal(t, []string{"admin"}, s.Users())
	i.run("user enable 3")
	assert.Equal(t, []string{"admin", "tenant"}, s.Users())
	assert.Contains(t, s.Accounts(), bmc.Account{Slot: 3, Name: "tenant", Enabled: true, Privilege: "operator"})
	assert.True(t, s.Login("tenant", "hunter2"))
	assert.False(t, s.Login("tenant", "other"))
	assert.Contains(t, i.run("user list 1"), "tenant")

	tenant := ipmitool(t, s, "tenant", "hunter2", "17")
	tenant.run("-L OPERATOR power on")
	_, err := tenant.try("-L ADMINISTRATOR power off")
	require.Error(t, err, "an operator is no administrator")
	_, err = ipmitool(t, s, "tenant", "wrong", "3").try("-L OPERATOR power status")
	require.Error(t, err)

	i.run("user disable 3")
	_, err = tenant.try("-L OPERATOR power status")
	require.Error(t, err)
	assert.Equal(t, []string{"admin"}, s.Users())
}

func TestRealIpmitoolSeesAnAccountThatTheTenantMadeFromTheHost(t *testing.T) {
	_, s := serve(t, nil)
	slot, err := s.AddUser("backdoor", "open")
	require.NoError(t, err)
	assert.Equal(t, 3, slot)
	ipmitool(t, s, "backdoor", "open", "3").run("power status")
	assert.Contains(t, ipmitool(t, s, "admin", "secret", "3").run("user list 1"), "backdoor")
	assert.Equal(t, []string{"admin", "backdoor"}, s.Users())
}

func TestLoginsAreCounted(t *testing.T) {
	f := &faults.Set{}
	_, s := serve(t, f)
	_, err := ipmitool(t, s, "admin", "wrong", "3").try("power status")
	require.Error(t, err)
	assert.Equal(t, bmc.Logins{Tried: 1}, s.Logins())
	assert.Equal(t, 1, s.Logins().Refused())
	ipmitool(t, s, "admin", "secret", "3").run("power status")
	assert.Equal(t, bmc.Logins{Tried: 2, Accepted: 1}, s.Logins())
	require.NoError(t, s.SetPassword(2, "wrong"))
	ipmitool(t, s, "admin", "wrong", "3").run("power status")
	f.Add(faults.Fault{System: "bmc", Op: "session", Kind: faults.Error500})
	_, err = ipmitool(t, s, "admin", "wrong", "3").try("power status")
	require.Error(t, err)
	assert.Positive(t, s.Logins().TurnedAway)
	assert.Equal(t, 1, s.Logins().Refused(), "who was turned away was not refused")
}

func TestRealIpmitoolIsToldNo(t *testing.T) {
	tests := []struct {
		name string
		f    faults.Fault
		args string
		want string
	}{
		{"a refused login", faults.Fault{Op: "session", Kind: faults.Refuse}, "-v power status", "unauthorized name"},
		{"a login without resources", faults.Fault{Op: "session", Kind: faults.Error500}, "power status", "insufficient resources"},
		{"a login that hangs", faults.Fault{Op: "session", Kind: faults.Hang}, "power status", "Unable to establish"},
		{"a login answered with garbage", faults.Fault{Op: "session", Kind: faults.Garbage}, "power status", "Unable to establish"},
		{"a refused power change", faults.Fault{Op: "power.set", Kind: faults.Refuse}, "power on", "Command not supported in present state"},
		{"a failed power change", faults.Fault{Op: "power.set", Kind: faults.Error500}, "power on", "Node busy"},
		{"a power change without an answer", faults.Fault{Op: "power.set", Kind: faults.Hang}, "power on", "Unable"},
		{"a power change answered with garbage", faults.Fault{Op: "power", Kind: faults.Garbage}, "power on", ""},
		{"a refused boot device", faults.Fault{Op: "boot.set", Kind: faults.Refuse}, "chassis bootdev pxe", "not supported in present state"},
		{"a refused account", faults.Fault{Op: "user.set", Kind: faults.Refuse}, "user set name 3 x", "not supported in present state"},
		{"accounts that cannot be read", faults.Fault{Op: "user.get", Kind: faults.Error500}, "user list 1", "Node busy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := &faults.Set{}
			w, s := serve(t, f)
			tt.f.System, tt.f.Target = "bmc", "hpe1"
			f.Add(tt.f)
			out, _ := ipmitool(t, s, "admin", "secret", "3").try(tt.args) // its exit status is not always that of the BMC
			assert.Contains(t, out, tt.want)
			assert.False(t, w.Power("hpe1"))
			assert.Equal(t, "none", w.GetBoot("hpe1").Device)
			assert.Equal(t, []string{"admin"}, s.Users())
		})
	}
}

func TestRealIpmitoolIsFooled(t *testing.T) {
	writes := []struct{ op, set, get, shows string }{
		{"power.set", "power on", "power status", "is on"},
		{"boot.set", "chassis bootdev pxe", "chassis bootparam get 5", "Force PXE"},
		{"user.set", "user set name 3 tenant", "user list 1", "tenant"},
	}
	for _, kind := range []faults.Kind{faults.Forget, faults.Lie} {
		for _, tt := range writes {
			t.Run(string(kind)+" "+tt.op, func(t *testing.T) {
				f := &faults.Set{}
				wrote := make(chan string, 10)
				f.OnWrite(func(_, op, target string) { wrote <- op + " " + target })
				w, s := serve(t, f)
				i := ipmitool(t, s, "admin", "secret", "3")
				f.Add(faults.Fault{System: "bmc", Op: tt.op, Kind: kind})
				i.run(tt.set)
				assert.Equal(t, kind == faults.Lie, strings.Contains(i.run(tt.get), tt.shows))
				assert.False(t, w.Power("hpe1"))
				assert.Equal(t, "none", w.GetBoot("hpe1").Device)
				assert.Len(t, s.Accounts(), 1)
				assert.Empty(t, wrote)
				f.Heal()
				assert.NotContains(t, i.run(tt.get), tt.shows, "lies end with the fault")
				i.run(tt.set)
				assert.Contains(t, i.run(tt.get), tt.shows)
				assert.Equal(t, tt.op+" hpe1", <-wrote)
				assert.Empty(t, wrote)
			})
		}
	}
}
