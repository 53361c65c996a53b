package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// Parse reads the resolved configuration, fills in defaults and reports everything that is wrong with it at once.
// Unknown keys are ignored: StackStorm keeps them, and labs have their own.
func Parse(text []byte) (*Config, error) {
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, fault.New(fault.Config, "the pack's configuration is not a JSON object: %w", err).
			WithHint("check /opt/stackstorm/configs/laas.yaml, then run: st2ctl reload --register-configs")
	}
	c := &Config{}
	var problems []fault.Problem
	fill(reflect.ValueOf(c).Elem(), tree, "", &problems)
	problems = append(problems, c.crossCheck()...)
	if err := fault.FromProblems(fault.Config, "the pack's configuration", problems); err != nil {
		return nil, err.(*fault.Error).
			WithHint("correct /opt/stackstorm/configs/laas.yaml (laas.yaml.example shows every key), then run: st2ctl reload --register-configs")
	}
	return c, nil
}

// ParseNetwork reads the group network of a configuration and nothing else.
func ParseNetwork(text []byte) (Network, error) {
	c, err := ParseGroups(text, "network")
	if err != nil {
		return Network{}, err
	}
	return c.Network, nil
}

// ParseGroups reads some groups of a configuration; everything else is as by default, or empty. It is for groups without secrets, so
// that a laas.yaml will do whose other values only StackStorm can resolve.
func ParseGroups(text []byte, groups ...string) (*Config, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fault.New(fault.Config, "the configuration is not an object: %w", err)
	}
	tree := map[string]any{}
	for _, g := range groups {
		var values map[string]any
		if err := json.Unmarshal([]byte(cmp.Or(string(all[g]), "null")), &values); err != nil {
			return nil, fault.New(fault.Config, "the configuration's %s is not an object: %w", g, err)
		}
		tree[g] = values
	}
	c, problems := &Config{}, []fault.Problem(nil)
	fill(reflect.ValueOf(c).Elem(), tree, "", &problems)
	problems = append(problems, c.crossCheck()...)
	problems = slices.DeleteFunc(problems, func(p fault.Problem) bool {
		group, _, _ := strings.Cut(p.Path, ".")
		return !slices.Contains(groups, group)
	})
	return c, fault.FromProblems(fault.Config, "the configuration", problems)
}

