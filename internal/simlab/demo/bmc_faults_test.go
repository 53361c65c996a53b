package demo_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
)

// What a BMC does at any step (faults_test.go), what it forgets or only shows (omission_test.go), and a boot device that is not taken
// (imaging_faults_test.go) are tested there. Here is what is a BMC's own: its logins, sessions and slots.

// bmcLogin is the lab's own login on the host's BMC.
func (p *play) bmcLogin() bmc.Target {
	p.t.Helper()
	text, found := p.Engine.Keys().GetSecret("laas.secret.bmc_admin." + host)
	require.True(p.t, found)
	var l struct{ User, Password string }
	require.NoError(p.t, json.Unmarshal([]byte(text.Reveal()), &l))
	return bmc.Target{Host: host, Address: "127.0.0.1", Port: p.Lab.BMC(host).Port(), CipherSuite: 17, User: l.User, Password: secret.New(l.Password), Timeout: 5 * time.Second}
}

// byAnother does something on the host's BMC as somebody who is not the pack.
func (p *play) byAnother(do func(ctx context.Context, d bmc.Driver) error) {
	p.t.Helper()
	d, err := ipmi.Open(p.ctx, p.bmcLogin())
	require.NoError(p.t, err)
	require.NoError(p.t, do(p.ctx, d))
	require.NoError(p.t, d.Close())
}

// onlyTheLab holds that the lab's account is the only one that is good for anything. A name may be left in a slot: not every BMC gives it up, and the
// next tenant's account takes the slot again.
func (p *play) onlyTheLab() {
	p.t.Helper()
	for _, a := range p.Lab.BMC(host).Accounts() {
		assert.True(p.t, a.Slot == 2 || !a.Enabled && a.Privilege == "none", "%+v", a)
	}
}

// tries counts the logins that the BMC refuses while each action runs. On one host actions that need its BMC follow one another.
type tries struct {
	mu     sync.Mutex
	p      *play
	before map[string]int
	// of are the counts by action, and by step for those that have one.
	of map[string]int
}

func (c *tries) start(e engine.Execution) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before[e.ID] = c.p.Lab.BMC(host).Logins().Refused()
}

func (c *tries) end(e engine.Execution) {
	if c.p == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	name := strings.TrimPrefix(e.Action, "laas.")
	if step, ok := e.Parameters["step"].(string); ok {
		name += " " + step
	}
	before, leaf := c.before[e.ID]
	if leaf && !slices.Contains([]string{"process_job", "provision_host", "deploy_image", "release_host"}, name) {
		c.of[name] = max(c.of[name], c.p.Lab.BMC(host).Logins().Refused()-before)
	}
}

// BMCs lock an account of which too many logins were refused.
func TestALoginThatTheBMCRefusesIsTriedOnceByEachAction(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	c := &tries{before: map[string]int{}, of: map[string]int{}}
	p := open(t, demo.Options{Bodies: b, Slack: patient, OnEnd: c.end})
	c.p = p
	p.starting(c.start)
	right := p.bmcLogin().Password.Reveal()
	require.NoError(t, p.Lab.BMC(host).SetPassword(2, "changed by hand"))

	p.refused("laas.power", map[string]any{"host": host}, "credentials", "do not have the same password", "check the user and password in the datastore key")
	assert.Equal(t, 1, c.of["power"])
	for range 2 { // the second finds nothing of the first
		p.refused("laas.rotate_bmc_password", map[string]any{"host": host, "confirm": host}, "do not have the same password")
		assert.Equal(t, 1, c.of["rotate_bmc_password"], "a password that was made just now is not tried")
		_, waits := p.Engine.Keys().Get("laas.secret.bmc_next." + host)
		assert.False(t, waits)
	}

	p.dispatch(b[0])
	p.tells(p.tasks("hardware")[0], booking.StatusError, host, "get ready for imaging", "do not have the same password")
	assert.Equal(t, 1, c.of["begin_imaging"])
	assert.Zero(t, c.of["schedule_imaging"], "nothing more is tried in this run")
	assert.Equal(t, "off", p.host().Power)
	p.onlyTheLab()

	p.dispatch(b[1])
	p.tells(p.tasks("hardware")[0], booking.StatusError, host, "do not have the same password")
	assert.Equal(t, 1, c.of["release_step power_off"])
	assert.Equal(t, 1, c.of["prove_release"], "its steps share one try")
	for action, n := range c.of {
		assert.LessOrEqual(t, n, 1, action)
	}
	assert.True(t, p.host().Quarantined)
	assert.True(t, allShut(p.host()))
	p.neverEarly()

	require.NoError(t, p.Lab.BMC(host).SetPassword(2, right))
	p.works("laas.return_host", map[string]any{"host": host, "confirm": host})
	p.asBefore()
	p.onlyTheLab()
}

