package ipmi

import (
	"context"
	"slices"

	"github.com/bougou/go-ipmi/pkg/client"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// SetAdminPassword implements bmc.AdminPassword. The session goes on with the new password.
func (d *driver) SetAdminPassword(ctx context.Context, password secret.String) error {
	if err := bmc.PossiblePassword(d.target.User, password); err != nil {
		return err
	}
	err := d.do(ctx, "set the password of "+d.target.User, untouched, func(c *client.Client) error {
		u, list, err := accounts(ctx, c)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(list, func(a bmc.Account) bool { return a.Name == d.target.User })
		if at < 0 {
			return fault.New(fault.Failed, "the BMC lists no account of that name, although it is logged in")
		}
		slot := uint8(list[at].Slot)
		stored20, err := u.setPassword(ctx, slot, password.Reveal())
		if err != nil {
			return err
		}
		return u.testPassword(ctx, slot, password.Reveal(), stored20)
	})
	if err != nil {
		return err
	}
	if err := d.Close(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.target.Password
	d.target.Password = password
	if err := d.connect(ctx); err != nil {
		d.target.Password = before
		return fault.As(fault.Unproven, fault.Wrap(err, "the %s took a new password for %s, and the login with it", d.name(), d.target.User))
	}
	return nil
}
