package demo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/world"
)

// another makes of a recorded booking of hpe13 one of another host, with the number 7 and a network of its own.
func another(body []byte, host, vlan string) []byte {
	mac := "48:df:37:1d:" + strings.TrimPrefix(host, "hpe") + ":"
	return []byte(strings.NewReplacer(`"id": 1,`, `"id": 7,`, `"hpe13"`, `"`+host+`"`, "48:df:37:1d:13:", mac, `"vlan_id": 100`, `"vlan_id": `+vlan, `"vlan_id": 200`, `"vlan_id": 300`,
		"-4", "-5").Replace(string(body)))
}

func (p *play) jobState(id int) (state, reason string) {
	for _, j := range p.Report().Jobs {
		if j.ID == id {
			return j.State, j.Reason
		}
	}
	return "", ""
}

// bookingOf is the recorded one, with these VLANs on the first interface of the host: "100" untagged, "200t" tagged. That of hpe13 is job 1, that of hpe15 job 7.
func bookingOf(t *testing.T, host string, vlans ...string) []byte {
	t.Helper()
	body := recorded(t, "01")[0]
	if host != "hpe13" {
		body = another(body, host, "100")
	}
	var jobs []map[string]any
	require.NoError(t, json.Unmarshal(body, &jobs))
	on := []any{}
	for _, v := range vlans {
		number, tagged := strings.CutSuffix(v, "t")
		id, err := strconv.Atoi(number)
		require.NoError(t, err)
		on = append(on, map[string]any{"vlan_id": id, "tagged": tagged})
	}
	for _, task := range jobs[0]["payload"].(map[string]any)["network"].(map[string]any) {
		task.(map[string]any)[host].(map[string]any)[firstMAC(host)] = on
	}
	out, err := json.Marshal(jobs)
	require.NoError(t, err)
	return out
}

func firstMAC(host string) string { return "48:df:37:1d:" + strings.TrimPrefix(host, "hpe") + ":00" }

// on is the first port of a host, as its switch has it: "shut", or its VLANs like "100 200t".
func (p *play) on(host string) string {
	p.t.Helper()
	at := p.named(host).Ports[0]
	w, ok := p.Lab.World().Port(at.Switch, at.Port)
	require.True(p.t, ok)
	if w.Shutdown {
		return "shut"
	}
	out := []string{strconv.Itoa(w.Native)}
	for _, v := range w.Tagged {
		out = append(out, fmt.Sprintf("%dt", v))
	}
	return strings.Join(out, " ")
}

// allPorts are all ports of all switches, as the world has them.
func (p *play) allPorts() map[string]map[string]world.Port {
	out := map[string]map[string]world.Port{}
	for _, h := range p.Lab.Report().Hosts {
		for _, port := range h.Ports {
			out[port.Switch] = p.Lab.World().Ports(port.Switch)
		}
	}
	return out
}

// edit changes the host's entry in the inventory.
func (p *play) edit(host string, change func(interfaces map[string]map[string]any)) {
	p.t.Helper()
	text, found := p.Engine.Keys().Get(host)
	require.True(p.t, found)
	var entry map[string]any
	require.NoError(p.t, json.Unmarshal([]byte(text), &entry))
	var nics map[string]map[string]any
	b, err := json.Marshal(entry["interfaces"])
	require.NoError(p.t, err)
	require.NoError(p.t, json.Unmarshal(b, &nics))
	change(nics)
	entry["interfaces"] = nics
	b, err = json.Marshal(entry)
	require.NoError(p.t, err)
	p.Engine.Keys().Set(host, string(b))
}

