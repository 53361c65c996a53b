package actions

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/secret"
)

// createAccount gives the tenant his account on the host's BMC if his booking asks for one. It is the last thing that is done before he has the host: with it he
// could start whatever he likes, wherever the host's ports are.
func (h *hostRun) createAccount(ctx context.Context) error {
	if h.work.Hardware == nil || !h.work.Hardware.Hardware.CreateBMC {
		return nil
	}
	password, err := h.putTenant(ctx)
	if err != nil {
		return err
	}
	return h.postBMC(ctx, password)
}

// giveAccount is the budget of hostRun.createAccount.
func giveAccount(c *config.Config) time.Duration {
	return accountSession(c) + bmcSession(c) + dashboardCalls(c, 1)
}

// putTenant puts the tenant's account on the BMC, with the password that he has already if there is one, and proves that it logs in.
func (h *hostRun) putTenant(ctx context.Context) (password secret.String, err error) {
	release, err := h.lease(ctx, h.host)
	if err != nil {
		return password, err
	}
	defer release()
	target, err := h.bmcTarget(ctx, h.host)
	if err != nil {
		return password, err
	}
	delete(h.rec.Proofs, "bmc_accounts") // journalled with the account: who has a login could switch the host on from here on
	if password, err = h.bmcPassword(ctx); err != nil {
		return password, err
	}
	d, err := h.openBMC(ctx, h.host, target)
	if err != nil {
		return password, err
	}
	defer d.Close()
	if err := h.onlyBaseline(ctx, d, h.rec.BMC.User); err != nil {
		return password, err
	}
	if err := h.Checkpoint(ctx); err != nil {
		return password, err
	}
	if h.rec.BMC.Slot, err = d.PutAccount(ctx, h.rec.BMC.User, password); err != nil {
		return password, err
	}
	if err := h.Save(ctx, h.rec); err != nil {
		return password, err
	}
	_ = d.Close() // one session at a time
	tenant := target
	tenant.User, tenant.Password = h.rec.BMC.User, password
	return password, fault.Wrap(h.tryLogin(ctx, h.host, tenant), "prove the tenant's login")
}

// bmcPassword journals the account and its password before the account is made. A password of an earlier try is kept.
func (h *hostRun) bmcPassword(ctx context.Context) (secret.String, error) {
	if h.rec.BMC == nil {
		h.rec.BMC = &booking.BMCAccount{User: h.Config.BMC.TenantUser, Secret: fmt.Sprintf("laas.secret.bmc.%d.%s", h.job.Job, h.host.Name)}
	}
	password, err := h.password(ctx, h.rec.BMC.Secret, 16)
	if err != nil {
		return password, err
	}
	return password, h.Save(ctx, h.rec)
}

// onlyBaseline refuses to add an account to a BMC that has accounts nobody recorded.
func (h *hostRun) onlyBaseline(ctx context.Context, d bmc.Accounts, tenant string) error {
	extra, err := h.outside(ctx, d)
	if err != nil {
		return err
	}
	if extra = slices.DeleteFunc(extra, func(a bmc.Account) bool { return a.Name == tenant }); len(extra) > 0 {
		return fault.New(fault.Refused, "the BMC has %d account(s) outside its recorded baseline, the first in slot %d", len(extra), extra[0].Slot).
			WithHint("look at them; remove them, or record them with: st2 run laas.adopt_host host=%s", h.host.Name)
	}
	return nil
}

func (h *hostRun) outside(ctx context.Context, d bmc.Accounts) ([]bmc.Account, error) {
	return h.strangers(ctx, d, h.host.Name, h.rec.BMC)
}

