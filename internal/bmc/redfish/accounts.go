package redfish

import (
	"context"
	"crypto/rand"
	"hash/crc32"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
	"stackstorm-laas/internal/secret"
)

// reserved are the slots that vendors keep for the anonymous user and the administrator: nothing new is put there.
const reserved = 2

// The privileges of package bmc that the roles of the specification have (DSP0266).
const operator = "operator"

var privileges = map[string]string{"Administrator": bmc.Administrator, "Operator": operator, "ReadOnly": "user", "None": "none", "NoAccess": "none"}

// user is an account, or a slot for one.
type user struct {
	bmc.Account
	path string
}

type users []user

func (u users) named(name string) *user {
	for i := range u {
		if u[i].Name == name {
			return &u[i]
		}
	}
	return nil
}

func (u users) slot(slot int) *user {
	for i := range u {
		if u[i].Slot == slot {
			return &u[i]
		}
	}
	return nil
}

// free is the first slot that an account may be put into; nil where accounts are made, and when all are taken.
func (u users) free() *user {
	for i := range u {
		if u[i].Slot > reserved && u[i].Name == "" && !u[i].Enabled {
			return &u[i]
		}
	}
	return nil
}

// slotOf is the number of an account's Id. An Id that is a name has one that is made from it.
func slotOf(id string) int {
	if n, err := strconv.Atoi(id); err == nil && n >= 0 {
		return n
	}
	return 1<<16 + int(crc32.ChecksumIEEE([]byte(id)))
}

func userOf(doc gjson.Result) user {
	u := user{path: doc.Get(`\@odata\.id`).String()}
	u.Slot, u.Name = slotOf(doc.Get("Id").String()), doc.Get("UserName").String()
	// BMCs that cannot disable an account do not say that it is enabled.
	enabled := doc.Get("Enabled")
	u.Enabled = enabled.Bool() || !enabled.Exists() && u.Name != ""
	u.Privilege = "oem"
	if p, known := privileges[doc.Get("RoleId").String()]; known {
		u.Privilege = p
	}
	return u
}

// accounts is the path of the collection. It stays the same for a session.
func (d *driver) accounts() (string, error) {
	if d.collection != "" {
		return d.collection, nil
	}
	top, err := d.wire.get(root)
	if err != nil {
		return "", err
	}
	service, err := d.wire.get(top.Get(`AccountService.\@odata\.id`).String())
	if err != nil {
		return "", err
	}
	d.collection = service.Get(`Accounts.\@odata\.id`).String()
	return d.collection, nil
}

// users lists the accounts that the login may see: an administrator sees all.
func (d *driver) users() (users, error) {
	collection, err := d.accounts()
	if err != nil {
		return nil, err
	}
	paths, err := d.list(collection)
	if err != nil {
		return nil, err
	}
	var all users
	for _, path := range paths {
		doc, err := d.wire.get(path)
		if err != nil {
			return nil, err
		}
		one := userOf(doc)
		if all.slot(one.Slot) != nil {
			return nil, fault.New(fault.Failed, "the BMC has two accounts with one Id")
		}
		all = append(all, one)
	}
	return all, nil
}

// Accounts implements bmc.Accounts.
func (d *driver) Accounts(ctx context.Context) (list []bmc.Account, err error) {
	err = d.do(ctx, "list the accounts", func() error {
		list = nil
		all, err := d.users()
		for _, u := range all {
			list = append(list, u.Account)
		}
		return err
	})
	return list, err
}

// PutAccount implements bmc.Accounts. A BMC without free slots is asked to make an account.
func (d *driver) PutAccount(ctx context.Context, name string, password secret.String) (slot int, err error) {
	if err := d.target.Possible(name, password); err != nil {
		return 0, err
	}
	err = d.do(ctx, "put account "+name, func() error {
		all, err := d.users()
		if err != nil {
			return err
		}
		path, err := d.put(all, name, password)
		if err != nil {
			return err
		}
		made, err := d.wire.get(path)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		u := userOf(made)
		if err == nil {
			slot = u.Slot
		}
		if err != nil || u.Name != name || !u.Enabled || u.Privilege != operator {
			return fault.New(fault.Unproven, "the BMC does not show what it accepted: %s as an enabled account with operator's rights", name)
		}
		return nil
	})
	return slot, err
}

