// Package ipmi drives a BMC by IPMI 2.0 over LAN.
package ipmi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
)

// idle is how long a session may rest. BMCs end one after 60 s of silence, and answer nothing to it after that.
const idle = 45 * time.Second

// driver is a session on a BMC. Calls take turns.
type driver struct {
	target bmc.Target
	// linger is how long sessions that others left behind are waited for.
	linger time.Duration

	mu   sync.Mutex
	s    *session
	used time.Time
}

// Open logs in to a BMC as its administrator. Connecting is repeated as the target says; a refused login is Credentials and is not.
func Open(ctx context.Context, target bmc.Target) (bmc.Driver, error) {
	d := &driver{target: target, linger: abandoned}
	_, err := retry.Do(ctx, target.Retry, func() (struct{}, error) {
		return struct{}{}, d.connect(ctx)
	})
	if err != nil {
		return nil, fault.Wrap(err, "log in to the %s", d.name())
	}
	return d, nil
}

// TryLogin tries a login with operator's rights. Nil means that the BMC accepted it, Credentials that it answered and refused; any other
// failure proves nothing, among them a login that is accepted with fewer rights only.
func TryLogin(ctx context.Context, target bmc.Target) error {
	d := &driver{target: target, linger: abandoned}
	_, err := retry.Do(ctx, target.Retry, func() (struct{}, error) {
		err := try(ctx, target, types.PrivilegeLevelOperator)
		if !errors.Is(err, errPrivilege) {
			return struct{}{}, err
		}
		// The password may still be good for less.
		for _, level := range []types.PrivilegeLevel{types.PrivilegeLevelUser, types.PrivilegeLevelCallback} {
			switch less := try(ctx, target, level); {
			case less == nil:
				return struct{}{}, fault.New(fault.Failed, "the login is accepted, but not with operator's rights")
			case !fault.Is(less, fault.Credentials):
				return struct{}{}, less
			}
		}
		return struct{}{}, err
	})
	return fault.Wrap(err, "try the login of %s at the %s", target.User, d.name())
}

func try(ctx context.Context, target bmc.Target, level types.PrivilegeLevel) error {
	s, err := connect(ctx, target, level)
	if err == nil {
		s.close()
	}
	return err
}

// Close ends the session. A BMC that does not answer any more ends it by itself.
func (d *driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.s != nil {
		d.s.close()
		d.s = nil
	}
	return nil
}

func (d *driver) name() string {
	return fmt.Sprintf("BMC of %s at %s port %d", d.target.Host, d.target.Address, d.target.Port)
}

func (d *driver) connect(ctx context.Context) error {
	s, err := connect(ctx, d.target, types.PrivilegeLevelAdministrator)
	if err == nil {
		d.s, d.used = s, time.Now()
	}
	return err
}

// do runs op in the session. A session that rested for too long, or was given up after a time-out, is made anew.
func (d *driver) do(ctx context.Context, what string, op func(*client.Client) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.s != nil && time.Since(d.used) > idle {
		d.s.abandon()
		d.s = nil
	}
	if d.s == nil {
		if err := d.connect(ctx); err != nil {
			return fault.Wrap(err, "%s: log in again to the %s", what, d.name())
		}
	}
	err := d.s.run(ctx, op)
	d.used = time.Now()
	if fault.Is(err, fault.Transient) || ctx.Err() != nil {
		d.s.abandon()
		d.s = nil
	}
	return fault.Wrap(err, "%s through the %s", what, d.name())
}
