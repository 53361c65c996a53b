package hostnet_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/hostnet"
	"stackstorm-laas/internal/testreal"
)

// settings of a connection, by name.
type settings map[string]string

// managed is what NetworkManager made of a host.
type managed struct {
	// connections are those of the pack by name.
	connections map[string]settings
	// active are "connection:card", leftAlone cards, and cards are "card up" or "card down", in order.
	active, leftAlone, cards []string
	log                      string
}

// run lets the real NetworkManager, and where the host has it ifup before, work on a host's files with network cards of these MACs. Cards have the names that
// the files give them, or nic0, nic1, ... It waits until all connections are active that are expected to be.
func (i image) run(t *testing.T, macs []string, active ...string) managed {
	t.Helper()
	testreal.Need(t, "NetworkManager", "nmcli", "dbus-daemon", "unshare", "ip", "ifup", "sysctl")
	needRoot(t)
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	var cards []string
	for n, mac := range macs {
		name := "nic" + string(rune('0'+n))
		for p, text := range i.disk {
			if strings.HasSuffix(p, ".link") && strings.Contains(text, "MACAddress="+mac+"\n") {
				_, name, _ = strings.Cut(strings.TrimSpace(text), "\nName=")
			}
		}
		cards = append(cards, name+" "+mac+"\n")
	}
	for p, text := range i.disk {
		write(p, text)
	}
	slices.Sort(active)
	write("cards", strings.Join(cards, ""))
	write("active", strings.Join(append(slices.Clone(active), ""), "\n"))
	write("main", i.disk["/etc/NetworkManager/NetworkManager.conf"])
	out, err := exec.Command("unshare", "-n", "-m", "-p", "-f", "--mount-proc", "sh", "testdata/networkmanager.sh", dir).Output()
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	require.NoError(t, err, "%s\n%s", out, log)
	lines := func(name string) []string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
	}
	m := managed{connections: map[string]settings{}, active: lines("is-active"), leftAlone: lines("left-alone"), cards: lines("cards-are"), log: string(log)}
	for block := range strings.SplitSeq(string(out), "\n\n") {
		s := settings{}
		for line := range strings.Lines(block) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			s[key] = value
		}
		if id := s["connection.id"]; strings.HasPrefix(id, "laas-") {
			m.connections[id] = s
		}
	}
	assert.ElementsMatch(t, active, m.active, m.log)
	return m
}

// manage lets NetworkManager alone read the files for some interfaces and manage the network cards nic0, nic1, ... that have these MACs. active are
// the cards by connection that it must bring up; it gives the connections by name.
func manage(t *testing.T, name string, macs []string, active map[string]string) map[string]settings {
	t.Helper()
	host := image{manager: "1.42.4", disk: disk{"/etc/NetworkManager/NetworkManager.conf": "[main]\nplugins=keyfile\nno-auto-default=*\n"}}
	host.put(t, cases[name])
	var up []string
	for connection, card := range active {
		up = append(up, connection+":"+card)
	}
	m := host.run(t, macs, up...)
	for line := range strings.Lines(m.log) {
		if strings.Contains(line, "<warn>") || strings.Contains(line, "<error>") {
			assert.NotContains(t, line, "keyfile", "NetworkManager has nothing to complain about")
		}
	}
	assert.Equal(t, len(host.disk)-1, len(m.connections), "it takes every file")
	return m.connections
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

// A host with both has its interfaces from the one that had them before, and the other keeps off: Debian's NetworkManager leaves alone what ifupdown's files
// name, and starts by itself what nobody names.
func TestRealNetworkManagerAndIfupDoNotGetInEachOthersWay(t *testing.T) {
	const mac0, mac1 = "48:df:37:1d:13:00", "48:df:37:1d:13:01"
	nics := []hostnet.NIC{{MAC: mac0, Untagged: true}, {MAC: mac1}}
	debian := "[main]\nplugins=ifupdown,keyfile\n\n[ifupdown]\nmanaged=false\n"
	for name, tc := range map[string]struct {
		before            image
		active, leftAlone []string
		cards             []string
	}{
		"interfaces that are ifupdown's":                   {debianServer, nil, []string{"wire0", "wire1"}, []string{"wire0 up", "wire1 down"}},
		"interfaces that are ifupdown's in its directory":  {debianCloud, nil, []string{"wire0", "wire1"}, []string{"wire0 up", "wire1 down"}},
		"interfaces that are NetworkManager's":             {debianDesktop, []string{"laas-wire0:nic0"}, []string{}, []string{"nic0 up", "nic1 up"}},
		"interfaces of an ifupdown that is not there":      {debianLeftover, []string{"laas-wire0:nic0"}, []string{}, []string{"nic0 up", "nic1 up"}},
		"what an old NetworkManager reads, a new one does": {debianOld, []string{"laas-wire0:nic0"}, []string{}, []string{"nic0 up", "nic1 up"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := image{manager: tc.before.manager, disk: maps.Clone(tc.before.disk)}
			host.disk["/etc/NetworkManager/NetworkManager.conf"] = debian
			host.disk["/etc/NetworkManager/system-connections/Wired connection 1.nmconnection"] = "[connection]\nid=laas-wire9\ntype=ethernet\n[ethernet]\nmac-address=" + mac1 + "\n[ipv4]\nmethod=disabled\n"
			host.put(t, nics)
			m := host.run(t, []string{mac0, mac1}, tc.active...)
			assert.Equal(t, tc.leftAlone, m.leftAlone, m.log)
			assert.Equal(t, tc.cards, m.cards)
			host.put(t, nics) // once more, as after a crash
			host.run(t, []string{mac0, mac1}, tc.active...)
		})
	}
}
