package bmc

import (
	"context"
	"time"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
)

// Patience is how long the calls of a driver repeat what failed for a reason that passes, all of them taken together: so an action that makes many
// calls does not wait longer than its budget says. It is for one goroutine at a time.
type Patience struct{ left retry.Policy }

// Patience is what a new driver has for the calls after its login: as much as for that.
func (t Target) Patience() *Patience { return &Patience{t.Retry} }

// Do calls op, and again while it fails with something Transient that again is true for, until the patience is used up. A nil Patience has none.
func (p *Patience) Do(ctx context.Context, again func(error) bool, op func() error) error {
	if p == nil {
		return op()
	}
	var failed time.Time // for the first time
	var last error
	_, _ = retry.Do(ctx, p.left, func() (struct{}, error) {
		last = op()
		if last != nil && failed.IsZero() {
			failed = time.Now()
		}
		if fault.Is(last, fault.Transient) && !again(last) {
			return struct{}{}, fault.As(fault.Failed, last) // which ends it
		}
		return struct{}{}, last
	})
	if !failed.IsZero() {
		p.left.Elapsed = max(0, p.left.Elapsed-time.Since(failed))
	}
	return last
}
