package hostnet

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"stackstorm-laas/internal/fault"
)

// Host is what Detect asks of a host.
type Host interface {
	// List gives the names in a directory; none, and no error, where it is not there.
	List(dir string) ([]string, error)
	Read(path string) ([]byte, error)
	// NetworkManager gives the version of the one that is installed, such as "1.18.8-2.el7_9"; "" where there is none.
	NetworkManager() (version string, err error)
}

const (
	managerDir     = "/etc/NetworkManager"
	interfacesFile = "/etc/network/interfaces"
	interfacesDir  = "/etc/network/interfaces.d"
)

// Detect finds out how a host configures its network, and says why it thinks so, in words of its own. Where two systems could, it is the one that has
// the interfaces now, since that one brought the host up; the other's files go as well, and it is told to keep off.
func Detect(h Host) (r Renderer, why string, err error) {
	l := look{host: h}
	r, why = l.choose()
	switch {
	case l.err != nil:
		return nil, "", fault.Wrap(l.err, "look how the host configures its network")
	case r == nil:
		return nil, "", fault.New(fault.Refused, "the host configures its network in no way that the pack knows: netplan, wicked, NetworkManager, ifcfg or ifupdown").
			WithHint("use an image with one of /etc/netplan, /etc/wicked, NetworkManager, %s, %s", ifcfgRHEL, interfacesFile)
	}
	return r, why, nil
}

// look keeps the first error of several questions.
type look struct {
	host Host
	err  error
}

func (l *look) choose() (Renderer, string) {
	cloudInit := cloudInit(l.has("/etc/cloud/cloud.cfg.d"))
	switch {
	case l.has("/etc/netplan"):
		return netplan{cloudInit}, "it has netplan"
	case l.has("/etc/wicked"):
		return ifcfg{suse: true, cloudInit: cloudInit}, "it has wicked"
	}
	version, interfaces, scripts := l.manager(), l.has(interfacesFile), l.has(ifcfgRHEL)
	named := version != "" && interfaces && l.named()
	switch old := l.older(version, 1, 20); {
	case named && (l.has("/sbin/ifup") || l.has("/usr/sbin/ifup")):
		return ifupdown{managed: true, cloudInit: cloudInit}, "it has NetworkManager, too, which leaves alone what " + interfacesFile + " names, and that names interfaces"
	case old && scripts: // whichever of NetworkManager and the network service is enabled there, it reads these
		return ifcfg{cloudInit: cloudInit}, "its NetworkManager is older than 1.20, and reads network-scripts"
	case version != "":
		return networkManager{old: old, alone: !named, cloudInit: cloudInit}, "it has NetworkManager"
	case scripts:
		return ifcfg{cloudInit: cloudInit}, "it has network-scripts and no NetworkManager"
	case interfaces:
		return ifupdown{cloudInit: cloudInit}, "it has " + interfacesFile + " and no NetworkManager"
	}
	return nil, ""
}

func (l *look) list(dir string) []string {
	names, err := l.host.List(dir)
	if l.err == nil {
		l.err = err
	}
	return names
}

func (l *look) has(p string) bool { return slices.Contains(l.list(path.Dir(p)), path.Base(p)) }

func (l *look) manager() string {
	if !l.has(managerDir) {
		return ""
	}
	version, err := l.host.NetworkManager()
	if l.err == nil {
		l.err = err
	}
	return version
}

func (l *look) older(version string, major, minor int) bool {
	var a, b int
	if version == "" {
		return false
	}
	if _, err := fmt.Sscanf(version, "%d.%d", &a, &b); err != nil {
		if l.err == nil {
			l.err = fault.New(fault.Failed, "the version of its NetworkManager is none: %w", err)
		}
		return false
	}
	return a < major || a == major && b < minor
}

// named says whether the files of ifupdown have any interface but the loopback's.
func (l *look) named() bool {
	files := []string{interfacesFile}
	for _, name := range l.list(interfacesDir) {
		files = append(files, path.Join(interfacesDir, name))
	}
	for _, file := range files {
		text, err := l.host.Read(file)
		if l.err == nil && !fault.Is(err, fault.NotFound) {
			l.err = err
		}
		for line := range strings.Lines(string(text)) {
			if words := strings.Fields(line); len(words) > 1 && words[0] == "iface" && words[1] != "lo" {
				return true
			}
		}
	}
	return false
}
