package demo_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
)

// stage is a step of the work, as an execution shows it, and the systems that it needs.
type stage struct {
	action string
	// which narrows it: a value of one of its parameters.
	which   string
	systems []string
}

func (s stage) is(e engine.Execution) bool {
	if e.Action != "laas."+s.action {
		return false
	}
	for _, v := range e.Parameters {
		if v == s.which {
			return true
		}
	}
	return s.which == ""
}

func (s stage) String() string { return strings.TrimSpace(s.action + " " + s.which) }

var provisioning = []stage{
	{"claim_hosts", "", []string{"dashboard"}},
	{"begin_imaging", "", []string{"bmc"}},
	{"set_ports", "provisioning", []string{"switch"}},
	{"schedule_imaging", "", []string{"bmc", "fog"}},
	{"boot_to_network", "", []string{"fog", "bmc"}},
	{"follow_imaging", "", []string{"fog"}},
	{"verify_host", "", []string{"ssh"}},
	{"configure_host", "", []string{"ssh", "bmc"}},
	{"set_ports", "booked", []string{"switch"}},
	{"hand_over", "", []string{"switch", "bmc", "ssh", "dashboard"}},
	{"grant_vpn", "", []string{"ldap"}},
	{"report_job", "", []string{"dashboard"}},
}

var release = []stage{
	{"claim_hosts", "", []string{"dashboard"}},
	{"revoke_vpn", "", []string{"ldap"}},
	{"release_step", "keys", []string{"ssh", "bmc"}},
	{"release_step", "power_off", []string{"bmc"}},
	{"release_step", "bmc_accounts", []string{"bmc"}},
	{"set_ports", "wiping", []string{"switch"}},
	{"release_step", "wipe", []string{"fog", "bmc"}},
	{"set_ports", "idle", []string{"switch"}},
	{"prove_release", "", []string{"bmc", "switch"}},
	{"report_job", "", []string{"dashboard"}},
}

// called is how a reason names a system.
var called = map[string]string{"bmc": "BMC", "fog": "FOG", "switch": "switch sw1", "ssh": "SSH", "ldap": "VPN", "dashboard": "dashboard"}

var kinds = []faults.Kind{faults.Refuse, faults.Hang, faults.Error500}

// each runs a test for every stage, system and way to fail.
func each(t *testing.T, stages []stage, test func(t *testing.T, s stage, system string, kind faults.Kind)) {
	for _, s := range stages {
		for _, system := range s.systems {
			for _, kind := range kinds {
				t.Run(s.String()+" while "+system+" fails with "+string(kind), func(t *testing.T) {
					t.Parallel()
					test(t, s, system, kind)
				})
			}
		}
	}
}

// patient leaves room for a busy machine where nothing is meant to hang.
const patient = 8 * time.Second

// impatient makes the pack give up after a second or two.
const impatient = 2 * time.Second

// breakAt makes a system fail from the moment that the stage starts.
func (p *play) breakAt(s stage, f faults.Fault) {
	var once sync.Once
	p.starting(func(e engine.Execution) {
		if s.is(e) {
			once.Do(func() { p.Lab.Faults().Add(f) })
		}
	})
}

func TestWhatFailsDuringProvisioningEndsInErrorAndCanBeTakenBack(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	each(t, provisioning, func(t *testing.T, s stage, system string, kind faults.Kind) {
		failsInProvisioning(t, demo.Options{Bodies: b, Slack: impatient}, s, system, kind)
	})
}

