package nxos_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/netswitch/nxos"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
)

// script answers each request with the next of its handlers, the last one for ever.
type script struct {
	mu       sync.Mutex
	handlers []http.HandlerFunc
	inputs   []string
	types    []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body json.RawMessage
	_ = json.NewDecoder(r.Body).Decode(&body)
	s.mu.Lock()
	s.inputs = append(s.inputs, gjson.GetBytes(body, "ins_api.input").String())
	s.types = append(s.types, gjson.GetBytes(body, "ins_api.type").String())
	h := s.handlers[min(len(s.inputs), len(s.handlers))-1]
	s.mu.Unlock()
	h(w, r)
}

// status answers with an HTTP status and a body.
func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

// ok answers n commands with success.
func ok(n int) http.HandlerFunc {
	return status(200, envelope(strings.TrimSuffix(strings.Repeat(`{"body":{},"code":"200","msg":"Success"},`, n), ",")))
}

func envelope(outputs string) string {
	return `{"ins_api":{"type":"cli_conf","version":"1.0","sid":"eoc","outputs":{"output":[` + outputs + `]}}}`
}

// shown is the answer to reading one port, in the shape of a Nexus 9000.
func shown(switchport, status string) string {
	name := strings.NewReplacer(`{"switchport"`, `{"interface":"Ethernet1/1","switchport"`, `{"state"`, `{"interface":"Ethernet1/1","state"`, `{"admin_state"`, `{"interface":"Ethernet1/1","admin_state"`)
	switchport, status = name.Replace(switchport), name.Replace(status)
	return envelope(`{"input":"show interface Ethernet1/1 switchport","msg":"Success","code":"200","body":{"TABLE_interface":{"ROW_interface":` + switchport + `}}},
		{"input":"show interface Ethernet1/1","msg":"Success","code":"200","body":{"TABLE_interface":{"ROW_interface":` + status + `}}}`)
}

func serve(t *testing.T, change func(*nxos.Config), handlers ...http.HandlerFunc) (netswitch.Driver, *script) {
	t.Helper()
	s := &script{handlers: handlers}
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	cfg := nxos.Config{
		Switch: "sw1", Address: server.URL, User: "admin", Password: secret.New("s3cret"), DarkVLAN: 999,
		Timeout: 5 * time.Second, Transport: server.Client().Transport,
	}
	if change != nil {
		change(&cfg)
	}
	d, err := nxos.New(cfg)
	require.NoError(t, err)
	return d, s
}

func TestAllPortsAreWrittenWithOneRequest(t *testing.T) {
	want := strings.Join([]string{
		"interface Ethernet1/1", "description job 7", "switchport",
		"switchport trunk allowed vlan 100,200-201", "switchport trunk native vlan 100", "switchport mode trunk", "switchport access vlan 999", "mtu 9000", "no shutdown",
		"interface Ethernet1/2", "no description", "switchport",
		"switchport trunk allowed vlan 200", "switchport trunk native vlan 999", "switchport mode trunk", "switchport access vlan 999", "no shutdown",
		"interface Ethernet1/3", "no description", "switchport",
		"switchport access vlan 1", "switchport mode access", "switchport trunk allowed vlan none", "switchport trunk native vlan 999", "no shutdown",
		"interface Ethernet1/4", "shutdown", "no description", "switchport",
		"switchport trunk allowed vlan none", "switchport trunk native vlan 999", "switchport mode trunk", "switchport access vlan 999",
		"interface Ethernet1/5", "no description", "switchport",
		"switchport trunk allowed vlan 98", "switchport trunk native vlan 98", "switchport mode trunk", "switchport access vlan 999", "no shutdown",
	}, " ;")
	d, s := serve(t, nil, ok(strings.Count(want, " ;")+1))
	require.NoError(t, d.Write(t.Context(), []netswitch.Port{
		{Name: "Ethernet1/1", Native: 100, Tagged: []int{200, 201}, Description: "job 7", MTU: 9000},
		{Name: "Ethernet1/2", Tagged: []int{200}},
		{Name: "Ethernet1/3", Native: 1},
		{Name: "Ethernet1/4", Shutdown: true},
		{Name: "Ethernet1/5", Native: 98, Mode: netswitch.Trunk},
	}))
	assert.Equal(t, []string{want}, s.inputs)
	assert.Equal(t, []string{"cli_conf"}, s.types)
}

