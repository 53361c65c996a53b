package nxos

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
)

// parse reads a port from "show interface X switchport" and "show interface X". What cannot be understood is a failure: a guess
// would be taken for a proof.
func parse(name string, switchport, status gjson.Result) (netswitch.Port, error) {
	p := netswitch.Port{Name: name}
	sw, st := row(switchport), row(status)
	if !sw.Exists() || !st.Exists() {
		return p, fault.New(fault.Failed, "the switch shows nothing of this port")
	}
	switch admin := st.Get("admin_state").String(); admin {
	case "up", "down":
		p.Shutdown = admin == "down"
	default:
		return p, fault.New(fault.Failed, "unknown admin_state %q", admin)
	}
	p.Description = st.Get("desc").String()
	if strings.EqualFold(sw.Get("switchport").String(), "disabled") {
		return p, nil // a routed port carries no VLAN
	}
	if mode(sw, st) == "access" {
		id, err := vlan(sw.Get("access_vlan"))
		p.Native = id
		return p, err
	}
	native, err := vlan(sw.Get("native_vlan"))
	if err != nil {
		return p, err
	}
	allowed, err := ranges(sw.Get("trunk_vlans").String())
	if err != nil {
		return p, err
	}
	for _, id := range allowed {
		if id == native {
			p.Native = native
		} else {
			p.Tagged = append(p.Tagged, id)
		}
	}
	// A native VLAN that is not allowed, such as the dark one, is none: untagged frames are dropped.
	return p, nil
}

// row finds the one interface in an answer; the table has another name in each of the two and is a list in some releases.
func row(body gjson.Result) gjson.Result {
	r := body.Get("TABLE_interface.ROW_interface")
	if r.IsArray() {
		if rows := r.Array(); len(rows) == 1 {
			return rows[0]
		}
		return gjson.Result{}
	}
	return r
}

// mode is the configured one, which "show interface" tells even of a port that is down; oper_mode does not.
func mode(switchport, status gjson.Result) string {
	if m := status.Get("eth_mode").String(); m != "" {
		return m
	}
	return switchport.Get("oper_mode").String()
}

// vlan reads one VLAN, a number or a text.
func vlan(v gjson.Result) (int, error) {
	id, err := strconv.Atoi(strings.TrimSpace(v.String()))
	if err != nil || id < 1 || id > 4094 {
		return 0, fault.New(fault.Failed, "%q is no VLAN", v.String())
	}
	return id, nil
}

// ranges reads a list like 10,20-25; "none" is empty.
func ranges(text string) ([]int, error) {
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, "none") {
		return nil, nil
	}
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		first, last, found := strings.Cut(strings.TrimSpace(part), "-")
		if !found {
			last = first
		}
		a, err1 := strconv.Atoi(first)
		b, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || a < 1 || b > 4094 || a > b {
			return nil, fault.New(fault.Failed, "%q is no list of VLANs", text)
		}
		for id := a; id <= b; id++ {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
