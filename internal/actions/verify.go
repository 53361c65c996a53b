package actions

import (
	"context"
	"fmt"
	"strings"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/remote"
	"stackstorm-laas/internal/retry"
)

type verifyResult struct {
	action.Result
	OS        string `json:"os"`
	MachineID string `json:"machine_id"`
	Again     bool   `json:"again"`
}

var verifyHost = &action.Action{
	Name: "verify_host",
	Description: "Wait for the imaged host to answer by SSH and prove what it runs: /etc/os-release of the booked image's family, and a machine-id other than before. " +
		"A host that does not come back is power-cycled once; if that does not help, it is to be imaged a second time (again). " +
		"Its host key is recorded and checked ever after. Then its host name is set.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Output: []action.Field{{Name: "os", Description: "ID and version from /etc/os-release."}, {Name: "machine_id", Description: "First 8 digits of /etc/machine-id."}, againField},
	Budget: sum(records, restart, func(c *config.Config) time.Duration { return c.Imaging.Boot.D() }, sshSession),
	Run:    imaging("boot and proof of the image", verify),
}

func verify(ctx context.Context, h *hostRun) (any, error) {
	if h.rec.Imaging == nil || h.rec.Imaging.Complete == nil {
		return nil, fault.New(fault.Refused, "no image was written")
	}
	if h.rec.Written != nil && h.rec.Booted != nil { // it may be off, and once more on it is where it was booked
		return verifyResult{Result: h.result(false, "runs %s %s, proven before", h.rec.Booted.OS, h.rec.Booted.Version),
			OS: strings.TrimSpace(h.rec.Booted.OS + " " + h.rec.Booted.Version), MachineID: shortID(h.rec.Booted.MachineID)}, nil
	}
	known, err := h.HostKey(ctx, h.host.Name)
	if err != nil {
		return nil, err
	}
	pin := "" // the image made a new host key
	if h.rec.Booted != nil {
		pin = known.Key
	}
	conn, seen, err := h.awaitBooted(ctx, pin)
	if fault.Is(err, fault.Deadline) {
		return h.notBack(ctx, err)
	}
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := h.proveOS(seen); err != nil {
		return nil, err
	}
	if err := h.SaveHostKey(ctx, h.host.Name, booking.HostKey{Key: conn.HostKey(), MachineID: seen.MachineID, OS: seen.OS, Job: h.job.Job}); err != nil {
		return nil, err
	}
	name := h.work.Hostname()
	changed, err := h.setHostname(ctx, conn, name)
	if err != nil {
		return nil, err
	}
	if seen.Hostname = name; name != h.work.Hardware.Hardware.Hostname {
		h.rec.Note = "Its host name is " + name + ": host names have no underscores."
	}
	h.rec.Booted = &seen
	if err := h.Save(ctx, h.rec); err != nil {
		return nil, err
	}
	return verifyResult{Result: h.result(changed, "runs %s %s, proven by SSH", seen.OS, seen.Version),
		OS: strings.TrimSpace(seen.OS + " " + seen.Version), MachineID: shortID(seen.MachineID)}, nil
}

// notBack ends a try whose host never answered.
func (h *hostRun) notBack(ctx context.Context, why error) (any, error) {
	limit := h.Config.Imaging.Boot.D()
	if h.rec.Booted == nil && h.rec.Imaging.GiveUp(why.Error()) {
		return verifyResult{Result: h.result(true, "it did not answer by SSH within %s of being imaged; it is imaged a second time", limit), Again: true}, h.Save(ctx, h.rec)
	}
	return nil, fault.New(fault.Failed, "the host did not answer by SSH within %s of being imaged, neither after a power cycle nor after a second try: %w", limit, why).
		WithHint("look at its console; does the image hold the lab's SSH key and start networking by DHCP?")
}

