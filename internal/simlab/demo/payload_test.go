package demo_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/lab"
)

// recorded reads bodies of jobs/new as the dashboard's own code made them.
func recorded(t *testing.T, prefixes ...string) (out [][]byte) {
	t.Helper()
	for _, prefix := range prefixes {
		names, err := filepath.Glob("../../booking/payload/testdata/" + prefix + "*")
		require.NoError(t, err)
		require.Len(t, names, 1, prefix)
		text, err := os.ReadFile(names[0])
		require.NoError(t, err)
		out = append(out, text)
	}
	return out
}

// playAll lets the dashboard serve one body after the other, each until nothing moves any more. The lab is made for those that come
// later, too.
func playAll(t *testing.T, dashboard string, prefixes ...string) *play {
	t.Helper()
	p := open(t, demo.Options{Bodies: recorded(t, append(slices.Clone(prefixes), later[dashboard]...)...), Dashboard: dashboard})
	for _, body := range recorded(t, prefixes...) {
		p.deliver(body)
	}
	return p
}

// later are the bodies that may follow.
var later = map[string][]string{"2019": {"05", "06"}, "2022": {"11"}}

// named finds a host of the lab.
func (p *play) named(name string) lab.Host {
	p.t.Helper()
	for _, h := range p.Lab.Report().Hosts {
		if h.Name == name {
			return h
		}
	}
	require.Fail(p.t, "the lab has no host "+name)
	return lab.Host{}
}

// statuses are the tasks' states by type, in the order of the dashboard.
func (p *play) statuses() map[string][]int {
	out := map[string][]int{}
	for _, t := range p.tasks("") {
		out[t.Type] = append(out[t.Type], t.Status)
	}
	return out
}

// comments name the keys of a user by their comments.
func comments(keys []string) (out []string) {
	for _, k := range keys {
		out = append(out, k[strings.LastIndexByte(k, ' ')+1:])
	}
	slices.Sort(out)
	return out
}

// runs counts the executions of an action on a host.
func (p *play) runs(action, host string) (n int) {
	for _, e := range p.Engine.Executions() {
		if e.Action == action && e.Parameters["host"] == host {
			n++
		}
	}
	return n
}

func (p *play) machineID(host string) string {
	p.t.Helper()
	id, err := p.Lab.World().FS(host).ReadFile("/etc/machine-id")
	require.NoError(p.t, err)
	return string(id)
}

func (p *play) state() (state, reason string) {
	p.t.Helper()
	jobs := p.Report().Jobs
	require.Len(p.t, jobs, 1)
	return jobs[0].State, jobs[0].Reason
}

// untouched holds that nothing happened to any host.
func (p *play) untouched() {
	p.t.Helper()
	assert.Empty(p.t, p.Engine.Executions(), "nothing was started")
	for _, h := range p.Lab.Report().Hosts {
		assert.Equal(p.t, "off", h.Power)
		assert.Nil(p.t, h.Image)
		assert.True(p.t, allShut(h))
		assert.Empty(p.t, h.BMCUsers)
	}
	assert.Empty(p.t, p.Lab.LDAP().Users())
	assert.Empty(p.t, p.Engine.Keys().List(booking.OwnerPrefix))
}

