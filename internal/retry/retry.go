// Package retry repeats calls that failed for a reason that passes, and waits for states to be reached.
package retry

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"stackstorm-laas/internal/fault"
)

// Policy says how long and how often a call is repeated. The zero value makes exactly one call.
type Policy struct {
	// Initial is the wait after the first failure; it doubles, with jitter, up to Max.
	Initial, Max time.Duration
	// Elapsed bounds the whole, first call included.
	Elapsed time.Duration
}

// Do calls op until it succeeds, fails for a reason other than fault.Transient, or the policy or ctx ends it; the last
// error is returned as it came.
func Do[T any](ctx context.Context, p Policy, op func() (T, error)) (T, error) {
	if p.Elapsed <= 0 {
		return op()
	}
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = p.Initial, p.Max
	var last error
	v, err := backoff.Retry(ctx, func() (T, error) {
		v, err := op()
		if last = err; err != nil && !fault.Is(err, fault.Transient) {
			return v, backoff.Permanent(err)
		}
		return v, err
	}, backoff.WithBackOff(b), backoff.WithMaxElapsedTime(p.Elapsed))
	if err == nil {
		return v, nil
	}
	if last == nil {
		last = err
	}
	return v, last
}

// Until calls check now and then at every interval until it reports done, fails for a reason other than fault.Transient, or
// ctx ends. When ctx ends after transient failures, the last of them is told with the fault.
func Until(ctx context.Context, interval time.Duration, check func(context.Context) (bool, error)) error {
	t := time.NewTimer(0)
	defer t.Stop()
	var last error
	for {
		select {
		case <-ctx.Done():
			return ended(ctx, last)
		case <-t.C:
		}
		done, err := check(ctx)
		switch {
		case err == nil && done:
			return nil
		case err != nil && ctx.Err() != nil:
			if last != nil && errors.Is(err, ctx.Err()) { // cut off: it says nothing that the one before did not
				err = last
			}
			return ended(ctx, err)
		case err != nil && !fault.Is(err, fault.Transient):
			return err
		}
		last = err
		t.Reset(interval)
	}
}

func ended(ctx context.Context, last error) error {
	cause := context.Cause(ctx)
	var f *fault.Error
	switch {
	case errors.As(cause, &f):
		return cause
	case errors.Is(cause, context.DeadlineExceeded) && last != nil && !errors.Is(last, context.DeadlineExceeded):
		return fault.New(fault.Deadline, "time is up; the last answer was: %w", last)
	case errors.Is(cause, context.DeadlineExceeded):
		return fault.New(fault.Deadline, "time is up")
	}
	return fault.New(fault.Cancelled, "stopped: %w", cause)
}
