package actions

import (
	"context"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/remote"
)

var configureHost = &action.Action{
	Name: "configure_host",
	Description: "Write the configuration of the booked interfaces and the tenant's SSH keys to the host while it is on the provisioning network, then shut it down, " +
		"so that it is off while its ports change and comes up on its booked networks. A host that comes back by itself where it does not answer there gets the keys when it has answered.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Budget: sum(records, sshSession, sshSession, sshSession, bmcSession, softPower, func(c *config.Config) time.Duration { return c.SSH.ReadyTimeout.D() }),
	Run:    forHost("keys and interfaces", configure),
}

func configure(ctx context.Context, h *hostRun) (any, error) {
	if h.plan.Own != nil {
		return h.result(false, "belongs to the lab: no tenant's keys, no booked interfaces"), nil
	}
	if h.rec.Configured != nil {
		return h.result(false, "keys and interfaces were written already"), nil
	}
	if h.rec.Written == nil {
		if err := h.write(ctx); err != nil {
			return nil, err
		}
	}
	if h.work.Network != nil {
		if err := h.shutDown(ctx); err != nil {
			return nil, err
		}
	}
	if err := h.wire(ctx); err != nil {
		return nil, err
	}
	h.rec.Configured = h.time()
	if err := h.Save(ctx, h.rec); err != nil {
		return nil, err
	}
	guarded := ""
	if h.rec.Guarded {
		guarded = ", guarded until it is reached on its booked network; its tenant's keys follow then"
	}
	if h.rendered != "" {
		guarded = " (" + h.rendered + ")" + guarded
	}
	return h.result(true, "%d SSH key(s) installed for %s, interfaces configured%s", len(h.firstKeys()), h.Config.SSH.TenantUser, guarded), nil
}

// write puts the tenant's keys and the booked interfaces onto the host's disk.
func (h *hostRun) write(ctx context.Context) error {
	known, err := h.HostKey(ctx, h.host.Name)
	if err != nil {
		return err
	}
	if known.Key == "" {
		return fault.New(fault.Refused, "the host's SSH key was never recorded")
	}
	conn, err := h.ssh(ctx, h.host, known.Key)
	if err != nil {
		return err
	}
	defer conn.Close()
	if h.work.Network != nil {
		if err := h.writeInterfaces(ctx, conn); err != nil {
			return err
		}
	}
	if err := h.installKeys(ctx, conn, h.firstKeys()); err != nil {
		return err
	}
	if _, err := conn.Run(ctx, "sync"); err != nil {
		return err
	}
	h.rec.Written, h.rec.Unanswered = h.time(), nil
	return h.Save(ctx, h.rec)
}

// firstKeys are the keys that the host gets before its ports leave the provisioning VLAN. One that may come back there by itself, because it does not answer
// where it was booked, gets none: its tenant must not have been on it. They follow when it has answered.
func (h *hostRun) firstKeys() []string {
	if h.rec.Guarded {
		return nil
	}
	return h.work.Keys()
}

var userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// installKeys makes the tenant's authorized keys exactly these.
func (h *hostRun) installKeys(ctx context.Context, c *remote.Conn, keys []string) error {
	u, err := tenant(ctx, c, h.Config.SSH.TenantUser)
	if err != nil {
		return err
	}
	dir := path.Join(u.home, ".ssh")
	if err := c.MkdirAll(ctx, dir, 0o700); err != nil {
		return err
	}
	file := path.Join(dir, "authorized_keys")
	if err := c.WriteFile(ctx, file, []byte(strings.Join(append(keys, ""), "\n")), 0o600); err != nil {
		return err
	}
	for _, p := range []string{dir, file} {
		if err := c.Chown(ctx, p, u.uid, u.gid); err != nil {
			return err
		}
	}
	return nil
}

type account struct {
	uid, gid int
	home     string
}

