package ipmi_test

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/fault"
	simbmc "stackstorm-laas/internal/simlab/bmc"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
	"stackstorm-laas/internal/testreal"
)

// viewer watches a console until the test ends, or end is called.
type viewer struct {
	t     *testing.T
	text  bmc.Transcript
	stop  context.CancelFunc
	ended chan error
}

func watch(t *testing.T, d bmc.Driver) *viewer {
	t.Helper()
	console, ok := d.(bmc.Console)
	require.True(t, ok)
	ctx, stop := context.WithCancel(t.Context())
	v := &viewer{t: t, text: bmc.Transcript{Limit: 16 << 10}, stop: stop, ended: make(chan error, 1)}
	go func() { v.ended <- console.Console(ctx, &v.text) }()
	t.Cleanup(stop)
	return v
}

func (v *viewer) shows(text string) {
	v.t.Helper()
	require.Eventually(v.t, func() bool { return strings.Contains(v.text.String(), text) }, 20*time.Second, 5*time.Millisecond, "%q", text)
}

func (v *viewer) end() error {
	v.t.Helper()
	v.stop()
	return v.ending()
}

func (v *viewer) ending() error {
	v.t.Helper()
	select {
	case err := <-v.ended:
		return err
	case <-time.After(20 * time.Second):
		require.Fail(v.t, "the console does not end")
		return nil
	}
}

// wired is a host of the simulated lab, its BMC, and a session there.
func wired(t *testing.T) (*world.World, *simbmc.Server, *faults.Set, bmc.Target) {
	t.Helper()
	w, f := world.New(world.Pace{}), &faults.Set{}
	w.AddHost(world.HostSpec{Name: "hpe1"})
	s, err := simbmc.Serve(w, f, simbmc.Config{Host: "hpe1", Admin: "admin", Password: "secret"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	target, _, _ := lab(t)
	target.Port = s.Port()
	return w, s, f, target
}

func login(t *testing.T, target bmc.Target) bmc.Driver {
	t.Helper()
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	return d
}

func TestAConsoleShowsWhatTheHostWritesAndSendsItNoKey(t *testing.T) {
	for _, suite := range []int{3, 17} {
		t.Run("suite "+strconv.Itoa(suite), func(t *testing.T) {
			w, s, _, target := wired(t)
			target.CipherSuite = suite
			d := login(t, target)
			v := watch(t, d)
			require.NoError(t, w.PowerOn("hpe1"))
			v.shows("Power-on self-test of hpe1\n")
			v.shows("No bootable device was found")
			long := strings.Repeat("0123456789", 400)
			require.NoError(t, w.Say("hpe1", long+"\r\n"))
			v.shows(long + "\n")
			assert.NotContains(t, v.text.String(), "SOL", "what the client library says of itself is no part of it")
			require.NoError(t, v.end())
			assert.False(t, s.Watched(), "the console is free again")
			assert.Empty(t, s.Keys())

			_, err := d.PowerState(t.Context())
			require.NoError(t, err, "the session goes on")
			v = watch(t, d)
			require.NoError(t, w.Say("hpe1", "once more\r\n"))
			v.shows("once more\n")
			require.NoError(t, v.end())
			require.NoError(t, d.Close())
			assert.Zero(t, s.Sessions())
		})
	}
}

func TestAConsoleThatAKilledSessionLeftBehindIsTakenOver(t *testing.T) {
	w, s, _, target := wired(t)
	target.Timeout = time.Second
	stale := watch(t, login(t, target))
	require.Eventually(t, s.Watched, 20*time.Second, time.Millisecond)
	v := watch(t, login(t, target))
	require.NoError(t, w.Say("hpe1", "for the new one\r\n"))
	v.shows("for the new one\n")
	err := stale.ending()
	assert.Equal(t, fault.Refused, fault.KindOf(err), "the old one does not take it back: %v", err)
	assert.NotEmpty(t, fault.HintOf(err))
	require.NoError(t, v.end())
	assert.NotContains(t, stale.text.String(), "for the new one")
}

func TestAConsoleThatIsNotToBeHadIsAnErrorOfItsKind(t *testing.T) {
	for _, c := range []struct {
		name string
		kind faults.Kind
		want fault.Kind
	}{
		{"the BMC has none", faults.Refuse, fault.Refused},
		{"the BMC is busy", faults.Error500, fault.Transient},
		{"the BMC does not answer", faults.Hang, fault.Transient},
		{"the BMC answers garbage", faults.Garbage, fault.Transient},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, s, f, target := wired(t)
			target.Timeout = time.Second
			d := login(t, target)
			f.Add(faults.Fault{System: "bmc", Op: "console", Kind: c.kind})
			err := watch(t, d).ending()
			assert.Equal(t, c.want, fault.KindOf(err), "%v", err)
			assert.False(t, s.Watched())
			f.Heal()
			v := watch(t, d)
			require.Eventually(t, s.Watched, 20*time.Second, time.Millisecond)
			require.NoError(t, v.end(), "the same driver goes on when the BMC does")
		})
	}
}

