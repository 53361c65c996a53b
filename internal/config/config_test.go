package config_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
)

// complete is the least that a lab must say.
const complete = `{
  "fog": {"address": "https://fog/fog/", "api_key": "k1", "user_key": "k2"},
  "dashboard": {"address": "https://dash", "lab_name": "lab", "token": "t0ken"},
  "network": {"provisioning_vlan": 98, "public_vlans": [100], "dark_vlan": 97}
}`

func with(t *testing.T, path string, value any) []byte {
	t.Helper()
	var tree map[string]any
	require.NoError(t, json.Unmarshal([]byte(complete), &tree))
	group, key, _ := strings.Cut(path, ".")
	if tree[group] == nil {
		tree[group] = map[string]any{}
	}
	tree[group].(map[string]any)[key] = value
	text, err := json.Marshal(tree)
	require.NoError(t, err)
	return text
}

func TestDefaultsAreFilledIn(t *testing.T) {
	c, err := config.Parse([]byte(complete))
	require.NoError(t, err)
	assert.Equal(t, 90*time.Minute, c.Imaging.Deadline.D())
	assert.Equal(t, "opnfv", c.SSH.TenantUser)
	assert.Equal(t, []string{"top", "inetOrgPerson"}, c.VPN.User.Objects)
	assert.Equal(t, "shutdown", c.Network.Idle)
	assert.Equal(t, "t0ken", c.Dashboard.Token.Reveal())
	assert.NotContains(t, fmt.Sprintf("%+v", c), "t0ken")
}

func TestAHostsFramesMustFitThroughItsPorts(t *testing.T) {
	for name, c := range map[string]struct {
		network, says string
	}{
		"the host's alone: the ports have what they have": {`"mtu": 9000`, ""},
		"the ports' alone":       {`"switch_mtu": 9216`, ""},
		"the ports' above":       {`"mtu": 9000, "switch_mtu": 9216`, ""},
		"both the same":          {`"mtu": 9000, "switch_mtu": 9000`, ""},
		"the host's above":       {`"mtu": 9216, "switch_mtu": 9000`, "network.mtu: is 9216, more than the switch ports pass: network.switch_mtu is 9000"},
		"more than any switch's": {`"switch_mtu": 16000`, "network.switch_mtu: is 16000; allowed are 1280 to 9216"},
	} {
		_, err := config.ParseNetwork([]byte(`{"network": {"provisioning_vlan": 98, "public_vlans": [100], "dark_vlan": 97, ` + c.network + `}}`))
		if c.says == "" {
			assert.NoError(t, err, name)
			continue
		}
		assert.ErrorContains(t, err, c.says, name)
	}
}

func TestWhatIsWrongIsToldWithItsPath(t *testing.T) {
	for name, c := range map[string]struct {
		path  string
		value any
		says  string
	}{
		"a required text that is missing":     {"dashboard.lab_name", nil, "dashboard.lab_name: is required"},
		"an expression that was not resolved": {"dashboard.token", "{{ st2kv.system.lab_auth_token }}", "dashboard.token: still holds an unresolved expression"},
		"a masked secret":                     {"fog.api_key", "********", "fog.api_key: is masked"},
		"a duration that is none":             {"imaging.deadline", "soon", "imaging.deadline: cannot be used: expected a number of seconds"},
		"a duration above its maximum":        {"imaging.deadline", 1e6, "imaging.deadline: is 1e+06; allowed are 0 to 21600"},
		"a negative duration":                 {"bmc.timeout", -1, "bmc.timeout: is -1"},
		"a choice that does not exist":        {"network.idle", "open", "network.idle: is \"open\"; allowed are shutdown, quarantine"},
		"a VLAN out of range":                 {"network.provisioning_vlan", 5000, "network.provisioning_vlan: is 5000; allowed are 1 to 4094"},
		"a quarantine without its VLAN":       {"network.idle", "quarantine", "network.quarantine_vlan: is needed"},
		"a public VLAN with another use":      {"network.public_vlans", []int{98}, "network.provisioning_vlan: VLAN 98 is also in network.public_vlans"},
		"a public VLAN that is reserved":      {"network.reserved_vlans", []int{1, 100}, "network.public_vlans[0]: VLAN 100 is also in network.reserved_vlans"},
		"a dark VLAN with another use":        {"network.dark_vlan", 98, "network.dark_vlan: VLAN 98 has another use too"},
		"a tenant's name longer than IPMI's":  {"bmc.tenant_user", "seventeen-letters", "bmc.tenant_user: has 17 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse(with(t, c.path, c.value))
			require.Error(t, err)
			assert.Equal(t, fault.Config, fault.KindOf(err))
			assert.Contains(t, err.Error(), c.says)
			assert.NotEmpty(t, fault.HintOf(err))
		})
	}
}

func TestAllProblemsAreToldAtOnceAndNoSecretWithThem(t *testing.T) {
	_, err := config.Parse([]byte(`{"fog": {"api_key": "s3cr3t"}, "network": 5}`))
	require.Error(t, err)
	for _, path := range []string{"fog.address", "fog.user_key", "dashboard.address", "dashboard.token", "network: is"} {
		assert.Contains(t, err.Error(), path)
	}
	assert.NotContains(t, err.Error(), "s3cr3t")
	_, err = config.Parse([]byte(`not json`))
	assert.Equal(t, fault.Config, fault.KindOf(err))
}

func TestEveryDurationHasAMaximumThatItsDefaultKeeps(t *testing.T) {
	var walk func(reflect.Type, string)
	walk = func(typ reflect.Type, path string) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			at := path + "." + f.Tag.Get("json")
			assert.NotEmpty(t, f.Tag.Get("desc"), at)
			if f.Type == reflect.TypeFor[config.Duration]() {
				var d, hi float64
				_, err := fmt.Sscan(f.Tag.Get("max"), &hi)
				require.NoError(t, err, at)
				_, err = fmt.Sscan(f.Tag.Get("default"), &d)
				require.NoError(t, err, at)
				assert.LessOrEqual(t, d, hi, at)
			} else if f.Type.Kind() == reflect.Struct && f.Type.PkgPath() == typ.PkgPath() {
				walk(f.Type, at)
			}
		}
	}
	walk(reflect.TypeFor[config.Config](), "")
	assert.Equal(t, 6*time.Hour, config.Maxima().Imaging.Deadline.D())
}