// tenant finds the tenant's user on the host, and makes it if the image has none. The name is the lab's setting, not a tenant's.
func tenant(ctx context.Context, c *remote.Conn, name string) (account, error) {
	if !userName.MatchString(name) {
		return account{}, fault.New(fault.Config, "ssh.tenant_user %q is no user name", name)
	}
	a, found, err := passwd(ctx, c, name)
	if err != nil || found {
		return a, err
	}
	if _, err := c.Run(ctx, "useradd -m -s /bin/bash "+name); err != nil {
		return a, err
	}
	sudo := []byte(name + " ALL=(ALL) NOPASSWD:ALL\n")
	if err := c.MkdirAll(ctx, "/etc/sudoers.d", 0o750); err != nil {
		return a, err
	}
	if err := c.WriteFile(ctx, "/etc/sudoers.d/90-laas-tenant", sudo, 0o440); err != nil {
		return a, err
	}
	a, found, err = passwd(ctx, c, name)
	if err == nil && !found {
		err = fault.New(fault.Unproven, "user %s was made and is not in /etc/passwd", name)
	}
	return a, err
}

func passwd(ctx context.Context, c *remote.Conn, name string) (a account, found bool, err error) {
	text, err := c.ReadFile(ctx, "/etc/passwd")
	if err != nil {
		return a, false, err
	}
	for _, line := range strings.Split(string(text), "\n") {
		f := strings.Split(line, ":")
		if len(f) < 7 || f[0] != name {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err1 != nil || err2 != nil || !path.IsAbs(f[5]) {
			return a, false, fault.New(fault.Failed, "/etc/passwd of the host has an unreadable entry for %s", name)
		}
		return account{uid, gid, f[5]}, true, nil
	}
	return a, false, nil
}

// shutDown lets the operating system end by itself, and takes the power away if it does not.
func (h *hostRun) shutDown(ctx context.Context) error {
	d, err := h.bmc(ctx, h.host)
	if err != nil {
		return err
	}
	defer d.Close()
	if state, err := d.PowerState(ctx); err != nil || state == bmc.Off {
		return err
	}
	if err := h.Checkpoint(ctx); err != nil {
		return err
	}
	_, err = h.softOff(ctx, d, h.host)
	return err
}

var handOver = &action.Action{
	Name: "hand_over",
	Description: "Prove the host's ports, switch it on and, where it has a public network, wait until it answers there by SSH as the very system that was imaged. " +
		"A host with private networks only is proven by its switch ports, and its message says so. Then give the tenant an account on its BMC, if the booking asks for one " +
		"(operator's rights, a password of its own), prove that it logs in, and post the BMC's address to the dashboard: before, nobody but the lab could log in there.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Budget: sum(records, giveAccount, switchReads, portsProof, bmcSession, power, func(c *config.Config) time.Duration { return c.Imaging.Boot.D() + c.SSH.ReadyTimeout.D() }, sshSession, sshSession),
	Run:    forHostUnlessFailed("hand over", give),
}

func give(ctx context.Context, h *hostRun) (any, error) {
	if h.rec.HandedOver != nil {
		return h.result(false, "was handed over already"), nil
	}
	if h.rec.Configured == nil {
		return nil, fault.New(fault.Refused, "the host is not configured yet")
	}
	evidence := "keys installed"
	if h.work.Network != nil {
		var err error
		if evidence, err = h.provePorts(ctx, stateBooked); err != nil {
			return nil, err
		}
		if err := h.switchOn(ctx); err != nil {
			return nil, err
		}
		if h.public() {
			if err := h.answers(ctx); err != nil {
				return nil, err
			}
			evidence += "; answers by SSH on its booked network"
		} else {
			h.rec.Note = strings.TrimSpace(h.rec.Note + " It has private networks only, which the lab cannot reach: its switch ports were proven, not its addresses.")
			evidence += "; it has private networks only"
		}
	}
	if h.work.Mode == booking.Provision {
		if err := h.createAccount(ctx); err != nil {
			return nil, fault.Wrap(err, "BMC account")
		}
	}
	h.rec.HandedOver, h.rec.Outcome = h.time(), booking.Done
	if err := h.Save(ctx, h.rec); err != nil {
		return nil, err
	}
	return h.result(true, "%s", evidence), nil
}

// switchOn gives a host to whoever has it: what was proven of it while it was off holds no more.
func (h *hostRun) switchOn(ctx context.Context) error {
	h.rec.Proofs = nil
	if err := h.Save(ctx, h.rec); err != nil {
		return err
	}
	d, err := h.bmc(ctx, h.host)
	if err != nil {
		return err
	}
	defer d.Close()
	return h.powered(ctx, d, h.host, bmc.PowerOn, bmc.On)
}
