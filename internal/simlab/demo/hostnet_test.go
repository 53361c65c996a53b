package demo_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
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

// configuredBy makes the booked image one that configures its network in a way of its own.
func (p *play) configuredBy(system string) {
	p.Lab.World().AddImage(world.Image{ID: 23, Name: "ubuntu-18.04", OS: "ubuntu", Version: "18.04", Network: system})
}

func TestABookingOnEveryKindOfSystem(t *testing.T) {
	t.Parallel()
	for system, wrote := range map[string]string{ // a file that the configuration is in
		world.Ifupdown:       "/etc/network/interfaces",
		world.Ifcfg:          "/etc/sysconfig/network-scripts/ifcfg-wire0",
		world.NetworkManager: "/etc/NetworkManager/system-connections/laas-wire0.nmconnection",
		world.Wicked:         "/etc/sysconfig/network/ifcfg-wire0",
		world.Debian:         "/etc/network/interfaces",
		world.CentOS7:        "/etc/sysconfig/network-scripts/ifcfg-wire0",
	} {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			b := bodies(t, "01", "06")
			p := open(t, demo.Options{Bodies: b, Slack: patient})
			p.configuredBy(system)
			p.dispatch(b[0])
			p.asBooked()
			assert.Contains(t, p.files("/etc")[wrote], "Written by the lab.")
			assert.True(t, p.Lab.World().Reachable(host), p.Lab.World().ReachReason(host))
			p.Lab.World().SetNetwork(setUp, []int{public}) // nowhere but there
			assert.True(t, p.Lab.World().Reachable(host), p.Lab.World().ReachReason(host))
			p.Lab.World().SetNetwork(setUp, []int{setUp, public})
			p.dispatch(b[1])
			p.asBefore()
		})
	}
}

func TestAHostOfEveryKindOfSystemGoesBack(t *testing.T) {
	t.Parallel()
	for _, system := range []string{world.Ifupdown, world.Ifcfg, world.NetworkManager, world.Wicked, world.Debian, world.CentOS7} {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			b := bodies(t, "01", "06")
			p := open(t, demo.Options{Bodies: b, Slack: impatient, Config: settings("ssh", map[string]any{"ready_timeout": 1, "network_guard": 1})})
			p.configuredBy(system)
			var before map[string]string
			p.first("configure_host", func() {
				before = p.files("/etc")
				p.Lab.World().SetNetwork(setUp, []int{setUp})
			})
			p.dispatch(b[0])
			after := p.files("/etc")
			maps.DeleteFunc(before, func(name, _ string) bool { return !network.MatchString(name) })
			maps.DeleteFunc(after, func(name, _ string) bool { return !network.MatchString(name) })
			require.NotEmpty(t, before)
			assert.Equal(t, before, after, "the former configuration is back, and nothing else")
			assert.True(t, p.Lab.World().Reachable(host), p.Lab.World().ReachReason(host))
			p.tells(p.tasks("hardware")[0], booking.StatusError, "its guard noted: returned to the former network")
		})
	}
}

// network are the files that any system configures its network with.
var network = regexp.MustCompile(`^/etc/(netplan|network|NetworkManager|sysconfig|systemd)/`)

// inventory adds a key to the host's entry.
func (p *play) inventory(name string, value any) {
	p.t.Helper()
	text, found := p.Engine.Keys().Get(host)
	require.True(p.t, found)
	var entry map[string]any
	require.NoError(p.t, json.Unmarshal([]byte(text), &entry))
	entry[name] = value
	changed, err := json.Marshal(entry)
	require.NoError(p.t, err)
	file, err := json.Marshal([]any{map[string]any{"name": host, "value": string(changed)}})
	require.NoError(p.t, err)
	require.NoError(p.t, p.Engine.Keys().Load(file))
}

// bonded adds a bond of both interfaces to the inventory.
func (p *play) bonded(mode string) {
	p.t.Helper()
	p.inventory("bonds", []any{map[string]any{"name": "bond0", "mode": mode, "interfaces": []string{p.port(0).MAC, p.port(1).MAC}}})
}

