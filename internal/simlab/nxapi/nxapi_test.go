package nxapi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/nxapi"
	"stackstorm-laas/internal/simlab/world"
)

// nexus is a switch with two ports, and a client of it.
type nexus struct {
	t      *testing.T
	world  *world.World
	server *nxapi.Server
	client *http.Client
}

func serve(t *testing.T, f *faults.Set) *nexus {
	w := world.New(world.Pace{})
	w.AddPort("sw1", "Ethernet1/1")
	w.AddPort("sw1", "Ethernet1/2")
	borrowed := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(borrowed.Close)
	s, err := nxapi.Serve(w, f, nxapi.Config{Switch: "sw1", User: "admin", Password: "secret", TLS: &tls.Config{Certificates: borrowed.TLS.Certificates}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return &nexus{t, w, s, borrowed.Client()}
}

func (n *nexus) post(ctx context.Context, kind, input, password string) (int, string, error) {
	body, err := json.Marshal(map[string]any{"ins_api": map[string]string{"version": "1.0", "type": kind, "chunk": "0", "sid": "1", "input": input, "output_format": "json"}})
	require.NoError(n.t, err)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.server.URL()+"/ins", bytes.NewReader(body))
	require.NoError(n.t, err)
	req.SetBasicAuth("admin", password)
	resp, err := n.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// send gives the outputs of a request.
func (n *nexus) send(kind string, commands ...string) gjson.Result {
	n.t.Helper()
	code, text, err := n.post(context.Background(), kind, strings.Join(commands, " ;"), "secret")
	require.NoError(n.t, err)
	require.Equal(n.t, 200, code, text)
	require.True(n.t, gjson.Valid(text), text)
	return gjson.Get(text, "ins_api.outputs.output")
}

func (n *nexus) conf(commands ...string) { n.send("cli_conf", commands...) }

func (n *nexus) row(command string) gjson.Result {
	return n.send("cli_show", command).Get("body.TABLE_interface.ROW_interface")
}

func (n *nexus) port(name string) world.Port {
	p, ok := n.world.Port("sw1", name)
	require.True(n.t, ok)
	return p
}

func TestWhatCommandsDoToThePort(t *testing.T) {
	trunk := "switchport mode trunk"
	tests := []struct {
		name     string
		commands []string
		want     world.Port
		vlans    string // as shown
	}{
		{"an untagged and two tagged VLANs", []string{trunk, "switchport trunk native vlan 100", "switchport trunk allowed vlan 100,200-201", "no shutdown"},
			world.Port{Native: 100, Tagged: []int{200, 201}}, "100,200-201"},
		{"a native VLAN that is not allowed carries nothing", []string{trunk, "switchport trunk native vlan 999", "switchport trunk allowed vlan 200", "no shutdown"},
			world.Port{Tagged: []int{200}}, "200"},
		{"without a native VLAN of its own it is 1", []string{trunk, "switchport trunk native vlan 100", "switchport trunk allowed vlan 1,100", "no switchport trunk native vlan"},
			world.Port{Native: 1, Tagged: []int{100}, Shutdown: true}, "1,100"},
		{"add and remove", []string{trunk, "switchport trunk allowed vlan 10-13", "switchport trunk allowed vlan remove 11", "switchport trunk allowed vlan add 20"},
			world.Port{Tagged: []int{10, 12, 13, 20}, Shutdown: true}, "10,12-13,20"},
		{"none", []string{trunk, "switchport trunk allowed vlan 10", "switchport trunk allowed vlan none"}, world.Port{Shutdown: true}, "none"},
		{"access", []string{"switchport", "switchport mode access", "switchport access vlan 98", "no shutdown"}, world.Port{Native: 98}, "none"},
		{"shut again, with a description", []string{"no shutdown", "description job 7 of ada", "shutdown"}, world.Port{Shutdown: true, Description: "job 7 of ada"}, "none"},
		{"description removed", []string{"description x", "no description"}, world.Port{Shutdown: true}, "none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := serve(t, nil)
			outs := n.send("cli_conf", append([]string{"interface ethernet1/1"}, tt.commands...)...).Array()
			require.Len(t, outs, len(tt.commands)+1)
			for _, o := range outs {
				assert.JSONEq(t, `{"code":"200","msg":"Success","body":{}}`, o.Raw)
			}
			assert.Equal(t, tt.want, n.port("Ethernet1/1"))
			assert.Equal(t, tt.vlans, n.row("show interface Ethernet1/1 switchport").Get("trunk_vlans").String())
			assert.Equal(t, world.Port{Shutdown: true}, n.port("Ethernet1/2"), "the other port is left alone")
		})
	}
}

func TestEveryVLANIsAllowedByDefault(t *testing.T) {
	n := serve(t, nil)
	n.conf("interface Eth1/1", "switchport mode trunk", "no switchport trunk allowed vlan")
	p := n.port("Ethernet1/1")
	assert.Equal(t, 1, p.Native)
	assert.Len(t, p.Tagged, 4093)
	assert.Equal(t, "1-4094", n.row("show interface Ethernet1/1 switchport").Get("trunk_vlans").String())
}

func TestShowTellsWhatTheSwitchKeeps(t *testing.T) {
	n := serve(t, nil)
	n.conf("interface Ethernet1/1", "switchport mode trunk", "switchport trunk native vlan 999", "switchport trunk allowed vlan 200", "description x", "no shutdown")
	row := n.row("show interface Ethernet1/1 switchport")
	assert.Equal(t, "Ethernet1/1 Enabled trunk 999 200", strings.Join([]string{row.Get("interface").String(), row.Get("switchport").String(),
		row.Get("oper_mode").String(), row.Get("native_vlan").String(), row.Get("trunk_vlans").String()}, " "))
	row = n.row("show interface Ethernet1/1")
	assert.Equal(t, "up x", row.Get("admin_state").String()+" "+row.Get("desc").String())
	rows := n.row("show interface").Array()
	require.Len(t, rows, 2)
	assert.Equal(t, "down", rows[1].Get("admin_state").String())
}

func TestTheWorldHasTheLastWord(t *testing.T) {
	n := serve(t, nil)
	n.conf("interface Ethernet1/1", "switchport mode trunk", "switchport trunk allowed vlan 200")
	require.NoError(t, n.world.SetPort("sw1", "Ethernet1/1", world.Port{Native: 5, Tagged: []int{6}}))
	row := n.row("show interface Ethernet1/1 switchport")
	assert.Equal(t, "5 5-6", row.Get("native_vlan").String()+" "+row.Get("trunk_vlans").String())
}

func TestConfigurationStopsAtTheFirstError(t *testing.T) {
	for _, bad := range []string{"interface Ethernet9/9", "switchport mode banana", "switchport trunk allowed vlan 5000", "switchport access vlan 0", "vlan x"} {
		t.Run(bad, func(t *testing.T) {
			n := serve(t, nil)
			outs := n.send("cli_conf", "interface Ethernet1/1", "no shutdown", bad, "description never").Array()
			require.Len(t, outs, 3)
			assert.Equal(t, "200", outs[1].Get("code").String())
			assert.Equal(t, "400", outs[2].Get("code").String())
			assert.Equal(t, "Input CLI command error", outs[2].Get("msg").String())
			assert.NotEmpty(t, outs[2].Get("clierror").String())
			assert.Equal(t, world.Port{}, n.port("Ethernet1/1"), "what came before is in force")
		})
	}
}

func TestOneCommandGetsOneObject(t *testing.T) {
	n := serve(t, nil)
	assert.Equal(t, "200", n.send("cli_conf", "vlan 100").Get("code").String())
	assert.Equal(t, "400", n.send("cli_conf", "shutdown").Get("code").String(), "not without an interface")
	assert.Equal(t, "400", n.send("cli_show", "show interface Ethernet7/7").Get("code").String())
}

func TestShowCommandsBeyondTheTenthAreIgnored(t *testing.T) {
	n := serve(t, nil)
	assert.Len(t, n.send("cli_show", slices.Repeat([]string{"show interface Ethernet1/1"}, 12)...).Array(), 10)
}

func TestSavedConfigurationIsApart(t *testing.T) {
	n := serve(t, nil)
	n.conf("interface Ethernet1/1", "no shutdown", "copy running-config startup-config")
	n.conf("interface Ethernet1/1", "shutdown")
	assert.Equal(t, world.Port{}, n.server.Saved()["Ethernet1/1"])
	n.conf("copy running-config startup-config")
	assert.Equal(t, world.Port{Shutdown: true}, n.server.Saved()["Ethernet1/1"])
}

func TestTheSwitchHasAListOfVLANs(t *testing.T) {
	n := serve(t, nil)
	list := func() (out []string) {
		for _, r := range n.send("cli_show", "show vlan brief").Get("body.TABLE_vlanbriefxbrief.ROW_vlanbriefxbrief").Array() {
			out = append(out, r.Get("vlanshowbr-vlanid-utf").String()+" "+r.Get("vlanshowbr-vlanname").String()+" "+r.Get("vlanshowbr-vlanstate").String())
		}
		return out
	}
	assert.Equal(t, []string{"1 default active"}, list())
	n.conf("vlan 10-12", "vlan 20", "name job-7")
	assert.Equal(t, []string{"1 default active", "10 VLAN0010 active", "11 VLAN0011 active", "12 VLAN0012 active", "20 job-7 active"}, list())
	outs := n.send("cli_conf", "vlan 21", "name job-7").Array()
	assert.Equal(t, "400", outs[1].Get("code").String(), "names are unique")
	n.conf("no vlan 10-11,21")
	assert.Equal(t, []string{"1 default active", "12 VLAN0012 active", "20 job-7 active"}, list())
	assert.Equal(t, "400", n.send("cli_conf", "no vlan 1").Get("code").String())
}

func TestAFrameInAVLANThatTheSwitchLacksGoesNowhere(t *testing.T) {
	n := serve(t, nil)
	n.world.SetNetwork(98, []int{98})
	n.world.AddImage(world.Image{ID: 1, Name: "ubuntu", OS: "ubuntu"})
	n.world.AddHost(world.HostSpec{Name: "hpe1", NICs: []world.NIC{{MAC: "52:54:00:00:00:01", Switch: "sw1", Port: "Ethernet1/1"}}})
	require.NoError(t, n.world.Install("hpe1", 1))
	require.NoError(t, n.world.PowerOn("hpe1"))
	n.conf("interface Ethernet1/1", "switchport mode access", "switchport access vlan 98", "no shutdown")
	require.Eventually(t, func() bool { return n.world.Snapshot("hpe1").Up }, 5*time.Second, time.Millisecond)
	assert.Contains(t, n.world.ReachReason("hpe1"), "the switch has no VLAN 98")
	n.conf("vlan 98")
	assert.Empty(t, n.world.ReachReason("hpe1"))
	n.conf("no vlan 98")
	assert.False(t, n.world.Reachable("hpe1"))
}

func TestAReloadBringsBackWhatWasSaved(t *testing.T) {
	n := serve(t, nil)
	n.conf("vlan 10", "interface Ethernet1/1", "switchport mode access", "switchport access vlan 10", "mtu 9216", "no shutdown", "copy running-config startup-config")
	n.conf("vlan 20", "no vlan 10", "interface Ethernet1/1", "switchport access vlan 20", "mtu 1500", "interface Ethernet1/2", "no shutdown")
	require.NoError(t, n.server.Reload())
	assert.Equal(t, world.Port{Native: 10, MTU: 9216}, n.port("Ethernet1/1"))
	assert.Equal(t, world.Port{Shutdown: true}, n.port("Ethernet1/2"))
	assert.Equal(t, map[int]string{1: "default", 10: "VLAN0010"}, n.world.VLANs("sw1"))
	row := n.row("show interface Ethernet1/1")
	assert.Equal(t, "access 9216", row.Get("eth_mode").String()+" "+row.Get("eth_mtu").String())
}

func TestAWrongPasswordIs401(t *testing.T) {
	n := serve(t, nil)
	code, _, err := n.post(context.Background(), "cli_show", "show interface", "wrong")
	require.NoError(t, err)
	assert.Equal(t, 401, code)
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name  string
		fault faults.Fault
		code  int
		want  string
	}{
		{"refused configuration", faults.Fault{Op: "conf", Kind: faults.Refuse}, 200, "Permission denied"},
		{"internal error", faults.Fault{Op: "conf", Kind: faults.Error500}, 500, "<html>"},
		{"garbage", faults.Fault{Kind: faults.Garbage}, 200, "<html>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &faults.Set{}
			n := serve(t, f)
			tt.fault.System, tt.fault.Target = "switch", "sw1"
			f.Add(tt.fault)
			code, text, err := n.post(context.Background(), "cli_conf", "interface Ethernet1/1 ;no shutdown", "secret")
			require.NoError(t, err)
			assert.Equal(t, tt.code, code)
			assert.Contains(t, text, tt.want)
			assert.True(t, n.port("Ethernet1/1").Shutdown)
		})
	}
	t.Run("a hang ends when the client gives up, or the switch", func(t *testing.T) {
		f := &faults.Set{}
		n := serve(t, f)
		f.Add(faults.Fault{System: "switch", Op: "save", Kind: faults.Hang})
		n.conf("interface Ethernet1/1")
		ended := make(chan error)
		go func() {
			_, _, err := n.post(context.Background(), "cli_conf", "copy running-config startup-config", "secret")
			ended <- err
		}()
		require.NoError(t, n.server.Close())
		assert.Error(t, <-ended)
		assert.Empty(t, n.server.Saved())
	})
}

