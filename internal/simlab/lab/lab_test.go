package lab_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/simlab/lab"
	"stackstorm-laas/internal/simlab/world"
)

var fast = world.Pace{POST: time.Millisecond, Boot: 2 * time.Millisecond, Image: 10 * time.Millisecond, SoftOff: time.Millisecond}

func body(t *testing.T, prefix string) []byte {
	t.Helper()
	names, err := filepath.Glob("testdata/" + prefix + "*")
	require.NoError(t, err)
	require.Len(t, names, 1)
	text, err := os.ReadFile(names[0])
	require.NoError(t, err)
	return text
}

func start(t *testing.T, o lab.Options, files ...string) *lab.Lab {
	t.Helper()
	if o.Pace == (world.Pace{}) {
		o.Pace = fast
	}
	for _, f := range files {
		o.JobsBodies = append(o.JobsBodies, body(t, f))
	}
	l, err := lab.Start(o)
	require.NoError(t, err)
	t.Cleanup(l.Close)
	return l
}

// keys reads KeysJSON.
func keys(t *testing.T, l *lab.Lab) (values map[string]string, clear []string) {
	t.Helper()
	var entries []struct {
		Name, Value string
		Secret      bool
	}
	require.NoError(t, json.Unmarshal(l.KeysJSON(), &entries))
	values = map[string]string{}
	for _, e := range entries {
		values[e.Name] = e.Value
		if !e.Secret {
			clear = append(clear, e.Name)
		}
	}
	return values, clear
}

// resolved is the pack's configuration as StackStorm hands it to an action.
func resolved(t *testing.T, l *lab.Lab) *config.Config {
	t.Helper()
	text, err := json.Marshal(l.PackConfig())
	require.NoError(t, err)
	values, _ := keys(t, l)
	out := string(text)
	for name, value := range values {
		out = strings.ReplaceAll(out, "{{ st2kv.system."+name+" }}", value)
	}
	cfg, err := config.Parse([]byte(out))
	require.NoError(t, err)
	return cfg
}

func hosts(t *testing.T, l *lab.Lab) *inventory.Inventory {
	t.Helper()
	inv, problems, warnings := inventory.ParseFile(l.HostsJSON())
	require.Empty(t, problems)
	for _, w := range warnings {
		assert.Contains(t, w.Path, "rack", "nothing else deserves a look")
	}
	return inv
}

// trust is a TLS configuration that trusts the lab's CA, from the file that the configuration names.
func trust(t *testing.T, cfg *config.Config) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(cfg.TLS.CAFile)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem))
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

func TestALabIsMadeForItsBookings(t *testing.T) {
	l := start(t, lab.Options{}, "02", "10_", "15a", "15c", "08")
	inv := hosts(t, l)
	assert.Equal(t, []string{"hpe13", "hpe14", "pod1", "hpe15"}, inv.Names)
	assert.Equal(t, "48:df:37:1d:14:01", string(inv.Hosts["hpe14"].NICs[1].MAC))
	assert.Len(t, inv.Hosts["hpe15"].NICs, 2, "a host without interfaces in its bookings gets some")
	assert.Equal(t, "sw1", inv.Hosts["hpe13"].NICs[0].Switch)

	images := map[int]world.Image{}
	for _, i := range l.World().Images() {
		images[i.ID] = i
	}
	assert.Len(t, images, 3, "never -1 or defimage")
	assert.Equal(t, "ubuntu", images[23].OS)
	assert.Equal(t, world.Image{ID: 1002, Name: "ubuntu2004-x86_64", OS: "ubuntu", Version: "20.04"}, named(images[1002])[0])
	assert.Equal(t, "ubuntu", images[22].OS)

	values, clear := keys(t, l)
	assert.Contains(t, values["laas.secret.ssh.lab"], "OPENSSH PRIVATE KEY")
	assert.Equal(t, []string{"laas.bmc_baseline.hpe13", "laas.bmc_baseline.hpe14", "laas.bmc_baseline.pod1", "laas.bmc_baseline.hpe15"}, clear)
	for _, h := range inv.Hosts {
		var login struct{ User, Password string }
		require.NoError(t, json.Unmarshal([]byte(values[h.BMC.Credentials]), &login))
		assert.True(t, l.BMC(h.Name).Login(login.User, login.Password))
	}
	for _, s := range inv.Switches {
		assert.Contains(t, values, s.Credentials)
	}
}

func TestALabTakesNoNonsenseFromItsBookings(t *testing.T) {
	l := start(t, lab.Options{JobsBodies: [][]byte{[]byte(`[7, {"id":1,"payload":"x"}, {"id":2,"payload":{"hardware":"stuff","network":{
		"n1":{"a":{"48:df:37:1d:13:00":[],"no mac":[],"ff:ff:ff:ff:ff:ff":[]}, "lab_token":"null"},
		"n2":{"b":{"48:DF:37:1D:13:00":[],"48:df:37:1d:13:01":[]}}, "n3":7, "n4":{"no host":{}}}}}]`)}})
	inv := hosts(t, l)
	assert.Equal(t, []string{"a", "b"}, inv.Names)
	assert.Len(t, inv.Hosts["a"].NICs, 1)
	assert.Equal(t, "48:df:37:1d:13:01", string(inv.Hosts["b"].NICs[0].MAC), "an interface is in one host only")
}

