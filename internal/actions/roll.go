package actions

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
)

// rollKey is where the list of FOG's active tasks is shared.
const rollKey = "laas.fog.active"

// roll is FOG's list of active tasks, asked for once in an interval, however many actions follow a task: whoever finds the shared list too old
// fetches it for all. On one StackStorm worker a locked file sees to it that only one does; two workers may do it at the same moment, which costs
// a call and nothing else.
type roll struct {
	store    booking.Store
	fetch    func(context.Context) ([]fog.Task, error)
	now      func() time.Time
	interval time.Duration
	// lock is a file of this machine.
	lock string
}

// listed is the shared list. At is from before FOG was asked.
type listed struct {
	At    time.Time  `json:"at"`
	Tasks []fog.Task `json:"tasks"`
}

func (l *lab) roll(f *fog.Client) *roll {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(l.Config.FOG.Address))
	return &roll{store: l.Store, fetch: f.ActiveTasks, now: l.Now, interval: l.Config.Imaging.PollInterval.D(),
		lock: filepath.Join(os.TempDir(), fmt.Sprintf("laas-%d-%x.lock", os.Getuid(), sum.Sum32()))}
}

// tasks gives the list, at most an interval old. Transient when FOG does not tell, this action or another one that asks it.
func (r *roll) tasks(ctx context.Context) ([]fog.Task, error) {
	began := r.now()
	for {
		tasks, fresh, err := r.shared(ctx)
		if err != nil || fresh {
			return tasks, err
		}
		if unlock, locked := r.tryLock(); locked {
			tasks, err := r.refresh(ctx)
			unlock()
			return tasks, err
		}
		if waited := r.now().Sub(began); waited > 2*r.interval {
			return nil, fault.New(fault.Transient, "another action has been asking FOG for its active tasks for %s and got no answer", waited.Round(time.Second))
		}
		select { // somebody is asking
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(r.interval / 10):
		}
	}
}

// waiting is for whoever waits for something of FOG's for a long time anyhow: an answer that cannot be read is no more than none, and none is
// Transient.
func waiting(err error) error {
	if fog.Unreadable(err) {
		return fault.As(fault.Transient, err)
	}
	return err
}

// task reads one task. What is in the shared list is active; only a task that is not in it, or has left it, is asked for by its id. Transient
// when FOG does not tell.
func (r *roll) task(ctx context.Context, f *fog.Client, id int) (fog.Task, error) {
	tasks, err := r.tasks(ctx)
	if err != nil {
		return fog.Task{}, err
	}
	if at := slices.IndexFunc(tasks, func(t fog.Task) bool { return t.ID == id && t.State.Active() }); at >= 0 {
		return tasks[at], nil
	}
	t, err := f.Task(ctx, id)
	return t, waiting(err)
}

// refresh fetches the list for all, unless somebody did so just now.
func (r *roll) refresh(ctx context.Context) ([]fog.Task, error) {
	if tasks, fresh, err := r.shared(ctx); err != nil || fresh {
		return tasks, err
	}
	began := r.now().UTC()
	tasks, err := r.fetch(ctx)
	if err != nil {
		return nil, waiting(err)
	}
	text, err := json.Marshal(listed{began, shareable(tasks)})
	if err != nil {
		return nil, err
	}
	return tasks, r.store.Put(ctx, rollKey, string(text))
}

// shared reads the list as it was fetched last. One that cannot be read is none.
func (r *roll) shared(ctx context.Context) (tasks []fog.Task, fresh bool, err error) {
	text, found, err := r.store.Get(ctx, rollKey)
	if err != nil || !found {
		return nil, false, err
	}
	var s listed
	if json.Unmarshal([]byte(text), &s) != nil {
		return nil, false, nil
	}
	age := r.now().Sub(s.At)
	return s.Tasks, age >= 0 && age < r.interval, nil
}

// shareable leaves out what people wrote in FOG.
func shareable(tasks []fog.Task) []fog.Task {
	out := slices.Clone(tasks)
	for i := range out {
		out[i].CreatedBy = ""
		if !ours(out[i]) {
			out[i].Name = ""
		}
	}
	return out
}

// ours says whether the pack made the task.
func ours(t fog.Task) bool { return strings.HasPrefix(t.Name, "laas ") }

// tryLock locks the file of this machine if nobody has. A machine on which it cannot be made has no lock, and asks FOG more often.
func (r *roll) tryLock() (unlock func(), locked bool) {
	f, err := os.OpenFile(r.lock, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return func() {}, true
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, false
	}
	return func() { _ = f.Close() }, true
}