// strangers lists the accounts that are enabled and not in the BMC's baseline. The tenant's, if the booking has one, is among them wherever it is: in a
// slot of the baseline, too, whose account somebody has removed since it was recorded. Any other account of the baseline that has another name or
// other rights by now is an error: what it was cannot be restored from here.
func (l *lab) strangers(ctx context.Context, d bmc.Accounts, host string, tenant *booking.BMCAccount) ([]bmc.Account, error) {
	base, err := l.Baseline(ctx, host)
	if err != nil {
		return nil, err
	}
	accounts, err := d.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	var out []bmc.Account
	for _, a := range accounts {
		b := base.Slot(a.Slot)
		switch {
		case !a.Enabled:
		case b == nil, b.Name == "" && a.Name != "", b.Name != a.Name && tenants(a, tenant):
			out = append(out, a)
		case b.Name != a.Name, b.Privilege != a.Privilege:
			return nil, fault.New(fault.Unproven, "the BMC's account in slot %d is not what its baseline records (%s, %s): its name or its rights were changed", a.Slot, b.Name, b.Privilege).
				WithHint("put it right on the BMC, then run laas.resume_job or laas.return_host")
		}
	}
	return out, nil
}

// tenants says whether an account is the one that the booking made, or was making when it was broken off and did not note the slot.
func tenants(a bmc.Account, t *booking.BMCAccount) bool {
	return t != nil && a.Name == t.User && (a.Slot == t.Slot || t.Slot == 0)
}

// postBMC tells the dashboard where the BMC is, for the booking's PDF; the user has the same in his message. The dashboard answers 500,
// although it saved the data, when it cannot find the host's booking, and it stores no BMC without a MAC: both are noted and no
// failure.
func (h *hostRun) postBMC(ctx context.Context, password secret.String) error {
	if h.host.BMC.MAC == "" {
		return h.note(ctx, "The dashboard was not told where the BMC is: the inventory has no MAC of it.")
	}
	dash, err := h.dashboard()
	if err != nil {
		return err
	}
	address, err := ipv4(ctx, h.host.BMC)
	if err != nil {
		return err
	}
	err = dash.PostBMC(ctx, h.host.DashboardID, dashboard.BMCInfo{Address: address, MAC: string(h.host.BMC.MAC), User: h.rec.BMC.User, Password: password})
	if fault.Is(err, fault.Failed) {
		return h.note(ctx, "The dashboard did not confirm where the BMC is.")
	}
	return err
}

// note adds to what the user is told of the host.
func (h *hostRun) note(ctx context.Context, text string) error {
	if !strings.Contains(h.rec.Note, text) {
		h.rec.Note = strings.TrimSpace(h.rec.Note + " " + text)
	}
	return h.Save(ctx, h.rec)
}

// ipv4 is the BMC's address in the only form the dashboard stores.
func ipv4(ctx context.Context, b *inventory.BMC) (string, error) {
	ips, err := net.DefaultResolver.LookupIP(ctx, "ip4", b.Address)
	if err != nil || len(ips) == 0 {
		return "", fault.New(fault.Config, "the BMC's address %s has no IPv4 address: %w", b.Address, err)
	}
	return ips[0].String(), nil
}

// password reads a stored password, or makes one and stores it encrypted.
func (l *lab) password(ctx context.Context, key string, length int) (secret.String, error) {
	p, found, err := l.ST2.GetSecret(ctx, key)
	if err != nil || found {
		return p, err
	}
	p, err = newPassword(length)
	if err != nil {
		return p, err
	}
	return p, l.ST2.PutSecret(ctx, key, p)
}

// newPassword is random, of letters and digits that cannot be mistaken for one another, with one of each kind in front, as
// some BMCs insist.
func newPassword(length int) (secret.String, error) {
	const upper, lower, digits = "ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz", "23456789"
	var out []byte
	for i := range length {
		from := upper + lower + digits
		if i < 3 {
			from = []string{upper, lower, digits}[i]
		}
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(from))))
		if err != nil {
			return secret.String{}, fault.New(fault.Internal, "make a password: %w", err)
		}
		out = append(out, from[n.Int64()])
	}
	return secret.New(string(out)), nil
}
