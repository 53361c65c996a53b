package actions

import (
	"context"
	"path"
	"slices"
	"strings"

	"stackstorm-laas/internal/fault"
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
		conn, err = h.ssh(ctx, h.host, known.Key)
		return err == nil, err
	})
	if fault.Is(err, fault.Deadline) {
		return fault.New(fault.Failed, "the host did not answer by SSH on its booked network within %s: %w", limit, err).
			WithHint("look at its console and at DHCP in the booked public VLAN")
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	seen, err := look(ctx, conn)
	switch {
	case err != nil:
		return err
	case seen.MachineID != known.MachineID:
		return fault.New(fault.Unproven, "the system that answers is not the one that was imaged (its machine-id differs)")
	}
	return h.keysAre(ctx, conn, h.work.Keys())
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