func TestWithoutADarkVLANTheSwitchsDefaultIsNativeAndNotAllowed(t *testing.T) {
	d, s := serve(t, func(c *nxos.Config) { c.DarkVLAN = 0 }, ok(8))
	require.NoError(t, d.Write(t.Context(), []netswitch.Port{{Name: "Ethernet1/1", Tagged: []int{200}}}))
	assert.Contains(t, s.inputs[0], "allowed vlan 200 ;no switchport trunk native vlan ;switchport mode trunk ;no switchport access vlan")
}

func TestNoPortCarriesTheDarkVLAN(t *testing.T) {
	d, s := serve(t, nil, ok(1))
	for _, p := range []netswitch.Port{{Name: "Ethernet1/1", Native: 999}, {Name: "Ethernet1/1", Tagged: []int{5, 999}}} {
		err := d.Write(t.Context(), []netswitch.Port{p})
		assert.Equal(t, fault.Refused, fault.KindOf(err), "%v", err)
	}
	assert.Empty(t, s.inputs)
}

func TestAPortIsReadAsWhatItCarries(t *testing.T) {
	const up, down = `{"state":"up","admin_state":"up","eth_mode":"trunk"}`, `{"state":"down","admin_state":"down","eth_mode":"trunk","desc":"rack 1"}`
	for _, c := range []struct {
		name, switchport, status string
		want                     netswitch.Port
	}{
		{"native and tagged", `{"switchport":"Enabled","oper_mode":"trunk","access_vlan":"1","native_vlan":"100","trunk_vlans":"100,200-202"}`, up,
			netswitch.Port{Mode: "trunk", Native: 100, Tagged: []int{200, 201, 202}}},
		{"numbers instead of texts", `{"switchport":"Enabled","oper_mode":"trunk","access_vlan":1,"native_vlan":100,"trunk_vlans":100}`, up,
			netswitch.Port{Mode: "trunk", Native: 100}},
		{"a list of one row", `[{"switchport":"Enabled","oper_mode":"trunk","access_vlan":1,"native_vlan":100,"trunk_vlans":"100"}]`, up,
			netswitch.Port{Mode: "trunk", Native: 100}},
		{"the dark VLAN is native", `{"switchport":"Enabled","oper_mode":"trunk","native_vlan":"999","trunk_vlans":"200"}`, up,
			netswitch.Port{Mode: "trunk", Tagged: []int{200}}},
		{"another native VLAN that is not allowed", `{"switchport":"Enabled","oper_mode":"trunk","native_vlan":"98","trunk_vlans":"200"}`, up,
			netswitch.Port{Mode: "trunk", Tagged: []int{200}}},
		{"the dark VLAN by mistake allowed", `{"switchport":"Enabled","oper_mode":"trunk","native_vlan":"999","trunk_vlans":"200,999"}`, up,
			netswitch.Port{Mode: "trunk", Native: 999, Tagged: []int{200}}},
		{"idle", `{"switchport":"Enabled","oper_mode":"down","native_vlan":"999","trunk_vlans":"none"}`, down,
			netswitch.Port{Mode: "trunk", Shutdown: true, Description: "rack 1"}},
		{"an access port", `{"switchport":"Enabled","oper_mode":"access","access_vlan":"98","native_vlan":"1","trunk_vlans":"1-4094"}`,
			`{"admin_state":"up","eth_mode":"access"}`, netswitch.Port{Mode: "access", Native: 98}},
		{"an access port that is down is known by its configured mode", `{"switchport":"Enabled","oper_mode":"down","access_vlan":"98","native_vlan":"100","trunk_vlans":"100"}`,
			`{"admin_state":"up","eth_mode":"access"}`, netswitch.Port{Mode: "access", Native: 98}},
		{"the MTU, and a list that is broken into lines", `{"switchport":"Enabled","oper_mode":"trunk","native_vlan":"1","trunk_vlans":"200-201,\n  300"}`,
			`{"admin_state":"up","eth_mode":"trunk","eth_mtu":"9216"}`, netswitch.Port{Mode: "trunk", Tagged: []int{200, 201, 300}, MTU: 9216}},
		{"a mode that is not the pack's", `{"switchport":"Enabled","oper_mode":"fex-fabric","native_vlan":"1","trunk_vlans":"1-4094"}`,
			`{"admin_state":"up","eth_mode":"fex-fabric"}`, netswitch.Port{Mode: "fex-fabric", Native: 1, Tagged: upTo4094()}},
		{"a routed port", `{"switchport":"Disabled"}`, `{"admin_state":"up","eth_mode":"routed"}`, netswitch.Port{Mode: "routed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := serve(t, nil, status(200, shown(c.switchport, c.status)))
			have, err := d.Read(t.Context(), []string{"Ethernet1/1"})
			require.NoError(t, err)
			c.want.Name = "Ethernet1/1"
			assert.Equal(t, c.want, have["Ethernet1/1"])
		})
	}
}