// onBoth makes a booking of both interfaces out of one of the first.
func onBoth(body []byte) []byte {
	return bytes.Replace(body, []byte(`"48:df:37:1d:13:01": []`), []byte(`"48:df:37:1d:13:01": [{"vlan_id": 100, "tagged": false}]`), 1)
}

func TestABondAnswersWhileOneOfItsPortsIsUp(t *testing.T) {
	t.Parallel()
	for system, wrote := range map[string]string{
		world.Netplan:  "/etc/netplan/01-laas.yaml",
		world.Ifupdown: "/etc/network/interfaces",
	} {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			b := bodies(t, "01", "06")
			b[0] = onBoth(b[0])
			p := open(t, demo.Options{Bodies: b, Slack: patient})
			p.configuredBy(system)
			p.bonded("active-backup")
			p.dispatch(b[0])
			p.allAre(booking.StatusDone, "")
			p.noGuard()
			assert.Contains(t, p.files("/etc")[wrote], "bond0")
			assert.Contains(t, p.files("/etc")[wrote], "active-backup")
			w := p.Lab.World()
			for i := range 2 {
				at := p.port(i)
				assert.Equal(t, public, *at.Native)
				up, _ := w.Port(at.Switch, at.Port)
				require.NoError(t, w.SetPort(at.Switch, at.Port, world.Port{Shutdown: true}))
				assert.True(t, w.Reachable(host), "without %s: %s", at.Port, w.ReachReason(host))
				require.NoError(t, w.SetPort(at.Switch, at.Port, up))
			}
			p.dispatch(b[1])
			p.asBefore()
		})
	}
}

func TestABondThatTheSwitchKnowsOfIsBookedAsAWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	p.bonded("802.3ad")
	p.dispatch(b[0]) // of its first interface only
	p.tells(p.tasks("hardware")[0], booking.StatusError, "bond0: its interfaces are one to the switch (802.3ad), and are not booked alike")
	assert.Nil(t, p.host().Image, "nothing was touched")
	assert.True(t, allShut(p.host()))
}

func TestAHostThatIsNotWhereItsNameLeadsToIsHandedOverWithANote(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	p.inventory("hostname", "localhost") // which leads to the simulated host, and is not the address that it has
	p.dispatch(b[0])
	p.asBooked()
	p.tells(p.tasks("network")[0], booking.StatusDone, "its own: 10.0.100.1", "Its own address is 10.0.100.1; the name localhost leads to ", "127.0.0.1")
	p.dispatch(b[1])
	p.asBefore()
}

func TestAHostNameThatTheSystemForgetsIsSetAgain(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	p.first("hand_over", func() { // as some systems do when they start
		disk := p.Lab.World().FS(host)
		assert.NoError(t, disk.WriteFile("/etc/hostname", []byte("localhost\n"), 0o644))
		assert.NoError(t, disk.WriteFile("/etc/hosts", []byte("127.0.0.1 localhost\n"), 0o644))
	})
	p.dispatch(b[0])
	p.asBooked()
	assert.NotContains(t, p.messages(), "Its own address", "the inventory has an address and no name")
	assert.Equal(t, "my-dev-box\n", p.files("/etc")["/etc/hostname"])
	assert.Equal(t, "127.0.0.1 localhost\n127.0.1.1\tmy-dev-box\n", p.files("/etc")["/etc/hosts"])
}

func TestAHostThatAnswersOnlyAfterItsGuardWasFasterIsNotHandedOverYet(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Config: settings("ssh", map[string]any{"ready_timeout": 1, "network_guard": 1})})
	w := p.Lab.World()
	p.first("configure_host", func() { w.SetNetwork(setUp, []int{setUp}) })
	var once sync.Once
	w.OnChange(func() { // its former network is DHCP everywhere, so it answers in the booked VLAN, too
		if disk := w.FS(host); disk != nil && disk.Exists("/etc/laas-network/note") {
			once.Do(func() { go w.SetNetwork(setUp, []int{setUp, public}) })
		}
	})
	p.dispatch(b[0])
	p.tells(p.tasks("hardware")[0], booking.StatusError, "its guard brings its former network back all the same: ssh.network_guard was over", "its guard noted: returned")
	p.allAre(booking.StatusError, "network")
	assert.Equal(t, setUp, *p.port(0).Native)
	p.dispatch(b[1])
	p.asBefore()
}

func TestOneHostThatDoesNotAnswerLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	body := manyHosts(t, 3)
	p := open(t, demo.Options{Bodies: [][]byte{body}, Slack: patient, Config: settings("ssh", map[string]any{"ready_timeout": 1, "network_guard": 8})})
	w := p.Lab.World()
	p.starting(func(e engine.Execution) {
		if e.Action == "laas.hand_over" && e.Parameters["host"] == "node02" {
			p.Lab.Faults().Add(faults.Fault{System: "ssh", Op: "connect", Target: "node02", Kind: faults.Refuse})
		}
	})
	w.OnChange(func() {
		if disk := w.FS("node02"); disk != nil && disk.Exists("/etc/laas-network/note") {
			p.Lab.Faults().Heal()
		}
	})
	p.deliver(body)
	hardware := p.byHost("hardware", "hw-")
	for _, name := range []string{"node01", "node03"} {
		h := p.named(name)
		assert.Equal(t, booking.StatusDone, hardware[name].Status, hardware[name].Message)
		assert.True(t, h.Reachable, name)
		assert.Equal(t, public, *h.Ports[0].Native, name)
		assert.Equal(t, []int{200}, h.Ports[1].Tagged, name)
	}
	p.tells(hardware["node02"], booking.StatusError, "switch port(s) booked, read back", "carries VLAN 200 tagged to 52:54:00:00:01:01", "its guard noted: returned to the former network")
	assert.Equal(t, setUp, *p.named("node02").Ports[0].Native)
	assert.True(t, p.named("node02").Reachable)
}

func TestAGuardThatAnImageWasCapturedWithHasNoSay(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: impatient, Config: settings("ssh", map[string]any{"ready_timeout": 1, "network_guard": 1})})
	var before map[string]string
	var planted, taken sync.Once
	p.starting(func(e engine.Execution) {
		disk := p.Lab.World().FS(host)
		switch e.Action {
		case "laas.verify_host":
			planted.Do(func() {
				for name, text := range map[string]string{"armed": "", "saved": "", "new": "/etc/hosts\n", "guard": "", "old/etc/netplan/99-another-hosts.yaml": "network: {}\n"} {
					assert.NoError(t, disk.MkdirAll(path.Dir("/etc/laas-network/"+name), 0o700))
					assert.NoError(t, disk.WriteFile("/etc/laas-network/"+name, []byte(text), 0o600))
				}
			})
		case "laas.configure_host":
			taken.Do(func() {
				before = p.files("/etc/netplan")
				p.Lab.World().SetNetwork(setUp, []int{setUp})
			})
		}
	})
	p.dispatch(b[0])
	p.tells(p.tasks("hardware")[0], booking.StatusError, "its guard noted: returned to the former network")
	assert.Equal(t, before, p.files("/etc/netplan"))
	assert.Contains(t, p.files("/etc"), "/etc/hosts")
}

func TestALabWithoutGuardsHasNone(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: impatient, Config: settings("ssh", map[string]any{"ready_timeout": 1, "network_guard": 0})})
	p.first("hand_over", func() {
		p.noGuard()
		p.Lab.World().SetNetwork(setUp, []int{setUp})
	})
	p.dispatch(b[0])
	p.tells(p.tasks("hardware")[0], booking.StatusError, "did not answer by SSH on its booked network", "carries VLAN 100 untagged", "The host has no guard")
	assert.Equal(t, public, *p.port(0).Native, "it stays as it was booked")
	p.Lab.World().SetNetwork(setUp, []int{setUp, public})
	p.works("laas.resume_job", map[string]any{"job_id": job})
	p.asBooked()
}