// put writes the account where its name is already, into a free slot, or into a new one, and gives its path. One with an administrator's rights
// is no tenant's.
func (d *driver) put(all users, name string, password secret.String) (path string, err error) {
	account := map[string]any{"Password": password.Reveal(), "RoleId": "Operator", "Enabled": true}
	if own := all.named(name); own != nil {
		if err := own.Tenants(); err != nil {
			return "", err
		}
		return own.path, d.wire.edit(own.path, account)
	}
	account["UserName"] = name
	if slot := all.free(); slot != nil {
		return slot.path, d.wire.edit(slot.path, account)
	}
	collection, err := d.accounts()
	if err != nil {
		return "", err
	}
	a, err := d.wire.submit(http.MethodPost, collection, account, "")
	if answered(err) {
		return "", fault.New(fault.Refused, "none of the %d slots is free, and the BMC makes no new one: %w", len(all), err).
			WithHint("clear accounts on the BMC that nobody uses")
	}
	if err != nil {
		return "", err
	}
	return d.made(a, name)
}

// made is the path of an account that the BMC has just made. It should say it (DSP0266), and not all do.
func (d *driver) made(a rest.Answer, name string) (string, error) {
	if at, err := url.Parse(a.Header.Get("Location")); err == nil && at.Path != "" {
		return at.RequestURI(), nil
	}
	all, err := d.users()
	if err != nil {
		return "", err
	}
	if u := all.named(name); u != nil {
		return u.path, nil
	}
	return "", fault.New(fault.Unproven, "the BMC does not list the account that it made")
}

// answered says whether the BMC understood and declined, in contrast to not answering.
func answered(err error) bool {
	return fault.Is(err, fault.Failed) || fault.Is(err, fault.Refused) || fault.Is(err, fault.NotFound)
}

// ClearAccount implements bmc.Accounts. Which accounts there are besides the lab's own is up to the BMC, so no other one is refused.
func (d *driver) ClearAccount(ctx context.Context, slot int) error {
	return d.do(ctx, "clear an account", func() error {
		all, err := d.users()
		if err != nil {
			return err
		}
		switch u := all.slot(slot); {
		case u == nil:
			return fault.New(fault.Input, "there is no slot %d", slot)
		case u.Name == d.target.User:
			return fault.New(fault.Refused, "slot %d (%s) is not a tenant's", slot, u.Name)
		case u.Name == "" && !u.Enabled:
			return nil
		default:
			return d.clear(*u)
		}
	})
}

// clear makes the account useless first, and then removes it: where accounts are made they can be deleted, where there are slots the name goes.
// Its sessions end before, because some BMCs leave an account alone that has any, and after, because others let them go on, for the next
// tenant of that name to find.
func (d *driver) clear(u user) error {
	if err := d.endSessions(u.Name); err != nil {
		return err
	}
	useless := d.wire.edit(u.path, map[string]any{"Enabled": false, "Password": "Zx9." + strings.ToLower(rand.Text()[:12]), "RoleId": "ReadOnly"})
	if useless != nil && !answered(useless) {
		return useless
	}
	_, err := d.wire.submit(http.MethodDelete, u.path, nil, "")
	if answered(err) && useless == nil {
		err = d.wire.edit(u.path, map[string]any{"UserName": ""})
	}
	if err != nil && !answered(err) {
		return err
	}
	if err := d.endSessions(u.Name); err != nil {
		return err
	}
	doc, err := d.wire.get(u.path)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case !userOf(doc).Enabled:
		return nil
	case useless != nil:
		return useless
	}
	return fault.New(fault.Unproven, "the account in slot %d is still enabled", u.Slot)
}
