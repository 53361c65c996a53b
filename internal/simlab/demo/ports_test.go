package demo_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// byHand changes a port of the host on its switch, behind the pack's back.
func (p *play) byHand(change func(*world.Port)) {
	p.t.Helper()
	at := p.port(0)
	now, ok := p.Lab.World().Port(at.Switch, at.Port)
	require.True(p.t, ok)
	change(&now)
	require.NoError(p.t, p.Lab.World().SetPort(at.Switch, at.Port, now))
}

// stdout is the output of an action.
func stdout(t *testing.T, e engine.Execution, v any) {
	t.Helper()
	text, err := json.Marshal(e.Result)
	require.NoError(t, err)
	var result struct {
		Stdout json.RawMessage `json:"stdout"`
	}
	require.NoError(t, json.Unmarshal(text, &result))
	require.NoError(t, json.Unmarshal(result.Stdout, v))
}

func (p *play) drift() (out struct {
	Differ int
	Ports  []struct {
		Port, Host, State string
		Job               int
		Differs           []string
		Seen              string
	}
}) {
	stdout(p.t, p.works("laas.drift_report", nil), &out)
	return out
}

func TestWhatSomebodyChangedByHandIsToldAndNotOverwrittenUnlessSaid(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	assert.Empty(t, p.drift().Ports, "the pack has written nothing yet")
	p.dispatch(b[0])
	p.asBooked()
	report := p.drift()
	assert.Zero(t, report.Differ)
	require.NotEmpty(t, report.Ports)
	assert.Equal(t, host, report.Ports[0].Host)
	assert.Equal(t, "booked", report.Ports[0].State)
	assert.Equal(t, job, report.Ports[0].Job)
	p.works("laas.network_verify", nil)

	p.byHand(func(port *world.Port) { port.Native = 101 })
	report = p.drift()
	assert.Equal(t, 1, report.Differ)
	assert.Equal(t, []string{"native VLAN 101 -> 100"}, report.Ports[0].Differs)
	p.refused("laas.network_verify", nil, "native VLAN 101 -\\u003e 100")

	// The operator's own write is refused, and then told to.
	write := map[string]any{"switch": p.port(0).Switch, "state": "booked", "job_id": job, "epoch": 1, "host": host}
	var plan struct{ Changes []string }
	stdout(t, p.works("laas.network_plan", map[string]any{"job_id": job}), &plan)
	assert.Equal(t, []string{p.port(0).Switch + " " + p.port(0).Port + ": native VLAN 101 -> 100"}, plan.Changes)
	p.byHand(func(port *world.Port) { port.Tagged = []int{500} })
	p.refused("laas.set_ports", write, "was changed by hand since it was written for "+host+" (booked, job 1)", "force=true")
	assert.Equal(t, 101, *p.port(0).Native)
	write["force"] = true
	p.works("laas.set_ports", write)
	assert.Equal(t, 100, *p.port(0).Native)
	assert.Empty(t, p.port(0).Tagged)
	assert.Zero(t, p.drift().Differ)

	// The end of the booking takes the port back whatever it became.
	p.byHand(func(port *world.Port) { port.Tagged = []int{500} })
	p.dispatch(b[1])
	p.asBefore()
	assert.Zero(t, p.drift().Differ)
}

// What it shows cannot tell; where it saw the host can.
func TestASwitchThatShowsWhatItDoesNotDoIsFoundOutByWhereItSawTheHost(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	p.breakAt(stage{action: "set_ports", which: "booked"}, faults.Fault{System: "switch", Op: "conf", Kind: faults.Lie})
	p.dispatch(b[0])
	p.starting(nil)
	require.True(t, p.anyCarries(98), "the host is still where it was imaged")
	report := p.drift()
	assert.Equal(t, 1, report.Differ)
	assert.Equal(t, []string{host + " is seen in VLAN 98"}, report.Ports[0].Differs)
	p.refused("laas.network_verify", nil, host+" is seen in VLAN 98")

	p.Lab.Faults().Heal() // and the switch shows what is true
	p.works("laas.set_ports", map[string]any{"switch": p.port(0).Switch, "state": "booked", "job_id": job, "epoch": 1, "host": host, "force": true})
	report = p.drift()
	assert.Zero(t, report.Differ)
	assert.Equal(t, "VLAN 100", report.Ports[0].Seen)
	assert.Equal(t, "not seen", report.Ports[1].Seen)
	require.NoError(t, p.Lab.World().PowerOff(host))
	assert.Equal(t, "not seen", p.drift().Ports[0].Seen)
	p.works("laas.network_verify", nil)
	p.dispatch(b[1])
	p.asBefore()
}

func TestABookingDoesNotOpenAPortThatSomebodyChanged(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	p.dispatch(b[0])
	p.dispatch(b[1])
	p.asBefore()
	p.byHand(func(port *world.Port) { port.Native, port.Shutdown = 500, false }) // somebody tests a cable
	p.refused("laas.reserve_host", map[string]any{"host": host, "by": "alice"}, "was changed by hand", "given back")
	assert.Equal(t, 500, *p.port(0).Native)
	p.byHand(func(port *world.Port) { port.Native, port.Shutdown = 0, true })
	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
	p.works("laas.network_create", map[string]any{"network": "storage"})
	p.byHand(func(port *world.Port) { port.Native, port.Shutdown = 500, false })
	p.refused("laas.nic_connect", map[string]any{"host": host, "nic": p.port(0).MAC, "network": "storage"}, "was changed by hand")
	assert.Equal(t, 500, *p.port(0).Native)
}

