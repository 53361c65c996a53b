package hostnet_test

import (
	"errors"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/hostnet"
)

// image is a host by what its disk has: texts by path. manager is the version of its NetworkManager.
type image struct {
	manager string
	disk    disk
	broken  error
}

func (i image) List(dir string) (names []string, err error) {
	for p := range i.disk {
		if rest, below := strings.CutPrefix(p, strings.TrimSuffix(dir, "/")+"/"); below {
			name, _, _ := strings.Cut(rest, "/")
			names = append(names, name)
		}
	}
	return names, i.broken
}

func (i image) Read(p string) ([]byte, error) {
	text, there := i.disk[p]
	if !there {
		return nil, fault.New(fault.NotFound, "%s is not there", p)
	}
	return []byte(text), nil
}

func (i image) NetworkManager() (string, error) { return i.manager, nil }

// having is an image with some files, and a NetworkManager if its directory is among them.
func having(there ...string) image {
	i := image{disk: disk{}}
	for _, p := range there {
		i.disk[p] = ""
		if strings.HasPrefix(p, "/etc/NetworkManager/") {
			i.manager = "1.42.4"
		}
	}
	return i
}

// The kinds of hosts whose systems read the files of others, too.
var (
	debianServer = image{manager: "1.42.4", disk: disk{"/usr/sbin/ifup": "", "/etc/NetworkManager/NetworkManager.conf": "[main]\nplugins=ifupdown,keyfile\n\n[ifupdown]\nmanaged=false\n",
		"/etc/network/interfaces": "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n\nallow-hotplug nic0\niface nic0 inet dhcp\n"}}
	debianCloud = image{manager: "1.42.4", disk: disk{"/sbin/ifup": "", "/etc/NetworkManager/NetworkManager.conf": "", "/etc/network/interfaces": "source /etc/network/interfaces.d/*\n",
		"/etc/network/interfaces.d/50-cloud-init": "auto nic0\niface nic0 inet dhcp\n"}}
	debianDesktop = image{manager: "1.42.4", disk: disk{"/usr/sbin/ifup": "", "/etc/NetworkManager/NetworkManager.conf": "",
		"/etc/network/interfaces": "# ...\nsource /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n"}}
	debianLeftover = image{manager: "1.42.4", disk: disk{"/etc/NetworkManager/NetworkManager.conf": "", "/etc/network/interfaces": "auto nic0\niface nic0 inet dhcp\n"}}
	debianOld      = image{manager: "1.14.6", disk: disk{"/usr/sbin/ifup": "", "/etc/NetworkManager/NetworkManager.conf": "", "/etc/network/interfaces": "auto lo\niface lo inet loopback\n"}}
	centos7        = image{manager: "1.18.8-2.el7_9", disk: disk{"/etc/NetworkManager/NetworkManager.conf": "", "/etc/sysconfig/network-scripts/ifcfg-eno1": ""}}
	rocky8         = image{manager: "1.40.16-15.el8_9", disk: centos7.disk}
)

func TestDetect(t *testing.T) {
	nm, scripts, interfaces := "/etc/NetworkManager/system-connections", "/etc/sysconfig/network-scripts/ifcfg-eth0", "/etc/network/interfaces"
	for name, tc := range map[string]struct {
		host      image
		want, why string
	}{
		"netplan":                                      {having("/etc/netplan/x"), "netplan", "it has netplan"},
		"NetworkManager":                               {having(nm), "networkmanager", "it has NetworkManager"},
		"netplan before NetworkManager":                {having(nm, "/etc/netplan/x"), "netplan", "it has netplan"},
		"ifupdown":                                     {having(interfaces), "ifupdown", "no NetworkManager"},
		"netplan before ifupdown":                      {having(interfaces, "/etc/netplan/x"), "netplan", "it has netplan"},
		"Red Hat without NetworkManager":               {having(scripts), "ifcfg", "no NetworkManager"},
		"Red Hat that NetworkManager was taken off":    {image{disk: centos7.disk}, "ifcfg", "no NetworkManager"},
		"NetworkManager before ifcfg":                  {rocky8, "networkmanager", "it has NetworkManager"},
		"CentOS 7":                                     {centos7, "ifcfg", "older than 1.20"},
		"SUSE":                                         {having("/etc/wicked/x", nm), "wicked", "it has wicked"},
		"Debian whose interfaces are ifupdown's":       {debianServer, "ifupdown", "leaves alone what /etc/network/interfaces names"},
		"Debian whose interfaces are in a directory":   {debianCloud, "ifupdown", "leaves alone"},
		"Debian whose interfaces are NetworkManager's": {debianDesktop, "networkmanager", "it has NetworkManager"},
		"Debian that ifupdown was taken off":           {debianLeftover, "networkmanager", "it has NetworkManager"},
		"Debian 10 with NetworkManager":                {debianOld, "networkmanager", "it has NetworkManager"},
	} {
		t.Run(name, func(t *testing.T) {
			r, why, err := hostnet.Detect(tc.host)
			require.NoError(t, err)
			assert.Equal(t, tc.want, r.Name())
			assert.Contains(t, why, tc.why)
		})
	}
	_, _, err := hostnet.Detect(image{})
	assert.Equal(t, fault.Refused, fault.KindOf(err))
	assert.NotEmpty(t, fault.HintOf(err))
	lost := having(nm)
	lost.broken = fault.New(fault.Transient, "the connection was lost: %w", errors.New("EOF"))
	_, _, err = hostnet.Detect(lost)
	assert.Equal(t, fault.Transient, fault.KindOf(err), "what was not answered is not taken for an absence")
	strange := rocky8
	strange.manager = "unknown"
	_, _, err = hostnet.Detect(strange)
	assert.Equal(t, fault.Failed, fault.KindOf(err))
}

// put makes the interfaces of a host what they are to be, as a caller of the package does.
func (i image) put(t *testing.T, nics []hostnet.NIC) {
	t.Helper()
	r, _, err := hostnet.Detect(i)
	require.NoError(t, err)
	for p := range i.disk {
		for _, pattern := range r.Stale() {
			if ok, _ := path.Match(pattern, p); ok {
				delete(i.disk, p)
			}
		}
	}
	files, err := r.Files(nics)
	require.NoError(t, err)
	for _, f := range files {
		i.disk[f.Path] = string(f.Data)
	}
}

func TestNothingIsWrittenThatAnOldNetworkManagerDoesNotKnow(t *testing.T) {
	for name, nics := range cases {
		for _, host := range []image{centos7, debianOld} {
			r, _, err := hostnet.Detect(host)
			require.NoError(t, err)
			files, err := r.Files(nics)
			require.NoError(t, err)
			for _, f := range files {
				assert.NotContains(t, string(f.Data), "[ipv6]\nmethod=disabled", "%s: %s", name, f.Path)
				assert.NotContains(t, string(f.Data), "NM_CONTROLLED=no", "%s: %s: only the network service would read it, which need not be enabled", name, f.Path)
			}
		}
	}
}
