package payload

import (
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/inventory"
)

// decodeNetwork reads {host: {MAC: [{vlan_id, tagged}]}}, from which lab_token was taken out already.
func decodeNetwork(o map[string]gjson.Result) (host string, n *Network, bad *trouble) {
	hosts := slices.Sorted(maps.Keys(o))
	switch {
	case len(hosts) == 0:
		return "", nil, halfMade("names no host yet")
	case len(hosts) > 1:
		return "", nil, problem("names %d hosts; one is expected", len(hosts))
	}
	interfaces := o[hosts[0]]
	if host = strings.TrimSpace(strings.ToValidUTF8(hosts[0], "?")); host == "" {
		return "", nil, halfMade("names no host yet")
	}
	switch {
	case interfaces.Type == gjson.Null, interfaces.IsObject() && len(object(interfaces)) == 0:
		return host, nil, halfMade("lists no interfaces yet")
	case !interfaces.IsObject():
		return host, nil, problem("the host's interfaces are not an object by MAC address")
	}
	n = &Network{Ports: map[inventory.MAC][]VLAN{}}
	for key, list := range object(interfaces) {
		mac, err := inventory.ParseMAC(key)
		if err != nil {
			return host, nil, problem("an interface is named by something that is no MAC address")
		}
		if _, twice := n.Ports[mac]; twice {
			return host, nil, problem("interface %s is listed twice", mac)
		}
		if n.Ports[mac], bad = decodeVLANs(mac, list); bad != nil {
			return host, nil, bad
		}
	}
	return host, n, nil
}

// decodeVLANs keeps the order as sent, and each VLAN once. Numbers that are no VLAN's, several untagged VLANs and one that is tagged, too, are decoded as they
// are: what a port can carry is not decided here, and whoever booked it is to be told.
func decodeVLANs(mac inventory.MAC, list gjson.Result) ([]VLAN, *trouble) {
	if list.Type == gjson.Null {
		return []VLAN{}, nil
	}
	if !list.IsArray() {
		return nil, problem("interface %s: the VLANs are not a list", mac)
	}
	vlans := []VLAN{}
	for _, v := range list.Array() {
		if !v.IsObject() {
			return nil, problem("interface %s: a VLAN is not an object", mac)
		}
		o := object(v)
		id, ok := integer(o["vlan_id"])
		if !ok {
			return nil, problem("interface %s: a VLAN's id is no number", mac)
		}
		tagged, ok := boolean(o["tagged"])
		if !ok || !o["tagged"].Exists() {
			return nil, problem("interface %s: VLAN %d is neither tagged nor untagged", mac, id)
		}
		if vlan := (VLAN{ID: id, Tagged: tagged}); !slices.Contains(vlans, vlan) {
			vlans = append(vlans, vlan)
		}
	}
	return vlans, nil
}
