package actions

import (
	"context"
	"errors"
	"strconv"
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
	Description: "Wait for the imaged host to answer by SSH and prove what it runs: /etc/os-release of the booked image's family, and that it is not a system from before: by the lab's mark, the machine-id and its age. " +
		"A host that does not come back is power-cycled once; if that does not help, it is to be imaged a second time (again). " +
		"Its host key is recorded and checked ever after. Then its host name is set.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Output: []action.Field{{Name: "os", Description: "ID and version from /etc/os-release."}, {Name: "machine_id", Description: "First 8 digits of /etc/machine-id."}, againField},
	Budget: sum(records, restart, offAfter, starts(someStarts), func(c *config.Config) time.Duration { return c.Imaging.Boot.D() }, endConsole, sshSession),
	Run:    imaging("boot and proof of the image", offIfFailed(verify)),
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
	stop := h.watchConsole(ctx, "booting")
	conn, seen, err := h.awaitBooted(ctx, pin)
	stop()                                          // before anything of the tenant's is on the host
	if late := (notBack{}); errors.As(err, &late) { // not: our own time is up, which says nothing of the host
		return h.notBack(ctx, late.error)
	}
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := h.still(ctx); err != nil {
		return nil, err
	}
	if err := h.proveOS(seen); err != nil {
		return nil, h.notWritten(ctx, err)
	}
	if h.rec.Booted == nil { // an image may have been captured from a host with one
		if err := removeGuard(ctx, conn); err != nil {
			return nil, err
		}
	}
	if err := h.mark(ctx, conn, &seen); err != nil {
		return nil, err
	}
	if err := h.SaveHostKey(ctx, h.host.Name, booking.HostKey{Key: conn.HostKey(), MachineID: seen.MachineID, Mark: seen.Mark, OS: seen.OS, Job: h.job.Job}); err != nil {
		return nil, err
	}
	name := h.work.Hostname()
	changed, err := h.setHostname(ctx, conn, name)
	if err != nil {
		return nil, err
	}
	if seen.Hostname = name; name != h.work.Hardware.Hardware.Hostname {
		if err := h.note(ctx, "Its host name is "+name+": host names have no underscores."); err != nil {
			return nil, err
		}
	}
	h.rec.Booted = &seen
	if err := h.Save(ctx, h.rec); err != nil {
		return nil, err
	}
	return verifyResult{Result: h.result(changed, "runs %s %s, proven by SSH", seen.OS, seen.Version),
		OS: strings.TrimSpace(seen.OS + " " + seen.Version), MachineID: shortID(seen.MachineID)}, nil
}

// notBack is that a host had not answered when its time was up.
type notBack struct{ error }

// notBack ends a try whose host never answered.
func (h *hostRun) notBack(ctx context.Context, why error) (any, error) {
	limit := h.Config.Imaging.Boot.D()
	if h.rec.Booted == nil && h.rec.Imaging.GiveUp(why.Error()) {
		return verifyResult{Result: h.result(true, "it did not answer by SSH within %s of being imaged; it is imaged a second time", limit), Again: true}, h.keep(ctx)
	}
	return nil, fault.New(fault.Failed, "the host did not answer by SSH within %s of being imaged, neither after a power cycle nor after a second try: %w", limit, why).
		WithHint("look at its console; does the image hold the lab's SSH key and start networking by DHCP?")
}

// awaitBooted waits for a system that is not the one the host ran before. In the middle of the wait the host is power-cycled, if it was not
// yet; the time that takes does not count.
func (h *hostRun) awaitBooted(ctx context.Context, pin string) (conn *remote.Conn, seen booking.Booted, err error) {
	c, old, last := h.Config.Imaging, "", error(nil)
	cycleAt, until := h.Now().Add(min(c.Stall.D(), c.Boot.D()/2)), h.Now().Add(c.Boot.D())
	err = retry.Until(ctx, h.Config.SSH.ReadyInterval.D(), func(ctx context.Context) (bool, error) {
		conn, seen, old, last = h.tryBooted(ctx, pin)
		now := h.Now()
		switch {
		case last == nil && old == "", last != nil && !fault.Is(last, fault.Transient):
			return true, last
		case old != "" && (h.lent() || now.After(until)): // a tenant's system does not run there any longer than it takes to see it
			return false, h.notWritten(ctx, fault.New(fault.Unproven, "the host still runs the system it ran before, or cannot be told from it: %s", old).
				WithHint(oldHint))
		case now.After(until):
			return false, notBack{fault.As(fault.Deadline, last)}
		case now.After(cycleAt) && !h.rec.Imaging.Cycled:
			err := h.cycleToDisk(ctx)
			until = until.Add(h.Now().Sub(now))
			return false, err
		}
		return false, nil // the old system may be on its way down
	})
	seen.At = h.Now().UTC()
	return conn, seen, err
}

