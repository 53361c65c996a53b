package nxos

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
)

// parse reads a port from its rows of "show interface switchport" and "show interface". What cannot be understood is a failure: a guess
// would be taken for a proof.
func parse(sw, st gjson.Result) (p netswitch.Port, err error) {
	switch admin := st.Get("admin_state").String(); admin {
	case "up", "down":
		p.Shutdown = admin == "down"
	default:
		return p, fault.New(fault.Failed, "unknown admin_state %q", admin)
	}
	p.Description = st.Get("desc").String()
	p.MTU = int(st.Get("eth_mtu").Int()) // a number or a text
	if strings.EqualFold(sw.Get("switchport").String(), "disabled") {
		p.Mode = "routed" // carries no VLAN
		return p, nil
	}
	p.Mode = mode(sw, st)
	if p.Mode == netswitch.Access {
		p.Native, err = vlan(sw.Get("access_vlan"))
		return p, err
	}
	if p.Mode == "" || p.Mode == "down" {
		return p, fault.New(fault.Failed, "the switch does not tell the mode")
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
	text = strings.Join(strings.Fields(text), "") // long lists are broken into lines
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
