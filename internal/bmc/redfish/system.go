package redfish

import (
	"context"
	"net/http"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// root is where every Redfish service begins (DSP0266).
const root = "/redfish/v1/"

// resets are the actions that bmclib is not asked for, each with the ResetTypes that do it, the best first: some BMCs know no PowerCycle.
var resets = map[bmc.PowerAction][]string{
	bmc.PowerCycle: {"PowerCycle", "ForceRestart"},
	bmc.PowerReset: {"ForceRestart"},
}

// PowerState implements bmc.Power.
func (d *driver) PowerState(ctx context.Context) (state bmc.PowerState, err error) {
	err = d.do(ctx, "read the power state", func() error {
		state, err = d.powerState(ctx)
		return err
	})
	return state, err
}

// powerState takes a host whose power is about to come or to go for one that has power: only one that is off has none.
func (d *driver) powerState(ctx context.Context) (bmc.PowerState, error) {
	if err := d.single(); err != nil {
		return "", err
	}
	text, err := d.conn.PowerStateGet(ctx)
	switch {
	case err != nil:
		return "", err
	case text == "Off":
		return bmc.Off, nil
	case text == "On", text == "PoweringOn", text == "PoweringOff", text == "Paused":
		return bmc.On, nil
	}
	return "", fault.New(fault.Failed, "the BMC does not say whether the host has power")
}

// SetPower implements bmc.Power.
func (d *driver) SetPower(ctx context.Context, action bmc.PowerAction) error {
	switch action {
	case bmc.PowerOn, bmc.PowerOff, bmc.PowerSoft, bmc.PowerCycle, bmc.PowerReset:
	default:
		return fault.New(fault.Input, "%q is no power action", action)
	}
	return d.do(ctx, "power "+string(action), func() error {
		state, err := d.powerState(ctx)
		if err != nil {
			return err
		}
		if needed, err := action.Needed(state); err != nil || !needed {
			return err
		}
		if kind, ours := resets[action]; ours {
			return d.reset(kind)
		}
		// Whether it says "ok" means nothing: for "soft" it never does.
		_, err = d.conn.PowerSet(ctx, string(action))
		return err
	})
}

// system reads the one host that the BMC manages.
func (d *driver) system() (gjson.Result, error) {
	if err := d.single(); err != nil {
		return gjson.Result{}, err
	}
	return d.wire.get(d.host)
}

// single finds the host, once for a session, and refuses a BMC that has several: bmclib would take whichever has no name.
func (d *driver) single() error {
	if d.host != "" {
		return nil
	}
	members, err := d.members("Systems")
	if err != nil {
		return err
	}
	if len(members) != 1 {
		return fault.New(fault.Config, "the BMC manages %d systems; the pack drives BMCs of one host each", len(members))
	}
	d.host = members[0]
	return nil
}

// members are the paths of a collection that the service root links to.
func (d *driver) members(collection string) ([]string, error) {
	top, err := d.wire.get(root)
	if err != nil {
		return nil, err
	}
	return d.list(top.Get(collection + `.\@odata\.id`).String())
}

// maxPages bounds how many parts a collection may come in.
const maxPages = 20

// list gives the members of a collection.
func (d *driver) list(collection string) (paths []string, err error) {
	next := collection
	for range maxPages {
		if next == "" {
			return paths, nil
		}
		page, err := d.wire.get(next)
		if err != nil {
			return nil, err
		}
		for _, member := range page.Get("Members").Array() {
			paths = append(paths, member.Get(`\@odata\.id`).String())
		}
		next = page.Get(`Members\@odata\.nextLink`).String()
	}
	return nil, fault.New(fault.Failed, "a collection of the BMC has no end")
}

// reset asks for the first of the types that the BMC allows. One that does not say what it allows is asked for the first.
func (d *driver) reset(types []string) error {
	system, err := d.system()
	if err != nil {
		return err
	}
	action := system.Get(`Actions.\#ComputerSystem\.Reset`)
	if !action.Get("target").Exists() {
		return fault.New(fault.Refused, "the BMC has no action for that")
	}
	kind := types[0]
	if allowed := action.Get(`ResetType\@Redfish\.AllowableValues`); allowed.Exists() {
		if kind = first(types, allowed); kind == "" {
			return fault.New(fault.Refused, "the BMC does not offer %v", types)
		}
	}
	_, err = d.wire.submit(http.MethodPost, action.Get("target").String(), map[string]string{"ResetType": kind}, "")
	return err
}

// first is the first of the wanted that is among the allowed, or "".
func first(wanted []string, allowed gjson.Result) string {
	for _, w := range wanted {
		for _, a := range allowed.Array() {
			if a.String() == w {
				return w
			}
		}
	}
	return ""
}
