package demo_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

func reasons(forget, lie string) map[faults.Kind]string {
	return map[faults.Kind]string{faults.Forget: forget, faults.Lie: lie}
}

// Each step of provisioning has an effect of its own: where it is left out, whatever its system says, the host does not get to where it
// was booked to, and nobody is told that it did.
func TestNoStepCanBeLeftOut(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	for _, step := range []struct {
		name       string
		from       stage
		system, op string
		// reasons are words of what is told, by the way it is left out.
		reasons map[faults.Kind]string
	}{
		{"power", stage{action: "boot_to_network"}, "bmc", "power.set", reasons("the power is not on", "did not check in with FOG")},
		{"the boot device", stage{action: "boot_to_network"}, "bmc", "boot.set", reasons("boot device", "did not check in with FOG")},
		{"the install VLAN", stage{action: "set_ports", which: "provisioning"}, "switch", "conf", reasons("native VLAN none -> 98", "did not check in with FOG")},
		{"the FOG task", stage{action: "schedule_imaging"}, "fog", "task.post", reasons("shows no active task", "did not check in with FOG")},
		{"the image", stage{action: "schedule_imaging"}, "fog", "host.put", reasons("the host reads image 7", "FOG scheduled image 7")},
		// A switch that shows what it does not do is found out by laas.network_verify only (ports_test.go): the provisioning network reaches the lab as well.
		{"the tenant's VLAN", stage{action: "set_ports", which: "booked"}, "switch", "conf", map[faults.Kind]string{faults.Forget: "native VLAN 98 -> 100"}},
	} {
		for kind, reason := range step.reasons {
			t.Run(step.name+", which its system answers with a "+string(kind), func(t *testing.T) {
				t.Parallel()
				p := open(t, demo.Options{Bodies: b, Slack: impatient})
				p.Lab.World().AddImage(world.Image{ID: 7, Name: "another-ubuntu", OS: "ubuntu", Version: "18.04"})
				require.NoError(t, p.Lab.World().AssignImage(host, 7))
				p.breakAt(step.from, faults.Fault{System: step.system, Op: step.op, Kind: kind})
				p.dispatch(b[0])
				p.starting(nil)
				require.NotEmpty(t, p.Lab.Faults().Active(), "the stage was never reached")

				h := p.host()
				there := h.Power == "on" && h.Reachable && h.Image == 23.0 && h.Ports[0].Native != nil && *h.Ports[0].Native == 100
				assert.False(t, there, "the step has no effect: %+v", h)
				p.tells(p.tasks("hardware")[0], booking.StatusError, host, reason)
				p.allAre(booking.StatusError, "network")
				for _, u := range p.Lab.Dashboard().History(job, p.tasks("hardware")[0].ID) {
					assert.False(t, u.Status != nil && *u.Status == booking.StatusDone, "the hardware was reported as done")
				}

				p.Lab.Faults().Heal()
				p.dispatch(b[1])
				p.asBefore()
			})
		}
	}
}