func TestAnIsolatedHostStaysCutOffWhateverItsBookingDoes(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	p.dispatch(b[0])
	p.asBooked()
	p.refused("laas.isolate_host", map[string]any{"host": host, "confirm": "hpe14"}, "confirm must be")
	p.refused("laas.set_ports", map[string]any{"switch": p.port(0).Switch, "state": "isolated"}, "host: is required")
	p.refused("laas.set_ports", map[string]any{"switch": p.port(0).Switch, "state": "booked"}, "job_id: is required", "epoch: is required")
	assert.False(t, allShut(p.host()))
	p.works("laas.isolate_host", map[string]any{"host": host, "confirm": host})
	p.works("laas.isolate_host", map[string]any{"host": host, "confirm": host})
	assert.True(t, allShut(p.host()))
	assert.False(t, p.host().Reachable)
	p.refused("laas.set_ports", map[string]any{"switch": p.port(0).Switch, "state": "booked", "job_id": job, "epoch": 1, "host": host}, "is isolated since")
	p.action("laas.resume_job", map[string]any{"job_id": job})
	assert.True(t, allShut(p.host()))

	p.works("laas.rejoin_host", map[string]any{"host": host, "confirm": host})
	p.works("laas.rejoin_host", map[string]any{"host": host, "confirm": host})
	assert.True(t, p.host().Reachable)
	assert.Equal(t, 100, *p.port(0).Native)
	p.dispatch(b[1])
	p.asBefore()
	assert.Empty(t, p.Engine.Keys().List(booking.OwnerPrefix))
}

// connected reserves the host and gives what connects its first interface to a network of the lab's own, whose VLAN no switch has yet.
func (p *play) connected() (connect map[string]any) {
	p.t.Helper()
	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
	p.works("laas.network_create", map[string]any{"network": "storage"})
	return map[string]any{"host": host, "nic": p.port(0).MAC, "network": "storage"}
}

func TestVLANsAreMadeAndRemovedOnTheSwitchAsTheLabWants(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings   map[string]any
		made, left bool
	}{
		"made, and left":           {map[string]any{}, true, true},
		"made, and removed":        {map[string]any{"remove_vlans": true}, true, false},
		"not the pack's to create": {map[string]any{"create_vlans": false}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient, Config: func(all map[string]any) { maps.Copy(all["network"].(map[string]any), c.settings) }})
			connect := p.connected()
			vlans := func() map[int]string { return p.Lab.World().VLANs(p.port(0).Switch) }
			require.NotContains(t, vlans(), 2000)
			if !c.made {
				p.refused("laas.nic_connect", connect, "lacks VLAN(s) 2000", "network.create_vlans")
				assert.True(t, allShut(p.host()))
				return
			}
			p.works("laas.nic_connect", connect)
			require.Contains(t, vlans(), 2000)
			p.works("laas.nic_disconnect", connect)
			if c.left {
				assert.Contains(t, vlans(), 2000)
			} else {
				assert.NotContains(t, vlans(), 2000)
			}
			assert.Contains(t, vlans(), 98, "others' VLANs stay")
		})
	}
}

// program is the operator's program, for this StackStorm.
func (p *play) program(args ...string) *exec.Cmd {
	p.t.Helper()
	binaries, err := filepath.Glob(filepath.Join(pack, "bin", "laas-*"))
	require.NoError(p.t, err)
	require.Len(p.t, binaries, 1)
	cmd := exec.CommandContext(p.ctx, binaries[0], args...)
	cmd.Env = append(os.Environ(), "ST2_API_URL="+p.Engine.URL(), "ST2_AUTH_TOKEN="+p.Engine.Token(), "LAAS_CONFIG=")
	return cmd
}

// laas runs the operator's program.
func (p *play) laas(args ...string) (out string, code int) {
	p.t.Helper()
	cmd := p.program(args...)
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(p.t, err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

func TestTheOperatorSeesAndMendsPortsOnTheCommandLine(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient})
	out, code := p.laas("ports", "show")
	assert.Zero(t, code, out)
	assert.Contains(t, out, "the pack has written no ports yet")
	p.dispatch(bodies(t, "01")[0])

	step := func(want int, args []string, words ...string) {
		t.Helper()
		out, code := p.laas(args...)
		t.Logf("laas %s\n%s", strings.Join(args, " "), out)
		assert.Equal(t, want, code, out)
		for _, w := range words {
			assert.Contains(t, out, w)
		}
	}
	step(0, []string{"ports", "show"}, p.port(0).Port, "booked", host)
	step(0, []string{"ports", "verify"}, "0 differ")
	p.byHand(func(port *world.Port) { port.Native = 101 })
	step(0, []string{"ports", "drift"}, "native VLAN 101 -> 100", "1 differ")
	step(12, []string{"ports", "verify"}, "native VLAN 101 -> 100", "laas ports apply --job 1 --host "+host+" --force")
	step(0, []string{"ports", "plan", "--job", "1"}, "native VLAN 101 -> 100", "nothing was written", host+": written only when named")
	step(5, []string{"ports", "apply", "--job", "1", "--host", host}, "was changed by hand") // it is not what the pack wrote
	step(0, []string{"ports", "apply", "--job", "1", "--host", host, "--force"}, "read back")
	assert.Equal(t, 100, *p.port(0).Native)

	for _, command := range []string{"show", "verify", "drift"} {
		step(4, []string{"ports", command, "--switch", "typo"}, "no port on a switch \"typo\"", p.port(0).Switch)
	}
	p.Lab.Faults().Add(faults.Fault{System: "switch", Kind: faults.Refuse})
	step(0, []string{"ports", "drift"}, "not read", "could not be read")
	step(7, []string{"ports", "verify"}, "not read", "could not be read")
}
