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
	"stackstorm-laas/internal/retry"
)

func TestPatienceIsForAllCallsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := bmc.Target{Retry: retry.Policy{Initial: time.Second, Max: 5 * time.Second, Elapsed: time.Minute}}.Patience()
		always := func(error) bool { return true }
		busy := fault.New(fault.Transient, "the BMC is busy")
		call := func(fails int) error {
			return p.Do(t.Context(), always, func() error {
				if fails--; fails >= 0 {
					return busy
				}
				return nil
			})
		}
		began := time.Now()
		for range 100 {
			require.NoError(t, call(0))
		}
		assert.Equal(t, began, time.Now(), "what works costs none")
		require.NoError(t, call(3))
		waited := time.Since(began)
		assert.Positive(t, waited)
		time.Sleep(time.Hour) // neither does a rest
		began = time.Now()
		require.NoError(t, call(3))
		waited += time.Since(began)
		began = time.Now()
		for range 100 {
			assert.ErrorIs(t, call(1000), busy)
		}
		assert.LessOrEqual(t, waited+time.Since(began), time.Minute)
		assert.Greater(t, waited+time.Since(began), 50*time.Second)
	})
}

func TestPatienceIsOnlyForWhatPassesAndMayBeDoneAgain(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		again bool
		calls int
	}{
		"it works":                  {nil, true, 1},
		"it passes":                 {fault.New(fault.Transient, "busy"), true, 2},
		"it must not be done twice": {fault.New(fault.Transient, "busy"), false, 1},
		"a refused login":           {fault.New(fault.Credentials, "no"), true, 1},
		"it is refused":             {fault.New(fault.Refused, "no"), true, 1},
		"no fault of the pack's":    {errors.New("no"), true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, calls := bmc.Target{Retry: retry.Policy{Initial: time.Second, Max: time.Second, Elapsed: time.Minute}}.Patience(), 0
				err := p.Do(t.Context(), func(error) bool { return c.again }, func() error {
					if calls++; calls > 1 {
						return nil
					}
					return c.err
				})
				assert.Equal(t, c.calls, calls)
				if c.calls == 1 {
					assert.Equal(t, c.err, err, "as it came")
				} else {
					require.NoError(t, err)
				}
			})
		})
	}
}

func TestPatienceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := bmc.Target{Retry: retry.Policy{Initial: time.Second, Max: time.Second, Elapsed: time.Hour}}.Patience()
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		began := time.Now()
		assert.Error(t, p.Do(ctx, func(error) bool { return true }, func() error { return fault.New(fault.Transient, "busy") }))
		assert.LessOrEqual(t, time.Since(began), 10*time.Second)
	})
}