func failsInProvisioning(t *testing.T, o demo.Options, s stage, system string, kind faults.Kind) {
	t.Helper()
	b := o.Bodies
	p := open(t, o)
	p.breakAt(s, faults.Fault{System: system, Kind: kind})
	p.dispatch(b[0])
	p.starting(nil)
	require.NotEmpty(t, p.Lab.Faults().Active(), "the stage was never reached")
	p.Lab.Faults().Heal()

	switch {
	case system == "dashboard":
		require.Equal(t, "succeeded", p.action("laas.reconcile", nil).Status)
		p.settle()
		for _, task := range p.tasks("") {
			assert.Contains(t, []int{booking.StatusDone, booking.StatusError}, task.Status, "%s: %s", task.Type, task.Message)
			assert.NotEmpty(t, task.Message)
		}
	case system == "ldap":
		p.allAre(booking.StatusDone, "hardware")
		p.allAre(booking.StatusDone, "network")
		for _, a := range p.tasks("access") {
			if !strings.Contains(a.Message, "SSH") {
				p.tells(a, booking.StatusError, "VPN")
			}
		}
	default:
		p.tells(p.tasks("hardware")[0], booking.StatusError, host, called[system])
		p.allAre(booking.StatusError, "network")
	}
	p.neverEarly()

	p.dispatch(b[1])
	p.asBefore()
	p.allAre(booking.StatusDone, "hardware")
	p.neverEarly()
}

// tells holds that a task has a status and that its message has the words.
func (p *play) tells(task demo.Task, status int, words ...string) {
	p.t.Helper()
	assert.Equal(p.t, status, task.Status, "%s: %s", task.Type, task.Message)
	for _, w := range words {
		assert.Contains(p.t, task.Message, w, task.Type)
	}
}

func TestWhatFailsDuringAReleaseKeepsTheHostFromEverybody(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	each(t, release, func(t *testing.T, s stage, system string, kind faults.Kind) {
		failsInARelease(t, demo.Options{Bodies: b, Slack: impatient}, s, system, kind)
	})
}

func failsInARelease(t *testing.T, o demo.Options, s stage, system string, kind faults.Kind) {
	t.Helper()
	b := o.Bodies
	p := open(t, o)
	p.dispatch(b[0])
	p.allAre(booking.StatusDone, "hardware")
	_, bmcPassword := login(t, p.tasks("hardware")[0].Message)
	p.breakAt(s, faults.Fault{System: system, Kind: kind})
	p.dispatch(b[1])
	p.starting(nil)
	require.NotEmpty(t, p.Lab.Faults().Active(), "the stage was never reached")
	p.Lab.Dashboard().Tick()
	broken := p.Lab.Faults().Active()
	p.Lab.Faults().Heal()

	switch system {
	case "dashboard":
		assert.True(t, p.Lab.Dashboard().HostBooked(host), "the dashboard was not told, so it holds the host")
		require.Equal(t, "succeeded", p.action("laas.reconcile", nil).Status)
		p.settle()
		p.allAre(booking.StatusDone, "")
	case "ssh": // a tenant's host need not obey
		p.allAre(booking.StatusDone, "hardware")
		assert.NotContains(t, p.host().SSHKeys, "root")
	case "ldap":
		p.allAre(booking.StatusDone, "hardware")
		failed := 0
		for _, a := range p.tasks("access") {
			if a.Status == booking.StatusError {
				p.tells(a, booking.StatusError, "VPN")
				failed++
			}
		}
		assert.NotZero(t, failed, "an account that is not proven dead is an error")
		assert.Equal(t, "succeeded", p.action("laas.resume_job", map[string]any{"job_id": job}).Status)
	default:
		assert.True(t, p.Lab.Dashboard().HostBooked(host) || !p.Lab.Dashboard().HostWorking(host), "the host can be booked")
		p.tells(p.tasks("hardware")[0], booking.StatusError, host, called[system])
		assert.Contains(t, p.owner().Quarantine, called[system])
		p.neverEarly()
		e := p.action("laas.return_host", map[string]any{"host": host, "confirm": host})
		assert.Equal(t, "succeeded", e.Status, "%v", e.Result)
	}
	p.asBefore()
	p.allAre(booking.StatusDone, "")
	assert.False(t, p.opensBMC("OPNFV", bmcPassword), "%v", broken)
	p.neverEarly()
}

func (p *play) owner() (o booking.Owner) {
	text, found := p.Engine.Keys().Get(booking.OwnerKey(host))
	require.True(p.t, found, "nobody owns the host")
	require.NoError(p.t, json.Unmarshal([]byte(text), &o))
	return o
}