// crowd takes all sessions that the BMC has, and gives them back.
func (p *play) crowd() (leave func()) {
	p.t.Helper()
	var taken []bmc.Driver
	for {
		d, err := ipmi.Open(p.ctx, p.bmcLogin())
		if err != nil {
			break
		}
		require.Less(p.t, len(taken), 1000, "the BMC has sessions without end")
		taken = append(taken, d)
	}
	require.NotEmpty(p.t, taken)
	return func() {
		for _, d := range taken {
			_ = d.Close()
		}
	}
}

func TestABMCWithoutASessionToGiveIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	t.Run("until others leave", func(t *testing.T) {
		t.Parallel()
		p := open(t, demo.Options{Bodies: b, Slack: 2 * patient})
		leave, before := p.crowd(), p.Lab.BMC(host).Logins()
		var left sync.WaitGroup
		left.Go(func() {
			assert.Eventually(t, func() bool { return p.Lab.BMC(host).Logins().TurnedAway >= before.TurnedAway+2 }, time.Minute, 5*time.Millisecond, "the pack was never turned away")
			leave()
		})
		p.dispatch(b[0])
		left.Wait()
		p.asBooked()
		assert.Zero(t, p.Lab.BMC(host).Logins().Refused())
	})
	t.Run("and no longer than bmc.retry", func(t *testing.T) {
		t.Parallel()
		p := open(t, demo.Options{Bodies: b, Slack: impatient})
		leave := p.crowd()
		p.dispatch(b[0])
		p.tells(p.tasks("hardware")[0], booking.StatusError, host, "get ready for imaging", "the BMC has no session to give")
		assert.Equal(t, "off", p.host().Power)
		leave()
		p.dispatch(b[1])
		p.asBefore()
		p.allAre(booking.StatusDone, "hardware")
	})
}

func TestABMCThatHangsInTheMiddleOfACallIsGivenUp(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	boots, accounts := stage{action: "boot_to_network"}, stage{action: "hand_over"}
	for _, c := range []struct {
		stage stage
		op    string
		// after lets so many writes of the operation through.
		after int
		power string
	}{
		{boots, "power.get", 0, "off"},
		{boots, "boot.set", 0, "off"},
		{boots, "power.set", 0, "off"},
		{accounts, "user.get", 0, "on"},
		{accounts, "user.set", 0, "on"},
		{accounts, "user.set", 1, "on"}, // it has a name
		{accounts, "user.set", 2, "on"}, // and a password
	} {
		name := c.stage.String() + ": " + c.op
		if c.after > 0 {
			name += " after " + strings.Repeat("one ", c.after) + "that worked"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: impatient})
			hang := faults.Fault{System: "bmc", Op: c.op, Kind: faults.Hang}
			if c.after == 0 {
				p.breakAt(c.stage, hang)
			} else {
				written := 0
				p.Lab.Faults().OnWrite(func(system, op, target string) {
					p.wrote(system, op, target)
					if system != "bmc" || op != c.op {
						return
					}
					if written++; written == c.after {
						p.Lab.Faults().Add(hang)
					}
				})
			}
			p.dispatch(b[0])
			p.starting(nil)
			require.NotEmpty(t, p.Lab.Faults().Active(), "the call was never made")

			for _, e := range p.Engine.Executions() {
				if c.stage.is(e) {
					assert.Equal(t, "failed", e.Status, "it ends by itself, not by StackStorm's time-out")
				}
			}
			p.tells(p.tasks("hardware")[0], booking.StatusError, host, "BMC", "no answer")
			assert.Equal(t, c.power, p.host().Power)
			assert.Empty(t, p.host().BMCUsers, "half an account opens nothing")
			p.neverEarly()

			p.Lab.Faults().Heal()
			p.dispatch(b[1])
			p.asBefore()
			p.onlyTheLab()
		})
	}
}

