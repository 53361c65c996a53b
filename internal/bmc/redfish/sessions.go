package redfish

import (
	"context"
	"net/http"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// EndSessions implements bmc.Accounts.
func (d *driver) EndSessions(ctx context.Context, account bmc.Account) error {
	if account.Name == d.target.User {
		return fault.New(fault.Refused, "%s is the lab's own account on the BMC of %s", account.Name, d.target.Host)
	}
	return d.do(ctx, "end the sessions of "+account.Name, func() error { return d.endSessions(account.Name) })
}

// endSessions ends all sessions of a user. Whoever takes an account away has to: the specification leaves it open whether a session outlives the
// account, and the account's password (DSP0266).
func (d *driver) endSessions(name string) error {
	if name == "" {
		return nil
	}
	top, err := d.wire.get(root)
	if err != nil {
		return err
	}
	paths, err := d.list(top.Get(`Links.Sessions.\@odata\.id`).String())
	if err != nil {
		return err
	}
	for _, path := range paths {
		one, err := d.wire.get(path)
		if err == nil && one.Get("UserName").String() == name {
			if _, err = d.wire.submit(http.MethodDelete, path, nil, ""); answered(err) && !fault.Is(err, fault.NotFound) {
				return fault.New(fault.Unproven, "a session of %s goes on, which the BMC does not end: %w", name, err).WithHint("reset the BMC: that ends all sessions")
			}
		}
		if err != nil && !fault.Is(err, fault.NotFound) { // it has ended meanwhile
			return err
		}
	}
	return nil
}
