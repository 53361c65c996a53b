// Package ovs drives Open vSwitch through its database (OVSDB, RFC 7047), without any program of Open vSwitch on our side.
package ovs

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/retry"
)

// Config is a switch.
type Config struct {
	// Switch is what errors call it.
	Switch string
	// Address of its database: ssl:HOST:PORT, unix:PATH, or tcp:HOST:PORT, which is neither encrypted nor asks who we are.
	Address string
	// TLS says which certificates are trusted and which one is ours, for ssl.
	TLS *tls.Config
	// Timeout bounds each call, the wait for ovs-vswitchd included.
	Timeout time.Duration
	// Retry repeats reads, and nothing else.
	Retry retry.Policy
}

type driver struct{ cfg Config }

// New makes a driver. It does not connect.
func New(cfg Config) (netswitch.Driver, error) {
	kind, rest, _ := strings.Cut(cfg.Address, ":")
	_, port, err := net.SplitHostPort(rest)
	switch {
	case kind == "unix" && strings.HasPrefix(rest, "/"):
	case (kind == "tcp" || kind == "ssl") && err == nil && port != "":
	default:
		return nil, fault.New(fault.Config, "the address of switch %s, %q, is none of ssl:HOST:PORT, tcp:HOST:PORT and unix:/PATH", cfg.Switch, cfg.Address)
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 30 * time.Second
	}
	return &driver{cfg}, nil
}

// Read implements netswitch.Driver.
func (d *driver) Read(ctx context.Context, names []string) (map[string]netswitch.Port, error) {
	if err := checkNames(names); err != nil {
		return nil, err
	}
	all, err := d.All(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]netswitch.Port, len(names))
	for _, name := range names {
		p, ok := all[name]
		if !ok {
			return nil, fault.New(fault.NotFound, "switch %s has no port %s", d.cfg.Switch, name)
		}
		out[name] = p
	}
	return out, nil
}

// All implements netswitch.Lister. The ports of all bridges of the switch are listed: their names are unique.
func (d *driver) All(ctx context.Context) (map[string]netswitch.Port, error) {
	have, err := retry.Do(ctx, d.cfg.Retry, func() (have map[string]port, err error) {
		err = d.with(ctx, func(db *database) error {
			have, err = d.read(db)
			return err
		})
		return have, err
	})
	if err != nil {
		return nil, fault.Wrap(err, "read ports of switch %s", d.cfg.Switch)
	}
	out := make(map[string]netswitch.Port, len(have))
	for name, p := range have {
		out[name] = p.Port
	}
	return out, nil
}

// with runs f on a connection of its own.
func (d *driver) with(ctx context.Context, f func(*database) error) error {
	ctx, stop := context.WithTimeout(ctx, d.cfg.Timeout)
	defer stop()
	db, err := dial(ctx, d.cfg.Address, d.cfg.TLS)
	if err != nil {
		return err
	}
	defer db.close()
	return f(db)
}

// read gives all ports as the switch has them in force: the database is what was wanted, and ovs-vswitchd may be behind.
func (d *driver) read(db *database) (map[string]port, error) {
	results, err := db.transact(selectAll("Open_vSwitch", "next_cfg"))
	if err != nil {
		return nil, err
	}
	if len(results[0].Rows) != 1 {
		return nil, fault.New(fault.Failed, "the database holds no switch")
	}
	next, err := list[int](results[0].Rows[0], "next_cfg")
	if err != nil {
		return nil, err
	}
	if err := d.applied(db, next[0]); err != nil {
		return nil, err
	}
	results, err = db.transact(selectAll("Port", portColumns...), selectAll("Interface", interfaceColumns...))
	if err != nil {
		return nil, err
	}
	return ports(results[0].Rows, results[1].Rows)
}

// applied waits until ovs-vswitchd has taken over what was written up to a number of the configuration.
func (d *driver) applied(db *database, number int) error {
	_, err := db.transact(operation{"op": "wait", "timeout": d.patience().Milliseconds(), "table": "Open_vSwitch", "where": []any{[]any{"cur_cfg", ">=", number}},
		"columns": []string{"cur_cfg"}, "until": "!=", "rows": []any{}})
	if errors.Is(err, errTimedOut) {
		return fault.New(fault.Transient, "ovs-vswitchd has not taken over the configuration in its database").WithHint("see on the switch whether ovs-vswitchd runs")
	}
	return err
}

func (d *driver) patience() time.Duration { return d.cfg.Timeout / 2 }

// Write implements netswitch.Driver: all ports in one transaction, which fails whole if an interface was changed by somebody else since
// it was read here. It returns when ovs-vswitchd has taken over the change.
func (d *driver) Write(ctx context.Context, want []netswitch.Port) error {
	if err := check(want); err != nil {
		return err
	}
	return fault.Wrap(d.with(ctx, func(db *database) error {
		have, err := d.read(db)
		if err != nil {
			return fault.As(fault.Failed, err) // nothing was written, and there is nothing to look up
		}
		ops, opened, err := d.change(have, want)
		if err != nil {
			return err
		}
		results, err := db.transact(append(ops, selectAll("Open_vSwitch", "next_cfg"))...)
		if errors.Is(err, errTimedOut) {
			return fault.New(fault.Failed, "somebody else changed the same ports at the same moment; nothing was written")
		}
		if err != nil {
			return err
		}
		next, err := list[int](results[len(ops)].Rows[0], "next_cfg")
		if err != nil {
			return err
		}
		if err := d.applied(db, next[0]); err != nil {
			return err
		}
		return d.proveOpen(db, want, opened)
	}), "write ports of switch %s", d.cfg.Switch)
}

