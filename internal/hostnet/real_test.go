package hostnet_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/testreal"
)

// generate lets netplan itself turn the files for some interfaces into systemd-networkd's, and gives those by name.
func generate(t *testing.T, name string) map[string]string {
	t.Helper()
	program, root := testreal.Need(t, "netplan")[0], t.TempDir()
	files, err := detect(t, "/etc/netplan").Files(cases[name])
	require.NoError(t, err)
	for _, f := range files {
		path := filepath.Join(root, f.Path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, f.Data, f.Mode))
	}
	out, err := exec.Command(program, "generate", "--root-dir", root).CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Empty(t, string(out), "netplan has nothing to complain about")
	made := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(root, "run/systemd/network/*"))
	require.NoError(t, err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		made[strings.TrimPrefix(filepath.Base(path), "10-netplan-")] = string(text)
	}
	return made
}

var dhcp = regexp.MustCompile(`(?m)^DHCP=(ipv4|yes)$`)

func TestRealNetplanTakesEveryConfiguration(t *testing.T) {
	for name, want := range map[string]map[string]bool{ // by interface: whether it gets an address
		"quick booking, one public network":                         {"wire0": true},
		"private untagged network and nothing public":               {"wire0": false},
		"public tagged beside private, two NICs with the same VLAN": {"wire0": false, "wire1": false, "v200-0": false, "v200-1": false, "v100-1": true},
		"several addresses":                                         {"wire0": true, "wire1": true, "v1-0": false, "v4094-0": true},
		"nothing":                                                   {},
		"bond with an address and a VLAN, one NIC beside it":        {"bond0": true, "wire0": false, "wire1": false, "wire2": false, "v200-0": false, "v200-1": false},
		"two bonds, large frames":                                   {"bond0": false, "bond1": false, "wire0": false, "wire1": false, "wire2": false, "wire3": false, "v100-0": true, "v200-0": false},
		"bond that carries nothing":                                 {},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]bool{}
			for file, text := range generate(t, name) {
				if link, ok := strings.CutSuffix(file, ".network"); ok {
					got[link] = dhcp.MatchString(text)
				}
			}
			assert.Equal(t, want, got)
		})
	}
}

func TestRealNetplanKeepsVLANsOfTwoInterfacesApart(t *testing.T) {
	made := generate(t, "public tagged beside private, two NICs with the same VLAN")
	for file, want := range map[string][]string{
		"wire0.network":  {"MACAddress=48:df:37:1d:14:00", "VLAN=v200-0", "LinkLocalAddressing=no"},
		"wire1.network":  {"MACAddress=48:df:37:1d:14:01", "VLAN=v200-1", "VLAN=v100-1"},
		"v200-0.netdev":  {"Name=v200-0", "Kind=vlan", "Id=200"},
		"v200-1.netdev":  {"Name=v200-1", "Kind=vlan", "Id=200"},
		"v100-1.network": {"Name=v100-1", "ClientIdentifier=mac", "RouteMetric=100"},
	} {
		for _, line := range want {
			assert.Contains(t, made[file], line, file)
		}
	}
	assert.NotContains(t, made["wire0.network"], "VLAN=v200-1")
}

func TestRealNetplanMakesBondsOfTheirInterfaces(t *testing.T) {
	made := generate(t, "bond with an address and a VLAN, one NIC beside it")
	for file, want := range map[string][]string{
		"bond0.netdev":  {"Kind=bond", "Mode=active-backup", "MIIMonitorSec=100ms", "MACAddress=48:df:37:1d:13:00"},
		"bond0.network": {"Name=bond0", "VLAN=v200-0", "ClientIdentifier=mac", "RouteMetric=100"},
		"wire0.network": {"PermanentMACAddress=48:df:37:1d:13:00", "Bond=bond0", "LinkLocalAddressing=no"},
		"wire2.network": {"PermanentMACAddress=48:df:37:1d:13:02", "Bond=bond0"},
		"wire1.network": {"PermanentMACAddress=48:df:37:1d:13:01", "VLAN=v200-1"},
	} {
		for _, line := range want {
			assert.Contains(t, made[file], line, file)
		}
	}
	assert.NotContains(t, made["wire1.network"], "Bond=")
	made = generate(t, "two bonds, large frames")
	assert.Contains(t, made["bond1.netdev"], "Mode=802.3ad")
	assert.Contains(t, made["bond0.netdev"], "Mode=balance-alb")
	for _, file := range []string{"bond0.network", "bond1.network", "wire0.network", "wire3.network", "v100-0.netdev"} {
		assert.Contains(t, made[file], "MTUBytes=9000", file)
	}
}

// ifquery is ifupdown's own reader of the file: what it prints is what ifup would go by.
func TestRealIfqueryReadsEveryConfiguration(t *testing.T) {
	program := testreal.Need(t, "ifquery")[0]
	for name, want := range map[string][]string{ // in their order; lo comes first
		"quick booking, one public network":                         {"wire0"},
		"private untagged network and nothing public":               {"wire0"},
		"public tagged beside private, two NICs with the same VLAN": {"wire0", "v200-0", "wire1", "v100-1", "v200-1"},
		"large frames": {"wire0", "v200-0"},
		"bond with an address and a VLAN, one NIC beside it": {"bond0", "v200-0", "wire1", "v200-1"},
		"two bonds, large frames":                            {"bond1", "v100-0", "v200-0", "bond0"},
		"nothing":                                            nil,
	} {
		t.Run(name, func(t *testing.T) {
			files, err := detect(t, "/etc/network/interfaces").Files(cases[name])
			require.NoError(t, err)
			file := filepath.Join(t.TempDir(), "interfaces")
			require.NoError(t, os.WriteFile(file, files[0].Data, 0o644))
			out, err := exec.Command(program, "--list", "-i", file).CombinedOutput()
			require.NoError(t, err, string(out))
			assert.Equal(t, append([]string{"lo"}, want...), strings.Fields(string(out)))
			for _, link := range want {
				out, err := exec.Command(program, "-i", file, link).CombinedOutput()
				require.NoError(t, err, string(out))
				if strings.HasPrefix(link, "bond") {
					assert.Regexp(t, `type bond mode (active-backup|802.3ad|balance-alb) miimon 100`, string(out))
					assert.Regexp(t, `ip link set dev wire\d master `+link, string(out))
				}
				if strings.HasPrefix(link, "v") {
					assert.Contains(t, string(out), "type vlan id "+strings.SplitN(link[1:], "-", 2)[0])
				}
				if strings.HasSuffix(name, "large frames") {
					assert.Contains(t, string(out), "mtu 9000")
				}
			}
		})
	}
}
