package inventory

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// store is a datastore. Keys that begin with "!" are encrypted.
type store map[string]string

func (s store) GetAny(_ context.Context, key string) (v secret.String, encrypted, found bool, err error) {
	if value, ok := s["!"+key]; ok {
		return secret.New(value), true, true, nil
	}
	value, ok := s[key]
	if value == "unreachable" {
		return v, false, false, fault.As(fault.Transient, errors.New("connection refused"))
	}
	return secret.New(value), false, ok, nil
}

var second = strings.NewReplacer("hpe1", "hpe2", "00:00:01", "00:00:02", "ethernet1/1", "ethernet1/2", "10.0.0.2", "core").Replace(old)

func TestLoadReadsTheWholeLab(t *testing.T) {
	inv, err := Load(t.Context(), store{"hosts": `["hpe2", "hpe1"]`, "hpe1": old, "hpe2": second, "switch_core": `{"address": "https://10.0.0.9"}`,
		"!switch_10.0.0.2": `{"user": "admin", "password": "hunter2"}`})
	require.NoError(t, err)
	assert.Equal(t, []string{"hpe2", "hpe1"}, inv.Names)
	assert.Equal(t, map[string]*Switch{
		"core":     {Name: "core", Driver: "nxos", Address: "https://10.0.0.9"},
		"10.0.0.2": {Name: "10.0.0.2", Driver: "nxos", Address: "10.0.0.2"},
	}, inv.Switches)
}

func TestLoadSaysWhatIsMissingAndHowToLoadIt(t *testing.T) {
	for name, c := range map[string]struct {
		keys store
		kind fault.Kind
		text string
	}{
		"there is no list of hosts":       {store{}, fault.Config, `"hosts"`},
		"a host of the list has no key":   {store{"hosts": `["hpe1"]`}, fault.Config, `"hpe1"`},
		"a host's key is not JSON":        {store{"hosts": `["hpe1"]`, "hpe1": "x"}, fault.Config, "hpe1: the value is not JSON"},
		"two hosts are one":               {store{"hosts": `["a", "b"]`, "a": old, "b": old}, fault.Config, "b.dashboard_id"},
		"a switch's key is not JSON":      {store{"hosts": `["hpe1"]`, "hpe1": old, "switch_10.0.0.2": "x"}, fault.Config, "switch_10.0.0.2: the value is not JSON"},
		"a switch's driver is unknown":    {store{"hosts": `["hpe1"]`, "hpe1": old, "switch_10.0.0.2": `{"driver": "x"}`}, fault.Config, "switch_10.0.0.2.driver"},
		"the datastore cannot be reached": {store{"hosts": "unreachable"}, fault.Transient, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			inv, err := Load(t.Context(), c.keys)
			assert.Nil(t, inv)
			require.ErrorContains(t, err, c.text)
			assert.Equal(t, c.kind, fault.KindOf(err))
			if c.kind == fault.Config {
				assert.Contains(t, fault.HintOf(err), "st2 key load datastore/hosts.json")
			}
		})
	}
}

func TestLoadHostReadsNothingButThatHost(t *testing.T) {
	h, err := LoadHost(t.Context(), store{"hpe1": old, "hosts": "unreachable", "switch_10.0.0.2": "unreachable"}, "hpe1")
	require.NoError(t, err)
	assert.Equal(t, "hpe1.lab.example", h.Hostname)
	_, err = LoadHost(t.Context(), store{}, "hpe9")
	assert.Equal(t, fault.Config, fault.KindOf(err))
	_, err = LoadHost(t.Context(), store{"hpe1": strings.Replace(old, "hpe1.lab.example", "hpe 1", 1)}, "hpe1")
	require.ErrorContains(t, err, "hpe1.hostname")
	for _, name := range []string{"", "a/b", "laas.secret.ssh.lab", "switch_core", "hosts", "{{ x }}"} {
		_, err = LoadHost(t.Context(), store{}, name)
		assert.Equal(t, fault.Input, fault.KindOf(err), name)
	}
}

