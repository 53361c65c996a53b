// Package redfish drives a BMC by Redfish over TLS.
//
// bmclib's provider "gofish" logs in and out, reads the power state, and switches power on and off. It is used by itself, not through
// bmclib's Client: that one opens seven providers and waits 30 s for each that nobody answers, and takes no transport of ours. What the
// provider lacks or does in a way that cannot be relied on, the driver does itself in the same session:
//
//   - its "reset" of a host that refuses a power cycle shuts the operating system down instead, and its "cycle" is a reset;
//   - it sets the boot device with everything else that the BMC says of booting, tries again without EFI when that is refused, and reads a
//     device that is not in force as if it were;
//   - it knows accounts that log in, and no slots; it cannot make accounts on BMCs without free slots, nor make one useless;
//   - it knows no BIOS password.
package redfish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	provider "github.com/bmc-toolbox/bmclib/v2/providers/redfish"
	"github.com/go-logr/logr"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
	"stackstorm-laas/internal/retry"
)

// driver is a session on a BMC. Calls take turns.
type driver struct {
	target bmc.Target

	mu   sync.Mutex
	conn *provider.Conn
	wire *wire
	// patience is for what is done in the session.
	patience *bmc.Patience
	// host and collection are the paths of the host and of the accounts, once they are known.
	host, collection string
}

// Open logs in to a BMC as its administrator. Connecting is repeated as the target says; a refused login is Credentials and is not.
func Open(ctx context.Context, target bmc.Target) (bmc.Driver, error) {
	d := &driver{target: target, patience: target.Patience()}
	_, err := retry.Do(ctx, target.Retry, func() (struct{}, error) { return struct{}{}, d.connect(ctx) })
	if err != nil {
		return nil, fault.Wrap(err, "log in to the %s", d.name())
	}
	return d, nil
}

// TryLogin tries a login with operator's rights. Nil means that the BMC accepted it, Credentials that it answered and refused; any other
// failure proves nothing, among them a login that is accepted with fewer rights only.
func TryLogin(ctx context.Context, target bmc.Target) error {
	d := &driver{target: target}
	_, err := retry.Do(ctx, target.Retry, func() (struct{}, error) {
		if err := d.connect(ctx); err != nil {
			return struct{}{}, err
		}
		defer d.disconnect()
		err := d.once(ctx, d.operates)
		if fault.Is(err, fault.Credentials) { // of something else: the login was accepted
			err = fault.As(fault.Failed, fault.Wrap(err, "the login is accepted, and then"))
		}
		return struct{}{}, err
	})
	return fault.Wrap(err, "try the login of %s at the %s", target.User, d.name())
}

// operates demands operator's rights, as far as the BMC shows an account itself: what it keeps to itself says nothing of them.
func (d *driver) operates() error {
	collection, err := d.accounts()
	if err != nil {
		return unseen(err)
	}
	paths, err := d.list(collection)
	if err != nil {
		return unseen(err)
	}
	for _, path := range paths {
		doc, err := d.wire.get(path)
		if unseen(err) != nil {
			return err
		}
		if err == nil && doc.Get("UserName").String() == d.target.User {
			if own := userOf(doc); own.Privilege != operator && own.Privilege != bmc.Administrator {
				return fault.New(fault.Failed, "the login is accepted, but not with operator's rights")
			}
			return nil
		}
	}
	return nil
}

// unseen is nil for a resource that the BMC does not show to this account.
func unseen(err error) error {
	if rest.StatusOf(err) == http.StatusForbidden || fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// Close ends the session. A BMC that does not answer any more ends it by itself.
func (d *driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.disconnect()
	return nil
}

func (d *driver) name() string {
	return fmt.Sprintf("BMC of %s at %s port %d", d.target.Host, d.target.Address, d.target.Port)
}

// connect makes a session. The provider takes the time that is left to its context as the longest that any exchange may last.
func (d *driver) connect(ctx context.Context) error {
	t := d.target
	address := t.Address
	if ip := net.ParseIP(address); ip != nil && ip.To4() == nil {
		address = "[" + address + "]"
	}
	// With this in the environment the provider writes every request to stdout, logins too.
	_ = os.Unsetenv("DEBUG_BMCLIB")
	d.wire = newWire(t)
	// The provider wants a client of its own: it writes its time-out into it.
	d.conn = provider.New("https://"+address, t.User, t.Password.Reveal(), logr.Discard(),
		provider.WithHttpClient(&http.Client{Transport: d.wire}), provider.WithPort(strconv.Itoa(t.Port)))
	err := d.once(ctx, func() error {
		open, cancel := context.WithTimeout(ctx, t.Timeout)
		defer cancel()
		return d.conn.Open(open)
	})
	if err == nil && (d.wire.token == "" || d.wire.session == "") { // without its name bmclib does nothing in it, and nobody can end it
		err = fault.New(fault.Failed, "the BMC accepted the login and gave no session, or did not say which")
	}
	if err != nil {
		if d.wire.token != "" && fault.Is(err, fault.Credentials) {
			err = fault.As(fault.Failed, fault.Wrap(err, "the BMC accepted the login, and then"))
		}
		d.abandon()
	}
	return err
}

// disconnect tells the BMC, which has few sessions to give, and closes the connections.
func (d *driver) disconnect() {
	if d.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.target.Timeout)
	defer cancel()
	_ = d.once(ctx, func() error { return d.conn.Close(ctx) })
	d.abandon()
}

// abandon closes the connections without a word.
func (d *driver) abandon() {
	d.wire.forget()
	d.wire.CloseIdleConnections()
	d.conn, d.host, d.collection = nil, "", ""
}

// once makes exchanges without repeating any; whatever comes back has a kind.
func (d *driver) once(ctx context.Context, op func() error) error { return d.run(ctx, nil, false, op) }

// run makes exchanges with patience; lost repeats what only reads after time-outs, too.
func (d *driver) run(ctx context.Context, patience *bmc.Patience, lost bool, op func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	d.wire.begin(ctx, patience, lost)
	err := op()
	if err == nil {
		return nil
	}
	if context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	if first := d.wire.end(); first != nil {
		return first
	}
	// A refusal of bmclib itself, or an answer that gofish does not understand. Its text may have several lines.
	return fault.New(fault.Failed, "%s", strings.Join(strings.Fields(err.Error()), " "))
}

// do runs op in the session. One that the BMC has forgotten, since it restarted or nothing was asked for too long, is made anew once.
func (d *driver) do(ctx context.Context, what string, op func() error) error {
	return d.work(ctx, what, true, op)
}

// work is do with a say in whether what only reads is repeated after time-outs.
func (d *driver) work(ctx context.Context, what string, lost bool, op func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	login := func() error {
		err := d.patience.Do(ctx, func(error) bool { return true }, func() error { return d.connect(ctx) })
		return fault.Wrap(err, "%s: log in again to the %s", what, d.name())
	}
	if d.conn == nil {
		if err := login(); err != nil {
			return err
		}
	}
	err := d.run(ctx, d.patience, lost, op)
	if errors.Is(err, errSession) {
		d.abandon()
		if err := login(); err != nil {
			return err
		}
		err = d.run(ctx, d.patience, lost, op)
	}
	return fault.Wrap(err, "%s through the %s", what, d.name())
}
