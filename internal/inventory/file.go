package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"stackstorm-laas/internal/fault"
)

const (
	hostsKey     = "hosts"
	switchPrefix = "switch_"
	// ownPrefix begins the keys that the pack itself writes into the datastore.
	ownPrefix = "laas."
)

// entry is one key of a file: what "st2 key load" stores.
type entry struct {
	name, value string
	// secret says that StackStorm encrypts the value when the file is loaded.
	secret bool
	// sealed says that the value is encrypted already and cannot be read here.
	sealed bool
	// bad says that the value is none; that was told already.
	bad bool
}

// ParseFile reads hosts.json: a JSON list of {"name","value"}, each value a JSON text in a string. It tells everything that
// is wrong, and apart from that what works and deserves a look. The inventory is nil if there are errors.
func ParseFile(file []byte) (inv *Inventory, errors, warnings []fault.Problem) {
	rep := &report{}
	inv = parse(rep, file)
	if len(rep.errors) > 0 {
		return nil, rep.errors, rep.warnings
	}
	return inv, nil, rep.warnings
}

func parse(rep *report, file []byte) *Inventory {
	var list []json.RawMessage
	if err := json.Unmarshal(file, &list); err != nil {
		if json.Valid(file) {
			rep.fail("(file)", `is %s; a list [{"name": ..., "value": "..."}, ...] was expected`, kindOf(file))
		} else {
			rep.fail("(file)", "%s", syntax(file, err))
		}
		return nil
	}
	entries := map[string]entry{}
	var order []string
	for i, raw := range list {
		e := readEntry(rep, fmt.Sprintf("[%d]", i), raw)
		if e.name == "" {
			continue
		}
		if _, twice := entries[e.name]; twice {
			rep.fail(e.name, "has two entries; the second one would replace the first")
			continue
		}
		entries[e.name] = e
		order = append(order, e.name)
	}
	inv := &Inventory{Hosts: map[string]*Host{}, Switches: map[string]*Switch{}}
	inv.readNames(rep, entries)
	for _, name := range order {
		inv.readEntry(rep, entries[name])
	}
	inv.check(rep)
	return inv
}

// readEntry takes one element of the list apart. An entry without a name is reported and empty.
func readEntry(rep *report, path string, raw json.RawMessage) (e entry) {
	o, ok := readObject(rep, path, raw)
	if !ok {
		return e
	}
	if e.name = o.text("name"); e.name == "" {
		rep.fail(o.at("name"), "is not given; it is the datastore key")
		return e
	}
	e.bad = true
	o.path = e.name
	value, given := o.fields["value"]
	switch kind := kindOf(value); {
	case !given:
		rep.fail(o.at("value"), "is not given")
		return e
	case kind != "a text":
		rep.fail(o.at("value"), `is %s; StackStorm stores texts only, so write the JSON in a string: "value": "{\"fog_name\": ...}"`, kind)
		return e
	}
	_ = json.Unmarshal(value, &e.value)
	_ = json.Unmarshal(o.fields["secret"], &e.secret)
	_ = json.Unmarshal(o.fields["encrypted"], &e.sealed)
	if scope := o.text("scope"); scope != "" && !strings.HasSuffix(scope, "system") {
		rep.fail(o.at("scope"), "is %q; the pack reads the system scope", scope)
	}
	if strings.HasPrefix(e.name, ownPrefix) && !strings.HasPrefix(e.name, ownPrefix+"secret.") {
		rep.fail(e.name, "is a key that the pack writes itself; loading it would undo what the pack knows about running bookings")
		return e
	}
	e.bad = false
	return e
}

// readNames reads the list of hosts.
func (inv *Inventory) readNames(rep *report, entries map[string]entry) {
	e, ok := entries[hostsKey]
	if e.bad {
		return
	}
	if !ok {
		rep.fail(hostsKey, `has no entry; it lists the lab's hosts: {"name": "hosts", "value": "[\"host1\", ...]"}`)
		return
	}
	for _, name := range parseNames(rep, e.value) {
		if _, ok := entries[name]; !ok {
			rep.fail(hostsKey, "lists %s, which has no entry of its own", name)
			continue
		}
		inv.Names = append(inv.Names, name)
		inv.Hosts[name] = nil
	}
	if len(inv.Names) == 0 && len(rep.errors) == 0 {
		rep.warn(hostsKey, "is empty; the lab has no hosts")
	}
}