func TestABMCWithoutAFreeSlotGetsNoAccountAndKeepsThoseItHas(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	others := 0
	for ; ; others++ {
		if _, err := p.Lab.BMC(host).AddUser("other-"+string(rune('a'+others)), "x"); err != nil {
			break
		}
	}
	require.Positive(t, others)
	p.works("laas.adopt_host", map[string]any{"host": host})
	all := p.Lab.BMC(host).Accounts()

	p.dispatch(b[0])
	p.tells(p.tasks("hardware")[0], booking.StatusError, host, "BMC account", "slots is free")
	assert.Equal(t, all, p.Lab.BMC(host).Accounts())
	p.neverEarly()

	// Somebody makes room.
	p.byAnother(func(ctx context.Context, d bmc.Driver) error { return d.ClearAccount(ctx, 5) })
	p.finish()
	p.allAre(booking.StatusDone, "hardware")
	name, word := login(t, p.tasks("hardware")[0].Message)
	assert.True(t, p.Lab.BMC(host).Login(name, word))
	p.dispatch(b[1])
	p.allAre(booking.StatusDone, "hardware")
	assert.False(t, p.Lab.BMC(host).Login(name, word))
	assert.Len(t, p.host().BMCUsers, others-1)
	assert.NotContains(t, p.host().BMCUsers, name)
	p.Lab.Dashboard().Tick()
	assert.False(t, p.Lab.Dashboard().HostBooked(host))
}

func TestAHostThatDoesNotGoOffIsNotImaged(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: impatient})
	require.NoError(t, p.Lab.World().Install(host, 23))
	require.NoError(t, p.Lab.World().PowerOn(host))
	require.Eventually(t, func() bool { return p.Lab.World().Up(host) }, time.Minute, time.Millisecond)
	before := p.machineID(host)
	p.Lab.Faults().Add(faults.Fault{System: "bmc", Op: "power.set", Kind: faults.Forget})
	p.dispatch(b[0])
	p.tells(p.tasks("hardware")[0], booking.StatusError, host, "accepted power off, but after", "the power is not off")
	assert.Equal(t, "on", p.host().Power)
	assert.Equal(t, before, p.machineID(host))
	assert.Empty(t, p.host().SSHKeys["opnfv"])
	p.neverEarly()
	p.Lab.Faults().Heal()
	p.dispatch(b[1])
	p.asBefore()
}

func TestABMCThatIsGoneKeepsItsHostOffOrApart(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	t.Run("before the host boots", func(t *testing.T) {
		t.Parallel()
		p := open(t, demo.Options{Bodies: b, Slack: impatient})
		require.NoError(t, p.Lab.BMC(host).Close())
		p.dispatch(b[0])
		p.tells(p.tasks("hardware")[0], booking.StatusError, host, "get ready for imaging", "BMC of "+host, "no answer")
		p.allAre(booking.StatusError, "network")
		assert.Equal(t, "off", p.host().Power)
		assert.Empty(t, p.host().SSHKeys["opnfv"])
		p.neverEarly()
	})
	t.Run("when the booking ends", func(t *testing.T) {
		t.Parallel()
		p := open(t, demo.Options{Bodies: b, Slack: impatient})
		p.dispatch(b[0])
		p.asBooked()
		require.NoError(t, p.Lab.BMC(host).Close())
		p.dispatch(b[1])
		p.tells(p.tasks("hardware")[0], booking.StatusError, host, "BMC of "+host, "no answer")
		h := p.host()
		assert.True(t, h.Quarantined)
		assert.True(t, allShut(h), "what the BMC does not switch off reaches nothing")
		assert.Contains(t, p.owner().Quarantine, "BMC")
		p.refused("laas.return_host", map[string]any{"host": host, "confirm": host}, "no answer")
		assert.True(t, p.host().Quarantined)
		p.neverEarly()
		p.works("laas.retire_host", map[string]any{"host": host, "confirm": host})
		assert.True(t, p.host().Quarantined, "it stays out of the pool")
		assert.Empty(t, p.Engine.Keys().List("laas.secret.bmc.1."), "nobody needs the tenant's password")
	})
}
