package world

import (
	"cmp"
	"slices"
	"time"
)

// defaultSlots is FOG's own default for a storage node.
const defaultSlots = 10

// SetSlots says how many deployments the storage node serves at once; 10 unless set.
func (w *World) SetSlots(n int) {
	defer w.change()()
	w.slots = n
	w.next()
}

// Slots tells how many deployments the storage node serves at once.
func (w *World) Slots() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.slots
}

// ReportFailures makes hosts report what fails, as a FOG from August 2026 on has them do (1.6, and 1.5 of then: FOGProject/fos#152,
// fogproject#1211 and #1212). Before that a host shows a message on its screen for a minute and reboots, and its task stays in progress.
func (w *World) ReportFailures() {
	defer w.change()()
	w.reportsFailure = true
}

// bootFOG lets the host check in for its task, and work on it when it is its turn.
func (w *World) bootFOG(h *host, t *task) {
	h.phase = phaseFOG
	h.say("bzImage... ok\r\ninit.xz... ok")
	if w.suffers(h, NeverChecksIn) != nil {
		h.say("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(1,0)")
		return
	}
	h.say("Attempting to check in with FOG")
	t.State, t.Percent, t.CheckedIn = TaskCheckedIn, 0, time.Now()
	w.after(h, w.pace.Boot, func() {
		t.waiting = func() { w.work(h, t) }
		w.next()
	})
}

// next lets those begin whose turn it is. Only deployments take slots; captures need a free one, and wipes do not ask.
func (w *World) next() {
	used := 0
	var waiting []*task
	for _, t := range w.tasks {
		if t.Type == Deploy && t.State == TaskInProgress {
			used++
		}
		if t.waiting != nil {
			waiting = append(waiting, t)
		}
	}
	slices.SortStableFunc(waiting, func(a, b *task) int { return cmp.Compare(a.CheckedIn.UnixNano(), b.CheckedIn.UnixNano()) })
	for _, t := range waiting {
		if wipes[t.Type] == "" && used >= w.slots {
			continue
		}
		if t.Type == Deploy {
			used++
		}
		work := t.waiting
		t.waiting, t.State = nil, TaskInProgress
		work()
	}
}

// end gives a task its last state, and its slot to the next.
func (w *World) end(t *task, state int) {
	t.stall()
	if t.State = state; state == TaskComplete && wipes[t.Type] == "" {
		t.Percent = 100
	}
	w.next()
}

// work does the task from its beginning, unless trouble comes. What is written over is gone with the first block.
func (w *World) work(h *host, t *task) {
	before := h.disk
	t.limit, t.CheckedIn = 99, time.Now()
	t.length = w.pace.Image
	switch img := w.images[t.Image]; {
	case wipes[t.Type] != "":
		t.length = w.pace.Wipe
		h.disk = disk{}
	case t.Type == Deploy && img.empty(), t.Type == Capture && h.disk.fs == nil:
		w.fail(h, t)
		return
	case t.Type == Deploy:
		h.disk = disk{}
	case t.Type == Capture:
		img.DiskSize = 0
		w.images[t.Image] = img
	}
	t.writing, h.console.told = time.Now(), 0
	h.say("Partclone v0.3.20 (task %d)", t.ID)
	if trouble := w.suffers(h, midway...); trouble != nil {
		t.limit = trouble.Percent
		w.after(h, t.length*time.Duration(trouble.Percent)/100, func() { w.interrupt(h, t, trouble.Kind) })
		return
	}
	w.after(h, t.length, func() {
		h.say("\r\nTask complete, restarting")
		w.finish(h, t, before)
		w.end(t, TaskComplete)
		if t.off {
			w.stop(h)
			return
		}
		w.restart(h)
	})
}

// finish is the effect of a task that FOG holds for done.
func (w *World) finish(h *host, t *task, before disk) {
	if w.suffers(h, WriteLost) != nil {
		h.disk = before
		return
	}
	switch t.Type {
	case Deploy:
		img := w.images[t.Image]
		if other := w.suffers(h, OtherImage); other != nil {
			img = w.images[other.Image]
		}
		h.disk = freshDisk(img, h.nics, w.labKey)
	case Capture:
		w.keep(t.Image, h.disk)
	default:
		h.disk = disk{wiped: t.Type}
	}
}

// fail is what a host does that cannot go on: it reboots, into whatever its disk has by now.
func (w *World) fail(h *host, t *task) {
	h.say("\r\nAn error has been detected! FOG restarts this host in 1 minute.")
	if w.reportsFailure {
		w.end(t, TaskFailed)
	}
	w.restart(h)
}

// DiskSerial is the serial number of a host's disk, which it keeps whatever is written to it.
func (w *World) DiskSerial(name string) string { return w.Snapshot(name).DiskSerial }

// Wiped is the type of the task that wiped the host's disk; 0 if something was written to it since, or it was never wiped.
func (w *World) Wiped(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hosts[name]; h != nil {
		return h.disk.wiped
	}
	return 0
}
