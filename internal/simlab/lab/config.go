package lab

import (
	"encoding/json"
	"maps"
	"time"

	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/simlab/world"
)

// unhurried is the pace from which on the pack's own defaults fit.
const unhurried = time.Minute

// PackConfig is the pack's configuration (laas.yaml) for this lab. Secrets are expressions that name keys of KeysJSON.
func (l *Lab) PackConfig() map[string]any {
	c := map[string]any{
		"fog":       map[string]any{"address": l.fog.BaseURL(), "api_key": "{{ st2kv.system.fog_api_key }}", "user_key": "{{ st2kv.system.fog_user_key }}"},
		"dashboard": map[string]any{"address": l.dashboard.URL(), "lab_name": LabName, "token": "{{ st2kv.system.lab_auth_token }}"},
		"vpn": map[string]any{
			"server": l.ldap.Addr(), "security": "starttls",
			"authentication": map[string]any{"user": ldapAdmin, "pass": "{{ st2kv.system.vpn_password }}"},
			"directory":      map[string]any{"root": ldapBase, "user": ldapBranch},
			"help_url":       "https://lab.example/help/vpn",
		},
		"network": map[string]any{
			"provisioning_vlan": provisioningVLAN, "public_vlans": publicVLANs, "reserved_vlans": reservedVLANs,
			"quarantine_vlan": quarantineVLAN, "dark_vlan": darkVLAN, "lab_vlans": ownVLANs,
		},
		"bmc": map[string]any{"help_url": "https://lab.example/help/bmc"},
		"tls": map[string]any{"ca_file": l.caFile()},
	}
	for group, durations := range durations(l.opts.Pace, l.opts.Slack) {
		if c[group] == nil {
			c[group] = map[string]any{}
		}
		maps.Copy(c[group].(map[string]any), durations)
	}
	return c
}

// durations are the configuration's waits and intervals in seconds, as this lab needs them. A lab with the pace of a real one
// needs none: it goes by the defaults.
func durations(p world.Pace, slack time.Duration) map[string]map[string]any {
	if p.POST+p.Boot+p.Image >= unhurried {
		return nil
	}
	call, patience, interval := max(slack/4, time.Second), slack/2, max(10*time.Millisecond, (p.Boot+p.Image)/20)
	boot := p.SoftOff + p.POST + p.Boot + slack
	all := map[string]map[string]time.Duration{
		"fog":       {"timeout": call, "retry": patience},
		"vpn":       {"timeout": call, "retry": patience},
		"bot":       {"timeout": call},
		"dashboard": {"timeout": call, "retry": patience, "vanish_grace": slack / 10},
		"ssh":       {"connect_timeout": call, "command_timeout": slack, "ready_timeout": boot, "ready_interval": interval, "network_guard": 2 * boot},
		"network":   {"timeout": call, "retry": patience},
		"imaging": {"check_in": boot, "deadline": p.Image + slack, "capture_deadline": p.Image + slack, "update_deadline": slack, "boot": boot, "poll_interval": interval,
			"stall": p.POST + p.Boot + p.Image/2 + slack/2, "queue": 10 * (p.Image + slack), "stagger": 0},
		"bmc": {"timeout": call, "retry": patience, "min_interval": time.Millisecond, "power_timeout": p.SoftOff + slack, "poll_interval": interval,
			"soft_grace": p.SoftOff + slack/2},
		"release": {"ssh_timeout": slack, "wipe_least": 0, "wipe_deadline": p.Wipe + slack},
		"st2":     {"timeout": call, "retry": patience, "cancel_interval": max(interval, slack/20)},
	}
	limits := maxima()
	out := map[string]map[string]any{}
	for group, durations := range all {
		out[group] = map[string]any{}
		for name, d := range durations {
			out[group][name] = min(d.Seconds(), limits[group][name].(float64))
		}
	}
	return out
}

// maxima are the largest seconds that the configuration allows, by group and name.
func maxima() map[string]map[string]any {
	var out map[string]map[string]any
	b, err := json.Marshal(config.Maxima())
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		panic(err) // the configuration is made of groups of values
	}
	return out
}