func upTo4094() (ids []int) {
	for id := 2; id <= 4094; id++ {
		ids = append(ids, id)
	}
	return ids
}

func TestWhatCannotBeUnderstoodIsAFailure(t *testing.T) {
	const good, up = `{"switchport":"Enabled","oper_mode":"trunk","native_vlan":"100","trunk_vlans":"100"}`, `{"admin_state":"up","eth_mode":"trunk"}`
	for name, body := range map[string]string{
		"no rows":              shown(`[]`, up),
		"two rows":             shown("["+good+","+good+"]", up),
		"no admin state":       shown(good, `{"state":"up"}`),
		"no mode":              shown(`{"switchport":"Enabled","oper_mode":"down","native_vlan":"1","trunk_vlans":"1"}`, `{"admin_state":"up"}`),
		"no native VLAN":       shown(`{"switchport":"Enabled","oper_mode":"trunk","trunk_vlans":"100"}`, up),
		"no list of VLANs":     shown(`{"switchport":"Enabled","oper_mode":"trunk","native_vlan":"1"}`, up),
		"a list cut short":     shown(`{"switchport":"Enabled","oper_mode":"trunk","native_vlan":"1","trunk_vlans":"1-"}`, up),
		"an answer is missing": envelope(`{"code":"200","body":{}}`),
		"not NX-API":           `{"hello":"world"}`,
		"not JSON":             `<html>It works!</html>`,
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := serve(t, nil, status(200, body))
			_, err := d.Read(t.Context(), []string{"Ethernet1/1"})
			assert.Equal(t, fault.Failed, fault.KindOf(err), "%v", err)
		})
	}
}

