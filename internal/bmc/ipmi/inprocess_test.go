package ipmi_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	gobmc "github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/hal"
	"github.com/bougou/go-ipmi/pkg/hal/mock"
	"github.com/bougou/go-ipmi/pkg/server"
	"github.com/bougou/go-ipmi/pkg/transport/udp"
	"github.com/bougou/go-ipmi/pkg/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/bmctest"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/secret"
)

// chassisHAL makes go-ipmi's chassis behave like a machine: soft-off ends without power, and starts are counted.
type chassisHAL struct {
	*mock.Chassis
	starts *atomic.Int64
}

func (c chassisHAL) SetPower(ctx context.Context, on bool) error {
	if was, err := c.PowerState(ctx); err == nil && on && !was {
		c.starts.Add(1)
	}
	return c.Chassis.SetPower(ctx, on)
}

func (c chassisHAL) PowerCycle(context.Context) error {
	c.starts.Add(1)
	return nil
}

func (c chassisHAL) ColdReset(ctx context.Context) error { return c.PowerCycle(ctx) }

func (c chassisHAL) WarmReset(ctx context.Context) error { return c.SetPower(ctx, false) }

type machine struct {
	*mock.HAL
	chassis chassisHAL
}

func (m machine) Chassis() hal.ChassisHAL { return m.chassis }

// startServer starts go-ipmi's BMC with suites 3 and 17 and gives its administrator's login.
func startServer(t *testing.T) (bmc.Target, *gobmc.BMC) {
	t.Helper()
	m := mock.New()
	chassis := m.Chassis().(*mock.Chassis)
	chassis.BootFlags = &types.BootOptionParam_BootFlags{}
	b := gobmc.New(gobmc.DeviceInfo{IPMIVersion: 0x20}, [16]byte{1}, machine{m, chassisHAL{chassis, new(atomic.Int64)}})
	u, err := b.Users.Add(2, "admin")
	require.NoError(t, err)
	u.SetPassword([]byte("secret"))
	u.Enabled = true
	u.ChannelAccess[1] = gobmc.UserChannelAccess{MaxPrivilege: gobmc.PrivilegeLevelAdministrator, Enabled: true}
	conn, err := udp.Listen("127.0.0.1:0")
	require.NoError(t, err)
	srv := server.NewServer(b, conn)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		_ = srv.Close()
		_ = conn.Close()
		<-done
	})
	return bmc.Target{
		Host: "hpe1", Address: "127.0.0.1", Port: conn.LocalAddr().(*net.UDPAddr).Port,
		CipherSuite: 17, User: "admin", Password: secret.New("secret"), Timeout: 3 * time.Second,
	}, b
}

func TestGoIPMIServerIsDrivenAsPromised(t *testing.T) {
	for name, suite := range map[string]int{"suite 3": 3, "suite 17": 17, "the best suite": -1} {
		t.Run(name, func(t *testing.T) {
			target, b := startServer(t)
			target.CipherSuite = suite
			require.NoError(t, b.Users.Upsert(5, func(u *gobmc.User) error {
				u.Name, u.Enabled = bmctest.Boss, true
				u.SetPassword([]byte(bmctest.BossPassword))
				u.ChannelAccess[1] = gobmc.UserChannelAccess{MaxPrivilege: gobmc.PrivilegeLevelAdministrator, Enabled: true}
				return nil
			}))
			starts := func() int { return int(b.HAL().Chassis().(chassisHAL).starts.Load()) }
			bmctest.Conformance(t, target, bmctest.Opts{Open: ipmi.Open, TryLogin: ipmi.TryLogin, Starts: starts})
		})
	}
}

// guest makes an account that may log in, and look only.
func guest(b *gobmc.BMC, password string) error {
	return b.Users.Upsert(3, func(u *gobmc.User) error {
		u.Name, u.Enabled = "guest", true
		u.SetPassword([]byte(password))
		u.ChannelAccess[1] = gobmc.UserChannelAccess{MaxPrivilege: gobmc.PrivilegeLevelUser, Enabled: true}
		return nil
	})
}

func TestASessionThatRestedIsMadeAnew(t *testing.T) {
	target, b := startServer(t)
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	before := b.Sessions.Count()
	ipmi.Rest(d)
	_, err = d.PowerState(t.Context())
	require.NoError(t, err)
	assert.Equal(t, before+1, b.Sessions.Count())
	_, err = d.PowerState(t.Context())
	require.NoError(t, err)
	assert.Equal(t, before+1, b.Sessions.Count())
}
