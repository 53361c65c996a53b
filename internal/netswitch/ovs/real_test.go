package ovs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/netswitch/ovs"
	"stackstorm-laas/internal/testreal"
)

const schema = "/usr/share/openvswitch/vswitch.ovsschema"

var namespaces atomic.Int32

// bench is Open vSwitch of our own, with hosts in network namespaces on its ports. ovs-vswitchd lives in a namespace, too, with the
// userspace datapath: nothing of the machine's own network is touched, and two tests can run at once.
type bench struct {
	t        *testing.T
	dir, ns  string
	ovsdb    string // unix:...
	vswitchd *os.Process
	hosts    map[string]string // port: namespace of the host on it
}

// start runs Open vSwitch, the database with options. It needs root. It skips, or fails where CI is "true", if that or a program is missing.
func start(t *testing.T, options ...string) *bench {
	t.Helper()
	paths := testreal.Need(t, "ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-appctl", "ip", "ping", "ethtool")
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("network namespaces need root")
		}
		t.Skip("network namespaces need root")
	}
	t.Parallel()
	b := &bench{t: t, dir: t.TempDir(), hosts: map[string]string{}}
	b.ovsdb = "unix:" + filepath.Join(b.dir, "db.sock")
	b.ns = b.namespace()
	b.run(paths[0], "create", b.file("conf.db"), schema)
	server := []string{b.file("conf.db"), "--remote=p" + b.ovsdb, "--unixctl=" + b.file("ovsdb.ctl"), "--log-file=" + b.file("ovsdb.log")}
	b.serve(paths[1], append(server, options...)...)
	require.Eventually(t, func() bool { _, err := os.Stat(b.file("db.sock")); return err == nil }, 10*time.Second, 5*time.Millisecond)
	b.vsctl("--no-wait", "init")
	b.forward()
	return b
}

// forward starts ovs-vswitchd.
func (b *bench) forward() {
	b.t.Helper()
	program := testreal.Need(b.t, "ovs-vswitchd")[0]
	b.vswitchd = b.serve("ip", "netns", "exec", b.ns, program, b.ovsdb, "--unixctl="+b.file("vswitchd.ctl"), "--log-file="+b.file("vswitchd.log"))
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

// run runs a program to its end.
func (b *bench) run(program string, args ...string) string {
	b.t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	require.NoError(b.t, err, "%s %s: %s", program, strings.Join(args, " "), out)
	return strings.TrimSpace(string(out))
}

func (b *bench) ip(args ...string) { b.t.Helper(); b.run("ip", args...) }

// vsctl is what an administrator at the switch sees and does.
func (b *bench) vsctl(args ...string) string {
	b.t.Helper()
	return b.run("ovs-vsctl", append([]string{"--timeout=20", "--db=" + b.ovsdb}, args...)...)
}

// serve starts a program that ends with the test.
func (b *bench) serve(program string, args ...string) *os.Process {
	b.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "OVS_RUNDIR="+b.dir, "OVS_LOGDIR="+b.dir, "OVS_DBDIR="+b.dir, "OVS_SYSCONFDIR="+b.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(b.t, cmd.Start())
	b.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process
}

func (b *bench) namespace() string {
	b.t.Helper()
	name := fmt.Sprintf("laas-%d-%d", os.Getpid(), namespaces.Add(1))
	b.ip("netns", "add", name)
	b.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	return name
}

// bridge makes a bridge with ports, each with a host at the other end of its cable. Port pN has the host 10.77.0.N.
func (b *bench) bridge(name string, ports ...int) {
	b.t.Helper()
	b.vsctl("add-br", name, "--", "set", "bridge", name, "datapath_type=netdev", "fail_mode=standalone")
	for _, n := range ports {
		port, host := fmt.Sprintf("p%d", n), b.namespace()
		b.ip("link", "add", port, "netns", b.ns, "type", "veth", "peer", "name", "eth0", "netns", host)
		b.ip("-n", b.ns, "link", "set", port, "up")
		b.ip("-n", host, "addr", "add", fmt.Sprintf("10.77.0.%d/24", n), "dev", "eth0")
		b.ip("-n", host, "link", "set", "eth0", "up")
		b.run("ip", "netns", "exec", host, "ethtool", "-K", "eth0", "tx", "off")
		b.vsctl("add-port", name, port)
		b.hosts[port] = host
	}
}

// reaches says whether the host on a port gets an answer from the host on another.
func (b *bench) reaches(from, to string) bool {
	b.t.Helper()
	address := "10.77.0." + strings.TrimPrefix(to, "p")
	return exec.Command("ip", "netns", "exec", b.hosts[from], "ping", "-n", "-c", "3", "-i", "0.1", "-W", "0.5", address).Run() == nil
}

func (b *bench) driver(change func(*ovs.Config)) netswitch.Driver {
	b.t.Helper()
	cfg := ovs.Config{Switch: "sw1", Address: b.ovsdb, Timeout: 10 * time.Second}
	if change != nil {
		change(&cfg)
	}
	d, err := ovs.New(cfg)
	require.NoError(b.t, err)
	return d
}

// set sets ports, and has them as wanted.
func (b *bench) set(d netswitch.Driver, want ...netswitch.Port) {
	b.t.Helper()
	_, err := netswitch.Set(b.t.Context(), d, want)
	require.NoError(b.t, err)
}
