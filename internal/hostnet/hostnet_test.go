package hostnet_test

import (
	"flag"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/hostnet"
)

var update = flag.Bool("update", false, "write the golden files anew")

// cases are named as their golden files.
var cases = map[string][]hostnet.NIC{
	"quick booking, one public network": {
		{MAC: "48:df:37:1d:13:00", Name: "ens4f0", DHCP: true, Untagged: true},
		{MAC: "48:df:37:1d:13:01", Name: "ens4f1"},
	},
	"private untagged network and nothing public": {
		{MAC: "48:df:37:1d:14:00", Untagged: true},
	},
	"public tagged beside private, two NICs with the same VLAN": {
		{MAC: "48:DF:37:1D:14:01", VLANs: []hostnet.VLAN{{ID: 200}, {ID: 100, DHCP: true}}},
		{MAC: "48-df-37-1d-14-00", Untagged: true, VLANs: []hostnet.VLAN{{ID: 200}}},
		{MAC: "48:df:37:1d:14:02"},
	},
	"several addresses": {
		{MAC: "48:df:37:1d:13:01", DHCP: true, Untagged: true},
		{MAC: "48:df:37:1d:13:00", DHCP: true, Untagged: true, VLANs: []hostnet.VLAN{{ID: 4094, DHCP: true}, {ID: 1}}},
	},
	"large frames": {
		{MAC: "48:df:37:1d:13:00", DHCP: true, Untagged: true, MTU: 9000, VLANs: []hostnet.VLAN{{ID: 200}}},
	},
	"bond with an address and a VLAN, one NIC beside it": {
		{Bond: &hostnet.Bond{Name: "bond0", Mode: "active-backup", MACs: []string{"48:df:37:1d:13:02", "48:df:37:1d:13:00"}}, DHCP: true, Untagged: true, VLANs: []hostnet.VLAN{{ID: 200}}},
		{MAC: "48:df:37:1d:13:01", VLANs: []hostnet.VLAN{{ID: 200}}},
	},
	"two bonds, large frames": {
		{Bond: &hostnet.Bond{Name: "bond1", Mode: "802.3ad", MACs: []string{"48:df:37:1d:13:00", "48:df:37:1d:13:01"}}, MTU: 9000, VLANs: []hostnet.VLAN{{ID: 100, DHCP: true}, {ID: 200}}},
		{Bond: &hostnet.Bond{Name: "bond0", Mode: "balance-alb", MACs: []string{"48:df:37:1d:13:02", "48:df:37:1d:13:03"}}, MTU: 9000, Untagged: true},
	},
	"bond that carries nothing": {
		{Bond: &hostnet.Bond{Name: "bond0", Mode: "active-backup", MACs: []string{"48:df:37:1d:13:00", "48:df:37:1d:13:01"}}},
	},
	"nothing": {
		{MAC: "48:df:37:1d:13:00"},
	},
}

func renderers(t *testing.T) []hostnet.Renderer {
	return []hostnet.Renderer{detect(t, "/etc/netplan", "/etc/cloud/cloud.cfg.d"), detect(t, "/etc/NetworkManager/system-connections"),
		detect(t, "/etc/network/interfaces"), detect(t, "/etc/sysconfig/network-scripts"), detect(t, "/etc/wicked")}
}

// every is renderers, and those of hosts that have more than one system.
func every(t *testing.T) []hostnet.Renderer {
	out := renderers(t)
	for _, host := range []image{debianServer, debianLeftover, debianOld, centos7} {
		r, _, err := hostnet.Detect(host)
		require.NoError(t, err)
		out = append(out, r)
	}
	return out
}

func detect(t *testing.T, there ...string) hostnet.Renderer {
	t.Helper()
	r, _, err := hostnet.Detect(having(there...))
	require.NoError(t, err)
	return r
}

func TestGolden(t *testing.T) {
	for name, nics := range cases {
		for _, r := range renderers(t) {
			t.Run(r.Name()+": "+name, func(t *testing.T) {
				files, err := r.Files(nics)
				require.NoError(t, err)
				var b strings.Builder
				for _, f := range files {
					b.WriteString("-- " + f.Path + " " + f.Mode.String() + " --\n" + string(f.Data))
				}
				golden := filepath.Join("testdata", r.Name()+" "+strings.ReplaceAll(name, ",", "")+".golden")
				golden = strings.ReplaceAll(golden, " ", "_")
				if *update {
					require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
				}
				want, err := os.ReadFile(golden)
				require.NoError(t, err)
				assert.Equal(t, string(want), b.String())
			})
		}
	}
}

func TestTheOrderOfInterfacesDoesNotMatter(t *testing.T) {
	for _, r := range every(t) {
		for name, nics := range cases {
			want, err := r.Files(nics)
			require.NoError(t, err)
			turned := slices.Clone(nics)
			slices.Reverse(turned)
			for i := range turned {
				if b := turned[i].Bond; b != nil {
					other := *b
					other.MACs = slices.Clone(b.MACs)
					slices.Reverse(other.MACs)
					turned[i].Bond = &other
				}
				turned[i].VLANs = slices.Clone(turned[i].VLANs)
				slices.Reverse(turned[i].VLANs)
				turned[i].MAC = strings.ToUpper(turned[i].MAC)
			}
			got, err := r.Files(turned)
			require.NoError(t, err)
			assert.Equal(t, want, got, r.Name()+": "+name)
		}
	}
}

