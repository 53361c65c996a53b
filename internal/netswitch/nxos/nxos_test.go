package nxos_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
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
		"vlan 100", "vlan 200", "vlan 201", "vlan 999",
		"interface Ethernet1/1", "description job 7", "switchport", "switchport mode trunk",
		"switchport trunk allowed vlan 100,200-201", "switchport trunk native vlan 100", "no shutdown",
		"interface Ethernet1/2", "switchport", "switchport mode trunk",
		"switchport trunk allowed vlan 200", "switchport trunk native vlan 999", "no shutdown",
		"interface Ethernet1/3", "switchport", "switchport mode trunk",
		"switchport trunk allowed vlan 1", "switchport trunk native vlan 1", "no shutdown",
		"interface Ethernet1/4", "shutdown", "switchport", "switchport mode trunk",
		"switchport trunk allowed vlan none", "switchport trunk native vlan 999",
	}, " ;")
	d, s := serve(t, nil, ok(strings.Count(want, " ;")+1))
	require.NoError(t, d.Write(t.Context(), []netswitch.Port{
		{Name: "Ethernet1/1", Native: 100, Tagged: []int{200, 201}, Description: "job 7"},
		{Name: "Ethernet1/2", Tagged: []int{200}},
		{Name: "Ethernet1/3", Native: 1},
		{Name: "Ethernet1/4", Shutdown: true},
	}))
	assert.Equal(t, []string{want}, s.inputs)
	assert.Equal(t, []string{"cli_conf"}, s.types)
}

func TestWithoutADarkVLANTheSwitchsDefaultIsNativeAndNotAllowed(t *testing.T) {
	d, s := serve(t, func(c *nxos.Config) { c.DarkVLAN = 0 }, ok(7))
	require.NoError(t, d.Write(t.Context(), []netswitch.Port{{Name: "Ethernet1/1", Tagged: []int{200}}}))
	assert.Contains(t, s.inputs[0], "allowed vlan 200 ;no switchport trunk native vlan")
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
	const up, down = `{"interface":"Ethernet1/1","state":"up","admin_state":"up","eth_mode":"trunk"}`, `{"state":"down","admin_state":"down","eth_mode":"trunk","desc":"rack 1"}`
	for _, c := range []struct {
		name, switchport, status string
		want                     netswitch.Port
	}{
		{"native and tagged", `{"switchport":"Enabled","oper_mode":"trunk","access_vlan":"1","native_vlan":"100","trunk_vlans":"100,200-202"}`, up,
			netswitch.Port{Native: 100, Tagged: []int{200, 201, 202}}},
		{"numbers instead of texts", `{"switchport":"Enabled","oper_mode":"trunk","access_vlan":1,"native_vlan":100,"trunk_vlans":100}`, up,
			netswitch.Port{Native: 100}},
		{"a list of one row", `[{"switchport":"Enabled","oper_mode":"trunk","access_vlan":1,"native_vlan":100,"trunk_vlans":"100"}]`, up,
			netswitch.Port{Native: 100}},
		{"the dark VLAN is native", `{"switchport":"Enabled","oper_mode":"trunk","native_vlan":"999","trunk_vlans":"200"}`, up,
			netswitch.Port{Tagged: []int{200}}},
		{"another native VLAN that is not allowed", `{"switchport":"Enabled","oper_mode":"trunk","native_vlan":"98","trunk_vlans":"200"}`, up,
			netswitch.Port{Tagged: []int{200}}},
		{"the dark VLAN by mistake allowed", `{"switchport":"Enabled","oper_mode":"trunk","native_vlan":"999","trunk_vlans":"200,999"}`, up,
			netswitch.Port{Native: 999, Tagged: []int{200}}},
		{"idle", `{"switchport":"Enabled","oper_mode":"down","native_vlan":"999","trunk_vlans":"none"}`, down,
			netswitch.Port{Shutdown: true, Description: "rack 1"}},
		{"an access port", `{"switchport":"Enabled","oper_mode":"access","access_vlan":"98","native_vlan":"1","trunk_vlans":"1-4094"}`,
			`{"admin_state":"up","eth_mode":"access"}`, netswitch.Port{Native: 98}},
		{"an access port that is down is known by its configured mode", `{"switchport":"Enabled","oper_mode":"down","access_vlan":"98","native_vlan":"100","trunk_vlans":"100"}`,
			`{"admin_state":"up","eth_mode":"access"}`, netswitch.Port{Native: 98}},
		{"a routed port", `{"switchport":"Disabled"}`, `{"admin_state":"up","eth_mode":"routed"}`, netswitch.Port{}},
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

func TestWhatCannotBeUnderstoodIsAFailure(t *testing.T) {
	const good, up = `{"switchport":"Enabled","oper_mode":"trunk","native_vlan":"100","trunk_vlans":"100"}`, `{"admin_state":"up","eth_mode":"trunk"}`
	for name, body := range map[string]string{
		"no rows":              shown(`[]`, up),
		"two rows":             shown("["+good+","+good+"]", up),
		"no admin state":       shown(good, `{"state":"up"}`),
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

func TestMorePortsThanASwitchReadsAtOnce(t *testing.T) {
	row := func(s, st string) string { return strings.TrimSuffix(strings.Repeat(s+","+st+",", 5), ",") }
	sp := `{"code":"200","body":{"TABLE_interface":{"ROW_interface":{"switchport":"Enabled","native_vlan":"100","trunk_vlans":"100"}}}}`
	st := `{"code":"200","body":{"TABLE_interface":{"ROW_interface":{"admin_state":"up","eth_mode":"trunk"}}}}`
	d, s := serve(t, nil, status(200, envelope(row(sp, st))), status(200, envelope(sp+","+st)))
	have, err := d.Read(t.Context(), []string{"Eth1/1", "Eth1/2", "Eth1/3", "Eth1/4", "Eth1/5", "Eth1/6"})
	require.NoError(t, err)
	assert.Len(t, have, 6)
	require.Len(t, s.inputs, 2)
	assert.Equal(t, 9, strings.Count(s.inputs[0], " ;"), "ten commands")
	assert.Equal(t, "show interface Eth1/6 switchport ;show interface Eth1/6", s.inputs[1])
	assert.Equal(t, []string{"cli_show", "cli_show"}, s.types)
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
		{"a command is rejected", command("400", "% Invalid value/range"), fault.Failed, `command "interface Ethernet1/1": code 400, Input CLI command error: % Invalid value/range`},
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
