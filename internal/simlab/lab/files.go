package lab

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Names of the lab's own.
const (
	LabName    = "UNH_IOL" // as in the recorded bookings
	admin      = "admin"
	bmcAdmin   = "ADMIN"
	ldapBase   = "dc=lab,dc=example"
	ldapBranch = "ou=people"
	ldapAdmin  = "cn=laas," + ldapBase
)

// key is an entry of a file for "st2 key load".
type key struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Secret *bool  `json:"secret,omitempty"`
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only texts, numbers and maps of them come here
	}
	return string(b)
}

func document(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err)
	}
	return append(b, '\n')
}

// HostsJSON is the lab's inventory in the format of datastore/hosts.json.
func (l *Lab) HostsJSON() []byte {
	names := []string{}
	var entries []key
	for i, h := range l.plan.hosts {
		names = append(names, h.Name)
		entries = append(entries, key{Name: h.Name, Value: text(l.hostEntry(h, i))})
	}
	for _, name := range slices.Sorted(maps.Keys(l.switches)) {
		e := maps.Clone(l.plan.switches[name])
		if e == nil {
			e = map[string]any{}
		}
		e["driver"], e["address"], e["credentials"] = "nxos", l.switches[name].URL(), switchKey(name)
		entries = append(entries, key{Name: "switch_" + name, Value: text(e)})
	}
	return document(append([]key{{Name: "hosts", Value: text(names)}}, entries...))
}

// hostEntry is what the inventory says of a host: what it said before, with the addresses of this lab.
func (l *Lab) hostEntry(h *HostSpec, i int) map[string]any {
	e := maps.Clone(h.entry)
	if e == nil {
		e = map[string]any{"dashboard_id": h.DashboardID, "fog_name": h.FOGName, "interfaces": interfaces(h, i)}
		for _, os := range []string{"ubuntu", "centos", "suse"} {
			if id := l.plan.familyImage(os); id != "" {
				e[os+"_image"] = id
			}
		}
	}
	e["hostname"], e["ssh_port"] = "127.0.0.1", l.sshds[h.Name].Port()
	e["bmc"] = l.bmcEntry(h)
	return e
}

func interfaces(h *HostSpec, i int) map[string]any {
	out := map[string]any{}
	for k, n := range h.NICs {
		out[n.MAC] = map[string]any{"mac": n.MAC, "name": n.Name, "bus": fmt.Sprintf("0000:%02x:00.%d", i%256, k), "switch": n.Switch, "port": n.Port}
	}
	return out
}

func switchKey(name string) string { return "laas.secret.switch." + name }
func bmcKey(host string) string    { return "laas.secret.bmc_admin." + host }

// KeysJSON is what else the datastore must hold: credentials, to be encrypted, and the baseline of each BMC.
func (l *Lab) KeysJSON() []byte {
	var keys []key
	add := func(name, value string, secret bool) { keys = append(keys, key{name, value, &secret}) }
	s := l.secrets
	add("lab_auth_token", s.dashboard, true)
	add("fog_api_key", s.fogAPI, true)
	add("fog_user_key", s.fogUser, true)
	add("vpn_password", s.ldap, true)
	add("laas.secret.ssh.lab", s.sshPrivate, true)
	for _, name := range slices.Sorted(maps.Keys(l.switches)) {
		add(switchKey(name), login(admin, s.switches[name]), true)
	}
	for _, h := range l.plan.hosts {
		add(bmcKey(h.Name), login(bmcAdmin, s.bmcs[h.Name]), true)
		add("laas.bmc_baseline."+h.Name, text(map[string]any{"accounts": l.baseline(h), "recorded": baselineRecorded}), false)
	}
	return document(keys)
}

// baselineRecorded is when an operator looked at the BMCs of this lab.
const baselineRecorded = "2026-01-01T00:00:00Z"

func login(user, password string) string {
	return text(map[string]string{"user": user, "password": password})
}