// Every refusal of docs/network.md, and beside it what is allowed.
func TestRefusalsAndTheirAllowedTwins(t *testing.T) {
	t.Parallel()
	first := func(vlans ...string) []byte { return bookingOf(t, "hpe13", vlans...) }
	second := func(vlans ...string) []byte { return bookingOf(t, "hpe15", vlans...) }
	one := func(host, carries string) map[string]string { return map[string]string{host: carries} }
	both := func(a, b string) map[string]string { return map[string]string{"hpe13": a, "hpe15": b} }
	deliver := func(bodies ...[]byte) func(*play) {
		return func(p *play) {
			for _, b := range bodies {
				p.deliver(b)
			}
		}
	}
	reserved := func(p *play) {
		p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
		p.works("laas.network_create", map[string]any{"network": "storage"})
	}
	connect := func(p *play) engine.Execution {
		return p.action("laas.nic_connect", map[string]any{"host": host, "nic": firstMAC(host), "network": "storage"})
	}
	// setPorts has the ports of a job's host written once more.
	setPorts := func(job, epoch int, host string, force bool) func(*play) engine.Execution {
		return func(p *play) engine.Execution {
			return p.action("laas.set_ports", map[string]any{"switch": p.named(host).Ports[0].Switch, "state": "booked", "job_id": job, "epoch": epoch, "host": host, "force": force})
		}
	}
	sameCable := func(p *play) {
		at := p.named("hpe15").Ports[0]
		p.edit(host, func(nics map[string]map[string]any) {
			nics[firstMAC(host)]["port"], nics[firstMAC(host)]["switch"] = at.Port, at.Switch
		})
	}
	byHand := func(p *play) { p.byHand(func(port *world.Port) { port.Native = 101 }) }

	for name, c := range map[string]struct {
		bodies           [][]byte
		refused, allowed wish
	}{
		"a VLAN above 4094": {nil,
			wish{body: first("100", "4095t"), kind: "booking", says: "4095 is not a VLAN number (1-4094)", ports: one("hpe13", "shut")},
			wish{body: first("100", "4094t"), ports: one("hpe13", "100 4094t")}},
		"VLAN 0": {nil,
			wish{body: first("100", "0t"), kind: "booking", says: "0 is not a VLAN number (1-4094)", ports: one("hpe13", "shut")},
			wish{body: first("100", "2t"), ports: one("hpe13", "100 2t")}},
		"a VLAN of network.reserved_vlans": {nil,
			wish{body: first("100", "99t"), kind: "booking", says: "VLAN 99 is the lab's own", ports: one("hpe13", "shut")},
			wish{body: first("100", "99t"), config: map[string]any{"reserved_vlans": []int{1}}, ports: one("hpe13", "100 99t")}},
		"the provisioning VLAN": {nil,
			wish{body: first("98"), kind: "booking", says: "VLAN 98 is the lab's own", ports: one("hpe13", "shut")},
			wish{body: first("102"), ports: one("hpe13", "102")}},
		"a VLAN of the lab's own networks": {nil,
			wish{body: first("2000"), kind: "booking", says: "VLAN 2000 is for the lab's own networks", ports: one("hpe13", "shut")},
			wish{body: first("100"), before: reserved, do: connect, ports: one("hpe13", "2000")}},
		"two native VLANs": {nil,
			wish{body: first("100", "101"), kind: "booking", says: "VLANs 100 and 101 are both untagged", ports: one("hpe13", "shut")},
			wish{body: first("100", "101t"), ports: one("hpe13", "100 101t")}},
		"a VLAN twice": {nil,
			wish{body: first("100", "100t"), kind: "booking", says: "VLAN 100 is booked twice", ports: one("hpe13", "shut")},
			wish{body: first("100", "200t", "300t"), ports: one("hpe13", "100 200t 300t")}},
		"the private VLAN of a live booking": {[][]byte{first("200"), second("200")},
			wish{before: deliver(first("200")), body: second("200"), kind: "booking", says: "VLAN 200 is private and on the ports of hpe13, which belongs to job 1", ports: both("200", "shut")},
			wish{before: deliver(first("100")), body: second("100"), ports: both("100", "100")}},
		// It is waited for: the dashboard returns VLANs as soon as a booking ends, and hands them out at once.
		"the private VLAN of a booking, one that lives and one that ends": {[][]byte{first("200"), second("300", "200t")},
			wish{before: deliver(first("200")), body: second("300", "200t"), kind: "booking", says: "VLAN 200 is private", ports: both("200", "shut")},
			wish{before: func(p *play) {
				p.deliver(first("200"))
				require.NoError(p.t, p.Lab.Dashboard().End(job))
			}, body: second("300", "200t"), ports: both("shut", "300 200t"), after: (*play).oneAfterTheOther}},
		"networks that cannot be read": {nil,
			wish{body: bytes.Replace(first("100"), []byte(`"tagged":false`), []byte(`"tagged":"perhaps"`), 1), kind: "held", says: "VLAN 100 is neither tagged nor untagged", ports: one("hpe13", "shut")},
			wish{body: first("100"), ports: one("hpe13", "100")}},
		"a host to be imaged without networks": {nil,
			wish{body: bytes.Replace(first("100"), []byte(`"network":`), []byte(`"unheard of":`), 1), kind: "held", says: "has no network task", ports: one("hpe13", "shut")},
			wish{body: first(), ports: one("hpe13", "shut")}},
		"an interface that is not in the inventory": {nil,
			wish{before: func(p *play) {
				p.edit(host, func(nics map[string]map[string]any) { delete(nics, firstMAC(host)) })
			}, body: first("100"), kind: "booking", says: firstMAC(host) + ": is not an interface of hpe13 in the inventory", ports: one("hpe13", "shut")},
			wish{body: first("100"), ports: one("hpe13", "100")}},
		"an interface without a port in the inventory": {nil,
			wish{before: func(p *play) {
				p.edit(host, func(nics map[string]map[string]any) {
					delete(nics[firstMAC(host)], "port")
					delete(nics[firstMAC(host)], "switch")
				})
			}, body: first("100"), kind: "booking", says: "the pack must know the switch and the port of every interface", ports: one("hpe13", "shut")},
			wish{body: first("100"), ports: one("hpe13", "100")}},
		"a port that is another host's in the inventory": {[][]byte{first("100"), second("101")},
			wish{before: func(p *play) { p.deliver(second("101")); sameCable(p) }, body: first("100"), kind: "booking", says: "switch port", ports: both("shut", "101")},
			wish{before: deliver(second("101")), body: first("100"), ports: both("100", "101")}},
		"a port that became another host's while the booking was set up": {[][]byte{first("100"), second("101")},
			wish{before: func(p *play) { p.deliver(first("100")); p.deliver(second("101")); sameCable(p) }, do: setPorts(1, 1, "hpe13", true),
				kind: "refused", says: "is the port of hpe15, too, which belongs to job 7", ports: both("100", "101")},
			// Nobody has the other: the cable was moved, and its entry is to follow.
			wish{before: func(p *play) { p.deliver(first("100")); sameCable(p) }, do: setPorts(1, 1, "hpe13", true), ports: both("100", "100")}},
		"a host that the job does not have": {[][]byte{first("100"), second("101")},
			wish{before: deliver(first("100"), second("101")), do: setPorts(7, 1, "hpe13", true), kind: "refused", says: "hpe13 is not a host of job 7", ports: both("100", "101")},
			wish{before: deliver(first("100"), second("101")), do: setPorts(1, 1, "hpe13", true), ports: both("100", "101")}},
		"a claim that is older than another": {nil,
			wish{before: func(p *play) {
				p.deliver(first("100"))
				p.works("laas.resume_job", map[string]any{"job_id": job})
				byHand(p)
			}, body: first("100"), do: setPorts(1, 1, "hpe13", true), kind: "cancelled", says: "newer run", ports: one("hpe13", "101")},
			wish{before: func(p *play) {
				p.deliver(first("100"))
				p.works("laas.resume_job", map[string]any{"job_id": job})
				byHand(p)
			}, body: first("100"), do: setPorts(1, 2, "hpe13", true), ports: one("hpe13", "100")}},
		"a host that nobody reserved": {nil,
			wish{before: func(p *play) { p.works("laas.network_create", map[string]any{"network": "storage"}) }, do: connect, kind: "refused", says: "hpe13 is not reserved", ports: one("hpe13", "shut")},
			wish{before: reserved, do: connect, ports: one("hpe13", "2000")}},
		"a port that somebody changed by hand": {nil,
			wish{before: func(p *play) { p.deliver(first("100")); byHand(p) }, do: setPorts(1, 1, "hpe13", false), kind: "refused", says: "was changed by hand since it was written for hpe13 (booked, job 1)",
				ports: one("hpe13", "101")},
			wish{before: func(p *play) { p.deliver(first("100")); byHand(p) }, do: setPorts(1, 1, "hpe13", true), ports: one("hpe13", "100")}},
		"the same, where the lab wants it back": {nil,
			wish{before: func(p *play) { p.deliver(first("100")); byHand(p) }, do: setPorts(1, 1, "hpe13", false), kind: "refused", says: "was changed by hand", ports: one("hpe13", "101")},
			wish{config: map[string]any{"on_drift": "overwrite"}, before: func(p *play) { p.deliver(first("100")); byHand(p) }, do: setPorts(1, 1, "hpe13", false), ports: one("hpe13", "100")}},
	} {
		bodies := c.bodies
		if bodies == nil {
			bodies = [][]byte{first("100")}
		}
		for twin, w := range map[string]wish{"refused": c.refused, "allowed": c.allowed} {
			t.Run(name+", "+twin, func(t *testing.T) {
				t.Parallel()
				p := open(t, demo.Options{Bodies: bodies, Slack: patient, Config: func(all map[string]any) { maps.Copy(all["network"].(map[string]any), w.config) }})
				p.wishes(w)
			})
		}
	}
}

