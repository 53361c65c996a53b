package nxos_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/netswitch/nxos"
	"stackstorm-laas/internal/netswitch/switchtest"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/nxapi"
	"stackstorm-laas/internal/simlab/world"
)

// lab is a switch of the simulated lab with two ports: the first as a tenant has it, the second idle.
func lab(t *testing.T) (*nxapi.Server, netswitch.Driver, *world.World, *faults.Set) {
	t.Helper()
	w, f := world.New(world.Pace{}), &faults.Set{}
	w.AddPort("sw1", "Ethernet1/1")
	w.AddPort("sw1", "Ethernet1/2")
	require.NoError(t, w.SetPort("sw1", "Ethernet1/1", tenant))
	s, err := nxapi.Serve(w, f, nxapi.Config{Switch: "sw1", User: "admin", Password: "secret"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	d, err := nxos.New(nxos.Config{
		Switch: "sw1", Address: s.URL(), User: "admin", Password: secret.New("secret"), DarkVLAN: 999, Timeout: 5 * time.Second,
	})
	require.NoError(t, err)
	return s, d, w, f
}

// tenant is what the first port carries at the beginning.
var tenant = world.Port{Native: 100, Tagged: []int{200}, Description: "laas hpe1 booked job 7"}

func TestTheSimulatedSwitchIsDrivenAsPromised(t *testing.T) {
	_, d, _, _ := lab(t)
	switchtest.Conformance(t, d, []string{"Ethernet1/1", "Ethernet1/2"})
}

func TestWhateverASwitchDoesThePortsAreAsWantedOrAsBefore(t *testing.T) {
	want := []netswitch.Port{{Name: "Ethernet1/1", Shutdown: true, Description: "laas hpe1 idle"}, {Name: "Ethernet1/2", Native: 98}}
	idle := world.Port{Shutdown: true}
	for _, c := range []struct {
		name  string
		fault faults.Fault
		kind  fault.Kind // "" is success
		text  string
	}{
		{"it refuses the login", faults.Fault{Op: "show", Kind: faults.Refuse}, fault.Credentials, "401"},
		{"its role may not configure", faults.Fault{Op: "conf", Kind: faults.Refuse}, fault.Credentials, "Permission denied"},
		{"it rejects half of the commands", faults.Fault{Op: "conf", Kind: faults.Half}, fault.Unproven, "could not be put back"},
		{"the connection is lost after the write", faults.Fault{Op: "conf", Kind: faults.Drop}, "", ""},
		{"it forgets what it was told", faults.Fault{Op: "conf", Kind: faults.Forget}, fault.Unproven, "the ports were put back"},
		{"it fails inside", faults.Fault{Op: "conf", Kind: faults.Error500}, fault.Transient, "the ports were put back"},
		{"it answers late", faults.Fault{Kind: faults.Slow}, "", ""},
		{"it says to have saved, and has not", faults.Fault{Op: "save", Kind: faults.Forget}, "", ""},
		{"it does not save", faults.Fault{Op: "save", Kind: faults.Error500}, fault.Transient, "did not save"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, d, w, f := lab(t)
			c.fault.System = "switch"
			f.Add(c.fault)
			_, err := netswitch.Set(t.Context(), d, want)
			one, _ := w.Port("sw1", "Ethernet1/1")
			two, _ := w.Port("sw1", "Ethernet1/2")
			if c.kind == "" {
				require.NoError(t, err)
			} else {
				assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
				assert.ErrorContains(t, err, c.text)
			}
			switch {
			case c.kind == "" || c.fault.Op == "save":
				assert.Equal(t, world.Port{Shutdown: true, Description: "laas hpe1 idle"}, one)
				assert.Equal(t, world.Port{Native: 98}, two)
			case c.fault.Kind == faults.Half: // neither the change nor its undoing can be made whole; the error says so
				assert.True(t, one.Shutdown, "what closes a port comes first")
				assert.Equal(t, idle, two, "the rest was never made")
			default:
				assert.Equal(t, tenant, one)
				assert.Equal(t, idle, two)
			}
			f.Heal()
			_, err = netswitch.Set(t.Context(), d, want)
			require.NoError(t, err, "a later try ends where it was to end")
			two, _ = w.Port("sw1", "Ethernet1/2")
			assert.Equal(t, world.Port{Native: 98}, two)
			if c.fault.Op != "save" {
				assert.NotEmpty(t, s.Saved())
			}
		})
	}
}

func TestALieIsShownAndSavedButNotInForce(t *testing.T) {
	s, d, w, f := lab(t)
	f.Add(faults.Fault{System: "switch", Op: "conf", Kind: faults.Lie})
	_, err := netswitch.Set(t.Context(), d, []netswitch.Port{{Name: "Ethernet1/1", Shutdown: true}})
	require.NoError(t, err, "nothing that the switch shows tells")
	have, _ := w.Port("sw1", "Ethernet1/1")
	assert.Equal(t, tenant, have)
	assert.True(t, s.Saved()["Ethernet1/1"].Shutdown)
}

func TestASwitchThatRestartsBringsBackWhatWasSaved(t *testing.T) {
	s, d, w, f := lab(t)
	idle := []netswitch.Port{{Name: "Ethernet1/1", Shutdown: true}}
	f.Add(faults.Fault{System: "switch", Op: "save", Kind: faults.Forget})
	_, err := netswitch.Set(t.Context(), d, idle)
	require.NoError(t, err)
	require.NoError(t, s.Reload())
	have, _ := w.Port("sw1", "Ethernet1/1")
	assert.Equal(t, tenant, have, "the old VLANs are back")
	shown, err := d.Read(t.Context(), []string{"Ethernet1/1"})
	require.NoError(t, err)
	assert.NotEmpty(t, netswitch.Diff(shown["Ethernet1/1"], idle[0]), "and are seen")

	f.Heal()
	_, err = netswitch.Set(t.Context(), d, idle)
	require.NoError(t, err)
	require.NoError(t, s.Reload())
	have, _ = w.Port("sw1", "Ethernet1/1")
	assert.True(t, have.Shutdown)
}

func TestAnotherAdministratorInBetweenIsNoticed(t *testing.T) {
	change := world.Port{Native: 666, Description: "by hand"}
	for _, c := range []struct {
		name string
		op   string
		call int // the change is made before this request of its kind
		fail bool
	}{
		{"between our read and our write", "conf", 1, false},
		{"between our write and our read back", "show", 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, d, w, _ := lab(t)
			calls := map[string]int{}
			s.OnRequest(func(op string) {
				if calls[op]++; op == c.op && calls[op] == c.call {
					assert.NoError(t, w.SetPort("sw1", "Ethernet1/1", change))
				}
			})
			_, err := netswitch.Set(t.Context(), d, []netswitch.Port{{Name: "Ethernet1/1", Shutdown: true}})
			have, _ := w.Port("sw1", "Ethernet1/1")
			if c.fail {
				assert.Equal(t, fault.Unproven, fault.KindOf(err), "%v", err)
				assert.Equal(t, tenant, have, "what was read before")
				return
			}
			require.NoError(t, err)
			assert.True(t, have.Shutdown)
			assert.NotEqual(t, 666, have.Native, "a write is the whole truth")
		})
	}
}

