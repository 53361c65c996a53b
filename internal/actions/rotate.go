package actions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/secret"
)

// adminPasswordLength is what every IPMI 2.0 BMC stores.
const adminPasswordLength = 16

// nextPassword is where a new password waits until it is proven.
func nextPassword(host string) string { return "laas.secret.bmc_next." + host }

var rotateBMCPassword = &action.Action{
	Name: "rotate_bmc_password",
	Description: "Give the lab's own login on a host's BMC a new random password: it is stored encrypted, set, proven by a login, the old one is proven dead, and the host's credentials key is rewritten. " +
		"Broken off, it is started again and goes on where it was.",
	Params: []action.Param{hostParam, confirmParam},
	Budget: sum(records, records, bmcSession, bmcSession, bmcSession, bmcSession),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l, host, err := confirmed(ctx, c)
		if err != nil {
			return nil, err
		}
		if err := l.ownCredentials(ctx, host); err != nil {
			return nil, err
		}
		release, err := l.lease(ctx, host)
		if err != nil {
			return nil, err
		}
		defer release()
		old, err := l.bmcTarget(ctx, host)
		if err != nil {
			return nil, err
		}
		next, made := old, false
		if next.Password, made, err = l.nextPassword(ctx, host); err != nil {
			return nil, err
		}
		if err := l.Checkpoint(ctx); err != nil {
			return nil, err
		}
		if err := l.setNext(ctx, host, old, next, made); err != nil {
			return nil, err
		}
		switch err := l.tryLogin(ctx, host, old); {
		case err == nil:
			return nil, fault.New(fault.Unproven, "the BMC of %s took the new password, and still takes the old one", host.Name)
		case !fault.Is(err, fault.Credentials):
			return nil, fault.Wrap(err, "prove that the old password is refused")
		}
		if err := l.keepLogin(ctx, host, next); err != nil {
			return nil, err
		}
		return action.Result{Host: host.Name, Changed: true, Summary: fmt.Sprintf("%s: its BMC has a new password, proven; %s is rewritten", host.Name, host.BMC.Credentials)}, nil
	},
}

// ownCredentials refuses a login that several hosts share: one password for all of them would be wrong for the others.
func (l *lab) ownCredentials(ctx context.Context, host *inventory.Host) error {
	if host.BMC == nil || host.BMC.Credentials == "" {
		return fault.New(fault.Config, "%s has no BMC with credentials of its own in the inventory", host.Name)
	}
	inv, _, err := inventory.LoadUsable(ctx, l.ST2)
	if err != nil {
		return err
	}
	var others []string
	for _, name := range inv.Names {
		if h := inv.Hosts[name]; name != host.Name && h.BMC != nil && h.BMC.Credentials == host.BMC.Credentials {
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		return fault.New(fault.Refused, "the datastore key %s is the login to the BMCs of %s, too", host.BMC.Credentials, strings.Join(others, ", ")).
			WithHint("give each host a key of its own, then rotate one by one")
	}
	return nil
}

// nextPassword makes the new password, or takes up the one of a run that was broken off.
func (l *lab) nextPassword(ctx context.Context, host *inventory.Host) (password secret.String, made bool, err error) {
	password, found, err := l.ST2.GetSecret(ctx, nextPassword(host.Name))
	if err != nil || found {
		return password, false, err
	}
	if password, err = newPassword(adminPasswordLength); err != nil {
		return password, false, err
	}
	return password, true, l.ST2.PutSecret(ctx, nextPassword(host.Name), password)
}

// setNext changes the password, unless a run that was broken off did that already. Each login is tried once, and a password that was made just now, which the BMC cannot have,
// not at all: BMCs lock accounts.
func (l *lab) setNext(ctx context.Context, host *inventory.Host, old, next bmc.Target, made bool) error {
	d, err := l.openBMC(ctx, host, old)
	switch {
	case fault.Is(err, fault.Credentials) && made:
		return errors.Join(err, l.ST2.Delete(ctx, nextPassword(host.Name)))
	case fault.Is(err, fault.Credentials):
		if d, nerr := l.openBMC(ctx, host, next); nerr == nil {
			return d.Close()
		}
	}
	if err != nil {
		return err
	}
	defer d.Close()
	changer, ok := d.(bmc.AdminPassword)
	if !ok {
		return fault.New(fault.Refused, "the BMC of %s does not let its password be changed", old.Host)
	}
	return changer.SetAdminPassword(ctx, next.Password)
}

// keepLogin rewrites the host's credentials, and only then forgets where the password waited.
func (l *lab) keepLogin(ctx context.Context, host *inventory.Host, t bmc.Target) error {
	text, err := json.Marshal(map[string]string{"user": t.User, "password": t.Password.Reveal()})
	if err != nil {
		return fault.New(fault.Internal, "write the login: %w", err)
	}
	if err := l.ST2.PutSecret(ctx, host.BMC.Credentials, secret.New(string(text))); err != nil {
		return err
	}
	return l.ST2.Delete(ctx, nextPassword(host.Name))
}