func TestAConsoleOnABMCThatHangsEndsAllTheSame(t *testing.T) {
	_, s, f, target := wired(t)
	target.Timeout = time.Hour
	d := login(t, target)
	f.Add(faults.Fault{System: "bmc", Op: "console", Kind: faults.Hang})
	v := watch(t, d)
	v.stop()
	assert.NoError(t, v.ending())
	assert.False(t, s.Watched())
}

func TestAConsoleEndsWhenNobodyTakesWhatItShows(t *testing.T) {
	w, s, _, target := wired(t)
	d := login(t, target)
	ended := make(chan error, 1)
	go func() { ended <- d.(bmc.Console).Console(t.Context(), broken{}) }()
	require.NoError(t, w.Say("hpe1", "x"))
	err := <-ended
	assert.ErrorContains(t, err, "the pipe is closed")
	assert.False(t, s.Watched())
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("the pipe is closed") }

// serialPort is the serial port of ipmi_sim's host: whoever has it writes as the host.
func serialPort(t *testing.T) (address string, host func() net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String(), func() net.Conn {
		conn, err := l.Accept()
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
}

func TestRealIpmiSimShowsItsConsole(t *testing.T) {
	testreal.Need(t, "ipmi_sim")
	address, host := serialPort(t)
	target, _ := startSimWith(t, `sol "tcp:`+address+`" 115200`, "")
	port := host()
	v := watch(t, login(t, target))
	for _, text := range []string{"Linux version 6.1.0\r\n", "hpe1 login: "} {
		require.Eventually(t, func() bool { // what comes while nobody watches is lost on ipmi_sim
			_, err := port.Write([]byte(text))
			require.NoError(t, err)
			return strings.Contains(v.text.String(), strings.TrimSpace(text))
		}, 20*time.Second, 50*time.Millisecond)
	}
	require.NoError(t, v.end())
	require.NoError(t, port.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	n, _ := port.Read(make([]byte, 100))
	assert.Zero(t, n, "no key was sent to the host")

	// The console is free: the next session gets it.
	v = watch(t, login(t, target))
	require.Eventually(t, func() bool {
		_, err := port.Write([]byte("again\r\n"))
		require.NoError(t, err)
		return strings.Contains(v.text.String(), "again\n")
	}, 20*time.Second, 50*time.Millisecond)
	require.NoError(t, v.end())
}

func TestRealIpmitoolSeesTheConsoleThatWeSee(t *testing.T) {
	programs := testreal.Need(t, "ipmitool", "script")
	w, s, _, target := wired(t)
	v := watch(t, login(t, target))
	require.NoError(t, w.Say("hpe1", "hello from hpe1\r\n"))
	v.shows("hello from hpe1")
	require.NoError(t, v.end())

	// ipmitool wants a terminal.
	command := strings.Join([]string{programs[0], "-I lanplus -H 127.0.0.1 -p", strconv.Itoa(target.Port), "-C 17 -U admin -P secret sol activate"}, " ")
	cmd := exec.Command(programs[1], "-qc", command, "/dev/null")
	var seen bmc.Transcript
	seen.Limit = 16 << 10
	cmd.Stdout, cmd.Stderr = &seen, &seen
	keys, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	require.Eventually(t, s.Watched, 20*time.Second, time.Millisecond, "%s", &seen)
	require.NoError(t, w.Say("hpe1", "hello to ipmitool\r\n"))
	require.Eventually(t, func() bool { return strings.Contains(seen.String(), "hello to ipmitool") }, 20*time.Second, 10*time.Millisecond, "%s", &seen)
	_, err = keys.Write([]byte("root\r~."))
	require.NoError(t, err)
	require.NoError(t, cmd.Wait(), "%s", &seen)
	assert.Contains(t, s.Keys(), "root", "keys do get through, of those who send any")
	assert.False(t, s.Watched())
}