func TestManyPortsAreReadWithOneRequest(t *testing.T) {
	var switchports, statuses, names []string
	for i := range 48 {
		name := fmt.Sprintf("Ethernet1/%d", i+1)
		names = append(names, fmt.Sprintf("eth1/%d", i+1))
		switchports = append(switchports, `{"interface":"`+name+`","switchport":"Enabled","native_vlan":"100","trunk_vlans":"100"}`)
		statuses = append(statuses, `{"interface":"`+name+`","admin_state":"up","eth_mode":"trunk"}`)
	}
	statuses = append(statuses, `{"interface":"mgmt0","state":"up","admin_state":"up"}`, `{"interface":"Vlan1","svi_admin_state":"down"}`)
	d, s := serve(t, nil, status(200, shown("["+strings.Join(switchports, ",")+"]", "["+strings.Join(statuses, ",")+"]")))
	have, err := d.Read(t.Context(), names)
	require.NoError(t, err)
	assert.Len(t, have, 48)
	assert.Equal(t, netswitch.Port{Name: "eth1/48", Mode: "trunk", Native: 100}, have["eth1/48"], "the name is the one that was asked for")
	all, err := d.(netswitch.Lister).All(t.Context())
	require.NoError(t, err)
	assert.Len(t, all, 48, "what is no port for VLANs is left out")
	assert.Equal(t, netswitch.Port{Name: "Ethernet1/48", Mode: "trunk", Native: 100}, all["Ethernet1/48"])
	_, err = d.Read(t.Context(), append(names, "Ethernet1/49"))
	assert.Equal(t, fault.NotFound, fault.KindOf(err), "%v", err)
	assert.Equal(t, slices.Repeat([]string{"show interface switchport ;show interface"}, 3), s.inputs)
}

func TestFewPortsAreReadByName(t *testing.T) {
	d, s := serve(t, nil, status(200, shown(`{"switchport":"Enabled","native_vlan":"100","trunk_vlans":"100"}`, `{"admin_state":"up","eth_mode":"trunk"}`)))
	_, err := d.Read(t.Context(), []string{"Ethernet1/1"})
	require.NoError(t, err)
	assert.Equal(t, []string{"show interface Ethernet1/1 switchport ;show interface Ethernet1/1"}, s.inputs)
}