// parseNames reads the value of the key hosts.
func parseNames(rep *report, value string) (names []string) {
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(value), &list); err != nil {
		if json.Valid([]byte(value)) {
			rep.fail(hostsKey, "is %s; a list of names was expected", kindOf([]byte(value)))
		} else {
			rep.fail(hostsKey, "%s", syntax([]byte(value), err))
		}
		return nil
	}
	seen := map[string]bool{}
	for i, raw := range list {
		var name string
		path := fmt.Sprintf("%s[%d]", hostsKey, i)
		switch {
		case json.Unmarshal(raw, &name) != nil:
			rep.fail(path, "is %s; the name of a host was expected", kindOf(raw))
		case !namePattern.MatchString(name):
			rep.fail(path, "%q cannot be the name of a host (letters, digits, dot, hyphen, underscore)", name)
		case name == hostsKey || strings.HasPrefix(name, switchPrefix) || strings.HasPrefix(name, ownPrefix):
			rep.fail(path, "%q cannot be the name of a host: that key has another meaning", name)
		case seen[name]:
			rep.fail(path, "%s is in the list twice", name)
		default:
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// readEntry reads the value of an entry for what its name says it is.
func (inv *Inventory) readEntry(rep *report, e entry) {
	if e.name == hostsKey || e.bad {
		return
	}
	_, host := inv.Hosts[e.name]
	sw, isSwitch := strings.CutPrefix(e.name, switchPrefix)
	switch {
	case !host && !isSwitch:
		inv.readOther(rep, e)
	case e.sealed && isSwitch:
		inv.Switches[sw] = defaultSwitch(sw)
	case e.sealed:
		rep.fail(e.name, "is encrypted already and cannot be checked; only logins need to be encrypted")
	case host:
		if raw, ok := valueOf(rep, e.name, e.value); ok {
			inv.Hosts[e.name] = readHost(rep, e.name, raw)
		}
	default:
		inv.Switches[sw] = readSwitchEntry(rep, sw, e)
	}
}

func readSwitchEntry(rep *report, name string, e entry) *Switch {
	if !namePattern.MatchString(name) {
		rep.fail(e.name, "%q cannot be the name of a switch", name)
	}
	raw, ok := valueOf(rep, e.name, e.value)
	if !ok {
		return nil
	}
	s, login := readSwitch(rep, name, raw)
	if len(login) > 0 && e.secret {
		rep.warn(e.name, "holds a login (%s) that StackStorm encrypts and this file shows; keep the file to yourself", strings.Join(login, ", "))
	} else {
		refuseLogin(rep, e.name, login, "login_"+e.name)
	}
	return s
}

// valueOf gives the JSON in a value.
func valueOf(rep *report, path, value string) (raw json.RawMessage, ok bool) {
	if err := json.Unmarshal([]byte(value), new(any)); err != nil {
		rep.fail(path, "the value %s", syntax([]byte(value), err))
		return nil, false
	}
	return json.RawMessage(value), true
}

// readOther looks at an entry that is neither a host of the list nor a switch. Labs keep keys of their own in the file.
func (inv *Inventory) readOther(rep *report, e entry) {
	var fields map[string]json.RawMessage
	looksLikeHost := json.Unmarshal([]byte(e.value), &fields) == nil && (fields["interfaces"] != nil || fields["fog_name"] != nil)
	switch {
	case looksLikeHost:
		rep.warn(e.name, `looks like a host and is not in the list "hosts"; the pack does not use it`)
	case e.secret || e.sealed:
	case bytes.Contains(bytes.ToLower([]byte(e.value)), []byte(`"password"`)):
		rep.fail(e.name, `holds a password and would be stored in clear; add "secret": true to the entry`)
	}
}