func TestEverythingWrongIsToldAtOnce(t *testing.T) {
	nics := []hostnet.NIC{
		{MAC: "48:df:37:1d:13:00", VLANs: []hostnet.VLAN{{ID: 0}, {ID: 4095}, {ID: 100}, {ID: 100, DHCP: true}}},
		{MAC: "48-DF-37-1D-13-00"},
		{MAC: "ens4f0", MTU: 100},
		{MAC: ""},
		{MAC: "00:00:00:00:fe:80:00:00:00:00:00:00:02:00:5e:10:00:00:00:01"},
		{MAC: "48:df:37:1d:13:01", Bond: &hostnet.Bond{Name: "team0", Mode: "1", MACs: []string{"48:df:37:1d:13:00"}}},
		{Bond: &hostnet.Bond{Name: "bond0", Mode: "balance-tlb", MACs: []string{"48:df:37:1d:13:02", "48:df:37:1d:13:03"}}},
		{Bond: &hostnet.Bond{Name: "bond0", Mode: "balance-tlb", MACs: []string{"48:df:37:1d:13:04", "48:df:37:1d:13:04"}}},
	}
	for _, r := range every(t) {
		files, err := r.Files(nics)
		require.Error(t, err)
		assert.Empty(t, files)
		assert.Equal(t, fault.Input, fault.KindOf(err))
		for _, text := range []string{
			"nics[0].vlans[0]: 0 is no VLAN id", "nics[0].vlans[1]: 4095 is no VLAN id", "nics[0].vlans[3]: VLAN 100 is there twice",
			"nics[1].mac: 48:df:37:1d:13:00 is there twice", `nics[2].mac: "ens4f0" is no MAC address`, "nics[2].mtu: 100 is no MTU (1280 to 9216)", "nics[3].mac", "nics[4].mac",
			`nics[5].bond.name: "team0" is no name of a bond`, `nics[5].bond.mode: "1" is no mode`, "nics[5].mac: a bond has", "nics[5].bond.macs: has 1 interface(s)", "nics[5].bond.macs[0]: 48:df:37:1d:13:00 is there twice",
			"nics[7].bond.name: bond0 is there twice", "nics[7].bond.macs[1]: 48:df:37:1d:13:04 is there twice",
		} {
			assert.Contains(t, err.Error(), text)
		}
	}
}

func TestWhatIsWrittenIsCoveredByWhatGoes(t *testing.T) {
	// Else a file of an earlier booking would stay in force.
	stale := func(r hostnet.Renderer, name string) bool {
		return slices.ContainsFunc(r.Stale(), func(pattern string) bool {
			ok, err := path.Match(pattern, name)
			require.NoError(t, err)
			return ok
		})
	}
	for _, r := range every(t) {
		for _, nics := range cases {
			files, err := r.Files(nics)
			require.NoError(t, err)
			for _, f := range files {
				assert.True(t, stale(r, f.Path) || strings.HasPrefix(f.Path, "/etc/cloud/"), f.Path)
			}
		}
	}
	nm := detect(t, "/etc/NetworkManager/system-connections")
	for name, want := range map[string]bool{"ifcfg-lo": false, "ifcfg-eth0": true, "ifcfg-lan0": true, "ifcfg-lo0": true, "ifcfg-bond0": true, "route-eth0": false} {
		assert.Equal(t, want, stale(nm, "/etc/sysconfig/network-scripts/"+name), name)
	}
	assert.True(t, stale(detect(t, "/etc/netplan"), "/etc/netplan/50-cloud-init.yaml"))
}

func TestNamesFitTheKernel(t *testing.T) {
	var nics []hostnet.NIC
	for i := range 256 {
		nics = append(nics, hostnet.NIC{MAC: "48:df:37:1d:13:" + string("0123456789abcdef"[i/16]) + string("0123456789abcdef"[i%16]), VLANs: []hostnet.VLAN{{ID: 4094}}})
	}
	for _, r := range every(t) {
		files, err := r.Files(nics)
		require.NoError(t, err)
		names := map[string]bool{}
		for _, f := range files {
			for line := range strings.Lines(string(f.Data)) {
				line = strings.TrimSpace(line)
				for _, prefix := range []string{"interface-name=", "auto ", "DEVICE="} {
					line = strings.TrimPrefix(line, prefix)
				}
				if strings.HasPrefix(line, "v4094-") || strings.HasPrefix(line, "wire") && strings.HasSuffix(line, ".4094") {
					name := strings.TrimSuffix(line, ":")
					assert.LessOrEqual(t, len(name), 15)
					names[name] = true
				}
			}
		}
		for _, f := range files { // wicked's are in the names of files
			if name, ok := strings.CutPrefix(f.Path, "/etc/sysconfig/network/ifcfg-v"); ok {
				assert.LessOrEqual(t, len("v"+name), 15)
				names["v"+name] = true
			}
		}
		assert.Len(t, names, 256, r.Name())
	}
}