// awaitBooted waits for a system that is not the one the host ran before. In the middle of the wait the host is power-cycled, if it was not
// yet.
func (h *hostRun) awaitBooted(ctx context.Context, pin string) (conn *remote.Conn, seen booking.Booted, err error) {
	c, before, old := h.Config.Imaging, h.rec.Imaging.PreviousMachineID, false
	ctx, stop := context.WithTimeout(ctx, c.Boot.D())
	defer stop()
	cycleAt := h.Now().Add(min(c.Stall.D(), c.Boot.D()/2))
	err = retry.Until(ctx, h.Config.SSH.ReadyInterval.D(), func(ctx context.Context) (bool, error) {
		c, err := h.ssh(ctx, h.host, pin)
		if err == nil {
			var s booking.Booted
			s, err = look(ctx, c)
			if old = err == nil && before != "" && s.MachineID == before; err == nil && !old {
				conn, seen = c, s
				return true, nil
			}
			c.Close()
		}
		if !h.rec.Imaging.Cycled && h.Now().After(cycleAt) && (err == nil || fault.Is(err, fault.Transient)) {
			return false, h.cycleToDisk(ctx)
		}
		return false, err // the old system may be on its way down
	})
	switch {
	case err == nil:
		seen.At = h.Now().UTC()
	case old:
		err = fault.New(fault.Unproven, "the host still runs the system it ran before (its machine-id has not changed): the new image was not booted").
			WithHint("look at the boot order and at the disk that FOG writes to")
	}
	return conn, seen, err
}

// cycleToDisk starts an imaged host once more. That it was done is journalled before.
func (h *hostRun) cycleToDisk(ctx context.Context) error {
	h.rec.Imaging.Cycled = true
	if err := h.Save(ctx, h.rec); err != nil {
		return err
	}
	h.Info("%s: it is not back by SSH: its power is cycled", h.host.Name)
	return fault.Wrap(h.restart(ctx, bmc.DeviceNone), "the host is not back by SSH, and its power could not be cycled")
}

// look reads what a host shows of itself.
func look(ctx context.Context, c *remote.Conn) (booking.Booted, error) {
	release, err := c.ReadFile(ctx, "/etc/os-release")
	if err != nil {
		return booking.Booted{}, err
	}
	id, err := c.ReadFile(ctx, "/etc/machine-id")
	if err != nil {
		return booking.Booted{}, err
	}
	b := booking.Booted{MachineID: strings.TrimSpace(string(id))}
	if b.MachineID == "" {
		return b, fault.New(fault.Transient, "/etc/machine-id is still empty")
	}
	for _, line := range strings.Split(string(release), "\n") {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch value = strings.Trim(value, `"'`); name {
		case "ID":
			b.OS = value
		case "VERSION_ID":
			b.Version = value
		}
	}
	return b, nil
}

// proveOS compares the system with the image's family.
func (h *hostRun) proveOS(seen booking.Booted) error {
	want := h.rec.Imaging.OS
	if want == "" || strings.Contains(seen.OS, want) || want == "suse" && strings.Contains(seen.OS, "sles") {
		return nil
	}
	return fault.New(fault.Unproven, "the host runs %q, the booked image %d is %s", seen.OS, h.rec.Imaging.ImageID, want).
		WithHint("look at the image in FOG, and at the disk the host boots from")
}

// setHostname writes the host name to files and lets the host read it from there: it is the tenant's text and part of no command.
func (h *hostRun) setHostname(ctx context.Context, c *remote.Conn, name string) (changed bool, err error) {
	now, err := c.Run(ctx, "hostname")
	if err != nil {
		return false, err
	}
	if strings.TrimSpace(now) == name {
		return false, nil
	}
	if err := c.WriteFile(ctx, "/etc/hostname", []byte(name+"\n"), 0o644); err != nil {
		return false, err
	}
	hosts, err := c.ReadFile(ctx, "/etc/hosts")
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	if err := c.WriteFile(ctx, "/etc/hosts", ownName(hosts, name), 0o644); err != nil {
		return false, err
	}
	if _, err := c.Run(ctx, "hostname -F /etc/hostname"); err != nil {
		return false, err
	}
	now, err = c.Run(ctx, "hostname")
	if err == nil && strings.TrimSpace(now) != name {
		err = fault.New(fault.Unproven, "the host does not show its new host name")
	}
	return true, err
}

// ownName puts the host's own name into /etc/hosts.
func ownName(hosts []byte, name string) []byte {
	entry := "127.0.1.1\t" + name
	if short, _, dotted := strings.Cut(name, "."); dotted {
		entry += " " + short
	}
	var out []string
	for _, line := range strings.Split(strings.TrimRight(string(hosts), "\n"), "\n") {
		if !strings.HasPrefix(line, "127.0.1.1") {
			out = append(out, line)
		}
	}
	return []byte(fmt.Sprintf("%s\n%s\n", strings.TrimRight(strings.Join(out, "\n"), "\n"), entry))
}

func shortID(id string) string { return id[:min(8, len(id))] }
