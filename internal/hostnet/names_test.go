package hostnet_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/hostnet"
	"stackstorm-laas/internal/testreal"
)

// alone runs a script as root where the machine's network, /run and /sys are not, with the files of a configuration in $dir.
func alone(t *testing.T, files []hostnet.File, script string) string {
	t.Helper()
	testreal.Need(t, "unshare", "ip")
	needRoot(t)
	dir := t.TempDir()
	for _, f := range files {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(f.Path)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, f.Path), f.Data, f.Mode))
	}
	cmd := exec.Command("unshare", "-n", "-m", "-p", "-f", "--mount-proc", "sh", "-c", "set -e; mount -t tmpfs tmpfs /run; mount -t sysfs sysfs /sys\n"+script)
	cmd.Env = append(os.Environ(), "dir="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("network namespaces need root")
	}
	t.Skip("network namespaces need root")
}

func TestRealUdevNamesInterfacesByTheirMAC(t *testing.T) {
	testreal.Need(t, "udevadm")
	files, err := detect(t, "/etc/network/interfaces").Files(cases["several addresses"])
	require.NoError(t, err)
	// The kernel finds them in another order.
	out := alone(t, files, `
mkdir -p /etc/systemd/network
mount --bind "$dir/etc/systemd/network" /etc/systemd/network
ip link add nic0 address 48:df:37:1d:13:01 type veth peer name far0
ip link add nic1 address 48:df:37:1d:13:00 type veth peer name far1
for nic in nic0 nic1 far0; do
	echo "$nic is called $(udevadm test-builtin net_setup_link /sys/class/net/$nic 2>/dev/null | sed -n s/^ID_NET_NAME=wire/wire/p)"
done`)
	assert.Equal(t, "nic0 is called wire1\nnic1 is called wire0\nfar0 is called \n", out)
}

// What udev, YaST or cloud-init wrote when the image was made, on whatever card it was made on.
func TestRealUdevPrefersNamesThatThereforeGo(t *testing.T) {
	testreal.Need(t, "udevadm")
	rule := `SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="48:df:37:1d:13:00", NAME="eth7"` + "\n"
	host := having("/etc/network/interfaces")
	named := func() string {
		var files []hostnet.File
		for p, text := range host.disk {
			files = append(files, hostnet.File{Path: p, Mode: 0o644, Data: []byte(text)})
		}
		return strings.TrimSpace(alone(t, files, `
mkdir -p /etc/systemd/network "$dir/etc/systemd/network" "$dir/etc/udev/rules.d"
mount --bind "$dir/etc/systemd/network" /etc/systemd/network
mount --bind "$dir/etc/udev/rules.d" /etc/udev/rules.d
ip link add nic0 address 48:df:37:1d:13:00 type veth peer name far0
udevadm test --action=add /sys/class/net/nic0 2>&1 | sed -n "s/.*NAME '\([a-z]*[0-9]\)'.*/\1/p" | tail -n 1`))
	}
	host.put(t, cases["private untagged network and nothing public"])
	for p, text := range host.disk { // of another host
		host.disk[p] = strings.ReplaceAll(text, "48:df:37:1d:14:00", "48:df:37:1d:13:00")
	}
	require.Equal(t, "wire0", named())
	host.disk["/etc/udev/rules.d/70-persistent-net.rules"] = rule
	require.Equal(t, "eth7", named(), "such a rule is in force")
	host.put(t, []hostnet.NIC{{MAC: "48:df:37:1d:13:00", Untagged: true}})
	assert.Equal(t, "wire0", named())
}

func TestRealIfupWorksWithoutIPv6(t *testing.T) {
	testreal.Need(t, "ifup", "sysctl")
	files, err := detect(t, "/etc/network/interfaces").Files([]hostnet.NIC{{MAC: "48:df:37:1d:13:00", Untagged: true}})
	require.NoError(t, err)
	// A kernel that was started with ipv6.disable=1 has no such settings.
	out := alone(t, files, `
mkdir -p /run/network
mount -t tmpfs tmpfs /proc/sys/net/ipv6
ip link add wire0 address 48:df:37:1d:13:00 type veth peer name far0
ip link set far0 up
ifup -a -i "$dir/etc/network/interfaces" >&2
cat /sys/class/net/wire0/operstate`)
	assert.Equal(t, "up", strings.TrimSpace(out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]))
}

func TestRealIfupBringsInterfacesUpWithoutAddresses(t *testing.T) {
	testreal.Need(t, "ifup", "ifdown", "sysctl")
	files, err := detect(t, "/etc/network/interfaces").Files([]hostnet.NIC{
		{MAC: "48:df:37:1d:13:00", Untagged: true, MTU: 1400}, {MAC: "48:df:37:1d:13:01"}, {MAC: "48:df:37:1d:13:02", Untagged: true}})
	require.NoError(t, err)
	out := alone(t, files, `
mkdir -p /run/network
for n in 0 1 2; do
	ip link add wire$n address 48:df:37:1d:13:0$n type veth peer name far$n
	ip link set far$n up
done
ifup -a -i "$dir/etc/network/interfaces" >&2
for n in 0 1 2; do
	echo "wire$n $(cat /sys/class/net/wire$n/operstate) mtu $(cat /sys/class/net/wire$n/mtu) $(ip -o address show dev wire$n | wc -l) addresses"
done
ifdown -a -i "$dir/etc/network/interfaces" >&2
echo "then wire0 is $(cat /sys/class/net/wire0/operstate)"`)
	assert.Equal(t, "wire0 up mtu 1400 0 addresses\nwire1 down mtu 1500 0 addresses\nwire2 up mtu 1500 0 addresses\nthen wire0 is down\n", out)
}

// TestRealIfupWouldMakeVLANsAndBonds shows what ifup does, without a kernel that has VLANs and bonds.
func TestRealIfupWouldMakeVLANsAndBonds(t *testing.T) {
	program := testreal.Need(t, "ifup")[0]
	files, err := detect(t, "/etc/network/interfaces").Files(cases["bond with an address and a VLAN, one NIC beside it"])
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "interfaces")
	require.NoError(t, os.WriteFile(file, files[0].Data, 0o644))
	text, err := exec.Command(program, "--no-act", "-v", "-a", "-i", file).CombinedOutput()
	require.NoError(t, err, string(text))
	at := -1
	for _, line := range []string{ // in this order
		"ip link show dev bond0 || ip link add name bond0 address 48:df:37:1d:13:00 type bond mode active-backup miimon 100",
		"ip link set dev wire0 down", "ip link set dev wire0 master bond0", "ip link set dev wire2 down", "ip link set dev wire2 master bond0",
		"ip link show dev v200-0 || ip link add link bond0 name v200-0 type vlan id 200", "ip link set dev v200-0 up",
		"ip link show dev v200-1 || ip link add link wire1 name v200-1 type vlan id 200",
	} {
		next := strings.Index(string(text), "\n"+line+"\n")
		assert.Greater(t, next, at, "%s\n%s", line, text)
		at = next
	}
	assert.Regexp(t, `dhclient .*bond0|udhcpc .*bond0|dhcpcd .*bond0|No DHCP client`, string(text))
}
