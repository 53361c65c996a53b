// Package nxos drives Cisco NX-OS switches by NX-API (JSON over HTTPS).
package nxos

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
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

// perRequest is how many ports are read with one request: a switch takes ten show commands and ignores those beyond.
const perRequest = 5

// Read implements netswitch.Driver.
func (d *driver) Read(ctx context.Context, ports []string) (map[string]netswitch.Port, error) {
	if err := checkNames(ports); err != nil {
		return nil, err
	}
	out := make(map[string]netswitch.Port, len(ports))
	for some := range slices.Chunk(ports, perRequest) {
		var commands []string
		for _, p := range some {
			commands = append(commands, "show interface "+p+" switchport", "show interface "+p)
		}
		answers, err := retry.Do(ctx, d.cfg.Retry, func() ([]answer, error) { return d.post(ctx, "cli_show", commands) })
		if err != nil {
			return nil, fault.Wrap(err, "read ports of switch %s", d.cfg.Switch)
		}
		for i, p := range some {
			port, err := parse(p, answers[2*i].body, answers[2*i+1].body)
			if err != nil {
				return nil, fault.Wrap(err, "read port %s of switch %s", p, d.cfg.Switch)
			}
			out[p] = port
		}
	}
	return out, nil
}

// Write implements netswitch.Driver: all ports in one request, which is made once.
func (d *driver) Write(ctx context.Context, ports []netswitch.Port) error {
	commands, err := d.commands(ports)
	if err != nil {
		return err
	}
	_, err = d.post(ctx, "cli_conf", commands)
	return fault.Wrap(err, "write ports of switch %s", d.cfg.Switch)
}

// Save implements netswitch.Driver.
func (d *driver) Save(ctx context.Context) error {
	_, err := d.post(ctx, "cli_conf", []string{"copy running-config startup-config"})
	return fault.Wrap(err, "save the configuration of switch %s", d.cfg.Switch)
}

// What may become part of a command. Everything else, and above all the separator of commands, is refused.
var (
	portName    = regexp.MustCompile(`^(?i:e|eth|ethernet|po|port-channel)\d{1,4}(/\d{1,3}){0,3}$`)
	description = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9 ._:/@+-]*[A-Za-z0-9])?)?$`)
)

func checkNames(ports []string) error {
	for _, p := range ports {
		if !portName.MatchString(p) {
			return fault.New(fault.Input, "%q is no port name of NX-OS, like Ethernet1/7", p)
		}
	}
	return nil
}

// commands is the whole change, in an order that at no time joins a port with a VLAN that it has neither before nor after: what
// may pass is replaced before the native VLAN is.
func (d *driver) commands(ports []netswitch.Port) ([]string, error) {
	used := map[int]bool{}
	var perPort []string
	for _, p := range ports {
		if err := d.check(p); err != nil {
			return nil, err
		}
		allowed := slices.Clone(p.Tagged)
		if p.Native != 0 {
			allowed = append(allowed, p.Native)
		}
		slices.Sort(allowed)
		for _, id := range allowed {
			used[id] = true
		}
		perPort = append(perPort, d.port(p, allowed)...)
	}
	if d.cfg.DarkVLAN != 0 {
		used[d.cfg.DarkVLAN] = true
	}
	var out []string
	for _, id := range sorted(used) {
		if id != 1 { // always there, and not to be configured
			out = append(out, fmt.Sprintf("vlan %d", id))
		}
	}
	return append(out, perPort...), nil
}

func (d *driver) port(p netswitch.Port, allowed []int) []string {
	list := "none"
	if len(allowed) > 0 {
		list = netswitch.Ranges(allowed)
	}
	native := p.Native
	if native == 0 {
		native = d.cfg.DarkVLAN
	}
	out := []string{"interface " + p.Name}
	if p.Shutdown {
		out = append(out, "shutdown")
	}
	if p.Description != "" {
		out = append(out, "description "+p.Description)
	}
	out = append(out, "switchport", "switchport mode trunk", "switchport trunk allowed vlan "+list)
	if native == 0 {
		out = append(out, "no switchport trunk native vlan")
	} else {
		out = append(out, fmt.Sprintf("switchport trunk native vlan %d", native))
	}
	if !p.Shutdown {
		out = append(out, "no shutdown")
	}
	return out
}

func (d *driver) check(p netswitch.Port) error {
	if err := checkNames([]string{p.Name}); err != nil {
		return err
	}
	if len(p.Description) > 80 || !description.MatchString(p.Description) {
		return fault.New(fault.Input, "port %s: the description %q has characters or a length that a switch's command line does not take", p.Name, p.Description)
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

func sorted(set map[int]bool) []int {
	out := make([]int, 0, len(set))
	for id := range set {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