func TestSwitchCredentialsComeFromAnEncryptedKey(t *testing.T) {
	const login = `{"user": "admin", "password": "hunter2"}`
	for name, c := range map[string]struct {
		keys    store
		sw      Switch
		problem string
	}{
		"the entry's own key, encrypted":      {store{"!switch_a": login}, Switch{Name: "a"}, ""},
		"the key that the entry names":        {store{"!k": login}, Switch{Name: "a", Credentials: "k"}, ""},
		"the entry's own key, in clear":       {store{"switch_a": login}, Switch{Name: "a"}, "is stored in clear"},
		"the key that the entry names, clear": {store{"k": login}, Switch{Name: "a", Credentials: "k"}, "is stored in clear"},
		"a key that does not exist":           {store{}, Switch{Name: "a", Credentials: "k"}, "does not exist"},
		"a key that holds something else":     {store{"!k": "hunter2"}, Switch{Name: "a", Credentials: "k"}, "does not hold"},
		"a key that holds no password":        {store{"!k": `{"user": "admin"}`}, Switch{Name: "a", Credentials: "k"}, "does not hold"},
	} {
		t.Run(name, func(t *testing.T) {
			user, password, err := SwitchCredentials(t.Context(), c.keys, &c.sw)
			if c.problem == "" {
				require.NoError(t, err)
				assert.Equal(t, "admin", user)
				assert.Equal(t, "hunter2", password.Reveal())
				return
			}
			require.ErrorContains(t, err, c.problem)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.Equal(t, fault.Config, fault.KindOf(err))
			assert.Contains(t, fault.HintOf(err), "--encrypt")
		})
	}
}

func TestBMCCredentialsComeFromTheKeyThatTheHostNames(t *testing.T) {
	h := &Host{Name: "hpe1", BMC: &BMC{Address: "10.0.0.13", Credentials: "k"}}
	user, password, err := BMCCredentials(t.Context(), store{"!k": `{"user": "admin", "password": "hunter2"}`}, h)
	require.NoError(t, err)
	assert.Equal(t, "admin", user)
	assert.Equal(t, "hunter2", password.Reveal())
	_, _, err = BMCCredentials(t.Context(), store{}, h)
	require.ErrorContains(t, err, "the BMC of hpe1")
	_, _, err = BMCCredentials(t.Context(), store{}, &Host{Name: "hpe2"})
	require.ErrorContains(t, err, "has no BMC")
}

func TestTableShowsHostsAndSwitches(t *testing.T) {
	inv, err := Load(t.Context(), store{"hosts": `["hpe1", "bare"]`, "hpe1": old,
		"bare": `{"fog_name": "bare", "hostname": "10.0.0.7", "ssh_port": 2222, "bmc": {"address": "10.0.0.13", "port": 6230, "credentials": "k"}}`})
	require.NoError(t, err)
	var b strings.Builder
	inv.Table(&b)
	assert.Equal(t, strings.TrimPrefix(`
┌──────┬──────────────┬──────────┬────────────────────┬──────────────────────────┬───────────┬───────────────────┬──────────┬─────────────┐
│ HOST │ DASHBOARD ID │ FOG NAME │ REACHED AT         │ BMC                      │ INTERFACE │ MAC               │ SWITCH   │ PORT        │
├──────┼──────────────┼──────────┼────────────────────┼──────────────────────────┼───────────┼───────────────────┼──────────┼─────────────┤
│ hpe1 │ hpe1         │ hpe1     │ hpe1.lab.example   │ none                     │ eno1      │ 3c:fd:fe:00:00:01 │ 10.0.0.2 │ ethernet1/1 │
│ bare │ bare         │ bare     │ 10.0.0.7 port 2222 │ ipmi 10.0.0.13 port 6230 │ none      │                   │          │             │
└──────┴──────────────┴──────────┴────────────────────┴──────────────────────────┴───────────┴───────────────────┴──────────┴─────────────┘
┌──────────┬────────┬──────────┬───────┬─────────────────┐
│ SWITCH   │ DRIVER │ ADDRESS  │ PORTS │ LOGIN FROM KEY  │
├──────────┼────────┼──────────┼───────┼─────────────────┤
│ 10.0.0.2 │ nxos   │ 10.0.0.2 │     1 │ switch_10.0.0.2 │
└──────────┴────────┴──────────┴───────┴─────────────────┘
`, "\n"), b.String())
}
