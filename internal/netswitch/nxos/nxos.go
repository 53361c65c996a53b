// Package nxos drives Cisco NX-OS switches by NX-API (JSON over HTTPS).
package nxos

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/rest"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
)

// Config is a switch and a login on it.
type Config struct {
	// Switch is what errors call it.
	Switch string
	// Address is a host, host:port or URL. Only an address that begins with http:// is talked to in clear.
	Address  string
	User     string
	Password secret.String
	// DarkVLAN is where untagged frames of a port without native VLAN would go; it is allowed on no port, so that they go nowhere.
	// 0 leaves the switch's default native VLAN, which then is not allowed either.
	DarkVLAN int
	// Timeout bounds each request.
	Timeout time.Duration
	// Retry repeats reads, and nothing else.
	Retry     retry.Policy
	Transport http.RoundTripper
}

type driver struct {
	cfg  Config
	http rest.Client
}

// New makes a driver. It does not connect.
func New(cfg Config) (netswitch.Driver, error) {
	address := cfg.Address
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	base, err := rest.Address("the address of switch "+cfg.Switch, address)
	if err != nil {
		return nil, err
	}
	if cfg.DarkVLAN < 0 || cfg.DarkVLAN > 4094 {
		return nil, fault.New(fault.Config, "the dark VLAN %d is not one of 1 to 4094", cfg.DarkVLAN)
	}
	login := base64.StdEncoding.EncodeToString([]byte(cfg.User + ":" + cfg.Password.Reveal()))
	return &driver{cfg: cfg, http: rest.Client{
		Base: base, Header: http.Header{"Authorization": {"Basic " + login}}, Timeout: cfg.Timeout, Transport: cfg.Transport,
	}}, nil
}

// Write implements netswitch.Driver: all ports in one request, which is made once.
func (d *driver) Write(ctx context.Context, ports []netswitch.Port) error {
	commands, err := d.commands(ports)
	if err != nil {
		return err
	}
	_, err = d.post(ctx, conf, commands)
	return fault.Wrap(err, "write ports of switch %s", d.cfg.Switch)
}

// Save implements netswitch.Driver.
func (d *driver) Save(ctx context.Context) error {
	_, err := d.post(ctx, conf, []string{"copy running-config startup-config"})
	return fault.Wrap(err, "save the configuration of switch %s", d.cfg.Switch)
}

// What may become part of a command. Everything else, and above all the separator of commands, is refused.
var portName = regexp.MustCompile(`^(?i:e|eth|ethernet|po|port-channel)\d{1,4}(/\d{1,3}){0,3}$`)

func checkNames(ports []string) error {
	for _, p := range ports {
		if !portName.MatchString(p) {
			return fault.New(fault.Input, "%q is no port name of NX-OS, like Ethernet1/7", p)
		}
	}
	return nil
}

// commands is the whole change.
func (d *driver) commands(ports []netswitch.Port) ([]string, error) {
	var out []string
	for _, p := range ports {
		if err := d.check(p); err != nil {
			return nil, err
		}
		out = append(out, d.port(p)...)
	}
	return out, nil
}

// port brings one port into its state, in an order that at no time joins it with a VLAN that it has neither before nor after: what a mode
// carries is written before the mode, and what may pass before the native VLAN. Of the mode that the port is not in nothing is left
// behind, for the day when somebody changes the mode by hand.
func (d *driver) port(p netswitch.Port) []string {
	out := []string{"interface " + p.Name}
	if p.Shutdown {
		out = append(out, "shutdown")
	}
	if p.Description != "" {
		out = append(out, "description "+p.Description)
	} else {
		out = append(out, "no description")
	}
	out = append(out, "switchport")
	if p.Chosen() == netswitch.Access {
		out = append(out, "switchport access vlan "+strconv.Itoa(p.Native), "switchport mode access")
		out = append(out, d.trunk(nil, 0)...)
	} else {
		out = append(out, d.trunk(p.Tagged, p.Native)...)
		out = append(out, "switchport mode trunk", d.orDark("switchport access vlan", 0))
	}
	if p.MTU != 0 {
		out = append(out, "mtu "+strconv.Itoa(p.MTU))
	}
	if !p.Shutdown {
		out = append(out, "no shutdown")
	}
	return out
}

// trunk is what a trunk carries.
func (d *driver) trunk(tagged []int, native int) []string {
	allowed, list := slices.Clone(tagged), "none"
	if native != 0 {
		allowed = append(allowed, native)
	}
	slices.Sort(allowed)
	if len(allowed) > 0 {
		list = netswitch.Ranges(allowed)
	}
	return []string{"switchport trunk allowed vlan " + list, d.orDark("switchport trunk native vlan", native)}
}

// orDark sets a VLAN, the dark one where there is none to set.
func (d *driver) orDark(command string, id int) string {
	if id = cmp.Or(id, d.cfg.DarkVLAN); id == 0 {
		return "no " + command
	}
	return command + " " + strconv.Itoa(id)
}

func (d *driver) check(p netswitch.Port) error {
	if err := checkNames([]string{p.Name}); err != nil {
		return err
	}
	if !netswitch.ValidDescription(p.Description) {
		return fault.New(fault.Input, "port %s: the description %q has characters or a length that a switch's command line does not take", p.Name, p.Description)
	}
	if mode := p.Chosen(); mode != netswitch.Access && mode != netswitch.Trunk {
		return fault.New(fault.Input, "port %s: %q is neither access nor trunk", p.Name, mode)
	}
	for _, id := range append([]int{p.Native}, p.Tagged...) {
		if id < 0 || id > 4094 {
			return fault.New(fault.Input, "port %s: VLAN %d is not one of 1 to 4094", p.Name, id)
		}
		if id != 0 && id == d.cfg.DarkVLAN {
			return fault.New(fault.Refused, "port %s: VLAN %d is the dark VLAN, which no port may carry", p.Name, id)
		}
	}
	return nil
}
