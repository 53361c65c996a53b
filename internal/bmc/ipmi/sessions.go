package ipmi

import (
	"context"
	"slices"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/command/app"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// abandoned is how long a session of which its owner has walked away is waited for: a BMC ends it after 60 s of silence, give or take 3.
const abandoned = 70 * time.Second

// EndSessions implements bmc.Accounts.
func (d *driver) EndSessions(ctx context.Context, account bmc.Account) error {
	if account.Slot <= reserved || account.Name == d.target.User {
		return fault.New(fault.Refused, "slot %d (%s) is not a tenant's", account.Slot, account.Name)
	}
	return d.do(ctx, "end the sessions of an account", always, func(c *client.Client) error { return d.endSessions(ctx, c, account.Slot) })
}

// endSessions closes the sessions of a slot, where the BMC lets others than their owners do that (IPMI 2.0 section 22.19, optional), and otherwise
// waits for those that nobody uses any more.
func (d *driver) endSessions(ctx context.Context, c *client.Client, slot int) error {
	deadline := time.Now().Add(d.linger)
	for {
		handles, err := sessionsOf(ctx, c, slot)
		if err != nil || len(handles) == 0 {
			return err
		}
		closed := true
		for _, handle := range handles {
			_, err := c.CloseSession(ctx, &app.CloseSessionRequest{SessionHandle: handle})
			if err != nil && !declined(err) {
				return err
			}
			closed = closed && err == nil
		}
		if closed {
			if handles, err = sessionsOf(ctx, c, slot); err != nil || len(handles) == 0 {
				return err
			}
		}
		if time.Now().After(deadline) {
			return fault.New(fault.Unproven, "a session of the account in slot %d goes on, and the BMC does not end it", slot).
				WithHint("somebody uses it: reset the BMC (ipmitool mc reset cold), which ends all sessions")
		}
		wait := time.NewTimer(d.linger / 20)
		select {
		case <-ctx.Done():
			wait.Stop()
			return context.Cause(ctx)
		case <-wait.C:
		}
	}
}

// sessionsOf gives the handles of the sessions that a slot has. Not every BMC tells of sessions other than the one that asks.
func sessionsOf(ctx context.Context, c *client.Client, slot int) (handles []uint8, err error) {
	const count, id = 0x3f, 0x3f // the other bits are reserved
	own, err := c.GetSessionInfo(ctx, &app.GetSessionInfoRequest{})
	for n := uint8(1); err == nil && n <= own.CurrentActiveSessions&count; n++ {
		var one *app.GetSessionInfoResponse
		one, err = c.GetSessionInfo(ctx, &app.GetSessionInfoRequest{SessionIndex: n})
		if err == nil && one.SessionHandle != 0 && one.SessionHandle != own.SessionHandle && int(one.UserID&id) == slot && !slices.Contains(handles, one.SessionHandle) {
			handles = append(handles, one.SessionHandle)
		}
	}
	if declined(err) {
		err = nil
	}
	return handles, err
}
