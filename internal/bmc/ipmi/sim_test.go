package ipmi_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/bmctest"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/testreal"
)

const lanConf = `name "bmc1"
set_working_mc 0x20
startlan 1
  addr 127.0.0.1 %d
  priv_limit admin
  allowed_auths_callback none md2 md5 straight
  allowed_auths_user none md2 md5 straight
  allowed_auths_operator none md2 md5 straight
  allowed_auths_admin none md2 md5 straight
  guid a123456789abcdefa123456789abcdef
endlan
%s
user 1 true  ""      "test"   user  10 none md2 md5 straight
user 2 true  "admin" "secret" admin 10 none md2 md5 straight
user 5 true  "boss"  "Bs5.other-admin" admin 10 none md2 md5 straight
chassis_control "%s"
`

const emulator = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`

// chassis keeps the simulated chassis in files: power, boot, and starts, a line for each.
const chassis = `#!/bin/sh
dir=%s
op=$1; shift
case "$op" in
get) for what in "$@"; do
       case $what in
       power) echo "power:$(cat $dir/power)" ;;
       boot) echo "boot:$(cat $dir/boot)" ;;
       esac
     done ;;
set) while [ $# -gt 1 ]; do
       case $1 in
       power) [ "$2" = 0 ] || [ "$(cat $dir/power)" = 1 ] || echo on >> $dir/starts
              echo "$2" > $dir/power ;;
       reset) echo reset >> $dir/starts ;;
       boot) echo "$2" > $dir/boot ;;
       shutdown) echo 0 > $dir/power ;;
       esac
       shift 2
     done ;;
esac
`

// startSim starts ipmi_sim, with more commands for its emulator, and gives the login of its administrator and the directory with the state of the chassis.
func startSim(t testing.TB, more ...string) (bmc.Target, string) {
	t.Helper()
	return startSimWith(t, "", strings.Join(more, ""))
}

// startSimWith starts ipmi_sim with more of its configuration and more commands for its emulator.
func startSimWith(t testing.TB, lan, commands string) (bmc.Target, string) {
	t.Helper()
	program := testreal.Need(t, "ipmi_sim")[0]
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	port := freeUDP(t)
	script := write("chassis.sh", fmt.Sprintf(chassis, dir), 0o755)
	write("power", "0\n", 0o644)
	write("boot", "default\n", 0o644)
	write("starts", "", 0o644)
	conf := write("lan.conf", fmt.Sprintf(lanConf, port, lan, script), 0o644)
	commands = emulator + commands
	if strings.Contains(commands, "\ndevice_sdr_add") {
		commands = strings.Replace(commands, "no-device-sdrs", "has-device-sdrs", 1)
	}
	emu := write("cmds.emu", commands, 0o644)
	state := filepath.Join(dir, "state")
	require.NoError(t, os.Mkdir(state, 0o755))

	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	cmd := exec.Command(program, "-n", "-c", conf, "-f", emu, "-s", state)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		log.Close()
	})
	target := bmc.Target{
		Host: "sim", Address: "127.0.0.1", Port: port, CipherSuite: 3,
		User: "admin", Password: secret.New("secret"), Timeout: 3 * time.Second,
		Retry: retry.Policy{Initial: 20 * time.Millisecond, Max: 100 * time.Millisecond, Elapsed: 10 * time.Second},
	}
	d, err := ipmi.Open(t.Context(), target)
	if err != nil {
		text, _ := os.ReadFile(log.Name())
		require.NoError(t, err, "ipmi_sim: %s", text)
	}
	require.NoError(t, d.Close())
	target.Retry = retry.Policy{}
	return target, dir
}

func freeUDP(t testing.TB) int {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).Port
}

func TestRealIpmiSimIsDrivenAsPromised(t *testing.T) {
	target, dir := startAiling(t, ailing(t))
	starts := func() int {
		text, _ := os.ReadFile(filepath.Join(dir, "starts"))
		return strings.Count(string(text), "\n")
	}
	bmctest.Conformance(t, target, bmctest.Opts{Open: ipmi.Open, TryLogin: ipmi.TryLogin, NoBootFlags: true, Cuts: true, Health: ailingHealth(bmc.SensorCritical), Starts: starts})
}
