package actions

import (
	"context"
	"strings"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/remote"
)

// updates are the commands that bring a system up to date, by the family that /etc/os-release names in ID. None of them asks anything.
var updates = []struct {
	ids      []string
	commands []string
}{
	{[]string{"ubuntu", "debian"}, []string{"apt-get -qy update",
		"env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a apt-get -qy -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold dist-upgrade", "apt-get -q clean"}},
	{[]string{"centos", "rocky", "almalinux", "fedora", "rhel"}, []string{"dnf -q -y upgrade", "dnf -q clean all"}},
	{[]string{"opensuse-leap", "opensuse-tumbleweed", "sles"}, []string{"zypper --non-interactive refresh", "zypper --non-interactive update", "zypper --non-interactive clean"}},
}

var updateSystem = &action.Action{
	Name: "update_system",
	Description: "Bring the operating system of a host up to date with its own package manager (apt-get, dnf or zypper), and make it fit to be an image: without machine-id and without the lab's mark. " +
		"Only for a host that laas.update_image has taken.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Output: []action.Field{{Name: "os", Description: "ID and version from /etc/os-release."}},
	Budget: sum(records, sshSession, func(c *config.Config) time.Duration { return c.Imaging.UpdateDeadline.D() }),
	Run:    forHost("update", update),
}

func update(ctx context.Context, h *hostRun) (any, error) {
	if h.plan.Own == nil || h.plan.Own.Purpose != booking.ForUpdate {
		return nil, fault.New(fault.Refused, "job %d is not for the update of an image", h.job.Job).WithHint("start laas.update_image")
	}
	known, err := h.HostKey(ctx, h.host.Name)
	if err != nil {
		return nil, err
	}
	limit := h.Config.Imaging.UpdateDeadline.D()
	ctx, stop := context.WithTimeoutCause(ctx, limit, fault.New(fault.Failed, "the update had not ended within %s", limit).
		WithHint("imaging.update_deadline is the limit; does the provisioning network reach the mirrors?"))
	defer stop()
	conn, err := h.sshFor(ctx, h.host, known.Key, limit)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	seen, err := look(ctx, conn)
	if err != nil {
		return nil, err
	}
	commands := updatesOf(seen.OS)
	if commands == nil {
		return nil, fault.New(fault.Refused, "the pack does not know how to update %q", seen.OS).WithHint("update the host by hand and capture it with laas.capture_host")
	}
	for _, command := range commands {
		if err := h.still(ctx); err != nil {
			return nil, err
		}
		if _, err := conn.Run(ctx, command); err != nil {
			return nil, err
		}
	}
	if err := anonymous(ctx, conn); err != nil {
		return nil, err
	}
	return verifyResult{Result: h.result(true, "%s %s is up to date", seen.OS, seen.Version), OS: strings.TrimSpace(seen.OS + " " + seen.Version)}, nil
}

func updatesOf(os string) []string {
	for _, u := range updates {
		for _, id := range u.ids {
			if id == os {
				return u.commands
			}
		}
	}
	return nil
}

// anonymous lets every host that gets the image become one of its own at its first boot (machine-id(5)).
func anonymous(ctx context.Context, c *remote.Conn) error {
	if err := c.WriteFile(ctx, "/etc/machine-id", nil, 0o444); err != nil {
		return err
	}
	if err := c.Remove(ctx, markFile); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	_, err := c.Run(ctx, "sync")
	return err
}