// The sensor dispatches no such plan; one of before may be resumed.
func TestAPlanWithoutNetworksSetsNoHostUp(t *testing.T) {
	t.Parallel()
	body := bookingOf(t, "hpe13", "100")
	p := open(t, demo.Options{Bodies: [][]byte{body}, Slack: patient})
	require.NoError(t, p.Lab.Deliver(body))
	plan := map[string]any{"job": job, "digest": "0123456789ab", "dispatched": "2026-11-21T07:00:00Z", "tasks": []any{map[string]any{
		"id": p.tasks("hardware")[0].ID, "kind": "hardware", "host": host, "generation": 1, "content": "0123456789ab",
		"hardware": map[string]any{"image": "23", "hostname": "my-dev-box", "power": "on"}}}}
	text, err := json.Marshal(plan)
	require.NoError(t, err)
	p.Engine.Keys().Set("laas.plan.1.0123456789ab", string(text))
	before := p.allPorts()
	p.action("laas.process_job", map[string]any{"job_id": job, "digest": "0123456789ab"})
	assert.Equal(t, booking.Error, p.record().Outcome)
	assert.Contains(t, p.record().Reason, "names no networks for "+host)
	assert.Equal(t, before, p.allPorts())
	assert.Empty(t, p.Lab.World().Tasks(), "nothing was imaged")
}
