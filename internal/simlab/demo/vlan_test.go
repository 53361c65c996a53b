package demo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/demo"
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

func TestAPrivateVLANIsInOneBookingAtATime(t *testing.T) {
	t.Parallel()
	b := recorded(t, "02", "01")
	b[1] = another(b[1], "hpe15", "200")
	p := open(t, demo.Options{Bodies: b})
	p.deliver(b[0])
	before := p.named("hpe15")
	p.deliver(b[1])
	state, reason := p.jobState(7)
	assert.Equal(t, demo.StateFailed, state)
	assert.Contains(t, reason, "VLAN 200 is private")
	assert.Equal(t, before, p.named("hpe15"), "the host was not touched")
	state, _ = p.jobState(2)
	assert.Equal(t, demo.StateDone, state)
}

func TestAPublicVLANIsInManyBookings(t *testing.T) {
	t.Parallel()
	b := recorded(t, "02", "01")
	b[1] = another(b[1], "hpe15", "100")
	p := open(t, demo.Options{Bodies: b})
	for _, body := range b {
		p.deliver(body)
	}
	for _, id := range []int{2, 7} {
		state, reason := p.jobState(id)
		assert.Equal(t, demo.StateDone, state, reason)
	}
}

func TestAVLANThatAnEndingBookingStillHoldsIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := recorded(t, "02", "01")
	b[1] = another(b[1], "hpe15", "200")
	p := open(t, demo.Options{Bodies: b})
	p.deliver(b[0])
	require.NoError(t, p.Lab.Dashboard().End(2))
	p.deliver(b[1]) // the dashboard returned the VLAN when the booking ended, and hands it out at once
	for _, id := range []int{2, 7} {
		state, reason := p.jobState(id)
		assert.Equal(t, demo.StateDone, state, reason)
	}
	var order []string
	for _, e := range p.Engine.Executions() {
		if e.Action == "laas.process_job" {
			order = append(order, e.StartedAt.Format("15:04:05.000000 ")+fmt.Sprint(e.Parameters["job_id"]))
		}
	}
	require.Len(t, order, 3)
	assert.True(t, strings.HasSuffix(order[1], " 2") && strings.HasSuffix(order[2], " 7"), "%v", order)
	assert.Equal(t, 200, *p.named("hpe15").Ports[0].Native)
	assert.True(t, allShut(p.named("hpe13")))
}
