package hostnet_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/testreal"
)

// settings of a connection, by name.
type settings map[string]string

// manage lets NetworkManager itself read the files for some interfaces and manage the network cards nic0, nic1, ... that have these MACs. active are
// the cards by connection that it must bring up; it gives the connections by name.
func manage(t *testing.T, name string, macs []string, active map[string]string) map[string]settings {
	t.Helper()
	testreal.Need(t, "NetworkManager", "nmcli", "dbus-daemon", "unshare", "ip")
	needRoot(t)
	dir := t.TempDir()
	var cards, up []string
	for i, mac := range macs {
		cards = append(cards, "nic"+string(rune('0'+i))+" "+mac+"\n")
	}
	for connection, card := range active {
		up = append(up, connection+":"+card+"\n")
	}
	slices.Sort(up)
	files, err := detect(t, "/etc/NetworkManager/system-connections").Files(cases[name])
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "connections"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cards"), []byte(strings.Join(cards, "")), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "active"), []byte(strings.Join(up, "")), 0o600))
	for _, f := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "connections", filepath.Base(f.Path)), f.Data, f.Mode))
	}
	out, err := exec.Command("unshare", "-n", "-m", "-p", "-f", "--mount-proc", "sh", "testdata/networkmanager.sh", dir).Output()
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	require.NoError(t, err, "%s\n%s", out, log)
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "<warn>") || strings.Contains(line, "<error>") {
			assert.NotContains(t, line, "keyfile", "NetworkManager has nothing to complain about")
		}
	}
	is, err := os.ReadFile(filepath.Join(dir, "is-active"))
	require.NoError(t, err)
	assert.Equal(t, strings.Join(up, ""), string(is), "%s", log)
	all := map[string]settings{}
	for _, block := range strings.Split(string(out), "\n\n") {
		s := settings{}
		for line := range strings.Lines(block) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			s[key] = value
		}
		if id := s["connection.id"]; strings.HasPrefix(id, "laas-") {
			all[id] = s
		}
	}
	assert.Equal(t, len(files), len(all), "it takes every file")
	return all
}

// has holds some settings of a connection.
func has(t *testing.T, all map[string]settings, id string, want settings) {
	t.Helper()
	for key, value := range want {
		assert.Equal(t, value, all[id][key], "%s: %s", id, key)
	}
}

func TestRealNetworkManagerTakesEveryConfiguration(t *testing.T) {
	const mac0, mac1, mac2 = "48:df:37:1d:13:00", "48:df:37:1d:13:01", "48:df:37:1d:13:02"
	none, auto := settings{"ipv4.method": "disabled", "ipv6.method": "disabled"}, settings{"ipv4.method": "auto", "ipv4.dhcp-client-id": "mac", "ipv4.dhcp-timeout": "2147483647", "connection.autoconnect-retries": "0"}
	t.Run("quick booking, one public network", func(t *testing.T) {
		t.Parallel()
		// Cards are called otherwise, and in another order, than the interfaces.
		all := manage(t, "quick booking, one public network", []string{mac1, mac0}, map[string]string{"laas-wire0": "nic1"})
		has(t, all, "laas-wire0", auto)
		has(t, all, "laas-wire0", settings{"connection.type": "802-3-ethernet", "802-3-ethernet.mac-address": strings.ToUpper(mac0), "ipv4.route-metric": "100"})
		has(t, all, "laas-wire1", none)
		has(t, all, "laas-wire1", settings{"connection.autoconnect": "no"})
	})
	t.Run("public tagged beside private, two NICs with the same VLAN", func(t *testing.T) {
		t.Parallel()
		all := manage(t, "public tagged beside private, two NICs with the same VLAN", []string{"48:df:37:1d:14:02", "48:df:37:1d:14:01", "48:df:37:1d:14:00"},
			map[string]string{"laas-wire0": "nic2", "laas-wire1": "nic1"})
		has(t, all, "laas-v200-0", none)
		has(t, all, "laas-v200-0", settings{"connection.interface-name": "v200-0", "vlan.id": "200", "vlan.parent": all["laas-wire0"]["connection.uuid"]})
		has(t, all, "laas-v200-1", settings{"vlan.id": "200", "vlan.parent": all["laas-wire1"]["connection.uuid"]})
		has(t, all, "laas-v100-1", auto)
		has(t, all, "laas-v100-1", settings{"vlan.id": "100", "vlan.parent": all["laas-wire1"]["connection.uuid"]})
	})
	t.Run("several addresses", func(t *testing.T) {
		t.Parallel()
		all := manage(t, "several addresses", []string{mac0, mac1}, map[string]string{"laas-wire0": "nic0", "laas-wire1": "nic1"})
		for id, metric := range map[string]string{"laas-wire0": "100", "laas-v4094-0": "101", "laas-wire1": "102", "laas-v1-0": "-1"} {
			has(t, all, id, settings{"ipv4.route-metric": metric})
		}
	})
	t.Run("large frames", func(t *testing.T) {
		t.Parallel()
		all := manage(t, "large frames", []string{mac0}, map[string]string{"laas-wire0": "nic0"})
		has(t, all, "laas-wire0", settings{"802-3-ethernet.mtu": "9000"})
		has(t, all, "laas-v200-0", settings{"802-3-ethernet.mtu": "9000"})
	})
	t.Run("two bonds, large frames", func(t *testing.T) {
		t.Parallel()
		// No card: whether one comes up in a bond is up to this machine's kernel, which need not have bonds.
		all := manage(t, "two bonds, large frames", nil, nil)
		has(t, all, "laas-bond1", none)
		has(t, all, "laas-bond1", settings{"connection.type": "bond", "connection.interface-name": "bond1", "bond.options": "mode=802.3ad,miimon=100",
			"802-3-ethernet.cloned-mac-address": strings.ToUpper(mac0), "802-3-ethernet.mtu": "9000"})
		has(t, all, "laas-bond0", settings{"bond.options": "mode=balance-alb,miimon=100", "802-3-ethernet.cloned-mac-address": strings.ToUpper(mac2)})
		has(t, all, "laas-v100-0", auto)
		has(t, all, "laas-v100-0", settings{"vlan.parent": all["laas-bond1"]["connection.uuid"]})
		for wire, bond := range map[string]string{"laas-wire0": "laas-bond1", "laas-wire1": "laas-bond1", "laas-wire2": "laas-bond0", "laas-wire3": "laas-bond0"} {
			has(t, all, wire, settings{"connection.slave-type": "bond", "connection.master": all[bond]["connection.uuid"]})
		}
	})
	for _, name := range []string{"private untagged network and nothing public", "bond with an address and a VLAN, one NIC beside it", "bond that carries nothing", "nothing"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manage(t, name, nil, nil)
		})
	}
}
