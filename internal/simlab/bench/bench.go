// Package bench measures what the README claims: how quick an action starts, and what a booking of many hosts costs. It compares
// things in one run on one machine, because absolute times say nothing about another.
package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/world"
)

// Start is how long a program takes from being started to its end, as the median of many runs.
type Start struct {
	Name   string
	Median time.Duration
}

// Booking is what a booking of a number of hosts cost.
type Booking struct {
	Hosts      int
	Provision  time.Duration
	Release    time.Duration
	Executions int
	// Peak is the largest memory of the lab, the runner and the simulated systems together, in MiB.
	Peak int
}

// runs of each program.
const runs = 40

// Starts measures the start of an action of the pack against an empty static Go program and against Python with its usual HTTP
// library. The action reads its configuration and ends where it would call StackStorm.
func Starts(ctx context.Context, pack string) ([]Start, error) {
	dir, err := os.MkdirTemp("", "laas-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	empty := filepath.Join(dir, "empty")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", empty, "./internal/simlab/bench/empty")
	build.Dir, build.Env = pack, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the empty program: %w: %s", err, out)
	}
	action := []string{filepath.Join(pack, "bin", "laas"), "--action=adopt_host", "--host=none"}
	programs := []struct {
		name string
		argv []string
	}{
		{"an empty static Go program", []string{empty}},
		{"an action of the pack", action},
		{"python3 -c 'import requests'", []string{"/usr/bin/python3", "-c", "import requests"}},
	}
	var out []Start
	for _, p := range programs {
		times := make([]time.Duration, 0, runs)
		for range runs {
			cmd := exec.CommandContext(ctx, p.argv[0], p.argv[1:]...)
			cmd.Env = append(os.Environ(), "LAAS_CONFIG="+config, "ST2_ACTION_API_URL=http://127.0.0.1:1/v1", "ST2_ACTION_AUTH_TOKEN=none")
			began := time.Now()
			err := cmd.Run()
			times = append(times, time.Since(began))
			if err != nil && p.name != "an action of the pack" { // which ends with the status of "transient"
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
		}
		slices.Sort(times)
		out = append(out, Start{p.name, times[runs/2]})
	}
	return out, nil
}

// config is enough for an action to start with.
const config = `{"fog": {"address": "http://127.0.0.1:1/fog/", "api_key": "a", "user_key": "b"}, "st2": {"retry": 0},
 "dashboard": {"address": "http://127.0.0.1:1", "lab_name": "lab", "token": "c"}, "network": {"provisioning_vlan": 98, "public_vlans": [100], "dark_vlan": 96}}`

// Play provisions and releases a booking of some hosts.
func Play(ctx context.Context, pack string, hosts int, pace world.Pace) (Booking, error) {
	book, end := bodies(hosts)
	s, err := demo.Open(demo.Options{Pack: pack, Bodies: [][]byte{book}, Pace: pace, HostsPerSwitch: max(1, (hosts+3)/4), Slack: 2 * time.Minute})
	if err != nil {
		return Booking{}, err
	}
	defer s.Close()
	b := Booking{Hosts: hosts}
	began := time.Now()
	if err := s.Play(ctx, book); err != nil {
		return b, err
	}
	b.Provision, began = time.Since(began), time.Now()
	b.Executions = len(s.Engine.Executions())
	if err := s.Play(ctx, end); err != nil {
		return b, err
	}
	b.Release, b.Peak = time.Since(began), peak()
	if r := s.Report(); r.Failed() || r.Held() {
		return b, fmt.Errorf("the booking of %d hosts did not end well: %s", hosts, r.Jobs[0].Reason)
	}
	return b, nil
}

// bodies makes a booking of some hosts with one user, and its end.
func bodies(hosts int) (book, end []byte) {
	type object = map[string]any
	var ids []string
	hardware, network, off, idle := object{}, object{}, object{}, object{}
	for i := range hosts {
		id := fmt.Sprintf("node%02d", i+1)
		mac := fmt.Sprintf("02:00:00:00:%02x:00", i+1)
		ids = append(ids, id)
		hardware["hw-"+id] = object{"id": id, "image": 23, "hostname": id, "power": "on", "ipmi_create": true, "lab_token": "null"}
		network["net-"+id] = object{id: object{mac: []object{{"vlan_id": 100, "tagged": false}}}, "lab_token": "null"}
		off["hw-"+id] = object{"id": id, "power": "off", "lab_token": "null"}
		idle["net-"+id] = object{id: object{mac: []object{}}, "lab_token": "null"}
	}
	key := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFbFG/vv1IYAM7Fdj0dSSZr3VskQ8dZM2MlsLbbMU6gC user@laptop"
	access := object{"ssh": object{"access_type": "ssh", "user": 2, "revoke": false, "lab_token": "null", "context": object{"key": key, "hosts": ids}}}
	marshal := func(payload object) []byte {
		text, err := json.Marshal([]object{{"id": 1, "payload": payload}})
		if err != nil {
			panic(err) // plain values
		}
		return text
	}
	return marshal(object{"hardware": hardware, "network": network, "access": access}), marshal(object{"hardware": off, "network": idle})
}

// peak reads the largest resident memory of this process so far, in MiB.
func peak() int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib / 1024
		}
	}
	return 0
}
