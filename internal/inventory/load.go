package inventory

import (
	"context"
	"slices"
	"strings"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// Keys reads StackStorm's datastore, system scope. A missing key is no error.
type Keys interface {
	GetAny(ctx context.Context, key string) (v secret.String, encrypted, found bool, err error)
}

const loadHint = "correct datastore/hosts.json, check it with \"laas inventory validate\", then run: st2 key load datastore/hosts.json"

// Load reads the whole lab: the key hosts, each host's key, and switch_<name> for each switch that an interface names.
func Load(ctx context.Context, keys Keys) (*Inventory, error) {
	rep := &report{}
	value, found, err := get(ctx, keys, hostsKey)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, noHosts()
	}
	inv := &Inventory{Hosts: map[string]*Host{}, Switches: map[string]*Switch{}}
	inv.Names = parseNames(rep, value)
	for _, name := range inv.Names {
		h, err := loadHost(ctx, keys, rep, name)
		if err != nil {
			return nil, err
		}
		inv.Hosts[name] = h
	}
	for _, name := range inv.cabled() {
		if inv.Switches[name], err = loadSwitch(ctx, keys, rep, name); err != nil {
			return nil, err
		}
	}
	inv.check(rep)
	if err := wrong(rep, "the inventory in the datastore"); err != nil {
		return nil, err
	}
	return inv, nil
}

func noHosts() error {
	return fault.New(fault.Config, "the datastore key %q, which lists the lab's hosts, does not exist", hostsKey).
		WithHint("load the inventory: st2 key load datastore/hosts.json")
}

// LoadHost reads one host and nothing else.
func LoadHost(ctx context.Context, keys Keys, name string) (*Host, error) {
	if !namePattern.MatchString(name) || strings.HasPrefix(name, ownPrefix) || strings.HasPrefix(name, switchPrefix) || name == hostsKey {
		return nil, fault.New(fault.Input, "%q cannot be the name of a host", name)
	}
	rep := &report{}
	h, err := loadHost(ctx, keys, rep, name)
	if err != nil {
		return nil, err
	}
	if err := wrong(rep, "the inventory entry of "+name); err != nil {
		return nil, err
	}
	return h, nil
}

func loadHost(ctx context.Context, keys Keys, rep *report, name string) (*Host, error) {
	value, found, err := get(ctx, keys, name)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fault.New(fault.Config, "the datastore key %q, the inventory entry of that host, does not exist", name).
			WithHint("add the host to datastore/hosts.json, then run: st2 key load datastore/hosts.json")
	}
	raw, ok := valueOf(rep, name, value)
	if !ok {
		return nil, nil
	}
	return readHost(rep, name, raw), nil
}

// LoadSwitch reads one switch. Labs keep switch_<name> by hand; without it the switch is an nxos at its own name.
func LoadSwitch(ctx context.Context, keys Keys, name string) (*Switch, error) {
	if !namePattern.MatchString(name) {
		return nil, fault.New(fault.Input, "%q cannot be the name of a switch", name)
	}
	rep := &report{}
	s, err := loadSwitch(ctx, keys, rep, name)
	if err != nil {
		return nil, err
	}
	if err := wrong(rep, "the inventory entry of switch "+name); err != nil {
		return nil, err
	}
	return s, nil
}

func loadSwitch(ctx context.Context, keys Keys, rep *report, name string) (*Switch, error) {
	value, found, err := get(ctx, keys, switchPrefix+name)
	if err != nil {
		return nil, err
	}
	if !found {
		return defaultSwitch(name), nil
	}
	raw, ok := valueOf(rep, switchPrefix+name, value)
	if !ok {
		return nil, nil
	}
	s, _ := readSwitch(rep, name, raw)
	return s, nil
}

// cabled lists the switches that interfaces are cabled to.
func (inv *Inventory) cabled() (names []string) {
	for _, h := range inv.Hosts {
		if h == nil {
			continue
		}
		for _, n := range h.NICs {
			if n.Switch != "" && !slices.Contains(names, n.Switch) {
				names = append(names, n.Switch)
			}
		}
	}
	slices.Sort(names)
	return names
}

func get(ctx context.Context, keys Keys, key string) (value string, found bool, err error) {
	v, _, found, err := keys.GetAny(ctx, key)
	if err != nil {
		return "", false, fault.Wrap(err, "reading %s from the datastore", key)
	}
	return v.Reveal(), found, nil
}

// wrong makes one error of all that was reported, or nil.
func wrong(rep *report, what string) error {
	err := fault.FromProblems(fault.Config, what, rep.errors)
	if err == nil {
		return nil
	}
	return err.(*fault.Error).WithHint(loadHint)
}
