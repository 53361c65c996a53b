package actions

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/hostnet"
	"stackstorm-laas/internal/remote"
	"stackstorm-laas/internal/retry"
)

// answers proves that the host is reached where it was booked: the same system, with its host name and the tenant's keys.
func (h *hostRun) answers(ctx context.Context) error {
	known, err := h.HostKey(ctx, h.host.Name)
	if err != nil {
		return err
	}
	limit := h.Config.Imaging.Boot.D() + h.Config.SSH.ReadyTimeout.D()
	wait, stop := context.WithTimeout(ctx, limit)
	defer stop()
	var conn *remote.Conn
	err = retry.Until(wait, h.Config.SSH.ReadyInterval.D(), func(ctx context.Context) (bool, error) {
		conn, err = h.reach(ctx, known)
		return err == nil, err
	})
	if fault.Is(err, fault.Deadline) {
		return h.unanswered(ctx, fault.New(fault.Failed, "the host did not answer by SSH on its booked network within %s: %w", limit, err))
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	if h.work.Mode == booking.Provision { // nobody but the lab had a login to it before, see firstKeys
		if err := h.installKeys(ctx, conn, h.work.Keys()); err != nil {
			return err
		}
	}
	if err := h.keysAre(ctx, conn, h.work.Keys()); err != nil {
		return err
	}
	if b := h.rec.Booted; b != nil && b.Hostname != "" { // what starts with a system may have given it another name
		if _, err := h.setHostname(ctx, conn, b.Hostname); err != nil {
			return err
		}
	}
	return h.findAddresses(ctx, conn, func(ctx context.Context, name string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	})
}

// reach logs in to the very system that was imaged, and confirms its network. It may break off while the host is still starting.
func (h *hostRun) reach(ctx context.Context, known booking.HostKey) (*remote.Conn, error) {
	conn, err := h.ssh(ctx, h.host, known.Key)
	if err != nil {
		return nil, err
	}
	seen, err := look(ctx, conn)
	if err == nil && seen.MachineID != known.MachineID {
		err = fault.New(fault.Unproven, "the system that answers is not the one that was imaged (its machine-id differs)")
	}
	if err == nil {
		err = h.dismiss(ctx, conn)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// dismiss confirms the host's network to its guard, if it has one.
func (h *hostRun) dismiss(ctx context.Context, c *remote.Conn) error {
	if !h.rec.Guarded {
		return nil
	}
	if err := h.confirm(ctx, c); fault.Is(err, fault.Unproven) {
		return h.unanswered(ctx, err)
	} else if err != nil {
		return fault.Wrap(err, "confirm the host's network to its guard")
	}
	h.rec.Guarded = false
	return h.Save(ctx, h.rec)
}

// unanswered journals that a host did not answer on its booked network, and tells our side of it: what its ports carry. A guarded host goes back to
// its former network, so it is to be configured once more; its own side is told by await_return.
func (h *hostRun) unanswered(ctx context.Context, why error) error {
	ports, err := h.checkPorts(ctx, stateBooked)
	if err != nil {
		ports = err.Error()
	}
	const hint = "look at its console and at DHCP in the booked public VLAN"
	if !h.rec.Guarded {
		return fault.New(fault.KindOf(why), "%w. Our side: %s, %s. The host has no guard that brings its former network back", why, ports, h.booked()).WithHint(hint)
	}
	if err := h.Wire(ctx, h.host.Name, h.job.Job, nil); err != nil {
		return fault.As(fault.KindOf(why), errors.Join(why, err))
	}
	h.rec.Unanswered, h.rec.Written, h.rec.Configured = &booking.Unanswered{At: *h.time()}, nil, nil
	return fault.New(fault.KindOf(why), "%w. Our side: %s, %s", why, ports, h.booked()).WithHint(hint + "; laas.resume_job configures the host once more")
}

// booked tells what each of the host's interfaces is to carry.
func (h *hostRun) booked() string {
	var parts []string
	for _, nic := range h.host.NICs {
		for _, v := range h.work.Network.Network.Ports[nic.MAC] {
			how := "untagged"
			if v.Tagged {
				how = "tagged"
			}
			parts = append(parts, fmt.Sprintf("switch %s port %s carries VLAN %d %s to %s", nic.Switch, nic.Port, v.ID, how, nic.MAC))
		}
	}
	return strings.Join(parts, ", ")
}

var awaitReturn = &action.Action{
	Name: "await_return",
	Description: "Find out what became of a host that did not answer on its booked network: wait, with its ports back in the provisioning VLAN, until its guard has brought " +
		"its former network back, and add what it noted to the reason. Nothing is done for other hosts.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Output: []action.Field{{Name: "returned", Description: "Whether the host is back on its former network."}},
	Budget: sum(records, returnLimit, sshSession),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		h, err := openHost(ctx, c)
		if err != nil {
			return nil, err
		}
		return h.awaitReturn(ctx)
	},
}

type returnResult struct {
	action.Result
	Returned bool `json:"returned"`
}

// returnLimit is how long a host takes to give up its booked network and to be back on the former one.
func returnLimit(c *config.Config) time.Duration {
	return max(c.SSH.NetworkGuard, c.SSH.ReadyTimeout).D() + c.Imaging.Boot.D()
}

func (h *hostRun) awaitReturn(ctx context.Context) (any, error) {
	gone := h.rec.Unanswered
	if gone == nil || gone.Told != "" {
		return returnResult{Result: h.result(false, "is not waited for")}, nil
	}
	limit := returnLimit(h.Config)
	note, err := h.returned(ctx, limit)
	if fault.Is(err, fault.Cancelled) {
		return nil, err
	}
	out := returnResult{Result: h.result(true, "is back on its former network"), Returned: err == nil}
	gone.Told = "The host's side: it answers in the provisioning VLAN again; its guard noted: " + note
	if err != nil {
		out.Result = h.result(true, "did not come back to its former network within %s", limit)
		gone.Told = fmt.Sprintf("The host's side: it is not back on its former network within %s (%v); what its guard noted is in its %s, to be read at its console",
			limit, err, hostnet.GuardNote)
	}
	h.rec.Reason = strings.TrimSpace(h.rec.Reason + ". " + gone.Told)
	return out, h.keep(ctx)
}

// returned waits until the host answers with a guard that has done its work, and reads what that noted.
func (h *hostRun) returned(ctx context.Context, limit time.Duration) (note string, err error) {
	known, err := h.HostKey(ctx, h.host.Name)
	if err != nil {
		return "", err
	}
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	err = retry.Until(ctx, h.Config.SSH.ReadyInterval.D(), func(ctx context.Context) (bool, error) {
		conn, err := h.ssh(ctx, h.host, known.Key)
		if err != nil {
			return false, err
		}
		defer conn.Close()
		text, err := conn.ReadFile(ctx, hostnet.GuardNote)
		if fault.Is(err, fault.NotFound) || err == nil && there(ctx, conn, hostnet.GuardReturning) {
			return false, fault.New(fault.Transient, "it answers, and its guard is not through yet")
		}
		note = hostnet.Note(text)
		return err == nil, err
	})
	return note, err
}

// keysAre proves which keys may log in as the tenant.
func (h *hostRun) keysAre(ctx context.Context, c *remote.Conn, want []string) error {
	u, found, err := passwd(ctx, c, h.Config.SSH.TenantUser)
	if err != nil {
		return err
	}
	var have []string
	if found {
		text, err := c.ReadFile(ctx, path.Join(u.home, ".ssh/authorized_keys"))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		have = strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
	}
	if slices.Sort(have); !slices.Equal(have, want) {
		return fault.New(fault.Unproven, "user %s has %d authorized key(s), %d were expected, or other ones", h.Config.SSH.TenantUser, len(have), len(want))
	}
	return nil
}
