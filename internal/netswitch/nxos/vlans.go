package nxos

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/retry"
)

// vlanName is what NX-OS takes as the name of a VLAN. Names are unique on a switch.
var vlanName = regexp.MustCompile(`^[A-Za-z0-9_-]{0,32}$`)

// VLANs implements netswitch.VLANs.
func (d *driver) VLANs(ctx context.Context) (map[int]string, error) {
	active, _, err := d.vlans(ctx)
	return active, err
}

// vlans reads the list of VLANs: those that carry frames, and those that are there and do not.
func (d *driver) vlans(ctx context.Context) (active, suspended map[int]string, err error) {
	answers, err := retry.Do(ctx, d.cfg.Retry, func() ([]answer, error) { return d.post(ctx, show, []string{"show vlan brief"}) })
	if err != nil {
		return nil, nil, fault.Wrap(err, "read the VLANs of switch %s", d.cfg.Switch)
	}
	list := rows(answers[0].body, "TABLE_vlanbriefxbrief.ROW_vlanbriefxbrief")
	if len(list) == 0 { // the name of the table in other releases
		list = rows(answers[0].body, "TABLE_vlanbrief.ROW_vlanbrief")
	}
	active, suspended = map[int]string{}, map[int]string{}
	for _, r := range list {
		id, err := vlan(r.Get("vlanshowbr-vlanid-utf"))
		if err != nil {
			return nil, nil, fault.Wrap(err, "read the VLANs of switch %s", d.cfg.Switch)
		}
		into := active
		if r.Get("vlanshowbr-vlanstate").String() != "active" || r.Get("vlanshowbr-shutstate").String() == "shutdown" {
			into = suspended
		}
		into[id] = r.Get("vlanshowbr-vlanname").String()
	}
	if len(active) == 0 { // VLAN 1 cannot be removed
		return nil, nil, fault.New(fault.Failed, "read the VLANs of switch %s: it shows none", d.cfg.Switch)
	}
	return active, suspended, nil
}

// CreateVLANs implements netswitch.VLANs.
func (d *driver) CreateVLANs(ctx context.Context, vlans map[int]string) error {
	active, suspended, err := d.vlans(ctx)
	if err != nil {
		return err
	}
	var commands []string
	for _, id := range slices.Sorted(maps.Keys(vlans)) {
		name := vlans[id]
		if id < 1 || id > 4094 || !vlanName.MatchString(name) {
			return fault.New(fault.Input, "VLAN %d named %q cannot be made: numbers are 1 to 4094, names at most 32 letters, digits, hyphens and underscores", id, name)
		}
		if _, there := suspended[id]; there {
			return fault.New(fault.Refused, "VLAN %d on switch %s is suspended or shut", id, d.cfg.Switch).WithHint("somebody did that on the switch; ask them, then activate it there")
		}
		if _, there := active[id]; there {
			continue
		}
		commands = append(commands, fmt.Sprintf("vlan %d", id))
		if name != "" {
			commands = append(commands, "name "+name)
		}
	}
	return d.configureVLANs(ctx, commands, slices.Sorted(maps.Keys(vlans)), true)
}

// RemoveVLANs implements netswitch.VLANs.
func (d *driver) RemoveVLANs(ctx context.Context, ids []int) error {
	active, suspended, err := d.vlans(ctx)
	if err != nil {
		return err
	}
	maps.Copy(active, suspended)
	var gone []int
	for _, id := range ids {
		if id <= 1 || id > 4094 {
			return fault.New(fault.Input, "VLAN %d cannot be removed", id)
		}
		if _, there := active[id]; there {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	slices.Sort(gone)
	gone = slices.Compact(gone)
	return d.configureVLANs(ctx, []string{"no vlan " + netswitch.Ranges(gone)}, gone, false)
}

// configureVLANs runs commands and reads back whether the VLANs then are there, or are not.
func (d *driver) configureVLANs(ctx context.Context, commands []string, ids []int, there bool) error {
	if len(commands) == 0 {
		return nil
	}
	if _, err := d.post(ctx, conf, commands); err != nil {
		return fault.Wrap(err, "configure VLANs of switch %s", d.cfg.Switch)
	}
	active, suspended, err := d.vlans(ctx)
	if err != nil {
		return fault.As(fault.Unproven, fault.Wrap(err, "read the VLANs back"))
	}
	var wrong []int
	for _, id := range ids {
		_, a := active[id]
		_, s := suspended[id]
		if a != there || (s && !there) {
			wrong = append(wrong, id)
		}
	}
	if len(wrong) > 0 {
		return fault.New(fault.Unproven, "switch %s accepted the change of its VLANs and did not make it: VLANs %s", d.cfg.Switch, netswitch.Ranges(wrong))
	}
	return nil
}