// crossCheck finds values that are each right and do not go together.
func (c *Config) crossCheck() (problems []fault.Problem) {
	n := c.Network
	add := func(path, format string, args ...any) {
		problems = append(problems, fault.Problem{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	if n.Idle == "quarantine" && n.QuarantineVLAN == 0 {
		add("network.quarantine_vlan", "is needed when network.idle is quarantine")
	}
	special := map[string]int{"network.provisioning_vlan": n.ProvisioningVLAN, "network.dark_vlan": n.DarkVLAN, "network.quarantine_vlan": n.QuarantineVLAN}
	for path, v := range special {
		if v != 0 && slices.Contains(n.PublicVLANs, v) {
			add(path, "VLAN %d is also in network.public_vlans", v)
		}
	}
	if n.DarkVLAN != 0 && (n.DarkVLAN == n.ProvisioningVLAN || n.DarkVLAN == n.QuarantineVLAN) {
		add("network.dark_vlan", "VLAN %d has another use too", n.DarkVLAN)
	}
	for i, v := range n.PublicVLANs {
		if slices.Contains(n.ReservedVLANs, v) {
			add(fmt.Sprintf("network.public_vlans[%d]", i), "VLAN %d is also in network.reserved_vlans: every booking of it would be refused", v)
		}
		if v < 1 || v > 4094 {
			add(fmt.Sprintf("network.public_vlans[%d]", i), "%d is not a VLAN number (1-4094)", v)
		}
	}
	if n.SwitchMTU != 0 && n.MTU > n.SwitchMTU {
		add("network.mtu", "is %d, more than the switch ports pass: network.switch_mtu is %d", n.MTU, n.SwitchMTU)
	}
	lab, err := n.Lab()
	if err != nil {
		add("network.lab_vlans", "%v", err)
	}
	taken := slices.Concat(n.PublicVLANs, n.ReservedVLANs, slices.Collect(maps.Values(special)))
	for _, v := range lab {
		if slices.Contains(taken, v) {
			add("network.lab_vlans", "VLAN %d has another use too", v)
		}
	}
	if len(c.BMC.TenantUser) > 16 {
		add("bmc.tenant_user", "has %d characters; IPMI allows 16", len(c.BMC.TenantUser))
	}
	slices.SortFunc(problems, func(a, b fault.Problem) int { return strings.Compare(a.Path, b.Path) })
	return problems
}

var (
	secretType   = reflect.TypeFor[secret.String]()
	durationType = reflect.TypeFor[Duration]()
)

// fill sets the fields of struct v from tree and the defaults.
func fill(v reflect.Value, tree map[string]any, path string, problems *[]fault.Problem) {
	for i := range v.NumField() {
		f, tag := v.Field(i), v.Type().Field(i).Tag
		name := tag.Get("json")
		at := strings.TrimPrefix(path+"."+name, ".")
		add := func(format string, args ...any) {
			*problems = append(*problems, fault.Problem{Path: at, Text: fmt.Sprintf(format, args...)})
		}
		raw, given := tree[name]
		given = given && raw != nil
		if f.Kind() == reflect.Struct && f.Type() != secretType {
			sub, ok := raw.(map[string]any)
			if given && !ok {
				add("is %T, an object was expected", raw)
				continue
			}
			fill(f, sub, at, problems)
			continue
		}
		if !given {
			if d, ok := tag.Lookup("default"); ok {
				raw, given = defaultValue(f, d), true
			}
		}
		if given {
			b, _ := json.Marshal(raw)
			if err := json.Unmarshal(b, f.Addr().Interface()); err != nil {
				add("cannot be used: expected %s", kindName(f))
				continue
			}
		}
		check(f, tag, add)
	}
}

// check holds a value against its tags.
func check(f reflect.Value, tag reflect.StructTag, add func(string, ...any)) {
	if tag.Get("required") == "true" && f.IsZero() {
		add("is required")
		return
	}
	var text string
	switch v := f.Interface().(type) {
	case string:
		text = v
	case secret.String:
		text = v.Reveal()
	}
	switch {
	case strings.Contains(text, "{{"):
		add("still holds an unresolved expression {{ ... }}; the datastore key it names is missing")
	case text == "********":
		add("is masked; the configuration must come from the action's environment, not from the API")
	}
	if e := tag.Get("enum"); e != "" && !slices.Contains(strings.Split(e, ","), text) {
		add("is %q; allowed are %s", text, strings.ReplaceAll(e, ",", ", "))
	}
	lo, hi := bounds(tag)
	var n float64
	switch v := f.Interface().(type) {
	case Duration:
		n = v.D().Seconds()
	case int:
		n = float64(v)
	default:
		return
	}
	if f.IsZero() && tag.Get("required") != "true" {
		return
	}
	if n < lo || (hi > 0 && n > hi) {
		add("is %v; allowed are %v to %v", n, lo, hi)
	}
}

func bounds(tag reflect.StructTag) (lo, hi float64) {
	lo, _ = strconv.ParseFloat(tag.Get("min"), 64)
	hi, _ = strconv.ParseFloat(tag.Get("max"), 64)
	return lo, hi
}

func defaultValue(f reflect.Value, d string) any {
	switch {
	case f.Type() == durationType, f.Kind() == reflect.Int:
		n, err := strconv.ParseFloat(d, 64)
		if err != nil {
			panic("config: default " + d + " is no number")
		}
		return n
	case f.Kind() == reflect.Bool:
		return d == "true"
	case f.Kind() == reflect.Slice:
		return strings.Split(d, ",")
	}
	return d
}

func kindName(f reflect.Value) string {
	switch {
	case f.Type() == durationType:
		return "a number of seconds"
	case f.Type() == secretType || f.Kind() == reflect.String:
		return "a text"
	case f.Kind() == reflect.Int:
		return "a whole number"
	case f.Kind() == reflect.Bool:
		return "true or false"
	}
	return "a list"
}
