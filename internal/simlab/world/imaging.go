package world

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// States of a task, as FOG numbers them.
const (
	TaskQueued     = 1
	TaskCheckedIn  = 2
	TaskInProgress = 3
	TaskComplete   = 4
	TaskCancelled  = 5
)

// Deploy is the one type of task that this FOG runs.
const Deploy = 1

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
	Image int // the image assigned to the host when the task was queued
	State int
	// Percent is how much of the image is written.
	Percent         int
	Name, CreatedBy string
	Created         time.Time
}

type task struct {
	Task
	writing time.Time // when writing began; zero while nothing is written
	length  time.Duration
}

// progress computes the percent of a task that is being worked on. Only completion itself says 100.
func (t *task) progress() int {
	if t.writing.IsZero() {
		return t.Percent
	}
	if t.length <= 0 {
		return 99
	}
	return min(99, int(100*time.Since(t.writing)/t.length))
}

// stall freezes a task whose host is gone.
func (t *task) stall() { t.Percent, t.writing = t.progress(), time.Time{} }

func (t *task) active() bool { return t.State < TaskComplete }

func (w *World) activeTask(host string) *task {
	for _, t := range w.tasks {
		if t.Host == host && t.active() {
			return t
		}
	}
	return nil
}

func (w *World) image(id int) (Image, error) {
	if img, ok := w.images[id]; ok {
		return img, nil
	}
	return Image{}, fmt.Errorf("there is no image with id %d", id)
}

// bootFOG runs the task: check in, write the image from its beginning, reboot. The old content is gone with the first block.
func (w *World) bootFOG(h *host, t *task) {
	h.phase = phaseFOG
	t.State, t.Percent = TaskCheckedIn, 0
	w.after(h, w.pace.Boot, func() {
		h.disk = disk{}
		t.State, t.writing, t.length = TaskInProgress, time.Now(), w.pace.Image
		w.after(h, w.pace.Image, func() {
			h.disk = freshDisk(w.images[t.Image], h.nics, w.labKey)
			t.State, t.Percent, t.writing = TaskComplete, 100, time.Time{}
			w.restart(h)
		})
	})
}

// AssignImage sets the image that the next task of the host will write; 0 takes it away.
func (w *World) AssignImage(name string, image int) error {
	return w.act(name, func(h *host) error {
		if image != 0 {
			if _, err := w.image(image); err != nil {
				return err
			}
		}
		h.assigned = image
		return nil
	})
}

// AssignedImage gives the image assigned to a host, or 0.
func (w *World) AssignedImage(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hosts[name]; h != nil {
		return h.assigned
	}
	return 0
}

// QueueTask queues a task for a host. Nothing happens to the host before it boots FOG.
func (w *World) QueueTask(name string, typ int, taskName, by string) (Task, error) {
	var queued Task
	err := w.act(name, func(h *host) error {
		if typ != Deploy {
			return ErrTaskType
		}
		if w.activeTask(name) != nil {
			return ErrActiveTask
		}
		if _, err := w.image(h.assigned); err != nil {
			return ErrNoImage
		}
		queued = Task{ID: len(w.tasks) + 1, Host: name, Type: typ, Image: h.assigned, State: TaskQueued, Name: taskName, CreatedBy: by, Created: time.Now()}
		w.tasks = append(w.tasks, &task{Task: queued})
		return nil
	})
	return queued, err
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
		t.stall()
		t.State = TaskCancelled
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
	}
	return out
}

// Images gives all images by id.
func (w *World) Images() []Image {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.SortedFunc(maps.Values(w.images), func(a, b Image) int { return cmp.Compare(a.ID, b.ID) })
}
