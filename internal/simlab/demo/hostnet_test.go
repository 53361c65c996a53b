package demo_test

import (
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
)

// VLANs of the simulated lab: where hosts are set up, and the public one that the bookings have.
const (
	setUp  = 98
	public = 100
)

// settings gives a group of the pack's configuration values of its own.
func settings(group string, values map[string]any) func(map[string]any) {
	return func(all map[string]any) { maps.Copy(all[group].(map[string]any), values) }
}

// files are the files of the host below a directory, by path.
func (p *play) files(dir string) map[string]string {
	p.t.Helper()
	disk, out := p.Lab.World().FS(host), map[string]string{}
	require.NotNil(p.t, disk)
	var walk func(string)
	walk = func(dir string) {
		infos, _ := disk.ReadDir(dir)
		for _, i := range infos {
			if i.IsDir() {
				walk(path.Join(dir, i.Name()))
				continue
			}
			text, err := disk.ReadFile(path.Join(dir, i.Name()))
			require.NoError(p.t, err)
			out[path.Join(dir, i.Name())] = string(text)
		}
	}
	walk(dir)
	return out
}

// noGuard holds that nothing of the network guard is on the host.
func (p *play) noGuard() {
	p.t.Helper()
	for name := range p.files("/etc") {
		assert.NotContains(p.t, name, "laas-network")
	}
	for _, dir := range []string{"/etc/laas-network", "/etc/systemd/system/multi-user.target.d"} {
		assert.False(p.t, p.Lab.World().FS(host).Exists(dir), dir)
	}
}

// first calls f when the first execution of an action begins.
func (p *play) first(action string, f func()) {
	var once sync.Once
	p.starting(func(e engine.Execution) {
		if e.Action == "laas."+action {
			once.Do(f)
		}
	})
}

func TestAHostThatDoesNotAnswerOnItsBookedNetworkGoesBackByItselfAndTellsWhy(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Config: settings("ssh", map[string]any{"ready_timeout": 1, "network_guard": 4})})
	w := p.Lab.World()
	var before map[string]string
	p.first("configure_host", func() {
		before = p.files("/etc/netplan")
		w.SetNetwork(setUp, []int{setUp}) // the booked network leads nowhere
	})
	p.dispatch(b[0])

	require.NotEmpty(t, before)
	assert.Equal(t, before, p.files("/etc/netplan"), "the former configuration is back, and nothing else")
	assert.True(t, w.Reachable(host), w.ReachReason(host))
	assert.Equal(t, setUp, *p.port(0).Native)
	assert.Len(t, p.files("/etc/laas-network"), 1, "only the note is left")
	for _, task := range append(p.tasks("hardware"), p.tasks("network")...) {
		p.tells(task, booking.StatusError, "did not answer by SSH on its booked network", "log in to hpe13 as root by SSH at 127.0.0.1", // what we saw
			"switch port(s) booked, read back", "carries VLAN 100 untagged to 48:df:37:1d:13:00",
			"The host's side: it answers in the provisioning VLAN again; its guard noted: returned to the former network after 4 s without the lab's confirmation")
	}
	assert.Len(t, p.Lab.LDAP().Users(), 2, "what does not depend on the host was done all the same")

	// Its network is mended, and the job goes on.
	w.SetNetwork(setUp, []int{setUp, public})
	p.works("laas.resume_job", map[string]any{"job_id": job})
	p.asBooked()
	p.noGuard()
	assert.NotEqual(t, before, p.files("/etc/netplan"))
	p.dispatch(b[1])
	p.asBefore()
}

func TestAHostThatDoesNotEvenComeBackSaysWhereToLook(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: impatient, Config: settings("ssh", map[string]any{"ready_timeout": 1, "network_guard": 1})})
	p.first("hand_over", func() { p.Lab.World().SetNetwork(setUp, nil) })
	p.dispatch(b[0])
	p.tells(p.tasks("hardware")[0], booking.StatusError, "The host's side: it is not back on its former network within", "/etc/laas-network/note")
	p.dispatch(b[1])
	p.asBefore()
}

func TestWhatTheGuardNeedsIsGoneOnceTheHostAnswers(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient})
	var during map[string]string
	p.first("hand_over", func() { during = p.files("/etc/laas-network") })
	p.dispatch(bodies(t, "01")[0])
	p.asBooked()
	assert.Equal(t, []string{"/etc/laas-network/armed", "/etc/laas-network/guard", "/etc/laas-network/new", "/etc/laas-network/old/etc/netplan/50-cloud-init.yaml", "/etc/laas-network/saved"},
		slices.Sorted(maps.Keys(during)))
	for name, text := range during {
		for _, theirs := range []string{"my-dev-box", "ssh-", "opnfv"} {
			assert.False(t, strings.Contains(text, theirs) || strings.Contains(name, theirs), "%s holds what a tenant typed", name)
		}
	}
	p.noGuard()
}
