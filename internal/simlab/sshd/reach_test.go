package sshd_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"stackstorm-laas/internal/simlab/world"
)

func TestAHostThatIsNotThereDoesNotAnswer(t *testing.T) {
	tests := map[string]func(*world.World) error{
		"off": func(w *world.World) error { return w.PowerOff("hpe1") },
		"port shut": func(w *world.World) error {
			return w.SetPort("sw", "Ethernet1/1", world.Port{Native: 98, Shutdown: true})
		},
		"port in another VLAN": func(w *world.World) error { return w.SetPort("sw", "Ethernet1/1", world.Port{Native: 7}) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			l := serve(t, "ubuntu")
			c := l.dial("root", l.key)
			require.NoError(t, change(l.world))
			assert.Error(t, c.Wait(), "open connections end")
			assert.Error(t, l.server.Login("root", l.key.signer))
		})
	}
}

func TestConnectionsDoNotSurviveAReboot(t *testing.T) {
	for _, command := range []string{"reboot", "systemctl poweroff"} {
		t.Run(command, func(t *testing.T) {
			l := serve(t, "ubuntu")
			c := l.dial("root", l.key)
			run(t, c, command)
			assert.Error(t, c.Wait())
			if command == "reboot" {
				l.until(func() bool { return l.world.Reachable("hpe1") })
				assert.NoError(t, l.server.Login("root", l.key.signer))
			} else {
				l.until(func() bool { return !l.world.Power("hpe1") })
			}
		})
	}
}

func TestImagingChangesTheHostKey(t *testing.T) {
	l := serve(t, "ubuntu")
	hostKey := func() string {
		var seen string
		c, err := ssh.Dial("tcp", l.server.Addr(), &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(l.key.signer)},
			HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
				seen = string(ssh.MarshalAuthorizedKey(k))
				return nil
			}})
		require.NoError(t, err)
		c.Close()
		return seen
	}
	before := hostKey()
	assert.Equal(t, before, hostKey())
	require.NoError(t, l.world.PowerOff("hpe1"))
	require.NoError(t, l.world.Install("hpe1", 1))
	require.NoError(t, l.world.PowerOn("hpe1"))
	l.until(func() bool { return l.world.Reachable("hpe1") })
	assert.NotEqual(t, before, hostKey())
}

func TestNetworkConfigurationTakesEffectWhenApplied(t *testing.T) {
	tagged := map[string]struct{ file, text, apply string }{
		"ubuntu": {"/etc/netplan/50-cloud-init.yaml", "network:\n  ethernets:\n    eno1: {}\n  vlans:\n    v100: {id: 100, link: eno1, dhcp4: true}\n", "netplan generate && netplan apply"},
		"centos": {"/etc/NetworkManager/system-connections/nic0.nmconnection", "[connection]\ntype=vlan\n[vlan]\nparent=eno1\nid=100\n[ipv4]\nmethod=auto\n", "nmcli connection reload && { nmcli networking off; nmcli networking on; }"},
	}
	for os, tt := range tagged {
		t.Run(os, func(t *testing.T) {
			l := serve(t, os)
			require.NoError(t, l.fs().WriteFile(tt.file, []byte(tt.text), 0o600))
			require.NoError(t, l.world.SetPort("sw", "Ethernet1/1", world.Port{Native: 98}))
			c := l.dial("root", l.key)
			_, _ = run(t, c, tt.apply)
			assert.Error(t, c.Wait(), "the host cut itself off")
			assert.False(t, l.world.Reachable("hpe1"))
			require.NoError(t, l.world.SetPort("sw", "Ethernet1/1", world.Port{Tagged: []int{100}}))
			assert.NoError(t, l.server.Login("root", l.key.signer))
		})
	}
}
