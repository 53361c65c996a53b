package hostnet

import (
	"fmt"
	"strings"
)

// ifcfg writes one file for each interface: in the dialect of Red Hat's network-scripts, or in that of SUSE's wicked (ifcfg(5)). The former is read by
// the network service, by NetworkManager's plugin ifcfg-rh, or by both, which then agree on who does it.
type ifcfg struct {
	suse      bool
	cloudInit cloudInit
}

const (
	ifcfgRHEL = "/etc/sysconfig/network-scripts"
	ifcfgSUSE = "/etc/sysconfig/network"
)

func (r ifcfg) Name() string {
	if r.suse {
		return "wicked"
	}
	return "ifcfg"
}

func (r ifcfg) dir() string {
	if r.suse {
		return ifcfgSUSE
	}
	return ifcfgRHEL
}

// Stale are all interfaces but the loopback's, and SUSE's routes.
func (r ifcfg) Stale() []string {
	at := r.dir() + "/ifcfg-"
	out := append([]string{at + "[^l]*", at + "l[^o]*", at + "lo?*"}, staleNames...)
	if r.suse {
		return append(out, ifcfgSUSE+"/routes", ifcfgSUSE+"/ifroute-*")
	}
	return append(out, keyfileDir+"*")
}

func (r ifcfg) Files(nics []NIC) ([]File, error) {
	ports, err := plan(nics)
	if err != nil {
		return nil, err
	}
	var files []File
	add := func(name, text string) {
		files = append(files, File{r.dir() + "/ifcfg-" + name, 0o644, []byte(header + text)})
	}
	for _, p := range ports {
		if p.bond == nil {
			add(device(p), r.wire(p))
		} else if p.carries {
			add(device(p), r.bond(p))
		}
		for _, m := range p.members {
			add(device(m), r.member(m, p))
		}
		for _, v := range p.vlans {
			add(r.vlanName(p, v), r.vlan(p, v))
		}
	}
	files = append(files, names(ports)...)
	return append(files, r.cloudInit.files()...), nil
}

// wire also writes interfaces that are to stay down: without a file, an installer's default may start them.
func (r ifcfg) wire(p port) string {
	if r.suse {
		start := "off"
		if p.carries {
			start = "auto"
		}
		return fmt.Sprintf("STARTMODE='%s'\n", start) + r.rest(p, p.untagged)
	}
	up := "no"
	if p.carries {
		up = "yes"
	}
	return fmt.Sprintf("DEVICE=%s\nHWADDR=%s\nTYPE=Ethernet\nONBOOT=%s\n", device(p), strings.ToUpper(p.mac), up) + r.rest(p, p.untagged)
}

func (r ifcfg) bond(p port) string {
	if !r.suse {
		return fmt.Sprintf("DEVICE=%s\nTYPE=Bond\nBONDING_MASTER=yes\nBONDING_OPTS=\"mode=%s miimon=%d\"\nMACADDR=%s\nONBOOT=yes\n",
			device(p), p.bond.Mode, monitor, strings.ToUpper(p.mac)) + r.rest(p, p.untagged)
	}
	text := fmt.Sprintf("STARTMODE='auto'\nBONDING_MASTER='yes'\nBONDING_MODULE_OPTS='mode=%s miimon=%d'\nLLADDR='%s'\n", p.bond.Mode, monitor, p.mac)
	for i, m := range p.members {
		text += fmt.Sprintf("BONDING_SLAVE_%d='%s'\n", i, device(m))
	}
	return text + r.rest(p, p.untagged)
}

// member is an interface of a bond, by itself where the bond carries nothing.
func (r ifcfg) member(m, bond port) string {
	switch {
	case !bond.carries:
		return r.wire(m)
	case r.suse:
		return "STARTMODE='hotplug'\n" + r.rest(m, m.untagged)
	}
	return fmt.Sprintf("DEVICE=%s\nHWADDR=%s\nTYPE=Ethernet\nONBOOT=yes\nMASTER=%s\nSLAVE=yes\n", device(m), strings.ToUpper(m.mac), device(bond)) + r.rest(m, m.untagged)
}

func (r ifcfg) vlan(p port, v link) string {
	if r.suse {
		return fmt.Sprintf("STARTMODE='auto'\nETHERDEVICE='%s'\nVLAN_ID='%d'\n", device(p), v.id) + r.rest(p, v)
	}
	return fmt.Sprintf("DEVICE=%s\nVLAN=yes\nONBOOT=yes\n", r.vlanName(p, v)) + r.rest(p, v)
}

// vlanName is a VLAN's name. Red Hat's scripts read parent and number out of it.
func (r ifcfg) vlanName(p port, v link) string {
	if r.suse {
		return v.name
	}
	return fmt.Sprintf("%s.%d", device(p), v.id)
}

// rest is the MTU, and whether the link gets addresses and a default route.
func (r ifcfg) rest(p port, l link) string {
	text := ""
	if p.mtu != 0 {
		text = fmt.Sprintf("MTU=%d\n", p.mtu)
	}
	switch {
	case r.suse && l.dhcp():
		return text + fmt.Sprintf("BOOTPROTO='dhcp'\nDHCLIENT_SET_DEFAULT_ROUTE='yes'\nDHCLIENT_ROUTE_PRIORITY='%d'\n", l.metric)
	case r.suse:
		return text + "BOOTPROTO='none'\n"
	case l.dhcp(): // the scripts' names of it, then the plugin's
		return text + fmt.Sprintf("BOOTPROTO=dhcp\nDEFROUTE=yes\nMETRIC=%[1]d\nPERSISTENT_DHCLIENT=yes\nIPV6INIT=yes\nIPV6_AUTOCONF=yes\n"+
			"IPV4_ROUTE_METRIC=%[1]d\nIPV6_ROUTE_METRIC=%[1]d\nIPV4_DHCP_TIMEOUT=2147483647\nDHCP_CLIENT_ID=mac\nAUTOCONNECT_RETRIES=0\n", l.metric)
	}
	return text + "BOOTPROTO=none\nDEFROUTE=no\nIPV6INIT=no\nAUTOCONNECT_RETRIES=0\n"
}
