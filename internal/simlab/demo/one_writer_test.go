package demo_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
)

// twoJobs are two bookings of a host each, which hang on the same switch.
func twoJobs(t *testing.T) []byte {
	t.Helper()
	type object map[string]any
	var jobs []object
	for i, name := range []string{"node01", "node02"} {
		jobs = append(jobs, object{"id": i + 1, "payload": object{
			"hardware": object{"hw-" + name: object{"id": name, "image": 23, "hostname": name, "power": "on", "ipmi_create": true, "lab_token": "null"}},
			"network": object{"net-" + name: object{"lab_token": "null", name: object{
				fmt.Sprintf("52:54:00:00:0%d:00", i): []object{{"vlan_id": 100, "tagged": false}}}}},
		}})
	}
	text, err := json.Marshal(jobs)
	require.NoError(t, err)
	return text
}

// writers are the executions that write the switch, or wait for their turn to.
func (p *play) writers(status ...string) (out []engine.Execution) {
	for _, e := range p.Engine.Executions() {
		if e.Action == "laas.set_ports" && e.Parameters["switch"] == theSwitch && slices.Contains(status, e.Status) {
			out = append(out, e)
		}
	}
	return out
}

// Both jobs come to the switch at once: the first write is held in the switch until the other job's is there, too.
func TestTwoJobsNeverWriteOneSwitchAtTheSameTime(t *testing.T) {
	t.Parallel()
	body := twoJobs(t)
	p := open(t, demo.Options{Bodies: [][]byte{body}, Slack: time.Minute})
	var gate sync.Once
	var mu sync.Mutex
	var together []string
	met := false
	p.Lab.Switch(theSwitch).OnRequest(func(op string) {
		if op != "conf" {
			return
		}
		gate.Do(func() {
			look := time.NewTicker(time.Millisecond)
			defer look.Stop()
			for p.ctx.Err() == nil && len(p.writers("delayed", "running")) < 2 {
				<-look.C
			}
		})
		running, waiting := p.writers("running"), p.writers("delayed")
		mu.Lock()
		defer mu.Unlock()
		met = met || len(waiting) > 0
		if len(running) != 1 {
			together = append(together, fmt.Sprint(running))
		}
	})
	p.deliver(body)
	mu.Lock()
	defer mu.Unlock()
	assert.Empty(t, together, "one write of the switch ends before the next one starts")
	assert.True(t, met, "the other job's was delayed")
	p.allAre(booking.StatusDone, "")

	text, found := p.Engine.Keys().Get("laas.intent." + theSwitch)
	require.True(t, found)
	var intent booking.Intent
	require.NoError(t, json.Unmarshal([]byte(text), &intent))
	for i, name := range []string{"node01", "node02"} {
		port := p.named(name).Ports[0]
		w, _ := p.Lab.World().Port(theSwitch, port.Port)
		assert.Equal(t, booked, w.Native, name)
		at := intent.Ports[port.Port]
		assert.Equal(t, []any{name, i + 1, "booked", booked, false}, []any{at.Host, at.Job, at.State, at.Native, at.Pending}, strings.TrimSpace(text))
	}
}
