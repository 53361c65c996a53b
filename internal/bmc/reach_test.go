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
