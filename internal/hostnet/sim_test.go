package hostnet_test

import (
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/hostnet"
	"stackstorm-laas/internal/simlab/world"
)

// TestHostsOfTheSimulatedLabAreWhereTheyWereToldToBe puts a host with each kind of image on switch ports of its own, replaces its
// network configuration, boots it, and looks in which of the VLANs 100 (public), 200 and 98 it answers.
func TestHostsOfTheSimulatedLabAreWhereTheyWereToldToBe(t *testing.T) {
	const mac0, mac1 = "48:df:37:1d:13:00", "48:df:37:1d:13:01"
	for name, tc := range map[string]struct {
		nics    []hostnet.NIC
		answers []int
	}{
		"public untagged":                          {[]hostnet.NIC{{MAC: mac0, DHCP: true, Untagged: true}, {MAC: mac1}}, []int{98}},
		"public tagged on the second":              {[]hostnet.NIC{{MAC: mac0}, {MAC: mac1, VLANs: []hostnet.VLAN{{ID: 100, DHCP: true}}}}, []int{100}},
		"the same VLAN on both, public on one":     {[]hostnet.NIC{{MAC: mac0, VLANs: []hostnet.VLAN{{ID: 100}}}, {MAC: mac1, VLANs: []hostnet.VLAN{{ID: 100, DHCP: true}, {ID: 200}}}}, []int{100}},
		"untagged and tagged on one":               {[]hostnet.NIC{{MAC: mac0, DHCP: true, Untagged: true, VLANs: []hostnet.VLAN{{ID: 200, DHCP: true}}}}, []int{98, 200}},
		"private only: it answers nowhere":         {[]hostnet.NIC{{MAC: mac0, Untagged: true, VLANs: []hostnet.VLAN{{ID: 200}}}, {MAC: mac1, VLANs: []hostnet.VLAN{{ID: 100}}}}, nil},
		"a bond, untagged and tagged":              {[]hostnet.NIC{{Bond: &hostnet.Bond{Name: "bond0", Mode: "active-backup", MACs: []string{mac1, mac0}}, DHCP: true, Untagged: true, VLANs: []hostnet.VLAN{{ID: 200, DHCP: true}, {ID: 100}}}}, []int{98, 200}},
		"a bond with tagged VLANs only":            {[]hostnet.NIC{{Bond: &hostnet.Bond{Name: "bond7", Mode: "802.3ad", MACs: []string{mac0, mac1}}, VLANs: []hostnet.VLAN{{ID: 100, DHCP: true}}}}, []int{100}},
		"a bond that carries nothing":              {[]hostnet.NIC{{Bond: &hostnet.Bond{Name: "bond0", Mode: "active-backup", MACs: []string{mac0, mac1}}}}, nil},
		"nothing: not even what was there is left": {[]hostnet.NIC{{MAC: mac0}, {MAC: mac1}}, nil},
	} {
		for system, os := range map[string]string{world.Netplan: "ubuntu", world.NetworkManager: "centos", world.Ifupdown: "debian", world.Ifcfg: "centos",
			world.Wicked: "suse", world.Debian: "debian", world.CentOS7: "centos"} {
			t.Run(system+": "+name, func(t *testing.T) {
				w := world.New(world.Pace{})
				w.AddImage(world.Image{ID: 1, Name: os, OS: os, Network: system})
				w.AddHost(world.HostSpec{Name: "hpe13", NICs: []world.NIC{
					{MAC: mac0, Name: "eno1", Switch: "sw", Port: "1"}, {MAC: mac1, Name: "eno2", Switch: "sw", Port: "2"},
				}})
				require.NoError(t, w.Install("hpe13", 1))
				for _, port := range []string{"1", "2"} {
					require.NoError(t, w.SetPort("sw", port, world.Port{Native: 98, Tagged: []int{100, 200}}))
				}
				w.SetNetwork(4000, []int{98})
				start := func() {
					require.NoError(t, w.PowerOff("hpe13"))
					require.NoError(t, w.PowerOn("hpe13"))
					require.Eventually(t, func() bool { return w.Up("hpe13") }, 10*time.Second, time.Millisecond)
				}
				start()
				require.True(t, w.Reachable("hpe13"), "the image starts with DHCP: %s", w.ReachReason("hpe13"))
				replace(t, w.FS("hpe13"), tc.nics)
				start()

				var answers []int
				for _, vlan := range []int{98, 100, 200} {
					w.SetNetwork(4000, []int{vlan})
					if w.Reachable("hpe13") {
						answers = append(answers, vlan)
					}
				}
				assert.Equal(t, tc.answers, answers)
			})
		}
	}
}

// replace does what a caller of the package does.
func replace(t *testing.T, disk *world.FS, nics []hostnet.NIC) {
	t.Helper()
	r, _, err := hostnet.Detect(simulated{disk})
	require.NoError(t, err)
	for _, pattern := range r.Stale() {
		names, _ := disk.ReadDir(path.Dir(pattern))
		for _, info := range names {
			full := path.Join(path.Dir(pattern), info.Name())
			if ok, _ := path.Match(pattern, full); ok {
				require.NoError(t, disk.Remove(full))
			}
		}
	}
	files, err := r.Files(nics)
	require.NoError(t, err)
	for _, f := range files {
		require.NoError(t, disk.MkdirAll(path.Dir(f.Path), 0o755))
		require.NoError(t, disk.WriteFile(f.Path, f.Data, f.Mode))
	}
}

// simulated is a simulated host as Detect looks at it.
type simulated struct{ *world.FS }

func (s simulated) List(dir string) (names []string, err error) {
	infos, _ := s.ReadDir(dir)
	for _, info := range infos {
		names = append(names, info.Name())
	}
	return names, nil
}

func (s simulated) Read(p string) ([]byte, error) { return s.ReadFile(p) }

func (s simulated) NetworkManager() (string, error) {
	version, _ := s.ReadFile("/usr/sbin/NetworkManager")
	return strings.TrimSpace(string(version)), nil
}
