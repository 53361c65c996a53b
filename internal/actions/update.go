package actions

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/remote"
)

// family is how the systems that /etc/os-release names by these ids are brought up to date; none of the commands asks anything. yum is what every Red Hat has: the
// newer ones have dnf by that name, too.
type family struct {
	ids      []string
	commands []string
	// fine are statuses that say that all went well and something else besides (zypper(8): 102 a reboot is needed, 103 zypper itself was updated).
	fine []remote.ExitStatus
	// keygen says that the SSH server does not make host keys when it has none.
	keygen bool
}

var updates = []family{
	{[]string{"ubuntu", "debian"}, []string{"apt-get -qy update",
		"env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a apt-get -qy -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold dist-upgrade", "apt-get -q clean"}, nil, true},
	{[]string{"centos", "rocky", "almalinux", "fedora", "rhel"}, []string{"yum -q -y upgrade", "yum -q clean all"}, nil, false},
	{[]string{"opensuse-leap", "opensuse-tumbleweed", "sles"}, []string{"zypper --non-interactive refresh", "zypper --non-interactive update", "zypper --non-interactive clean"}, []remote.ExitStatus{102, 103}, false},
}

// hostKeysUnit makes the host keys that are missing before Debian's SSH server starts: it does not start without one.
const (
	hostKeysUnit = "/etc/systemd/system/laas-host-keys.service"
	hostKeysWant = "/etc/systemd/system/ssh.service.d/laas-host-keys.conf"
)

var hostKeysFiles = []struct{ path, text string }{
	{hostKeysUnit, "# Written by laas.\n[Unit]\nDescription=Make the SSH host keys that are missing\n\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/ssh-keygen -A\n"},
	{hostKeysWant, "# Written by laas.\n[Unit]\nWants=laas-host-keys.service\nAfter=laas-host-keys.service\n"},
}

var updateSystem = &action.Action{
	Name: "update_system",
	Description: "Bring the operating system of a host up to date with its own package manager (apt-get, yum or zypper), and make it fit to be an image: without machine-id, SSH host keys and the lab's mark, which each host makes or gets anew. " +
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
	of := slices.IndexFunc(updates, func(u family) bool { return slices.Contains(u.ids, seen.OS) })
	if of < 0 {
		return nil, fault.New(fault.Refused, "the pack does not know how to update %q", seen.OS).WithHint("update the host by hand and capture it with laas.capture_host")
	}
	for _, command := range updates[of].commands {
		if err := h.still(ctx); err != nil {
			return nil, err
		}
		var status remote.ExitStatus
		if _, err := conn.Run(ctx, command); err != nil && !(errors.As(err, &status) && slices.Contains(updates[of].fine, status)) {
			return nil, err
		}
	}
	if err := anonymous(ctx, conn, updates[of].keygen); err != nil {
		return nil, err
	}
	return verifyResult{Result: h.result(true, "%s %s is up to date", seen.OS, seen.Version), OS: strings.TrimSpace(seen.OS + " " + seen.Version)}, nil
}

// anonymous lets every host that gets the image become one of its own at its first boot (machine-id(5), sshd(8)). The host keys go last: without them the host
// lets nobody in any more.
func anonymous(ctx context.Context, c *remote.Conn, keygen bool) error {
	if err := c.WriteFile(ctx, "/etc/machine-id", nil, 0o444); err != nil {
		return err
	}
	if err := c.Remove(ctx, markFile); err != nil {
		return err
	}
	if keygen {
		for _, f := range hostKeysFiles {
			if err := c.MkdirAll(ctx, path.Dir(f.path), 0o755); err != nil {
				return err
			}
			if err := c.WriteFile(ctx, f.path, []byte(f.text), 0o644); err != nil {
				return err
			}
		}
	}
	files, err := c.List(ctx, "/etc/ssh")
	if err != nil {
		return err
	}
	for _, name := range files {
		if strings.HasPrefix(name, "ssh_host_") {
			if err := c.Remove(ctx, path.Join("/etc/ssh", name)); err != nil {
				return err
			}
		}
	}
	_, err = c.Run(ctx, "sync")
	return err
}