func TestADashboardIsAsItsBookingsLook(t *testing.T) {
	for file, users := range map[string]int{"01": http.StatusNotFound, "08": http.StatusNotFound, "10_": http.StatusOK} {
		l := start(t, lab.Options{}, file)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.Dashboard().URL()+"/api/labs/"+lab.LabName+"/users", nil)
		require.NoError(t, err)
		values, _ := keys(t, l)
		req.Header.Set("auth-token", values["lab_auth_token"])
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, users, resp.StatusCode, file)
	}
}

func TestHostsAreSpreadOverSwitches(t *testing.T) {
	var specs []lab.HostSpec
	for _, name := range []string{"a", "b", "c"} {
		specs = append(specs, lab.HostSpec{Name: name})
	}
	assert.Len(t, hosts(t, start(t, lab.Options{Hosts: specs, HostsPerSwitch: 2})).Switches, 2)
	spread := hosts(t, start(t, lab.Options{Hosts: specs, SpreadNICs: true}))
	assert.NotEqual(t, spread.Hosts["a"].NICs[0].Switch, spread.Hosts["a"].NICs[1].Switch)
}

func TestALabIsMadeFromAnInventory(t *testing.T) {
	value := `{"laas_id":"lab-hpe13","fog_name":"rack2-hpe13","hostname":"10.9.9.9","ubuntu_image":"23","centos_image":"24","rack":"2",
		"interfaces":{"48:df:37:1d:13:00":{"mac":"48:df:37:1d:13:00","name":"eno1","switch":"10.1.1.1","port":"Ethernet1/7","bmc_vlan":77}}}`
	file, err := json.Marshal([]map[string]string{{"name": "hosts", "value": `["hpe13"]`}, {"name": "hpe13", "value": value}})
	require.NoError(t, err)
	l := start(t, lab.Options{HostsFile: file}, "01")
	h := hosts(t, l).Hosts["hpe13"]
	assert.Equal(t, "lab-hpe13", h.DashboardID)
	assert.Equal(t, "rack2-hpe13", h.FOGName)
	assert.Equal(t, "127.0.0.1", h.Hostname)
	assert.Equal(t, 77, h.NICs[0].BMCVLAN)
	assert.Contains(t, h.Unknown, "rack")
	assert.True(t, l.Dashboard().HostWorking("lab-hpe13"))
	_, cabled := l.World().Port("10.1.1.1", "Ethernet1/7")
	assert.True(t, cabled)
	assert.Equal(t, []string{"hpe13"}, l.World().Hosts())
	assert.Equal(t, []world.Image{{ID: 23, Name: "ubuntu-23", OS: "ubuntu", Version: "20.04"}, {ID: 24, Name: "centos-24", OS: "centos", Version: "7"}}, named(l.World().Images()...))

	_, err = lab.Start(lab.Options{HostsFile: []byte(`[{"name":"hosts","value":"[\"nobody\"]"}]`)})
	require.ErrorContains(t, err, "nobody")
	_, err = lab.Start(lab.Options{JobsBodies: [][]byte{[]byte(`{}`)}})
	require.Error(t, err)
}

func TestTheConfigurationFitsThePace(t *testing.T) {
	quick := resolved(t, start(t, lab.Options{Slack: 2 * time.Second}))
	assert.Less(t, quick.Imaging.CheckIn.D(), 3*time.Second)
	assert.Less(t, quick.Imaging.PollInterval.D(), time.Second)
	calm := resolved(t, start(t, lab.Options{Pace: world.Pace{POST: time.Minute, Boot: time.Minute, Image: 5 * time.Minute}}))
	assert.Equal(t, 15*time.Second, calm.Imaging.PollInterval.D(), "the pack's own default")
	assert.Equal(t, 90*time.Minute, calm.Imaging.Deadline.D())
	slow := resolved(t, start(t, lab.Options{Slack: 24 * time.Hour}))
	assert.LessOrEqual(t, slow.FOG.Timeout.D(), config.Maxima().FOG.Timeout.D(), "never beyond what is allowed")
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	l := start(t, lab.Options{})
	file := resolved(t, l).TLS.CAFile
	require.FileExists(t, file)
	l.Close()
	assert.NoFileExists(t, file)
	l.Close()
}

// named leaves of images what the lab's files say of them.
func named(images ...world.Image) (out []world.Image) {
	for _, i := range images {
		out = append(out, world.Image{ID: i.ID, Name: i.Name, OS: i.OS, Version: i.Version})
	}
	return out
}