// notWritten ends a try whose host runs something else than what was written: that it was written counts no more, so that the next run does not start what is there once
// more, but writes anew.
func (h *hostRun) notWritten(ctx context.Context, why error) error {
	h.rec.Imaging.Fail(why.Error())
	h.rec.Booted = nil
	if err := h.keep(ctx); err != nil {
		return err
	}
	return why
}

const oldHint = "look at the boot order and at the disk that FOG writes to. An image that was captured without laas.capture_host may have a machine-id, or /etc/laas-deployment: " +
	"empty the one and remove the other in it (machine-id(5)). A host that was wiped before, by its release or by laas.wipe_host, needs no such image. " +
	"Then go on: laas.resume_job, or for a host without a booking the same workflow once more, has the image written anew"

// tryBooted logs in once and reads what the host shows of itself; old says why that is not taken for what was written to it. Only a connection to
// the new system is left open.
func (h *hostRun) tryBooted(ctx context.Context, pin string) (conn *remote.Conn, seen booking.Booted, old string, err error) {
	conn, err = h.ssh(ctx, h.host, pin)
	if err != nil {
		return nil, seen, "", err
	}
	if seen, err = look(ctx, conn); err == nil {
		seen.Made, err = h.made(ctx, conn)
	}
	if err == nil {
		old = h.rec.Imaging.Old(seen, h.host.Name)
	}
	if err != nil || old != "" {
		conn.Close()
		return nil, seen, old, err
	}
	return conn, seen, "", nil
}

// cycleToDisk starts an imaged host once more. That it was done is journalled before.
func (h *hostRun) cycleToDisk(ctx context.Context) error {
	h.rec.Imaging.Cycled = true
	if err := h.keep(ctx); err != nil {
		return err
	}
	h.Info("%s: it is not back by SSH: its power is cycled", h.host.Name)
	if err := h.awaitStart(ctx, someStarts); err != nil {
		return err
	}
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
	mark, err := c.ReadFile(ctx, markFile)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return booking.Booted{}, err
	}
	b := booking.Booted{MachineID: strings.TrimSpace(string(id)), Mark: strings.TrimSpace(string(mark))}
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

// made is when the host wrote its machine-id, by the lab's clock: what the host's own says is wrong, if at all, by the same for both times.
func (h *hostRun) made(ctx context.Context, c *remote.Conn) (time.Time, error) {
	at, err := c.Modified(ctx, "/etc/machine-id")
	if err != nil {
		return at, err
	}
	text, err := c.Run(ctx, "date +%s")
	if err != nil {
		return at, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return at, fault.New(fault.Failed, "%s does not tell the time by date +%%s", h.host.Name)
	}
	return h.Now().Add(at.Sub(time.Unix(seconds, 0))), nil
}

// markFile is where the lab marks a system that it has proven. A capture has its host's; the host gets another afterwards, and the two can be told apart.
const markFile = "/etc/laas-deployment"

// recall notes by what the system that is to be written can be told from those before it.
func (h *hostRun) recall(ctx context.Context, next *booking.Imaging) error {
	known, err := h.HostKey(ctx, h.host.Name)
	if err != nil {
		return err
	}
	snapshot, err := h.Snapshot(ctx, next.ImageID)
	if err != nil {
		return err
	}
	if next.PreviousMachineID, next.PreviousMark = known.MachineID, known.Mark; snapshot != nil {
		next.ImageMachineID, next.ImageMark = snapshot.MachineID, snapshot.Mark
	}
	if next.TaskID == 0 {
		next.Begun = h.Now().UTC()
	}
	next.Wiped, err = h.EverWiped(ctx, h.host.Name)
	return err
}

// mark leaves on the system which deployment it came from, so that the next one can be told from it.
func (h *hostRun) mark(ctx context.Context, c *remote.Conn, seen *booking.Booted) error {
	want := h.rec.Imaging.Mark(h.taskName())
	if seen.Mark == want {
		return nil
	}
	seen.Mark = want
	return c.WriteFile(ctx, markFile, []byte(want+"\n"), 0o644)
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

func shortID(id string) string { return id[:min(8, len(id))] }