func TestARejectedCommandIsNamedWithWhatBecameOfTheOthers(t *testing.T) {
	const good, bad = `{"body":{},"code":"200","msg":"Success"}`, `{"code":"400","msg":"Input CLI command error","clierror":"% Invalid value/range\n"}`
	for _, c := range []struct {
		name, outputs string
		texts         []string
	}{
		{"the switch stops there", good + "," + bad, []string{`1 of 8 commands rejected, 1 other command(s) were made, 6 after it were not`, `"no description"`}},
		{"the first one", bad, []string{"1 of 8 commands rejected, no other command was made, 7 after it were not", `"interface Ethernet1/1"`}},
		{"the switch goes on", strings.Repeat(good+","+bad+",", 3) + good + "," + good, []string{"3 of 8 commands rejected, 5 other command(s) were made: ", `"no description"`, `"switchport trunk allowed vlan 200"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := serve(t, nil, status(200, envelope(c.outputs)))
			err := d.Write(t.Context(), []netswitch.Port{{Name: "Ethernet1/1", Tagged: []int{200}}})
			assert.Equal(t, fault.Failed, fault.KindOf(err), "%v", err)
			for _, text := range c.texts {
				assert.ErrorContains(t, err, text)
			}
		})
	}
}

func TestSomeReleasesAnswerAWholeConfigurationOnce(t *testing.T) {
	d, _ := serve(t, nil, status(200, `{"ins_api":{"outputs":{"output":{"code":"200","msg":"Success","body":{}}}}}`))
	assert.NoError(t, d.Write(t.Context(), []netswitch.Port{{Name: "Ethernet1/1", Tagged: []int{200}}}), "reading back proves it")
	_, err := d.Read(t.Context(), []string{"Ethernet1/1"})
	assert.ErrorContains(t, err, "answered 1 of 2")
}

func TestFailuresHaveTheirKind(t *testing.T) {
	command := func(code, text string) http.HandlerFunc {
		return status(200, envelope(`{"body":{},"code":"200","msg":"Success"},{"code":"`+code+`","msg":"Input CLI command error","clierror":"`+text+`\n"}`))
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		kind   fault.Kind
		text   string
	}{
		{"401", status(401, "secret page"), fault.Credentials, "401"},
		{"403", status(403, ""), fault.Credentials, "403"},
		{"500", status(500, ""), fault.Transient, "500"},
		{"503", status(503, ""), fault.Transient, "503"},
		{"404", status(404, ""), fault.Failed, "404"},
		{"a redirect is not followed", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, fault.Config, "302"},
		{"a command is rejected", command("400", "% Invalid value/range"), fault.Failed, `command "shutdown": code 400, Input CLI command error: % Invalid value/range`},
		{"a command needs a role", command("400", "% Permission denied for the role"), fault.Credentials, "Permission denied"},
		{"a port is not there", command("400", "% Invalid interface format"), fault.NotFound, "Invalid interface"},
		{"the switch is busy", command("500", "backend"), fault.Transient, "code 500"},
		{"fewer answers than commands", ok(2), fault.Failed, "answered 2 of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, s := serve(t, func(cfg *nxos.Config) {
				cfg.Retry = retry.Policy{Initial: time.Millisecond, Max: time.Millisecond, Elapsed: time.Second}
			}, c.answer)
			err := d.Write(t.Context(), []netswitch.Port{{Name: "Ethernet1/1", Shutdown: true}})
			assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			assert.ErrorContains(t, err, c.text)
			assert.ErrorContains(t, err, "sw1")
			assert.NotContains(t, err.Error(), "secret page")
			assert.Len(t, s.inputs, 1, "a write is made once")
		})
	}
}

func TestReadsAreRepeatedAndWritesAreNot(t *testing.T) {
	good := status(200, shown(`{"switchport":"Enabled","native_vlan":"100","trunk_vlans":"100"}`, `{"admin_state":"up","eth_mode":"trunk"}`))
	d, s := serve(t, func(cfg *nxos.Config) {
		cfg.Retry = retry.Policy{Initial: time.Millisecond, Max: time.Millisecond, Elapsed: time.Minute}
	}, status(500, ""), status(502, ""), good)
	_, err := d.Read(t.Context(), []string{"Ethernet1/1"})
	require.NoError(t, err)
	assert.Len(t, s.inputs, 3)
}

func TestASwitchThatHangsIsGivenUp(t *testing.T) {
	d, _ := serve(t, func(cfg *nxos.Config) { cfg.Timeout = 50 * time.Millisecond },
		func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	assert.Equal(t, fault.Transient, fault.KindOf(d.Save(t.Context())))
}

func TestSavingIsACommandOfItsOwn(t *testing.T) {
	d, s := serve(t, nil, ok(1))
	require.NoError(t, d.Save(t.Context()))
	assert.Equal(t, []string{"copy running-config startup-config"}, s.inputs)
}

func TestTheConnectionIsSecureUnlessTheAddressSaysOtherwise(t *testing.T) {
	t.Run("an untrusted certificate is refused", func(t *testing.T) {
		d, s := serve(t, func(c *nxos.Config) { c.Transport = nil }, ok(1))
		err := d.Save(t.Context())
		assert.Equal(t, fault.Config, fault.KindOf(err), "%v", err)
		assert.Empty(t, s.inputs)
	})
	t.Run("a bare host means HTTPS", func(t *testing.T) {
		plain := httptest.NewServer(ok(1))
		t.Cleanup(plain.Close)
		host := strings.TrimPrefix(plain.URL, "http://")
		for address, works := range map[string]bool{host: false, "https://" + host: false, "http://" + host: true} {
			d, err := nxos.New(nxos.Config{Switch: "sw1", Address: address, Timeout: 5 * time.Second})
			require.NoError(t, err)
			assert.Equal(t, works, d.Save(t.Context()) == nil, address)
		}
	})
	for _, address := range []string{"", "ftp://sw1", "https://", "https://user:pw@sw1", "://"} {
		_, err := nxos.New(nxos.Config{Address: address})
		assert.Equal(t, fault.Config, fault.KindOf(err), "%q: %v", address, err)
	}
}
