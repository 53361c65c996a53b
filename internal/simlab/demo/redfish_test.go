package demo_test

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	driver "stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/redfish"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// opensBMC says whether a login opens the host's BMC, whatever that speaks.
func (p *play) opensBMC(user, password string) bool {
	if r := p.Lab.Redfish(host); r != nil {
		return r.Login(user, password)
	}
	return p.Lab.BMC(host).Login(user, password)
}

// overRedfish is a lab in which the host's BMC speaks Redfish.
func overRedfish(o demo.Options) demo.Options {
	o.Redfish = []string{host}
	return o
}

func TestABookingGoesThereAndBackOverRedfish(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, overRedfish(demo.Options{Bodies: b, Slack: patient}))
	bmc := p.Lab.Redfish(host)
	require.NotNil(t, bmc)
	require.Nil(t, p.Lab.BMC(host))
	before := bmc.Accounts()
	var most atomic.Int64
	p.Lab.Faults().OnWrite(func(system, op, target string) {
		p.wrote(system, op, target)
		if now := int64(bmc.Sessions()); system == "bmc" && now > most.Load() {
			most.Store(now)
		}
	})

	p.deliver(b[0])
	p.asBooked()
	p.neverEarly()
	user, password := login(t, p.tasks("hardware")[0].Message)
	for _, a := range bmc.Accounts() {
		if a.Name == user {
			assert.Equal(t, "Operator", a.Role)
			assert.Greater(t, a.Slot, 2)
		}
	}
	assert.Zero(t, bmc.Sessions(), "no session is left open")
	assert.EqualValues(t, 1, most.Load(), "never two sessions of ours")

	// The tenant stays logged in, and with root on the host he can make accounts on its BMC, and log in with them.
	_, err := bmc.AddUser("mallory", "backdoor")
	require.NoError(t, err)
	for name, word := range map[string]string{user: password, "mallory": "backdoor"} {
		_, err := redfish.Open(p.ctx, driver.Target{Host: host, Address: "127.0.0.1", Port: bmc.Port(), TLS: &tls.Config{InsecureSkipVerify: true},
			User: name, Password: secret.New(word), Timeout: 5 * time.Second})
		require.NoError(t, err)
	}
	require.Equal(t, 2, bmc.Sessions())

	p.deliver(b[1])
	p.asBefore()
	p.allAre(booking.StatusDone, "")
	assert.False(t, bmc.Login(user, password), "the tenant's login is dead")
	assert.False(t, bmc.Login("mallory", "backdoor"), "and so is what he made")
	assert.Equal(t, []string{"ADMIN"}, bmc.Users())
	for _, a := range bmc.Accounts() {
		assert.True(t, !a.Enabled || slices.Contains(before, a), "%+v", a)
	}
	assert.Zero(t, bmc.Sessions(), "nobody is logged in any more")
	assert.NotContains(t, p.messages(), password)
	p.neverEarly()
}

// byBMC are the stages that need the BMC.
func byBMC(stages []stage) (out []stage) {
	for _, s := range stages {
		if slices.Contains(s.systems, "bmc") {
			s.systems = []string{"bmc"}
			out = append(out, s)
		}
	}
	return out
}

func TestARedfishBMCThatFailsDuringProvisioningEndsItInError(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	each(t, byBMC(provisioning), func(t *testing.T, s stage, system string, kind faults.Kind) {
		failsInProvisioning(t, overRedfish(demo.Options{Bodies: b, Slack: impatient}), s, system, kind)
	})
}

func TestARedfishBMCThatFailsDuringAReleaseKeepsTheHostFromEverybody(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	each(t, byBMC(release), func(t *testing.T, s stage, system string, kind faults.Kind) {
		failsInARelease(t, overRedfish(demo.Options{Bodies: b, Slack: impatient}), s, system, kind)
	})
}

func TestARedfishBMCThatOnlySaysItDidLetsNothingThrough(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	for name, c := range map[string]struct {
		from   stage
		fault  faults.Fault
		reason string
	}{
		"it forgets to switch the power on":  {stage{action: "boot_to_network"}, faults.Fault{Op: "power.set", Kind: faults.Forget}, "the power is not on"},
		"it lies about the power":            {stage{action: "boot_to_network"}, faults.Fault{Op: "power.set", Kind: faults.Lie}, "did not check in with FOG"},
		"it forgets the boot device":         {stage{action: "boot_to_network"}, faults.Fault{Op: "boot.set", Kind: faults.Forget}, "boot device"},
		"it lies about the boot device":      {stage{action: "boot_to_network"}, faults.Fault{Op: "boot.set", Kind: faults.Lie}, "did not check in with FOG"},
		"it forgets the tenant's account":    {stage{action: "hand_over"}, faults.Fault{Op: "user.set", Kind: faults.Forget}, "does not show what it accepted"},
		"it only shows the tenant's account": {stage{action: "hand_over"}, faults.Fault{Op: "user.set", Kind: faults.Lie}, "prove the tenant's login"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, overRedfish(demo.Options{Bodies: b, Slack: impatient}))
			c.fault.System = "bmc"
			p.breakAt(c.from, c.fault)
			p.dispatch(b[0])
			p.starting(nil)
			require.NotEmpty(t, p.Lab.Faults().Active(), "the stage was never reached")
			p.tells(p.tasks("hardware")[0], booking.StatusError, host, c.reason)
			p.Lab.Faults().Heal()
			p.dispatch(b[1])
			p.asBefore()
			p.neverEarly()
		})
	}
}