func TestConfigurationThatIsNotMade(t *testing.T) {
	for _, kind := range []faults.Kind{faults.Forget, faults.Lie} {
		t.Run(string(kind), func(t *testing.T) {
			f := &faults.Set{}
			wrote := make(chan string, 10)
			f.OnWrite(func(system, op, target string) { wrote <- system + " " + op + " " + target })
			n := serve(t, f)
			change := []string{"interface Ethernet1/1", "switchport mode trunk", "switchport trunk allowed vlan 7", "no shutdown"}
			shown := func() string {
				return n.row("show interface Ethernet1/1").Get("admin_state").String() + " " + n.row("show interface Ethernet1/1 switchport").Get("trunk_vlans").String()
			}
			f.Add(faults.Fault{System: "switch", Op: "conf", Kind: kind})
			for _, o := range n.send("cli_conf", change...).Array() {
				assert.Equal(t, "200", o.Get("code").String())
			}
			assert.Equal(t, map[faults.Kind]string{faults.Forget: "down none", faults.Lie: "up 7"}[kind], shown())
			assert.Equal(t, world.Port{Shutdown: true}, n.port("Ethernet1/1"))
			f.Heal()
			assert.Equal(t, "down none", shown(), "lies end with the fault")
			n.conf(change...)
			assert.Equal(t, "up 7", shown())
			assert.Equal(t, "switch conf sw1", <-wrote)
			assert.Empty(t, wrote)
		})
	}
}
