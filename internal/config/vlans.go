package config

import (
	"fmt"
	"strconv"
	"strings"
)

// maxLab is how many VLANs of its own a lab can have: as many as there are.
const maxLab = 4094

// Lab gives the VLANs of the lab's own networks in the order they are written: numbers and ranges, e.g. 2000-2099,2200.
func (n Network) Lab() (vlans []int, err error) {
	if strings.TrimSpace(n.LabVLANs) == "" {
		return nil, nil
	}
	for _, part := range strings.Split(n.LabVLANs, ",") {
		first, last, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			last = first
		}
		lo, err1 := strconv.Atoi(strings.TrimSpace(first))
		hi, err2 := strconv.Atoi(strings.TrimSpace(last))
		if err1 != nil || err2 != nil || lo < 1 || hi > maxLab || hi < lo {
			return nil, fmt.Errorf("%q is no VLAN and no range of VLANs (e.g. 2000-2099, within 1 to 4094)", part)
		}
		for v := lo; v <= hi; v++ {
			vlans = append(vlans, v)
		}
	}
	return vlans, nil
}