// change makes the operations of a write, and tells which interfaces then have to be part of the switch.
func (d *driver) change(have map[string]port, want []netswitch.Port) (ops []operation, opened []string, err error) {
	for _, p := range want {
		old, ok := have[p.Name]
		if !ok {
			return nil, nil, fault.New(fault.NotFound, "switch %s has no port %s", d.cfg.Switch, p.Name)
		}
		where := []any{[]any{"name", "==", p.Name}}
		ops = append(ops, update("Port", where, columns(p)))
		describe := []any{[]any{"external_ids", "delete", set("description")}}
		if p.Description != "" {
			describe = append(describe, []any{"external_ids", "insert", dict(map[string]string{"description": p.Description})})
		}
		ops = append(ops, mutate("Port", where, describe...))
		closed := p.Shutdown || (p.Native == 0 && len(p.Tagged) == 0)
		for _, i := range old.interfaces {
			changed, err := i.change(closed, p)
			if err != nil {
				return nil, nil, err
			}
			ops = append(ops, changed...)
			if !closed && !i.broken { // what was broken before the write is none of its doing
				opened = append(opened, i.name)
			}
		}
	}
	all := []any{}
	ops = append(ops, mutate("Open_vSwitch", all, []any{"next_cfg", "+=", 1}))
	return ops, opened, nil
}

// change takes an interface off the switch or puts it on, and sets its MTU.
func (i iface) change(closed bool, p netswitch.Port) ([]operation, error) {
	where := []any{[]any{"_uuid", "==", [2]string{"uuid", i.uuid}}}
	same := map[string]any{"type": i.kind, "options": dict(i.options)}
	ops := []operation{wait(0, "Interface", where, same)}
	forget := []any{"external_ids", "delete", set(holdKey)}
	kind, options := i.kind, i.options
	if i.hold != nil && i.kind == "patch" && i.options["peer"] == "" {
		kind, options = i.hold.Type, i.hold.Options
	}
	if closed {
		text, err := json.Marshal(hold{Shutdown: p.Shutdown, Type: kind, Options: options})
		if err != nil {
			return nil, err
		}
		ops = append(ops, mutate("Interface", where, forget, []any{"external_ids", "insert", dict(map[string]string{holdKey: string(text)})}))
		kind, options = "patch", nil
	} else {
		ops = append(ops, mutate("Interface", where, forget))
	}
	row := map[string]any{"type": kind, "options": dict(options)}
	if p.MTU != 0 {
		row["mtu_request"] = p.MTU
	}
	return append(ops, update("Interface", where, row)), nil
}

// proveOpen looks whether the interfaces became part of the switch, with their MTU.
func (d *driver) proveOpen(db *database, want []netswitch.Port, opened []string) error {
	have, err := db.transact(selectAll("Interface", "name", "error"))
	if err != nil {
		return err
	}
	for _, r := range have[0].Rows {
		name, err := list[string](r, "name")
		if err != nil {
			return err
		}
		why, err := list[string](r, "error")
		if err != nil {
			return err
		}
		if len(why) > 0 && slices.Contains(opened, name[0]) {
			return fault.New(fault.Failed, "interface %s cannot be part of the switch: %s", name[0], why[0])
		}
	}
	for _, p := range want {
		if p.MTU == 0 || !slices.Contains(opened, p.Name) {
			continue
		}
		// The MTU in force follows the one that was asked for within a moment, or not at all.
		_, err := db.transact(wait(d.patience()/4, "Interface", []any{[]any{"name", "==", p.Name}}, map[string]any{"mtu": p.MTU}))
		if errors.Is(err, errTimedOut) {
			return fault.New(fault.Failed, "interface %s does not take an MTU of %d", p.Name, p.MTU)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Save implements netswitch.Driver. The database is on the disk when a transaction has been answered.
func (d *driver) Save(context.Context) error { return nil }

var portName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,62}$`)

func checkNames(names []string) error {
	for _, name := range names {
		if !portName.MatchString(name) {
			return fault.New(fault.Input, "%q is no name of a port of Open vSwitch", name)
		}
	}
	return nil
}

func check(want []netswitch.Port) error {
	for _, p := range want {
		if err := checkNames([]string{p.Name}); err != nil {
			return err
		}
		if !netswitch.ValidDescription(p.Description) {
			return fault.New(fault.Input, "port %s: the description %q has characters or a length that a switch does not take", p.Name, p.Description)
		}
		if mode := p.Chosen(); mode != netswitch.Access && mode != netswitch.Trunk {
			return fault.New(fault.Input, "port %s: %q is neither access nor trunk", p.Name, mode)
		}
		for _, id := range append([]int{p.Native}, p.Tagged...) {
			if id < 0 || id > untagged {
				return fault.New(fault.Input, "port %s: VLAN %d is not one of 1 to 4094", p.Name, id)
			}
		}
	}
	return nil
}
