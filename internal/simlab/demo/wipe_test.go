package demo_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// certificates are the certificates in the datastore.
func (p *play) certificates() (out []booking.Certificate) {
	for _, text := range p.Engine.Keys().List("laas.wipe.") {
		var c booking.Certificate
		require.NoError(p.t, json.Unmarshal([]byte(text), &c))
		out = append(out, c)
	}
	return out
}

func TestWhenABookingEndsItsDisksAreWipedAndThereIsACertificate(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	p.dispatch(b[0])
	require.Equal(t, 23.0, p.host().Image)
	assert.Empty(t, p.certificates())
	p.dispatch(b[1])
	p.asBefore()
	p.tells(p.tasks("hardware")[0], booking.StatusDone, "disks wiped (normal, FOG task ")

	certificates := p.certificates()
	require.Len(t, certificates, 1)
	c := certificates[0]
	assert.Equal(t, booking.Certificate{Host: host, Job: job, Method: "normal", Scope: booking.WipeScope, Disks: []booking.Disk{{Model: "SIMDISK", Serial: p.Lab.World().DiskSerial(host)}},
		TaskID: c.TaskID, Started: c.Started, Complete: c.Complete}, c)
	task, ok := p.Lab.World().Task(c.TaskID)
	require.True(t, ok)
	assert.Equal(t, world.NormalWipe, task.Type)
	assert.Equal(t, world.TaskComplete, task.State)
	assert.True(t, c.Complete.After(c.Started))
}

// What keeps the disks from being wiped keeps the host from everybody, off and apart, until an operator has it back.
func TestAHostThatIsNotWipedStaysOffAndApart(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	for name, c := range map[string]struct {
		fault faults.Fault
		told  string
	}{
		// What the tenant left starts instead of FOG.
		"the BMC shows a boot device that it does not use": {faults.Fault{System: "bmc", Op: "boot.set", Kind: faults.Lie}, "did not check in with FOG"},
		"FOG lies about the task":                          {faults.Fault{System: "fog", Op: "task.post", Kind: faults.Lie}, "did not check in with FOG"},
		"FOG has no such task":                             {faults.Fault{System: "fog", Op: "task.post", Kind: faults.Forget}, "no active task"},
		"FOG cannot be reached":                            {faults.Fault{System: "fog", Kind: faults.Refuse}, "FOG"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, demo.Options{Bodies: b, Slack: impatient})
			p.dispatch(b[0])
			p.allAre(booking.StatusDone, "hardware")
			p.breakAt(stage{action: "release_step", which: "wipe"}, c.fault)
			p.dispatch(b[1])
			p.starting(nil)

			h := p.host()
			assert.Equal(t, "off", h.Power)
			assert.True(t, allShut(h), "%+v", h.Ports)
			assert.True(t, h.Quarantined)
			assert.NotNil(t, h.Image)
			p.tells(p.tasks("hardware")[0], booking.StatusError, "the disks of "+host+" are not wiped", c.told)
			assert.Empty(t, p.certificates())
			p.neverEarly()

			p.Lab.Faults().Heal()
			assert.Equal(t, "succeeded", p.action("laas.return_host", map[string]any{"host": host, "confirm": host}).Status)
			p.asBefore()
			assert.Len(t, p.certificates(), 1)
		})
	}
}

// A tenant's system never starts where FOG is: a host that cannot be switched off does not get there.
func TestAHostThatStaysOnIsNotPutNearFOG(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: impatient})
	p.dispatch(b[0])
	p.Lab.Faults().Add(faults.Fault{System: "bmc", Op: "power.set", Kind: faults.Forget})
	var near []string
	p.starting(func(e engine.Execution) {
		for _, port := range p.host().Ports {
			if port.Native != nil && *port.Native == 98 {
				near = append(near, e.Action)
			}
		}
	})
	p.dispatch(b[1])
	p.starting(nil)
	assert.Empty(t, near)
	assert.Equal(t, "on", p.host().Power)
	assert.True(t, allShut(p.host()), "it reaches nothing")
	p.tells(p.tasks("hardware")[0], booking.StatusError, "power")
}

func TestAWipeThatIsOverTooSoonIsNotBelieved(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient, Config: func(all map[string]any) { all["release"].(map[string]any)["wipe_least"] = 60 }})
	p.dispatch(b[0])
	p.asBooked()
	p.dispatch(b[1])
	p.tells(p.tasks("hardware")[0], booking.StatusError, "the disks of "+host+" are not wiped", "no disk is overwritten in that time")
	assert.Empty(t, p.certificates())
	h := p.host()
	assert.True(t, h.Quarantined)
	assert.Equal(t, "off", h.Power)
	assert.True(t, allShut(h))
}
