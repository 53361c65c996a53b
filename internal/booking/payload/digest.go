package payload

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"stackstorm-laas/internal/inventory"
)

// Digest identifies what a task asks for: equal for equal work, whichever version of the dashboard tells it and in whatever order.
// The lab's own token is no part of it. Of a release only the host and that it is one counts.
func (t Task) Digest() string {
	t.LabToken = ""
	switch {
	case t.Hardware != nil && t.Hardware.Release():
		t.Hardware = &Hardware{Power: t.Hardware.Power}
	case t.Network != nil && t.Network.Empty():
		t.Network = &Network{}
	case t.Network != nil:
		t.Network = t.Network.sorted()
	case t.Access != nil:
		a := *t.Access
		a.Keys, a.Hosts = slices.Sorted(slices.Values(a.Keys)), slices.Sorted(slices.Values(a.Hosts))
		t.Access = &a
	}
	b, err := json.Marshal(t)
	if err != nil {
		panic(err) // texts, numbers and maps of them always marshal
	}
	return digest(b)
}

func (n *Network) sorted() *Network {
	out := &Network{Ports: map[inventory.MAC][]VLAN{}}
	for mac, vlans := range n.Ports {
		vlans = append([]VLAN{}, vlans...)
		slices.SortFunc(vlans, func(a, b VLAN) int {
			switch {
			case a.ID != b.ID:
				return cmp.Compare(a.ID, b.ID)
			case a.Tagged == b.Tagged:
				return 0
			case b.Tagged:
				return -1
			}
			return 1
		})
		out.Ports[mac] = vlans
	}
	return out
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])[:12]
}