func TestTwoHostsOnAPublicAndAPrivateNetwork(t *testing.T) {
	t.Parallel()
	p := playAll(t, "2019", "02")
	state, _ := p.state()
	assert.Equal(t, demo.StateDone, state)
	assert.Equal(t, []lab.Port{
		{MAC: "48:df:37:1d:13:00", Switch: "sw1", Port: "Ethernet1/1", Native: vlan(100), Tagged: []int{}},
		{MAC: "48:df:37:1d:13:01", Switch: "sw1", Port: "Ethernet1/2", Tagged: []int{200}},
	}, p.named("hpe13").Ports)
	assert.Equal(t, []lab.Port{
		{MAC: "48:df:37:1d:14:00", Switch: "sw1", Port: "Ethernet1/3", Native: vlan(200), Tagged: []int{}},
		{MAC: "48:df:37:1d:14:01", Switch: "sw1", Port: "Ethernet1/4", Tagged: []int{100, 200}},
	}, p.named("hpe14").Ports)
	assert.Equal(t, "jump", p.named("hpe13").Hostname)
	assert.Equal(t, "compute-1", p.named("hpe14").Hostname)
	for _, name := range []string{"hpe13", "hpe14"} {
		assert.Equal(t, []string{"alice@laptop", "bob@laptop"}, comments(p.named(name).SSHKeys["opnfv"]))
		assert.True(t, p.named(name).Reachable, "each has the public network, tagged or not")
	}
}

func TestANewImageForOneHostLeavesTheOtherAlone(t *testing.T) {
	t.Parallel()
	p := playAll(t, "2019", "02")
	other, old := p.machineID("hpe14"), p.machineID("hpe13")
	require.NoError(t, p.Lab.Dashboard().Reimage(2, "hpe13", "23"))
	require.NoError(t, p.Settle(p.ctx))
	p.allAre(booking.StatusDone, "")
	assert.NotEqual(t, old, p.machineID("hpe13"), "the same image is written again")
	assert.Equal(t, other, p.machineID("hpe14"))
	for _, name := range []string{"hpe13", "hpe14"} {
		assert.Equal(t, "on", p.named(name).Power)
		assert.Equal(t, []string{"alice@laptop", "bob@laptop"}, comments(p.named(name).SSHKeys["opnfv"]))
	}
	assert.Equal(t, 2, p.runs("laas.provision_host", "hpe13"))
	assert.Equal(t, 1, p.runs("laas.provision_host", "hpe14"))
}

func TestSoftwareThatCannotBeInstalledStopsNothingElse(t *testing.T) {
	t.Parallel()
	p := playAll(t, "2019", "03")
	assert.Equal(t, map[string][]int{"hardware": {200, 200}, "network": {200, 200}, "access": {200, 200, 200}, "software": {300}}, p.statuses())
	assert.Contains(t, p.tasks("software")[0].Message, "cannot install software")
	for _, h := range p.Lab.Report().Hosts {
		assert.Equal(t, "on", h.Power)
		assert.Equal(t, []string{"alice@laptop"}, comments(h.SSHKeys["opnfv"]), "user 4 has no key")
	}
	assert.Equal(t, []string{"laas-3-2", "laas-3-4"}, p.Lab.LDAP().Users())
}

func TestASnapshotOfAHostThatTheBookingDoesNotHaveIsRefusedOnce(t *testing.T) {
	t.Parallel()
	p := playAll(t, "2019", "04")
	require.Len(t, p.tasks("snapshot"), 1)
	assert.Empty(t, p.Lab.World().Tasks())
	assert.Equal(t, "off", p.host().Power)
	p.tells(p.tasks("snapshot")[0], booking.StatusError, host, "the booking does not have the host")
	runs := len(p.Engine.Executions())
	require.NoError(t, p.Settle(p.ctx))
	assert.Len(t, p.Engine.Executions(), runs, "it is told once")
}

func TestAResetToAnotherImageMakesANewMachine(t *testing.T) {
	t.Parallel()
	p := playAll(t, "2019", "01")
	before, id := p.host(), p.machineID(host)
	p.deliver(recorded(t, "05")[0])
	p.allAre(booking.StatusDone, "")
	after := p.host()
	assert.Equal(t, 23.0, before.Image)
	assert.Equal(t, 25.0, after.Image)
	assert.NotEqual(t, id, p.machineID(host))
	assert.Equal(t, before.Ports, after.Ports)
	assert.Equal(t, before.SSHKeys, after.SSHKeys)
	assert.Equal(t, before.BMCUsers, after.BMCUsers, "one account, not two")
	user, pass := login(t, p.tasks("hardware")[0].Message)
	assert.True(t, p.Lab.BMC(host).Login(user, pass), "the message tells the login that works")
	p.deliver(recorded(t, "06")[0])
	p.asBefore()
}

