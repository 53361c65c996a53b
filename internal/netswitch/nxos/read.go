package nxos

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/retry"
)

// few is how many ports are asked for one by one: a request takes ten show commands, two for a port. For more ports the whole switch is
// read, with one request as well: a large switch takes seconds for that, which a host or two need not wait for.
const few = 5

// Read implements netswitch.Driver.
func (d *driver) Read(ctx context.Context, ports []string) (map[string]netswitch.Port, error) {
	if err := checkNames(ports); err != nil {
		return nil, err
	}
	if len(ports) == 0 {
		return map[string]netswitch.Port{}, nil
	}
	commands := everything
	if len(ports) <= few {
		commands = nil
		for _, p := range ports {
			commands = append(commands, "show interface "+p+" switchport", "show interface "+p)
		}
	}
	shown, err := d.shown(ctx, commands)
	if err != nil {
		return nil, err
	}
	out := make(map[string]netswitch.Port, len(ports))
	for _, p := range ports {
		if out[p], err = shown.port(canonical(p)); err != nil {
			return nil, fault.Wrap(err, "read port %s of switch %s", p, d.cfg.Switch)
		}
		out[p] = named(out[p], p)
	}
	return out, nil
}

// everything shows all ports of a switch.
var everything = []string{"show interface switchport", "show interface"}

// All implements netswitch.Lister: every port that can carry VLANs, routed ones included.
func (d *driver) All(ctx context.Context) (map[string]netswitch.Port, error) {
	shown, err := d.shown(ctx, everything)
	if err != nil {
		return nil, err
	}
	out := make(map[string]netswitch.Port, len(shown.switchport))
	for _, key := range slices.Sorted(maps.Keys(shown.switchport)) {
		p, err := shown.port(key)
		if err != nil {
			return nil, fault.Wrap(err, "read port %s of switch %s", key, d.cfg.Switch)
		}
		name := shown.switchport[key].Get("interface").String()
		out[name] = named(p, name)
	}
	return out, nil
}

func named(p netswitch.Port, name string) netswitch.Port {
	p.Name = name
	return p
}

// table is the rows of "show interface switchport" and "show interface" by canonical names.
type table struct{ switchport, status map[string]gjson.Result }

// shown runs show commands and sorts the rows of their answers.
func (d *driver) shown(ctx context.Context, commands []string) (table, error) {
	answers, err := retry.Do(ctx, d.cfg.Retry, func() ([]answer, error) { return d.post(ctx, show, commands) })
	if err != nil {
		return table{}, fault.Wrap(err, "read ports of switch %s", d.cfg.Switch)
	}
	t := table{map[string]gjson.Result{}, map[string]gjson.Result{}}
	for i, a := range answers {
		into := t.status
		if strings.HasSuffix(commands[i], "switchport") {
			into = t.switchport
		}
		for _, r := range rows(a.body, "TABLE_interface.ROW_interface") {
			name := canonical(r.Get("interface").String())
			if _, twice := into[name]; twice {
				return table{}, fault.New(fault.Failed, "read ports of switch %s: it shows %q twice", d.cfg.Switch, name)
			}
			into[name] = r
		}
	}
	return t, nil
}

func (t table) port(key string) (netswitch.Port, error) {
	sw, inSwitchport := t.switchport[key]
	st, inStatus := t.status[key]
	switch {
	case !inSwitchport && !inStatus:
		return netswitch.Port{}, fault.New(fault.NotFound, "the switch has no such port")
	case !inSwitchport || !inStatus:
		return netswitch.Port{}, fault.New(fault.Failed, "the switch shows only a part of this port")
	}
	return parse(sw, st)
}

// rows are the rows of a table, which is an object where there is one row only.
func rows(body gjson.Result, path string) []gjson.Result {
	r := body.Get(path)
	if r.IsArray() || !r.Exists() {
		return r.Array()
	}
	return []gjson.Result{r}
}

// canonical makes eth1/1, Ethernet1/1 and E1/1 one.
func canonical(name string) string {
	name = strings.ToLower(strings.ReplaceAll(name, " ", ""))
	digits := strings.IndexAny(name, "0123456789")
	if digits <= 0 {
		return name
	}
	for _, full := range []string{"ethernet", "port-channel"} {
		if strings.HasPrefix(full, name[:digits]) {
			return full + name[digits:]
		}
	}
	return name
}
