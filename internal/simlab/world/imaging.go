package world

import (
	"errors"
	"fmt"
	"time"
)

// States of a task, as FOG numbers them.
const (
	TaskQueued     = 1
	TaskCheckedIn  = 2
	TaskInProgress = 3
	TaskComplete   = 4
	TaskCancelled  = 5
	TaskFailed     = 6 // known to FOG 1.6 only
)

// Types of tasks that this FOG runs, as FOG numbers them.
const (
	Deploy     = 1
	Capture    = 2
	FastWipe   = 18
	NormalWipe = 19
	FullWipe   = 20
)

// wipes are the methods of the wiping types.
var wipes = map[int]string{FastWipe: "fast", NormalWipe: "normal", FullWipe: "full"}

// Why a task is refused, in FOG's words.
var (
	//lint:ignore ST1005 as FOG writes it
	ErrTaskType = errors.New("Invalid tasking type passed")
	//lint:ignore ST1005 as FOG writes it
	ErrActiveTask = errors.New("Host is already a member of an active task")
	//lint:ignore ST1005 as FOG writes it
	ErrNoImage = errors.New("You need to assign an image to the host")
)

// Task is a task of the FOG server.
type Task struct {
	ID    int
	Host  string
	Type  int
	Image int // the image assigned to the host when the task was queued; of a wipe, too, where it means nothing
	State int
	// Percent is how much of the image is written or read. A wipe reports none: it stays at 0 to its end.
	Percent         int
	Name, CreatedBy string
	Created         time.Time
	// CheckedIn is when the host last checked in; zero if it never did.
	CheckedIn time.Time
}

type task struct {
	Task
	writing time.Time // when the work began; zero while nothing is done
	length  time.Duration
	limit   int    // percent that the work does not get beyond
	off     bool   // the host switches itself off when it is done
	waiting func() // what the host does when it is its turn; nil unless it waits for a slot
}

// progress computes the percent of a task that is being worked on. Only completion itself says 100.
func (t *task) progress() int {
	switch {
	case t.writing.IsZero(), wipes[t.Type] != "":
		return t.Percent
	case t.length <= 0:
		return min(99, t.limit)
	}
	return min(99, t.limit, int(100*time.Since(t.writing)/t.length))
}

// stall freezes a task whose host is gone.
func (t *task) stall() { t.Percent, t.writing, t.waiting = t.progress(), time.Time{}, nil }

func (t *task) active() bool { return t.State < TaskComplete }

func (w *World) activeTask(host string) *task {
	for _, t := range w.tasks {
		if t.Host == host && t.active() {
			return t
		}
	}
	return nil
}

// QueueTask queues a task for a host. Nothing happens to the host before it boots FOG.
func (w *World) QueueTask(name string, typ int, taskName, by string) (Task, error) {
	var queued Task
	err := w.act(name, func(h *host) error {
		imaging := typ == Deploy || typ == Capture
		if !imaging && wipes[typ] == "" {
			return ErrTaskType
		}
		if w.activeTask(name) != nil {
			return ErrActiveTask
		}
		if _, err := w.image(h.assigned); imaging && err != nil {
			return ErrNoImage
		}
		w.queued++
		queued = Task{ID: w.queued, Host: name, Type: typ, Image: h.assigned, State: TaskQueued, Name: taskName, CreatedBy: by, Created: time.Now()}
		w.tasks = append(w.tasks, &task{Task: queued})
		return nil
	})
	return queued, err
}

// ShutDownAfter lets the host of a task switch itself off when the task is complete, instead of booting again.
func (w *World) ShutDownAfter(id int) {
	defer w.change()()
	for _, t := range w.tasks {
		if t.ID == id {
			t.off = true
		}
	}
}

// CancelTask cancels an active task. A host in the middle of it reboots, with a broken disk if writing had begun.
func (w *World) CancelTask(id int) error {
	defer w.change()()
	for _, t := range w.tasks {
		if t.ID != id {
			continue
		}
		if !t.active() {
			return fmt.Errorf("task %d is not active", id)
		}
		w.end(t, TaskCancelled)
		if h := w.hosts[t.Host]; h != nil && h.phase == phaseFOG {
			w.restart(h)
		}
		return nil
	}
	return fmt.Errorf("there is no task %d", id)
}

// Task gives one task as it stands now.
func (w *World) Task(id int) (Task, bool) {
	for _, t := range w.Tasks() {
		if t.ID == id {
			return t, true
		}
	}
	return Task{}, false
}

// Tasks gives all tasks that ever were.
func (w *World) Tasks() []Task {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]Task, len(w.tasks))
	for i, t := range w.tasks {
		out[i] = t.Task
		out[i].Percent = t.progress()
		if t.waiting != nil { // it checks in again and again
			out[i].CheckedIn = time.Now()
		}
	}
	return out
}
