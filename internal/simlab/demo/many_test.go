package demo_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
)

// manyHosts is a booking of n hosts, each on a public and a private network, with one user.
func manyHosts(t *testing.T, n int) []byte {
	t.Helper()
	type object map[string]any
	hardware, network, names := object{}, object{}, []string{}
	for i := range n {
		name := fmt.Sprintf("node%02d", i+1)
		mac := fmt.Sprintf("52:54:00:00:%02x:", i)
		names = append(names, name)
		hardware["hw-"+name] = object{"id": name, "image": 23, "hostname": name, "power": "on", "ipmi_create": true, "lab_token": "null"}
		network["net-"+name] = object{"lab_token": "null", name: object{
			mac + "00": []object{{"vlan_id": 100, "tagged": false}}, mac + "01": []object{{"vlan_id": 200, "tagged": true}}}}
	}
	key := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIC3YR1o8XwqLpLTHrHpTk4dyxVEBUUDpEbhxGzPhBp0 alice@laptop\n"
	access := object{
		"vpn": object{"access_type": "vpn", "user": 2, "revoke": false, "lab_token": "null"},
		"ssh": object{"access_type": "ssh", "user": 2, "revoke": false, "lab_token": "null", "context": object{"key": key, "hosts": names}},
	}
	text, err := json.Marshal([]object{{"id": job, "payload": object{"hardware": hardware, "network": network, "access": access}}})
	require.NoError(t, err)
	return text
}

// byHost gives the state and the message of the tasks of a type, by host.
func (p *play) byHost(typ, prefix string) map[string]demo.Task {
	out := map[string]demo.Task{}
	for _, t := range p.tasks(typ) {
		out[t.ID[len(prefix):]] = t
	}
	return out
}

func TestFiftyHostsOnFourSwitchesAreProvisionedSideBySide(t *testing.T) {
	t.Parallel()
	body := manyHosts(t, 50)
	p := open(t, demo.Options{Bodies: [][]byte{body}, HostsPerSwitch: 13, Slack: 2 * time.Minute})
	p.deliver(body)
	p.allAre(booking.StatusDone, "")
	assert.Len(t, p.Lab.World().Switches(), 4)
	for _, h := range p.Lab.Report().Hosts {
		assert.True(t, h.Reachable, h.Name)
		assert.Equal(t, 100, *h.Ports[0].Native, h.Name)
		assert.Equal(t, []int{200}, h.Ports[1].Tagged, h.Name)
		assert.Len(t, h.SSHKeys["opnfv"], 1, h.Name)
		assert.Len(t, h.BMCUsers, 1, h.Name)
	}
	// Side by side: the last host's deployment was scheduled before the first one was handed over.
	var scheduled, handed time.Time
	for _, e := range p.Engine.Executions() {
		switch e.Action {
		case "laas.schedule_imaging":
			if e.StartedAt.After(scheduled) {
				scheduled = e.StartedAt
			}
		case "laas.hand_over":
			if handed.IsZero() || e.StartedAt.Before(handed) {
				handed = e.StartedAt
			}
		}
	}
	assert.True(t, scheduled.Before(handed))
}

func TestOneBadHostAmongFiveLeavesFourHandedOverAndOneExplained(t *testing.T) {
	t.Parallel()
	body := manyHosts(t, 5)
	p := open(t, demo.Options{Bodies: [][]byte{body}, Slack: 10 * time.Second})
	p.Lab.Faults().Add(faults.Fault{System: "bmc", Target: "node03", Kind: faults.Refuse})
	p.deliver(body)
	for name, task := range p.byHost("hardware", "hw-") {
		h := p.named(name)
		if name == "node03" {
			assert.Equal(t, booking.StatusError, task.Status)
			assert.Contains(t, task.Message, "node03")
			assert.False(t, h.Reachable)
			assert.Empty(t, h.SSHKeys["opnfv"])
			continue
		}
		assert.Equal(t, booking.StatusDone, task.Status, task.Message)
		assert.True(t, h.Reachable, name)
		assert.Equal(t, 100, *h.Ports[0].Native, name)
	}
	state, reason := p.jobState(job)
	assert.Equal(t, demo.StateFailed, state)
	assert.Contains(t, reason, "node03", "the report says which host, and why")
	for _, task := range p.tasks("access") {
		if task.ID == "vpn" {
			assert.Equal(t, booking.StatusDone, task.Status)
			continue
		}
		assert.Equal(t, booking.StatusError, task.Status, "the key is not on every host it was booked for")
		assert.Equal(t, 4, strings.Count(task.Message, "  ssh opnfv@"), task.Message)
	}
}

func TestReleaseOfFiveWithOneBadFreesTheOtherFour(t *testing.T) {
	t.Parallel()
	body := manyHosts(t, 5)
	p := open(t, demo.Options{Bodies: [][]byte{body}, Slack: 10 * time.Second})
	p.deliver(body)
	p.allAre(booking.StatusDone, "")

	p.Lab.Faults().Add(faults.Fault{System: "bmc", Target: "node03", Kind: faults.Refuse})
	require.NoError(t, p.Lab.Dashboard().End(job))
	require.NoError(t, p.Settle(p.ctx))
	p.Lab.Dashboard().Tick()
	for name, task := range p.byHost("hardware", "hw-") {
		h := p.named(name)
		assert.True(t, allShut(h), "%s: %+v", name, h.Ports)
		assert.False(t, p.Lab.Dashboard().HostBooked(name), "the dashboard frees all hosts of a booking by its own rule")
		if name == "node03" {
			assert.Equal(t, booking.StatusError, task.Status)
			assert.False(t, p.Lab.Dashboard().HostWorking(name), "it is out of the pool before the dashboard frees it")
			continue
		}
		assert.Equal(t, booking.StatusDone, task.Status, task.Message)
		assert.True(t, p.Lab.Dashboard().HostWorking(name))
		assert.Equal(t, "off", h.Power)
		assert.Empty(t, h.BMCUsers)
	}
	p.allAre(booking.StatusDone, "network")
	assert.Len(t, p.Engine.Keys().List(booking.OwnerPrefix), 1, "node03 is in quarantine")
}

func TestAMistypedInventoryEntryStopsItsOwnHostOnly(t *testing.T) {
	t.Parallel()
	body := manyHosts(t, 3)
	p := open(t, demo.Options{Bodies: [][]byte{body}})
	p.Engine.Keys().Set("node02", `{"dashboard_id": "node02", `)
	p.deliver(body)
	hardware := p.byHost("hardware", "hw-")
	assert.Equal(t, booking.StatusError, hardware["node02"].Status)
	assert.Contains(t, hardware["node02"].Message, "inventory")
	for _, name := range []string{"node01", "node03"} {
		assert.Equal(t, booking.StatusDone, hardware[name].Status, hardware[name].Message)
		assert.True(t, p.named(name).Reachable)
	}
}
