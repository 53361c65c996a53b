package world_test

import (
	"io/fs"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/world"
)

func TestKeyfiles(t *testing.T) {
	const dir = "/etc/NetworkManager/system-connections/"
	ethernet := "[connection]\ntype=ethernet\n[ethernet]\nmac-address=" + nic0 + "\n[ipv4]\nmethod="
	for name, c := range map[string]struct {
		files   map[string]string
		mode    fs.FileMode
		port    world.Port
		reached bool
	}{
		"an interface by MAC":                  {map[string]string{"a.nmconnection": ethernet + "auto\n"}, 0o600, world.Port{Native: tenant}, true},
		"an interface without an address":      {map[string]string{"a.nmconnection": ethernet + "disabled\n"}, 0o600, world.Port{Native: tenant}, false},
		"a file that others may read":          {map[string]string{"a.nmconnection": ethernet + "auto\n"}, 0o644, world.Port{Native: tenant}, false},
		"a file with another ending":           {map[string]string{"a.conf": ethernet + "auto\n"}, 0o600, world.Port{Native: tenant}, false},
		"a VLAN above an interface by name":    {map[string]string{"v.nmconnection": "[connection]\ntype=vlan\n[vlan]\nid=100\nparent=eno49\n[ipv4]\nmethod=auto\n"}, 0o600, world.Port{Tagged: []int{tenant}}, true},
		"a VLAN above an interface by MAC":     {map[string]string{"v.nmconnection": "[connection]\ntype=vlan\n[vlan]\nid=100\nparent=48:DF:37:1D:13:00\n[ipv4]\nmethod=auto\n"}, 0o600, world.Port{Tagged: []int{tenant}}, true},
		"a VLAN above the other interface":     {map[string]string{"v.nmconnection": "[connection]\ntype=vlan\n[vlan]\nid=100\nparent=eno50\n[ipv4]\nmethod=auto\n"}, 0o600, world.Port{Tagged: []int{tenant}}, false},
		"a VLAN above a connection":            {map[string]string{"e.nmconnection": "[connection]\nuuid=u1\ntype=ethernet\n[ethernet]\nmac-address=" + nic0 + "\n[ipv4]\nmethod=disabled\n", "v.nmconnection": "[connection]\ntype=vlan\n[vlan]\nid=100\nparent=u1\n[ipv4]\nmethod=auto\n"}, 0o600, world.Port{Tagged: []int{tenant}}, true},
		"a VLAN without an id":                 {map[string]string{"v.nmconnection": "[connection]\ntype=vlan\n[vlan]\nparent=eno49\n[ipv4]\nmethod=auto\n"}, 0o600, world.Port{Tagged: []int{tenant}}, false},
		"a connection that is not for booting": {map[string]string{"a.nmconnection": "[connection]\nautoconnect=false\n" + ethernet + "auto\n"}, 0o600, world.Port{Native: tenant}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := rack(t)
				require.NoError(t, w.PowerOn(host))
				wait(toBoot)
				f := w.FS(host)
				for i := range 2 {
					require.NoError(t, f.Remove(dir+"nic"+string(rune('0'+i))+".nmconnection"))
				}
				for file, text := range c.files {
					require.NoError(t, f.WriteFile(dir+file, []byte(text), c.mode))
				}
				require.NoError(t, w.ApplyNetwork(host))
				require.NoError(t, w.SetPort("sw1", "Ethernet1/1", c.port))
				assert.Equal(t, c.reached, w.Reachable(host), w.ReachReason(host))
			})
		})
	}
}

func TestANetplanThatCannotBeReadChangesNothingUntilTheNextBoot(t *testing.T) {
	for name, text := range map[string]string{
		"no YAML":                          "network: [",
		"a VLAN above nothing":             "network: {vlans: {v: {id: 5, link: nic9}}}",
		"a VLAN out of range":              "network: {ethernets: {eno49: {}}, vlans: {v: {id: 5000, link: eno49}}}",
		"a name for nothing in particular": "network: {ethernets: {eno49: {set-name: lan0}}}",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := rack(t)
				require.NoError(t, w.Install(host, newImage))
				require.NoError(t, w.SetPort("sw1", "Ethernet1/1", world.Port{Native: provision}))
				require.NoError(t, w.PowerOn(host))
				wait(toBoot)
				require.NoError(t, w.FS(host).WriteFile("/etc/netplan/60-bad.yaml", []byte(text), 0o600))
				require.Error(t, w.ApplyNetwork(host))
				assert.True(t, w.Reachable(host))
				require.NoError(t, w.Reset(host))
				wait(toBoot)
				assert.True(t, w.Up(host))
				assert.False(t, w.Reachable(host))
			})
		})
	}
}

func TestSnapshotTellsTheTenantsKeysOnly(t *testing.T) {
	w := rack(t)
	f := w.FS(host)
	passwd, err := f.ReadFile("/etc/passwd")
	require.NoError(t, err)
	require.NoError(t, f.WriteFile("/etc/passwd", append(passwd, "opnfv:x:1000:1000::/home/opnfv:/bin/bash\n"...), 0o644))
	require.NoError(t, f.MkdirAll("/home/opnfv/.ssh", 0o700))
	require.NoError(t, f.WriteFile("/home/opnfv/.ssh/authorized_keys", []byte("# laas\nssh-ed25519 AAAAalice alice\n\n"), 0o600))
	s := w.Snapshot(host)
	assert.Equal(t, map[string][]string{"opnfv": {"ssh-ed25519 AAAAalice alice"}}, s.SSHKeys)
	assert.Equal(t, "off", s.Power)
	assert.Equal(t, "centos7", *s.Image)
	require.Len(t, s.Ports, 2)
	assert.Nil(t, s.Ports[0].Native)
	assert.True(t, s.Ports[0].Shutdown)
}

func TestFS(t *testing.T) {
	f := world.NewFS()
	require.ErrorIs(t, f.WriteFile("/a/b", nil, 0o600), fs.ErrNotExist)
	require.NoError(t, f.MkdirAll("/a/c", 0o700))
	require.NoError(t, f.WriteFile("/a/b", []byte("text"), 0o640))
	require.NoError(t, f.WriteFile("/a/b", []byte("more"), 0o600))
	info, err := f.Stat("/a/b")
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o640), info.Mode(), "an old file keeps its mode")
	require.Error(t, f.Mkdir("/a/b/d", 0o700))
	require.Error(t, f.Remove("/a"))
	require.ErrorIs(t, f.Mkdir("/a", 0o700), fs.ErrExist)
	require.NoError(t, f.WriteFile("/a/new", []byte("new"), 0o600))
	require.NoError(t, f.Rename("/a/new", "/a/b"))
	text, err := f.ReadFile("/a/b")
	require.NoError(t, err)
	assert.Equal(t, "new", string(text))
	require.Error(t, f.Rename("/a", "/a/c/a"))
	dir, err := f.ReadDir("/a")
	require.NoError(t, err)
	require.Len(t, dir, 2)
	assert.Equal(t, "b", dir[0].Name())
	require.NoError(t, f.RemoveAll("/a"))
	require.NoError(t, f.RemoveAll("/a"))
	assert.False(t, f.Exists("/a/b"))
}
