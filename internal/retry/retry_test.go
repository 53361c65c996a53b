package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
)

var policy = retry.Policy{Initial: time.Second, Max: 4 * time.Second, Elapsed: time.Minute}

func TestDo(t *testing.T) {
	for name, c := range map[string]struct {
		policy retry.Policy
		fails  []error
		calls  int
		want   fault.Kind
	}{
		"a success is not repeated":                  {policy, nil, 1, ""},
		"what passes is repeated until it succeeds":  {policy, []error{fault.New(fault.Transient, "a"), fault.New(fault.Transient, "b")}, 3, ""},
		"wrong credentials are never repeated":       {policy, []error{fault.New(fault.Credentials, "a")}, 1, fault.Credentials},
		"a refusal after a time-out ends it":         {policy, []error{fault.New(fault.Transient, "a"), fault.New(fault.Refused, "b")}, 2, fault.Refused},
		"without a policy there is exactly one call": {retry.Policy{}, []error{fault.New(fault.Transient, "a")}, 1, fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				_, err := retry.Do(t.Context(), c.policy, func() (int, error) {
					calls++
					if calls <= len(c.fails) {
						return 0, c.fails[calls-1]
					}
					return calls, nil
				})
				assert.Equal(t, c.calls, calls)
				if c.want == "" {
					assert.NoError(t, err)
				} else {
					assert.Equal(t, c.want, fault.KindOf(err))
				}
			})
		})
	}
}

func TestDoEndsWithItsPolicyAndTellsTheLastError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, last := time.Now(), fault.New(fault.Transient, "still busy")
		_, err := retry.Do(t.Context(), policy, func() (int, error) { return 0, last })
		assert.ErrorIs(t, err, last)
		assert.LessOrEqual(t, time.Since(began), policy.Elapsed+policy.Max*2)
	})
}

func TestUntil(t *testing.T) {
	for name, c := range map[string]struct {
		check func(n int) (bool, error)
		want  fault.Kind
	}{
		"it ends when the state is reached":      {func(n int) (bool, error) { return n == 3, nil }, ""},
		"what passes is overlooked":              {func(n int) (bool, error) { return n == 3, errors.Join(transient(n < 3)) }, ""},
		"a definite failure ends it":             {func(int) (bool, error) { return false, fault.New(fault.Refused, "no") }, fault.Refused},
		"a state never reached is a deadline":    {func(int) (bool, error) { return false, nil }, fault.Deadline},
		"an answer never had is a deadline, too": {func(int) (bool, error) { return false, transient(true) }, fault.Deadline},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithTimeout(t.Context(), time.Minute)
				defer stop()
				n := 0
				err := retry.Until(ctx, time.Second, func(context.Context) (bool, error) { n++; return c.check(n) })
				if c.want == "" {
					assert.NoError(t, err)
				} else {
					assert.Equal(t, c.want, fault.KindOf(err), "%v", err)
				}
			})
		})
	}
}

func transient(yes bool) error {
	if yes {
		return fault.New(fault.Transient, "busy")
	}
	return nil
}

func TestUntilTellsWhyItsContextEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := fault.New(fault.Cancelled, "an operator cancelled it")
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() { stop(why) })
		err := retry.Until(ctx, time.Second, func(context.Context) (bool, error) { return false, nil })
		assert.ErrorIs(t, err, why)
	})
}

func TestALookThatIsCutOffDoesNotHideWhatTheOneBeforeSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		n := 0
		err := retry.Until(ctx, time.Second, func(ctx context.Context) (bool, error) {
			if n++; n == 1 {
				return false, fault.New(fault.Transient, "connection refused")
			}
			<-ctx.Done()
			return false, fault.New(fault.Transient, "no answer: %w", ctx.Err())
		})
		assert.Equal(t, fault.Deadline, fault.KindOf(err), "%v", err)
		assert.ErrorContains(t, err, "connection refused")
	})
}
