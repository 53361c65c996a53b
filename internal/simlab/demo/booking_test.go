package demo_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/lab"
)

var sshKey = regexp.MustCompile(`ssh-ed25519 \S+ (\S+@laptop)`)

// withKeys gives the users of a booking keys whose private halves are known.
func withKeys(t *testing.T, body []byte) ([]byte, []ssh.Signer) {
	t.Helper()
	var keys []ssh.Signer
	body = sshKey.ReplaceAllFunc(body, func(line []byte) []byte {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		require.NoError(t, err)
		key, err := ssh.NewSignerFromKey(private)
		require.NoError(t, err)
		keys = append(keys, key)
		text := bytes.TrimSpace(ssh.MarshalAuthorizedKey(key.PublicKey()))
		return append(append(text, ' '), line[bytes.LastIndexByte(line, ' ')+1:]...)
	})
	require.NotEmpty(t, keys)
	return body, keys
}

func vlan(id int) *int { return &id }

func TestABookingGoesThereAndBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, begin, end string
		image            any
		ports            []lab.Port
	}{
		{"on the dashboard of 2019", "01", "06", 23.0, []lab.Port{
			{MAC: "48:df:37:1d:13:00", Switch: "sw1", Port: "Ethernet1/1", Native: vlan(100), Tagged: []int{}},
			{MAC: "48:df:37:1d:13:01", Switch: "sw1", Port: "Ethernet1/2", Tagged: []int{}, Shutdown: true},
		}},
		{"on the dashboard of 2022", "10", "11", "ubuntu2004-x86_64", []lab.Port{
			{MAC: "48:df:37:1d:13:00", Switch: "sw1", Port: "Ethernet1/1", Native: vlan(100), Tagged: []int{}},
			{MAC: "48:df:37:1d:13:01", Switch: "sw1", Port: "Ethernet1/2", Tagged: []int{200}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := bodies(t, c.begin, c.end)
			begin, keys := withKeys(t, b[0])
			p := open(t, demo.Options{Bodies: [][]byte{begin, b[1]}})
			p.deliver(begin)

			h := p.host()
			assert.Equal(t, c.ports, h.Ports, "the ports carry what was booked and nothing else")
			assert.Equal(t, c.image, h.Image)
			assert.Equal(t, "my-dev-box", h.Hostname)
			assert.Equal(t, "on", h.Power)
			assert.True(t, h.Reachable)
			assert.Len(t, h.SSHKeys, 1)
			assert.Len(t, h.SSHKeys["opnfv"], 2)
			for _, k := range keys {
				assert.NoError(t, p.Lab.SSH(host).Login("opnfv", k), "a tenant's key opens the tenants' account")
				assert.Error(t, p.Lab.SSH(host).Login("root", k))
			}
			p.allAre(booking.StatusDone, "")
			bmcUser, bmcPassword := login(t, p.tasks("hardware")[0].Message)
			assert.Equal(t, []string{bmcUser}, h.BMCUsers)
			assert.True(t, p.Lab.BMC(host).Login(bmcUser, bmcPassword))
			told, ok := p.Lab.Dashboard().HostBMC(host)
			assert.True(t, ok)
			assert.Equal(t, bmcPassword, told.Password)
			vpn := map[string]string{}
			for _, a := range p.tasks("access") {
				if strings.Contains(a.Message, "VPN") {
					u, w := login(t, a.Message)
					vpn[u] = w
				}
			}
			assert.Len(t, vpn, 2)
			for u, w := range vpn {
				assert.True(t, p.Lab.LDAP().Login(u, w), "VPN account %s opens with the password of the message", u)
			}
			provisioning := len(p.Engine.Executions())
			assert.LessOrEqual(t, provisioning, 20, "executions of provisioning")
			p.neverEarly()

			p.deliver(b[1])
			p.asBefore()
			assert.Empty(t, p.host().SSHKeys, "the keys are gone from the disk")
			p.allAre(booking.StatusDone, "")
			assert.NotContains(t, p.messages(), bmcPassword)
			assert.False(t, p.Lab.BMC(host).Login(bmcUser, bmcPassword), "the old password still opens the BMC")
			for u, w := range vpn {
				assert.False(t, p.Lab.LDAP().Login(u, w), "VPN account %s", u)
				assert.NotContains(t, p.messages(), w)
			}
			assert.LessOrEqual(t, len(p.Engine.Executions())-provisioning, 15, "executions of the release")
			p.neverEarly()
		})
	}
}
