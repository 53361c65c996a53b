package bmc_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// power is read as a list of answers, the last one for ever.
type power struct {
	answers []any
	reads   int
}

func (p *power) PowerState(context.Context) (bmc.PowerState, error) {
	a := p.answers[min(p.reads, len(p.answers)-1)]
	p.reads++
	if err, ok := a.(error); ok {
		return "", err
	}
	return a.(bmc.PowerState), nil
}

func (p *power) SetPower(context.Context, bmc.PowerAction) error { return errors.ErrUnsupported }

func TestReachWaitsForThePowerState(t *testing.T) {
	busy := fault.New(fault.Transient, "the BMC is busy")
	for _, c := range []struct {
		name    string
		answers []any
		kind    fault.Kind // empty for reached
		text    string
		reads   int
	}{
		{"there already", []any{bmc.Off}, "", "", 1},
		{"after a while", []any{bmc.On, bmc.On, bmc.Off}, "", "", 3},
		{"in spite of time-outs", []any{busy, bmc.On, busy, bmc.Off}, "", "", 4},
		{"never", []any{bmc.On}, fault.Deadline, "it was last seen on", 11},
		{"never, and never an answer", []any{busy}, fault.Deadline, "the BMC is busy", 11},
		{"the login is refused", []any{bmc.On, fault.New(fault.Credentials, "refused")}, fault.Credentials, "refused", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
				defer cancel()
				p := &power{answers: c.answers}
				err := bmc.Reach(ctx, p, bmc.Off, time.Second)
				assert.Equal(t, c.reads, p.reads)
				if c.kind == "" {
					require.NoError(t, err)
					return
				}
				assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
				assert.ErrorContains(t, err, c.text)
			})
		})
	}
}

// machine is a host whose operating system takes its time to shut down, or never does.
type machine struct {
	state  bmc.PowerState
	obeys  time.Duration // 0 is never
	sticks bool          // keeps its power whatever it is told
	did    []bmc.PowerAction
	down   time.Time // when it has shut down
}

func (m *machine) PowerState(context.Context) (bmc.PowerState, error) {
	if !m.down.IsZero() && !time.Now().Before(m.down) {
		m.state = bmc.Off
	}
	return m.state, nil
}

func (m *machine) SetPower(_ context.Context, do bmc.PowerAction) error {
	m.did = append(m.did, do)
	switch {
	case m.sticks:
	case do == bmc.PowerOff:
		m.state = bmc.Off
	case do == bmc.PowerSoft && m.obeys > 0:
		m.down = time.Now().Add(m.obeys)
	}
	return nil
}

func TestSoftOffTakesThePowerAwayFromWhatDoesNotShutDown(t *testing.T) {
	for name, c := range map[string]struct {
		machine machine
		forced  bool
		did     []bmc.PowerAction
		kind    fault.Kind
	}{
		"it shuts down in time": {machine{state: bmc.On, obeys: 20 * time.Second}, false, []bmc.PowerAction{bmc.PowerSoft}, ""},
		"it never shuts down":   {machine{state: bmc.On}, true, []bmc.PowerAction{bmc.PowerSoft, bmc.PowerOff}, ""},
		"it stays on":           {machine{state: bmc.On, sticks: true}, true, []bmc.PowerAction{bmc.PowerSoft, bmc.PowerOff}, fault.Deadline},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
				defer stop()
				forced, err := bmc.SoftOff(ctx, &c.machine, time.Minute, time.Second)
				assert.Equal(t, c.forced, forced)
				assert.Equal(t, c.did, c.machine.did)
				if c.kind != "" {
					assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
					assert.Equal(t, bmc.On, c.machine.state)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, bmc.Off, c.machine.state)
			})
		})
	}
}
