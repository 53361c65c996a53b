package world

import (
	"fmt"
	"slices"
)

// Trouble is something that goes wrong with one host. It shows itself Times times, or for ever if that is 0, each time that the host
// comes to where it matters: kinds that concern a task once for each try of the task, kinds that concern booting once for each boot.
type Trouble struct {
	Kind TroubleKind
	// Percent is where Stuck, Failed, Cancelled and Vanished happen. A wipe gets as far and reports none of it.
	Percent int
	// Image is what OtherImage writes.
	Image int
	Times int
}

// TroubleKind is a way to go wrong.
type TroubleKind string

const (
	// IgnoresPXE: the firmware boots the disk although it was told to boot from the network. The override is used up.
	IgnoresPXE TroubleKind = "ignores-pxe"
	// NeverChecksIn: the host boots from the network and hangs before it talks to FOG. The task stays queued.
	NeverChecksIn TroubleKind = "never-checks-in"
	// Stuck: the task stops moving until the host is power-cycled; it then begins again.
	Stuck TroubleKind = "stuck"
	// Failed: the host gives up and reboots. A FOG that is told (ReportFailures; the simulated 1.6 is) says so, otherwise the task stays in
	// progress for ever.
	Failed TroubleKind = "failed"
	// Cancelled: somebody cancels the task in FOG.
	Cancelled TroubleKind = "cancelled"
	// Vanished: somebody deletes the task in FOG; it is in no list and has no id any more. The host reboots.
	Vanished TroubleKind = "vanished"
	// WriteLost: the host reports that it is done, and the disk (of a capture: the image) is what it was.
	WriteLost TroubleKind = "write-lost"
	// OtherImage: a deployment writes another image than the assigned one, and FOG does not know.
	OtherImage TroubleKind = "other-image"
	// NoBoot: the host finds nothing to boot on its disk.
	NoBoot TroubleKind = "no-boot"
)

// TroubleKinds are all kinds, for messages.
var TroubleKinds = []TroubleKind{IgnoresPXE, NeverChecksIn, Stuck, Failed, Cancelled, Vanished, WriteLost, OtherImage, NoBoot,
	FanFails, Overheats, Warms, SupplyFails, DriveFails}

// midway are the kinds that happen in the middle of a task.
var midway = []TroubleKind{Stuck, Failed, Cancelled, Vanished}

// AddTrouble lets something go wrong with a host from now on.
func (w *World) AddTrouble(name string, t Trouble) error {
	return w.act(name, func(h *host) error {
		if !slices.Contains(TroubleKinds, t.Kind) {
			return fmt.Errorf("there is no trouble %q, but %v", t.Kind, TroubleKinds)
		}
		if _, err := w.image(t.Image); t.Kind == OtherImage && err != nil {
			return err
		}
		h.troubles = append(h.troubles, &t)
		h.note(false, &t)
		return nil
	})
}

// EndTroubles ends all of a host's troubles. What has gone wrong stays so.
func (w *World) EndTroubles(name string) error {
	return w.act(name, func(h *host) error {
		h.note(true, h.troubles...)
		h.troubles = nil
		return nil
	})
}

// suffers gives the first trouble of these kinds, and counts it.
func (w *World) suffers(h *host, kinds ...TroubleKind) *Trouble {
	i := slices.IndexFunc(h.troubles, func(t *Trouble) bool { return slices.Contains(kinds, t.Kind) })
	if i < 0 {
		return nil
	}
	t := h.troubles[i]
	if t.Times == 1 {
		h.troubles = slices.Delete(h.troubles, i, i+1)
	}
	if t.Times > 1 {
		t.Times--
	}
	return t
}

// interrupt is the end of a task, or of its progress, before it is done.
func (w *World) interrupt(h *host, t *task, kind TroubleKind) {
	switch kind {
	case Failed:
		w.fail(h, t)
		return
	case Cancelled:
		w.end(t, TaskCancelled)
	case Vanished:
		w.tasks = slices.DeleteFunc(w.tasks, func(other *task) bool { return other == t })
		w.next()
	default: // it stays where it is
		w.sayProgress(h)
		h.say("\r\nblk_update_request: I/O error, dev sda, sector 2048")
		return
	}
	w.restart(h)
}
