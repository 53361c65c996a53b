package demo_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
)

// busyAt makes the host's BMC too busy for anything but logins, for a while from the start of each of the stages, and counts the stages.
func (p *play) busyAt(stages []stage, window time.Duration) (met func() int) {
	var mu sync.Mutex
	seen := map[string]bool{}
	p.starting(func(e engine.Execution) {
		mu.Lock()
		defer mu.Unlock()
		for _, s := range stages {
			if !s.is(e) || seen[s.String()] {
				continue
			}
			seen[s.String()] = true
			for _, op := range []string{"power", "boot", "user", "health"} {
				p.Lab.Faults().Add(faults.Fault{System: "bmc", Op: op, Kind: faults.Error500, Until: time.Now().Add(window)})
			}
		}
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(seen)
	}
}

func TestABMCThatIsBusyForAMomentCostsNoBookingAndNoHost(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	for speaks, o := range map[string]demo.Options{"IPMI": {Bodies: b}, "Redfish": overRedfish(demo.Options{Bodies: b})} {
		t.Run(speaks, func(t *testing.T) {
			t.Parallel()
			p := open(t, o)
			met := p.busyAt(byBMC(provisioning), time.Second)
			p.dispatch(b[0])
			assert.Equal(t, len(byBMC(provisioning)), met())
			p.asBooked()
			name, word := login(t, p.tasks("hardware")[0].Message)
			require.True(t, p.opensBMC(name, word))

			met = p.busyAt(byBMC(release), time.Second)
			p.dispatch(b[1])
			assert.Equal(t, len(byBMC(release)), met())
			p.asBefore()
			p.allAre(booking.StatusDone, "")
			assert.False(t, p.opensBMC(name, word))
			p.neverEarly()
		})
	}
	t.Run("unless the lab wants nothing repeated", func(t *testing.T) {
		t.Parallel()
		p := open(t, demo.Options{Bodies: b, Config: settings("bmc", map[string]any{"retry": 0})})
		p.busyAt([]stage{{action: "hand_over"}}, time.Minute)
		p.dispatch(b[0])
		p.starting(nil)
		p.tells(p.tasks("hardware")[0], booking.StatusError, host, "busy")
		p.Lab.Faults().Heal()
		p.dispatch(b[1])
		p.asBefore()
	})
}
