package ipmi

import (
	"context"
	"crypto/rand"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/command/app"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// reserved are the slots that vendors and labs use for the anonymous user and the administrator.
const reserved = 2

// noAccess is the privilege limit that takes all rights on a channel away.
const noAccess = 0x0f

// Accounts implements bmc.Accounts.
func (d *driver) Accounts(ctx context.Context) (list []bmc.Account, err error) {
	err = d.do(ctx, "list the accounts", always, func(c *client.Client) error {
		_, list, err = accounts(ctx, c)
		return err
	})
	return list, err
}

// PutAccount implements bmc.Accounts. A password longer than 16 bytes needs a BMC that stores 20.
func (d *driver) PutAccount(ctx context.Context, name string, password secret.String) (slot int, err error) {
	if err := d.target.Possible(name, password); err != nil {
		return 0, err
	}
	err = d.do(ctx, "put account "+name, always, func(c *client.Client) error {
		u, list, err := accounts(ctx, c)
		if err != nil {
			return err
		}
		if slot, err = place(list, name); err != nil {
			return err
		}
		return u.put(ctx, uint8(slot), name, password.Reveal())
	})
	return slot, err
}

// ClearAccount implements bmc.Accounts.
func (d *driver) ClearAccount(ctx context.Context, slot int) error {
	return d.do(ctx, "clear an account", always, func(c *client.Client) error {
		u, list, err := accounts(ctx, c)
		if err != nil {
			return err
		}
		for _, a := range list {
			switch {
			case a.Slot != slot:
			case slot <= reserved || a.Name == d.target.User:
				return fault.New(fault.Refused, "slot %d (%s) is not a tenant's", slot, a.Name)
			case a.Name != "" || a.Enabled:
				if err := u.clear(ctx, uint8(slot)); err != nil {
					return err
				}
				fallthrough
			default: // a call that broke off may have got so far
				return d.endSessions(ctx, c, slot)
			}
		}
		return fault.New(fault.Input, "there is no slot %d", slot)
	})
}

// place finds the slot for name: its own, or the first free one.
func place(list []bmc.Account, name string) (int, error) {
	free := 0
	for _, a := range list {
		switch {
		case a.Name == name && a.Slot <= reserved:
			return 0, fault.New(fault.Refused, "slot %d, which is not for tenants, has that name", a.Slot)
		case a.Name == name:
			if err := a.Tenants(); err != nil {
				return 0, err
			}
			return a.Slot, nil
		case free == 0 && a.Slot > reserved && a.Name == "" && !a.Enabled:
			free = a.Slot
		}
	}
	if free == 0 {
		return 0, fault.New(fault.Refused, "none of the %d slots is free", len(list)).
			WithHint("clear accounts on the BMC that nobody uses")
	}
	return free, nil
}

// users are the BMC's slots as seen from one channel.
type users struct {
	c       *client.Client
	channel uint8
}

// accounts reads the slots, as seen from the channel that the session came in by. Some BMCs understand "this one" for reading only.
func accounts(ctx context.Context, c *client.Client) (*users, []bmc.Account, error) {
	u := &users{c, types.ChannelNumberSelf}
	switch info, err := c.GetChannelInfo(ctx, types.ChannelNumberSelf); {
	case err == nil:
		u.channel = info.ActualChannelNumber & 0x0f
	case !declined(err):
		return nil, nil, err
	}
	list, err := u.list(ctx)
	return u, list, err
}

func (u *users) list(ctx context.Context) ([]bmc.Account, error) {
	var list []bmc.Account
	for slot, last := uint8(1), uint8(1); slot <= last; slot++ {
		a, limit, err := u.read(ctx, slot)
		if err != nil {
			return nil, err
		}
		list, last = append(list, a), max(last, limit)
	}
	return list, nil
}

func (u *users) read(ctx context.Context, slot uint8) (a bmc.Account, slots uint8, err error) {
	access, err := u.c.GetUserAccess(ctx, u.channel, slot)
	if err != nil {
		return a, 0, err
	}
	a = bmc.Account{Slot: int(slot), Privilege: privilege(access.MaxPrivLevel), Enabled: enabled(access)}
	switch name, err := u.c.GetUsername(ctx, slot); {
	case err == nil:
		a.Name = name.Username
	case !declined(err): // many BMCs answer an error for a slot without a name
		return a, 0, err
	}
	return a, access.MaxUsersIDCount, nil
}

// enabled reads the status that newer BMCs report. Older ones leave it unspecified; what then counts is whether the user has rights.
func enabled(a *app.GetUserAccessResponse) bool {
	switch a.EnableStatus {
	case 1:
		return true
	case 2:
		return false
	}
	return a.IPMIMessagingEnabled && a.MaxPrivLevel != noAccess && a.MaxPrivLevel != 0
}

func privilege(l types.PrivilegeLevel) string {
	names := []string{"none", "callback", "user", "operator", bmc.Administrator, "oem"}
	if int(l) < len(names) {
		return names[l]
	}
	return names[0]
}

// put fills a slot. It is enabled last, so that no half-made account can be used.
func (u *users) put(ctx context.Context, slot uint8, name, password string) error {
	if _, err := u.c.SetUsername(ctx, slot, name); err != nil {
		return err
	}
	stored20, err := u.setPassword(ctx, slot, password)
	if err != nil {
		return err
	}
	if err := u.setAccess(ctx, slot, uint8(types.PrivilegeLevelOperator), true); err != nil {
		return err
	}
	if err := u.c.EnableUser(ctx, slot); err != nil {
		return err
	}
	a, _, err := u.read(ctx, slot)
	if err != nil {
		return err
	}
	if want := (bmc.Account{Slot: int(slot), Name: name, Enabled: true, Privilege: "operator"}); a != want {
		return fault.New(fault.Unproven, "the BMC shows %+v after it accepted %+v", a, want)
	}
	return u.testPassword(ctx, slot, password, stored20)
}

// clear takes away, one after the other, what makes the account useful; the first is enough to stop logins.
func (u *users) clear(ctx context.Context, slot uint8) error {
	if err := u.c.DisableUser(ctx, slot); err != nil {
		return err
	}
	// Long enough to be useless, and of the kinds of characters that strict BMCs ask for.
	if _, err := u.setPassword(ctx, slot, rand.Text()[:12]+"a7.Z"); err != nil {
		return err
	}
	// Not every BMC permits these two; the proof is below.
	if err := u.setAccess(ctx, slot, noAccess, false); err != nil && !declined(err) {
		return err
	}
	if _, err := u.c.SetUsername(ctx, slot, ""); err != nil && !declined(err) {
		return err
	}
	a, _, err := u.read(ctx, slot)
	if err != nil {
		return err
	}
	if a.Enabled {
		return fault.New(fault.Unproven, "the BMC shows slot %d (%s) enabled after it accepted to disable it", slot, a.Name)
	}
	return nil
}

func (u *users) setAccess(ctx context.Context, slot, limit uint8, on bool) error {
	_, err := u.c.SetUserAccess(ctx, &app.SetUserAccessRequest{
		EnableChanging: true, EnableLinkAuth: on, EnableIPMIMessaging: on,
		ChannelNumber: u.channel, UserID: slot, MaxPrivLevel: limit,
	})
	return err
}

// setPassword stores the password in 20 bytes, or in 16 if the BMC does not know the other and the password fits.
func (u *users) setPassword(ctx context.Context, slot uint8, password string) (stored20 bool, err error) {
	_, err = u.c.SetUserPassword(ctx, slot, password, true)
	switch {
	case err == nil:
		return true, nil
	case !declined(err):
		return false, err
	case len(password) > 16:
		return false, fault.New(fault.Refused, "the BMC does not take a password of %d bytes: %w", len(password), err).
			WithHint("older BMCs take 16 bytes")
	}
	_, err = u.c.SetUserPassword(ctx, slot, password, false)
	return false, err
}

// testPassword asks the BMC to compare; not every BMC can. Some say that they took 20 bytes and keep 16.
func (u *users) testPassword(ctx context.Context, slot uint8, password string, stored20 bool) error {
	_, err := u.c.TestUserPassword(ctx, slot, password, stored20)
	code, answered := completion(err)
	switch {
	case answered && (code == types.CodeSetUserPasswordDataMismatch || code == types.CodeSetUserPasswordWrongSize):
		return fault.New(fault.Unproven, "the BMC accepted a password for slot %d, but has another", slot)
	case err != nil && !declined(err):
		return err
	case len(password) <= 16:
		return nil
	}
	_, err = u.c.TestUserPassword(ctx, slot, password[:16], false)
	if err == nil {
		return fault.New(fault.Unproven, "the BMC accepted a password of %d bytes for slot %d, but keeps 16 of them", len(password), slot).
			WithHint("use passwords of at most 16 bytes on this BMC")
	}
	if declined(err) {
		return nil
	}
	return err
}
