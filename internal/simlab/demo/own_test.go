package demo_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/lab"
)

// inPool holds that the host can be booked: nobody has it, it is off, and it reaches nothing.
func (p *play) inPool() {
	p.t.Helper()
	h := p.host()
	assert.Equal(p.t, "off", h.Power)
	assert.True(p.t, allShut(h), "%+v", h.Ports)
	assert.False(p.t, h.Quarantined)
	assert.Empty(p.t, p.Engine.Keys().List(booking.OwnerPrefix))
	p.nothingScheduled()
}

// works runs an operator's action that is to succeed, refused one that is not.
func (p *play) works(name string, params map[string]any) engine.Execution {
	p.t.Helper()
	e := p.action(name, params)
	require.Equal(p.t, "succeeded", e.Status, "%v", p.failures())
	return e
}

func (p *play) refused(name string, params map[string]any, words ...string) {
	p.t.Helper()
	before := len(p.Engine.Executions())
	e := p.action(name, params)
	require.Equal(p.t, "failed", e.Status)
	var text string
	for _, e := range p.Engine.Executions()[before:] {
		b, err := json.Marshal(e.Result)
		require.NoError(p.t, err)
		text += string(b)
	}
	for _, w := range words {
		assert.Contains(p.t, text, w)
	}
}

// failures are the results of what failed.
func (p *play) failures() (out []any) {
	for _, e := range p.Engine.Executions() {
		if e.Status == "failed" {
			out = append(out, e.Action, e.Result)
		}
	}
	return out
}

func (p *play) port(i int) lab.Port { return p.host().Ports[i] }

func TestAnOperatorImagesAHostThatNobodyHas(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient})
	require.Nil(t, p.host().Image)
	p.refused("laas.image_host", map[string]any{"host": host}, "image: is needed")
	p.refused("laas.image_host", map[string]any{"host": host, "image": "nonsense"}, "FOG has no image")
	p.inPool()
	p.works("laas.image_host", map[string]any{"host": host, "image": "23"})
	p.inPool()
	assert.Equal(t, 23.0, p.host().Image, "the image is on the disk")
	assert.Empty(t, p.certificates(), "nothing was wiped")
}

func TestAnOperatorsImageThatFailsLeavesTheHostInThePool(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: impatient})
	p.breakAt(stage{action: "deploy_image"}, faults.Fault{System: "fog", Kind: faults.Error500})
	p.refused("laas.image_host", map[string]any{"host": host, "image": "23"}, "FOG")
	p.starting(nil)
	journal, _ := p.laas("job", "show", strconv.Itoa(booking.OwnJobs))
	assert.Contains(t, journal, "job 1000000000: failed")
	assert.Contains(t, journal, "FOG")
	assert.Equal(t, "off", p.host().Power)
	assert.True(t, allShut(p.host()))
	if p.host().Quarantined { // FOG could not be asked whether it has a task left
		p.Lab.Faults().Heal()
		p.works("laas.return_host", map[string]any{"host": host, "confirm": host})
	}
	p.inPool()
}

func TestAnOperatorWipesAHostThatNobodyHas(t *testing.T) {
	t.Parallel()
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: patient})
	p.works("laas.image_host", map[string]any{"host": host, "image": "23"})
	p.works("laas.wipe_host", map[string]any{"host": host, "method": "full"})
	p.inPool()
	assert.Nil(t, p.host().Image)
	c := p.certificates()
	require.Len(t, c, 1)
	assert.Equal(t, "full", c[0].Method)
}

func TestAnOperatorImagesABookedHostOnceMoreWithConfirmOnly(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	p.dispatch(b[0])
	p.asBooked()
	tasks := len(p.Lab.World().Tasks())
	p.refused("laas.image_host", map[string]any{"host": host}, "would be destroyed", "confirm="+host)
	p.refused("laas.image_host", map[string]any{"host": host, "confirm": "hpe14"}, "would be destroyed")
	p.refused("laas.wipe_host", map[string]any{"host": host, "confirm": host}, "belongs to job 1")
	p.refused("laas.reserve_host", map[string]any{"host": host, "by": "alice"}, "belongs to job 1")
	assert.Len(t, p.Lab.World().Tasks(), tasks)
	p.works("laas.image_host", map[string]any{"host": host, "confirm": host})
	assert.Len(t, p.Lab.World().Tasks(), tasks+1, "it was imaged once more")
	p.asBooked()
	p.dispatch(b[1])
	p.asBefore()
}

func TestAReservedHostIsItsHoldersUntilNothingIsLeftOnIt(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	p.refused("laas.nic_connect", map[string]any{"host": host, "nic": p.port(0).MAC, "network": "storage"}, "not reserved")
	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
	assert.True(t, p.host().Quarantined, "it has left the dashboard's pool")
	p.refused("laas.reserve_host", map[string]any{"host": host, "by": "bob"}, "the reservation of alice")
	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})

	p.works("laas.network_create", map[string]any{"network": "storage"})
	p.works("laas.network_create", map[string]any{"network": "storage"})
	p.works("laas.network_create", map[string]any{"network": "cluster"})
	p.refused("laas.network_create", map[string]any{"network": "Storage net"}, "cannot be a name")
	nic := p.port(0).MAC
	p.refused("laas.nic_connect", map[string]any{"host": host, "nic": "eth99", "network": "storage"}, "no interface")
	p.refused("laas.nic_connect", map[string]any{"host": host, "nic": nic, "network": "nowhere"}, "no network", "storage")
	p.works("laas.nic_connect", map[string]any{"host": host, "nic": nic, "network": "storage"})
	p.refused("laas.nic_connect", map[string]any{"host": host, "nic": nic, "network": "cluster"}, "native")
	p.works("laas.nic_connect", map[string]any{"host": host, "nic": nic, "network": "cluster", "tagged": true})
	assert.Equal(t, 2000, *p.port(0).Native)
	assert.Equal(t, []int{2001}, p.port(0).Tagged)
	assert.False(t, p.port(0).Shutdown)

	p.refused("laas.network_delete", map[string]any{"network": "cluster"}, "still on "+host)
	p.refused("laas.free_host", map[string]any{"host": host}, "still has 2 network")
	p.refused("laas.image_host", map[string]any{"host": host, "image": "23"}, "would be destroyed")
	p.works("laas.image_host", map[string]any{"host": host, "image": "23", "confirm": host})
	assert.Equal(t, 23.0, p.host().Image)
	assert.Equal(t, 2000, *p.port(0).Native, "it stays connected")

	// A booking does not get it.
	p.deliver(b[0])
	assert.Contains(t, p.Report().Jobs[0].Reason, "the reservation of alice")
	assert.Equal(t, 2000, *p.port(0).Native)

	p.works("laas.nic_disconnect", map[string]any{"host": host, "nic": nic, "network": "storage"})
	p.works("laas.nic_disconnect", map[string]any{"host": host, "nic": nic, "network": "cluster"})
	p.works("laas.nic_disconnect", map[string]any{"host": host, "nic": nic, "network": "cluster"})
	assert.True(t, allShut(p.host()), "%+v", p.host().Ports)
	p.works("laas.network_delete", map[string]any{"network": "cluster"})
	p.works("laas.network_delete", map[string]any{"network": "cluster"})
	p.works("laas.free_host", map[string]any{"host": host})
	p.inPool()
	assert.Nil(t, p.host().Image)
	assert.Len(t, p.certificates(), 1)
	assert.Empty(t, p.Engine.Keys().List("laas.reservation."))
}