func TestARedfishBMCWithoutASessionToGiveIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	t.Run("until others leave", func(t *testing.T) {
		t.Parallel()
		p := open(t, overRedfish(demo.Options{Bodies: b, Slack: 2 * patient}))
		bmc := p.Lab.Redfish(host)
		leave := bmc.Crowd()
		var left sync.WaitGroup
		left.Go(func() {
			assert.Eventually(t, func() bool { return bmc.TurnedAway() >= 2 }, time.Minute, 5*time.Millisecond, "the pack was never turned away")
			leave()
		})
		p.dispatch(b[0])
		left.Wait()
		p.asBooked()
		assert.Zero(t, bmc.Sessions())
	})
	t.Run("and no longer than bmc.retry", func(t *testing.T) {
		t.Parallel()
		p := open(t, overRedfish(demo.Options{Bodies: b, Slack: impatient}))
		leave := p.Lab.Redfish(host).Crowd()
		p.dispatch(b[0])
		p.tells(p.tasks("hardware")[0], booking.StatusError, host, "the BMC has no session to give")
		assert.Equal(t, "off", p.host().Power)
		leave()
		p.dispatch(b[1])
		p.asBefore()
		p.allAre(booking.StatusDone, "hardware")
	})
}

func TestARedfishBMCWithoutAFreeSlotGetsNoAccountAndKeepsThoseItHas(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, overRedfish(demo.Options{Bodies: b, Slack: patient}))
	bmc := p.Lab.Redfish(host)
	others := 0
	for ; ; others++ {
		if _, err := bmc.AddUser("other-"+string(rune('a'+others)), "x"); err != nil {
			break
		}
	}
	p.works("laas.adopt_host", map[string]any{"host": host})
	all := bmc.Accounts()
	p.dispatch(b[0])
	p.tells(p.tasks("hardware")[0], booking.StatusError, host, "BMC account", "slots is free")
	assert.Equal(t, all, bmc.Accounts())
	p.neverEarly()
	p.dispatch(b[1])
	p.allAre(booking.StatusDone, "hardware")
	assert.Equal(t, all, bmc.Accounts(), "what was there before stays")
}

func TestARedfishHostInCriticalStateIsNotProvisioned(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, overRedfish(demo.Options{Bodies: b, Slack: patient}))
	require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.DriveFails}))
	p.dispatch(b[0])
	p.tells(p.tasks("hardware")[0], booking.StatusError, host, "the hardware is in critical state", "Drive 1 (drive)")
	assert.Empty(t, p.host().BMCUsers)
	assert.Empty(t, p.Lab.World().Tasks())

	require.NoError(t, p.Lab.World().EndTroubles(host))
	p.works("laas.resume_job", map[string]any{"job_id": job})
	p.asBooked()
	assert.Zero(t, p.Lab.Redfish(host).Sessions())
}

func TestTheLabsOwnPasswordIsRotatedOverRedfish(t *testing.T) {
	t.Parallel()
	p := open(t, overRedfish(demo.Options{Bodies: bodies(t, "01"), Slack: patient}))
	read := func() (user, password string) {
		t.Helper()
		text, found := p.Engine.Keys().GetSecret("laas.secret.bmc_admin." + host)
		require.True(t, found)
		var l struct{ User, Password string }
		require.NoError(t, json.Unmarshal([]byte(text.Reveal()), &l))
		return l.User, l.Password
	}
	user, old := read()
	require.True(t, p.opensBMC(user, old))
	p.works("laas.rotate_bmc_password", map[string]any{"host": host, "confirm": host})
	_, now := read()
	assert.NotEqual(t, old, now)
	assert.True(t, p.opensBMC(user, now))
	assert.False(t, p.opensBMC(user, old))
	assert.Zero(t, p.Lab.Redfish(host).Sessions())
}

func TestABMCThatTheLabDoesNotKnowGetsNoLogin(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	other := httptest.NewTLSServer(nil)
	defer other.Close()
	ca := filepath.Join(t.TempDir(), "other.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw}), 0o600))
	for name, c := range map[string]struct {
		settings map[string]any
		talks    bool
	}{
		"a certificate of somebody else":              {map[string]any{"ca": ca}, false},
		"a certificate that nobody is to look at":     {map[string]any{"ca": ca, "verify_tls": false}, true},
		"a certificate of the lab, as in tls.ca_file": {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, overRedfish(demo.Options{Bodies: b, Slack: patient, Config: settings("bmc", c.settings)}))
			opened := p.Lab.Redfish(host).Opened()
			if !c.talks {
				p.refused("laas.power", map[string]any{"host": host}, "certificate is not trusted", "bmc.ca")
				assert.Equal(t, opened, p.Lab.Redfish(host).Opened())
				return
			}
			p.works("laas.power", map[string]any{"host": host})
			assert.Greater(t, p.Lab.Redfish(host).Opened(), opened)
		})
	}
}