func TestAVLANThatTheSwitchLacksIsNotCarried(t *testing.T) {
	_, d, w, _ := lab(t)
	w.AddHost(world.HostSpec{Name: "hpe1", NICs: []world.NIC{{MAC: "52:54:00:00:00:01", Switch: "sw1", Port: "Ethernet1/1"}}})
	want := []netswitch.Port{{Name: "Ethernet1/1", Native: 300}}
	_, err := netswitch.Set(t.Context(), d, want)
	require.NoError(t, err, "a switch takes it, and lets nothing pass")
	missing, err := netswitch.Missing(t.Context(), d, want)
	require.NoError(t, err)
	assert.Equal(t, []int{300}, missing)
	require.NoError(t, d.(netswitch.VLANs).CreateVLANs(t.Context(), map[int]string{300: "job-7"}))
	assert.Equal(t, "job-7", w.VLANs("sw1")[300])
}

func TestVLANsThatTheSwitchForgetsAreUnproven(t *testing.T) {
	_, d, w, f := lab(t)
	vlans := d.(netswitch.VLANs)
	f.Add(faults.Fault{System: "switch", Op: "conf", Kind: faults.Forget})
	assert.Equal(t, fault.Unproven, fault.KindOf(vlans.CreateVLANs(t.Context(), map[int]string{300: "x"})))
	assert.Equal(t, fault.Unproven, fault.KindOf(vlans.RemoveVLANs(t.Context(), []int{200})))
	f.Heal()
	require.NoError(t, vlans.RemoveVLANs(t.Context(), []int{200}))
	assert.NotContains(t, w.VLANs("sw1"), 200)
}