func TestAResetToTheSameImageMakesANewMachine(t *testing.T) {
	t.Parallel()
	p := playAll(t, "2019", "01")
	id := p.machineID(host)
	require.NoError(t, p.Lab.Dashboard().Reimage(job, host, "23"))
	require.NoError(t, p.Settle(p.ctx))
	p.allAre(booking.StatusDone, "")
	assert.NotEqual(t, id, p.machineID(host))
	assert.True(t, p.host().Reachable)
}

func TestNothingToDoStartsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dashboard, body string
		state, reason   string
	}{
		"an empty list":                            {"2019", "07a", "", ""},
		"the dashboard's own statistics":           {"2022", "13", demo.StateDone, ""},
		"a job that is being created":              {"2019", "08", demo.StateHeld, "half made"},
		"a new booking that comes as switched off": {"2022", "14", demo.StateHeld, "still carries VLANs"},
		"a job whose hardware another run has":     {"2019", "16_", demo.StateHeld, "nothing is known of the machine"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := playAll(t, c.dashboard, c.body)
			p.untouched()
			if c.state == "" {
				assert.Empty(t, p.Report().Jobs)
				return
			}
			state, reason := p.state()
			assert.Equal(t, c.state, state)
			assert.Contains(t, reason, c.reason)
			for _, task := range p.tasks("") {
				assert.Equal(t, booking.StatusNew, task.Status)
				assert.Empty(t, task.Message)
			}
		})
	}
}

func TestAnImageThatTheDashboardDoesNotKnowIsRefusedAndTheMachineStays(t *testing.T) {
	t.Parallel()
	p := playAll(t, "2019", "01")
	before, id := p.host(), p.machineID(host)
	p.deliver(recorded(t, "15a")[0])
	assert.Equal(t, before, p.host())
	assert.Equal(t, id, p.machineID(host))
	p.allAre(booking.StatusError, "hardware")
	assert.Contains(t, p.tasks("hardware")[0].Message, "image -1")
	p.deliver(recorded(t, "05")[0])
	p.allAre(booking.StatusDone, "")
	assert.Equal(t, 25.0, p.host().Image)
}

func TestAnImageThatFOGDoesNotHaveIsRefusedAndTheMachineStays(t *testing.T) {
	t.Parallel()
	p := playAll(t, "2019", "01")
	before, id := p.host(), p.machineID(host)
	require.NoError(t, p.Lab.Dashboard().Reimage(job, host, "77"))
	require.NoError(t, p.Settle(p.ctx))
	assert.Equal(t, before, p.host(), "it is still on its network")
	assert.Equal(t, id, p.machineID(host))
	p.allAre(booking.StatusError, "hardware")
	assert.Contains(t, p.tasks("hardware")[0].Message, "image 77")
}

func TestAKeyThatIsNoneIsItsOwnersTroubleAlone(t *testing.T) {
	t.Parallel()
	p := playAll(t, "2019", "15c")
	assert.Equal(t, map[string][]int{"hardware": {200}, "network": {200}, "access": {300, 200}, "software": {200}}, p.statuses())
	assert.Contains(t, p.messages(), "no SSH public key")
	h := p.host()
	assert.Equal(t, "some-hostname", h.Hostname, "a host name has no underscore")
	assert.Equal(t, 22.0, h.Image)
	assert.Empty(t, h.SSHKeys["opnfv"])
	assert.NotContains(t, p.messages(), "my_fake_ssh_key")
}

func TestJobsThatTheDashboardShowsDoneAreDoneAnewIfTheyCome(t *testing.T) {
	t.Parallel()
	p := playAll(t, "2019", "17")
	p.allAre(booking.StatusDone, "")
	assert.Equal(t, "on", p.host().Power)
}
