package inventory

import (
	"encoding/json"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Drivers are the switch drivers that an entry may name.
var Drivers = []string{"nxos", "ovs"}

// pattern is a regular expression that is compiled when it is first needed: most actions read one host and match little, and
// compiling all of them would take longer than the rest of their start.
type pattern func() *regexp.Regexp

func lazily(text string) pattern {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

func (p pattern) MatchString(s string) bool { return p().MatchString(s) }

// Names end up in datastore keys, in URLs and in parameters of workflows, and ports in commands to a switch.
var (
	namePattern = lazily(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	keyPattern  = lazily(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)
	portPattern = lazily(`^[A-Za-z0-9][A-Za-z0-9/._: -]{0,62}$`)
	nicPattern  = lazily(`^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$`)
	label       = lazily(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	allDigits   = lazily(`^[0-9]+$`)
)

// ValidHostname says whether s is a host name by RFC 1123: labels of letters, digits and inner hyphens, 253 characters in all.
func ValidHostname(s string) bool {
	return len(s) <= 253 && !slices.ContainsFunc(strings.Split(s, "."), func(l string) bool { return !label.MatchString(l) })
}

// reachable says whether s is an IP address or a host name.
func reachable(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	// 10.0.0 and 10.0.0.256 are mistyped addresses, not names.
	return ValidHostname(s) && !allDigits.MatchString(s[strings.LastIndexByte(s, '.')+1:])
}

// readHost reads the value of a host's entry.
func readHost(rep *report, name string, raw json.RawMessage) *Host {
	o, ok := readObject(rep, name, raw)
	if !ok {
		return nil
	}
	h := &Host{Name: name, FOGName: o.text("fog_name"), Hostname: o.text("hostname"), Images: map[string]string{}}
	h.DashboardID = o.dashboardID(name)
	if h.FOGName == "" {
		rep.warn(o.at("fog_name"), "is not given; FOG is asked for a host %q", name)
		h.FOGName = name
	}
	if h.Hostname == "" {
		rep.warn(o.at("hostname"), "is not given; the lab reaches the host as %q", name)
		h.Hostname = name
	}
	if !reachable(h.Hostname) {
		rep.fail(o.at("hostname"), "%q is neither an IP address nor a host name (RFC 1123: letters, digits and hyphens between dots)", h.Hostname)
	}
	h.SSHPort = o.integer("ssh_port", 1, 65535, 22, "a port")
	for _, family := range []string{"ubuntu", "centos", "suse"} {
		o.image(h, family)
	}
	h.NICs = o.interfaces()
	h.Bonds = o.bonds(h)
	if raw, ok := o.take("bmc"); ok {
		h.BMC = readBMC(rep, o.at("bmc"), name, raw)
	}
	refuseLogin(rep, name, o.login(), "login_bmc_"+name)
	h.Unknown = o.unknown()
	return h
}

// dashboardID reads dashboard_id, or laas_id as files of 2019 have it.
func (o *object) dashboardID(name string) string {
	id, old := o.id("dashboard_id"), o.id("laas_id")
	switch {
	case id != "" && old != "" && id != old:
		o.rep.fail(o.at("laas_id"), "is %q and dashboard_id is %q; keep one of them", old, id)
	case id == "" && old == "":
		return name
	case id == "":
		id = old
	}
	if !namePattern.MatchString(id) {
		o.rep.fail(o.at("dashboard_id"), "%q cannot be an id on the dashboard (letters, digits, dot, hyphen, underscore)", id)
	}
	return id
}

// image reads the FOG image for an OS family.
func (o *object) image(h *Host, family string) {
	key := family + "_image"
	image := o.id(key)
	if n, err := strconv.Atoi(image); err == nil && n <= 0 {
		o.rep.warn(o.at(key), "is %d, which is no image of FOG; the host counts as having none for %s", n, family)
		return
	}
	if image != "" {
		h.Images[family] = image
	}
}

// interfaces reads the NICs, ordered by MAC.
func (o *object) interfaces() (nics []NIC) {
	raw, given := o.take("interfaces")
	if !given || strings.Join(strings.Fields(string(raw)), "") == "{}" {
		o.rep.warn(o.at("interfaces"), "has none; the host can be imaged, not wired to a booking's networks")
		return nil
	}
	all, ok := readObject(o.rep, o.at("interfaces"), raw)
	if !ok {
		return nil
	}
	for _, key := range all.keys {
		path := all.path + "[" + key + "]"
		if nic, ok := readNIC(o.rep, path, key, all.fields[key]); ok {
			nics = append(nics, nic)
		}
	}
	slices.SortStableFunc(nics, func(a, b NIC) int { return strings.Compare(string(a.MAC), string(b.MAC)) })
	return nics
}

func readNIC(rep *report, path, key string, raw json.RawMessage) (nic NIC, ok bool) {
	o, ok := readObject(rep, path, raw)
	if !ok {
		return nic, false
	}
	nic = NIC{Name: o.text("name"), Bus: o.text("bus"), Switch: o.text("switch"), Port: o.text("port")}
	nic.MAC = readMAC(rep, path, key)
	if text := o.text("mac"); text != "" && text != key {
		if mac := readMAC(rep, o.at("mac"), text); mac != "" && nic.MAC != "" && mac != nic.MAC {
			rep.fail(o.at("mac"), "is %s and differs from the key %s it stands under", mac, nic.MAC)
		}
	}
	o.cable("switch", nic.Switch, namePattern)
	o.cable("port", nic.Port, portPattern)
	if nic.Name != "" && !nicPattern.MatchString(nic.Name) {
		rep.fail(o.at("name"), "%q cannot be the name of an interface (at most 15 letters, digits, dots, hyphens)", nic.Name)
	}
	nic.BMCVLAN = o.integer("bmc_vlan", 1, 4094, 0, "a VLAN")
	o.unknown()
	return nic, nic.MAC != ""
}

// cable checks one end of where an interface is cabled to.
func (o *object) cable(key, value string, valid pattern) {
	switch {
	case value == "":
		o.rep.fail(o.at(key), "is not given; the pack must know the switch and the port of every interface in the inventory")
	case !valid.MatchString(value):
		o.rep.fail(o.at(key), "%q cannot be the name of a %s", value, key)
	}
}

// readMAC reads a MAC that a NIC can have, "" if it is none.
func readMAC(rep *report, path, text string) MAC {
	mac, err := ParseMAC(text)
	if err != nil {
		rep.fail(path, "%s", err)
		return ""
	}
	hw, _ := net.ParseMAC(string(mac))
	if hw[0]&1 == 1 || mac == "00:00:00:00:00:00" {
		rep.fail(path, "%s is not the address of an interface (all zero, broadcast or multicast)", mac)
		return ""
	}
	if string(mac) != text {
		rep.warn(path, "%q is read as %s", text, mac)
	}
	return mac
}

// suitesInClear are the cipher suites of IPMI 2.0 that do not encrypt: a password set through them can be read on the wire.
var suitesInClear = []int{1, 2, 6, 7, 11, 15, 16}

func readBMC(rep *report, path, host string, raw json.RawMessage) *BMC {
	o, ok := readObject(rep, path, raw)
	if !ok {
		return nil
	}
	b := &BMC{Address: o.text("address"), Protocol: o.text("protocol"), Credentials: o.text("credentials")}
	if !reachable(b.Address) {
		rep.fail(o.at("address"), "%q is neither an IP address nor a host name", b.Address)
	}
	if b.Protocol == "" {
		b.Protocol = "ipmi"
	}
	port := 623
	switch b.Protocol {
	case "redfish":
		port = 443
	case "ipmi":
	default:
		rep.fail(o.at("protocol"), "is %q; allowed are ipmi, redfish", b.Protocol)
	}
	b.Port = o.integer("port", 1, 65535, port, "a port")
	b.CipherSuite = o.integer("cipher_suite", -1, 17, 17, "a cipher suite (-1 asks the BMC)")
	if b.CipherSuite == 0 {
		rep.fail(o.at("cipher_suite"), "is 0, with which anybody may log in without a password; disable it on the BMC")
	}
	if slices.Contains(suitesInClear, b.CipherSuite) {
		rep.warn(o.at("cipher_suite"), "is %d, which does not encrypt; the tenant's password can be read on the BMC network", b.CipherSuite)
	}
	if mac := o.text("mac"); mac != "" {
		b.MAC = readMAC(rep, o.at("mac"), mac)
	}
	login := o.login()
	refuseLogin(rep, path, login, "login_bmc_"+host)
	if b.Credentials == "" && login == nil {
		rep.fail(o.at("credentials"), `is not given; name the encrypted key that holds {"user": ..., "password": ...} of the administrator, e.g. "login_bmc_%s"`, host)
	}
	checkKey(rep, o.at("credentials"), b.Credentials)
	o.unknown()
	return b
}

// readSwitch reads the value of a switch_<name> entry, and tells which of its keys hold a login: that is in order in an
// encrypted key only.
func readSwitch(rep *report, name string, raw json.RawMessage) (s *Switch, login []string) {
	o, ok := readObject(rep, switchPrefix+name, raw)
	if !ok {
		return nil, nil
	}
	s = defaultSwitch(name)
	if driver := o.text("driver"); driver != "" {
		s.Driver = driver
	}
	if !slices.Contains(Drivers, s.Driver) {
		rep.fail(o.at("driver"), "is %q; allowed are %s", s.Driver, strings.Join(Drivers, ", "))
	}
	if address := o.text("address"); address != "" {
		s.Address = address
	}
	switch {
	case strings.Contains(s.Address, "@"):
		rep.fail(o.at("address"), `holds a login; put it into an encrypted key and leave the address as http(s)://host:port`)
	case s.Driver == "ovs":
		readOVSDB(rep, o.at("address"), s.Address)
	case !validAddress(s.Address):
		rep.fail(o.at("address"), "%q is neither a host name, an IP address, nor a URL http(s)://host:port", s.Address)
	}
	s.Credentials = o.text("credentials")
	checkKey(rep, o.at("credentials"), s.Credentials)
	login = o.login()
	o.unknown()
	return s, login
}

// defaultSwitch is a switch of which nothing but the name is known.
func defaultSwitch(name string) *Switch {
	return &Switch{Name: name, Driver: Drivers[0], Address: name}
}

// validAddress takes a host, host:port, or a URL without anything behind the port.
func validAddress(s string) bool {
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		u, err := url.Parse(s)
		if err != nil || (scheme != "http" && scheme != "https") || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			return false
		}
		s = strings.TrimSuffix(rest, "/")
	}
	if host, port, err := net.SplitHostPort(s); err == nil {
		n, err := strconv.Atoi(port)
		return err == nil && n > 0 && n < 65536 && reachable(host)
	}
	return reachable(strings.Trim(s, "[]"))
}

func checkKey(rep *report, path, key string) {
	if key != "" && !keyPattern.MatchString(key) {
		rep.fail(path, "%q cannot be the name of a datastore key (letters, digits, dot, hyphen, underscore)", key)
	}
}
