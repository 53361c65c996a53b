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

	mu       sync.Mutex
	s        *session
	used     time.Time
	patience *bmc.Patience
	// silent is a session that is to be ended before there is another one.
	silent *session
}

// Open logs in to a BMC as its administrator. Connecting is repeated as the target says; a refused login is Credentials and is not.
func Open(ctx context.Context, target bmc.Target) (bmc.Driver, error) {
	d := &driver{target: target, linger: abandoned, patience: target.Patience()}
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
	d.endSilent()
	d.forget()
	return nil
}

func (d *driver) name() string {
	return fmt.Sprintf("BMC of %s at %s port %d", d.target.Host, d.target.Address, d.target.Port)
}

func (d *driver) connect(ctx context.Context) error {
	d.endSilent()
	s, err := connect(ctx, d.target, types.PrivilegeLevelAdministrator)
	if err == nil {
		d.s, d.used = s, time.Now()
		d.forget() // a BMC that answers a login, but not to the session, has none of that number any more
	}
	return err
}

// goodbye is how long a BMC that fell silent may take to hear that the session is not wanted any more, once it is our turn to speak.
const goodbye = time.Second

// endSilent tells the BMC that the session which fell silent is not wanted any more. Where it does not answer, it is told again before the next login.
func (d *driver) endSilent() {
	if d.silent != nil && d.silent.end(2*d.target.MinInterval+min(goodbye, d.target.Timeout)) == nil {
		d.forget()
	}
}

func (d *driver) forget() {
	if d.silent != nil {
		d.silent.abandon()
		d.silent = nil
	}
}

// What a call that failed allows. Each is asked about faults that are Transient.
var (
	// always is for what comes to the same when it is done twice.
	always = func(error) bool { return true }
	// untouched is for what must not be done twice: the BMC has to say that it did nothing.
	untouched = isBusy
	never     = func(error) bool { return false }
)

// do runs op in the session, and again if that is allowed. A session that rested for too long, or that fell silent, is made anew; one whose BMC answers
// goes on, whatever the answer is.
func (d *driver) do(ctx context.Context, what string, again func(error) bool, op func(*client.Client) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.s != nil && time.Since(d.used) > idle {
		d.s.abandon()
		d.s = nil
	}
	begun := false
	return d.patience.Do(ctx, func(err error) bool { return !begun || again(err) }, func() error {
		begun = false
		if d.s == nil {
			if err := d.connect(ctx); err != nil {
				return fault.Wrap(err, "%s: log in again to the %s", what, d.name())
			}
		}
		begun = true
		err := d.s.run(ctx, op)
		d.used = time.Now()
		if fault.Is(err, fault.Transient) && !isAnswer(err) || ctx.Err() != nil {
			d.silent, d.s = d.s, nil
		}
		return fault.Wrap(err, "%s through the %s", what, d.name())
	})
}
