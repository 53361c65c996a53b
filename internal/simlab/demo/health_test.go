package demo_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

func TestAHostInCriticalStateIsNotProvisionedAndTheOthersAre(t *testing.T) {
	t.Parallel()
	body := manyHosts(t, 3)
	p := open(t, demo.Options{Bodies: [][]byte{body}, Slack: 10 * time.Second})
	w := p.Lab.World()
	require.NoError(t, w.Install("node02", 23))
	require.NoError(t, w.FS("node02").WriteFile("/root/before", []byte("it was there"), 0o600))
	require.NoError(t, w.AddTrouble("node02", world.Trouble{Kind: world.SupplyFails}))
	require.NoError(t, w.AddTrouble("node03", world.Trouble{Kind: world.Warms}))
	p.deliver(body)
	hardware := p.byHost("hardware", "hw-")
	for _, name := range []string{"node01", "node03"} {
		assert.Equal(t, booking.StatusDone, hardware[name].Status, hardware[name].Message)
		assert.True(t, p.named(name).Reachable)
		assert.NotContains(t, hardware[name].Message, "critical")
	}
	p.tells(hardware["node02"], booking.StatusError, "node02", "the hardware is in critical state", "PS2 Status (power supply)", "power supply failure detected")
	state, reason := p.jobState(job)
	assert.Equal(t, demo.StateFailed, state)
	assert.Contains(t, reason, "node02")

	h := p.named("node02")
	assert.Equal(t, "off", h.Power)
	assert.Empty(t, h.BMCUsers)
	assert.Zero(t, p.runs("laas.boot_to_network", "node02"))
	text, err := w.FS("node02").ReadFile("/root/before")
	require.NoError(t, err)
	assert.Equal(t, "it was there", string(text))
	for _, task := range w.Tasks() {
		assert.NotEqual(t, "node02", task.Host, "FOG was asked to image it")
	}
	for _, port := range h.Ports {
		assert.NotContains(t, port.Tagged, 200, "its ports are not the tenant's")
	}

	require.NoError(t, w.EndTroubles("node02"))
	p.works("laas.resume_job", map[string]any{"job_id": job})
	p.allAre(booking.StatusDone, "hardware")
	assert.True(t, p.named("node02").Reachable)
}

func TestWhatIsDoneAboutCriticalHardwareIsConfigured(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	for name, c := range map[string]struct {
		health string
		told   bool
	}{"warn": {"warn", true}, "ignore": {"ignore", false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: patient, Config: settings("bmc", map[string]any{"health": c.health})})
			require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.Overheats}))
			p.dispatch(b[0])
			p.asBooked()
			assert.Equal(t, c.told, strings.Contains(p.messages(), "Its hardware is in critical state: CPU1 Temp"), p.messages())
		})
	}
}

func TestABMCThatDoesNotTellItsHealthBlocksNothing(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	require.NoError(t, p.Lab.World().AddTrouble(host, world.Trouble{Kind: world.Overheats}))
	p.Lab.Faults().Add(faults.Fault{System: "bmc", Op: "health", Kind: faults.Refuse})
	p.dispatch(b[0])
	p.asBooked()
}

// healthOutput is what laas.bmc_health prints.
type healthOutput struct {
	Summary, Verdict string
	Reasons, Unread  []string
	Sensors          []struct{ Name, Kind, Reading, State string }
	Events           []struct {
		ID       int
		Sensor   string
		Text     string
		Critical bool
	}
	Machine struct{ Manufacturer, Model, Serial string }
}

func TestAnOperatorLooksAtTheHealthOfAHost(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient})
	w := p.Lab.World()
	look := func(params map[string]any) (out healthOutput) {
		t.Helper()
		params["host"] = host
		stdout(t, p.works("laas.bmc_health", params), &out)
		return out
	}
	out := look(map[string]any{})
	assert.Equal(t, "ok", out.Verdict)
	assert.Len(t, out.Sensors, 8)
	assert.Empty(t, out.Events)
	assert.Equal(t, "SN-"+host, out.Machine.Serial)

	require.NoError(t, w.AddTrouble(host, world.Trouble{Kind: world.FanFails}))
	assert.Equal(t, "warning", look(map[string]any{}).Verdict, "without power the fan says nothing, and the log that it failed")
	require.NoError(t, w.PowerOn(host))
	out = look(map[string]any{"events": 1})
	assert.Equal(t, "critical", out.Verdict)
	require.NotEmpty(t, out.Reasons)
	assert.Equal(t, "FAN2 (fan) is critical: 300 RPM", out.Reasons[0])
	assert.Contains(t, out.Summary, "FAN2")
	require.Len(t, out.Events, 1)
	assert.Equal(t, "lower critical - going low", out.Events[0].Text)
	require.NoError(t, w.EndTroubles(host))
	out = look(map[string]any{"events": 0})
	assert.Equal(t, "ok", out.Verdict)
	assert.Empty(t, out.Events)
	p.refused("laas.bmc_health", map[string]any{"host": host, "events": 501}, "0 to 500 can be shown")
}

func TestTheReportOfAllBMCsHasARowForEach(t *testing.T) {
	t.Parallel()
	body := manyHosts(t, 4)
	p := open(t, demo.Options{Bodies: [][]byte{body}, Slack: 10 * time.Second, Redfish: []string{"node04"}})
	p.deliver(body)
	p.allAre(booking.StatusDone, "hardware")
	w := p.Lab.World()
	require.NoError(t, w.AddTrouble("node01", world.Trouble{Kind: world.DriveFails}))
	_, err := p.Lab.BMC("node02").AddUser("mallory{{", "x")
	require.NoError(t, err)
	p.Lab.Faults().Add(faults.Fault{System: "bmc", Target: "node03", Kind: faults.Refuse})
	require.NoError(t, w.PowerOff("node04"))
	var out struct {
		Summary string
		Failed  []string
		Hosts   []struct {
			Host, Protocol, Power, Firmware, Serial, Verdict, Reason string
			Foreign                                                  []int
		}
	}
	e := p.works("laas.bmc_report", nil)
	stdout(t, e, &out)
	require.Len(t, out.Hosts, 4)
	rows := out.Hosts
	for i, want := range []struct{ power, verdict, reason, protocol string }{
		{"on", "critical", "Drive 1", "ipmi"}, {"on", "ok", "", "ipmi"}, {"unknown", "unknown", "BMC of node03", "ipmi"}, {"off", "ok", "", "redfish"},
	} {
		assert.Equal(t, want.power, rows[i].Power, rows[i].Host)
		assert.Equal(t, want.verdict, rows[i].Verdict, rows[i].Host)
		assert.Contains(t, rows[i].Reason, want.reason)
		assert.Equal(t, want.protocol, rows[i].Protocol)
	}
	assert.Empty(t, rows[0].Foreign, "the tenant's account is no stranger's")
	assert.Len(t, rows[1].Foreign, 1)
	assert.Equal(t, "1.00", rows[1].Firmware)
	assert.Equal(t, []string{"node03"}, out.Failed)
	assert.Contains(t, out.Summary, "4 host(s): 2 ok, 0 warning, 1 critical, 1 unknown (1 of them could not be read); 1 with accounts")
	text, err := json.Marshal(e.Result)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "mallory", "a name on a BMC may be a tenant's")

	stdout(t, p.works("laas.bmc_report", map[string]any{"hosts": "node04, node02"}), &out)
	assert.Len(t, out.Hosts, 2)
	assert.Equal(t, "node04", out.Hosts[0].Host)
	p.refused("laas.bmc_report", map[string]any{"hosts": "node04,node99"}, "no host named node99")
}
