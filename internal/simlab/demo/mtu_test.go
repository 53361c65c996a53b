package demo_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/nxapi"
)

// A Nexus 7000 or 9000 takes two MTUs on ports of layer 2, and neither is what a host of large frames has.
func TestLargeFramesOnASwitchThatTakesTwoMTUs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		network map[string]any
		// port is its MTU in the end, 0 for the default; refused says that the switch does not take what is configured.
		port    int
		refused bool
	}{
		"hosts have 9000, ports the switch's own":  {map[string]any{"mtu": 9000, "switch_mtu": 9216}, 9216, false},
		"hosts have 9000, ports are left as is":    {map[string]any{"mtu": 9000}, 0, false},
		"ports are to have what the hosts have":    {map[string]any{"mtu": 9000, "switch_mtu": 9000}, 0, true},
		"hosts are left as is, and ports go large": {map[string]any{"switch_mtu": 9216}, 9216, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bodies(t, "01", "06")
			p := open(t, demo.Options{Bodies: b, Slack: patient, Config: settings("network", c.network), Switches: func(s *nxapi.Config) { s.JumboMTU = 9216 }})
			p.dispatch(b[0])
			if c.refused {
				p.tells(p.tasks("hardware")[0], booking.StatusError, "MTU on L2 interfaces can only be set to default or system-jumboMTU")
				assert.False(t, p.anyCarries(booked), "%+v", p.wires())
				return
			}
			p.asBooked()
			assert.Equal(t, c.port, p.wires()[0].MTU)
			netplan := p.files("/etc/netplan")["/etc/netplan/01-laas.yaml"]
			if c.network["mtu"] == nil {
				assert.NotContains(t, netplan, "mtu:")
			} else {
				assert.Contains(t, netplan, "mtu: 9000")
			}
			p.dispatch(b[1])
			p.asBefore()
		})
	}
}
