package actions

import (
	"context"
	"encoding/json"
	"time"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/retry"
)

// turnPrefix is where hosts that wait for their turn at FOG tell so, one key for each.
const turnPrefix = "laas.turn."

// ticket is a host's place in the queue for FOG: first come, first served.
type ticket struct {
	Host  string    `json:"host"`
	Job   int       `json:"job"`
	Since time.Time `json:"since"`
	// Alive is when its execution was seen last. One that was killed holds nobody up.
	Alive time.Time `json:"alive"`
}

func (t ticket) before(o ticket) bool {
	return t.Since.Before(o.Since) || t.Since.Equal(o.Since) && t.Host < o.Host
}

// queue lets hosts take turns at FOG, in the order in which they came. The datastore has no compare-and-set, so one too many may pass when two
// come at the very same moment; FOG lets that one wait by itself.
type queue struct {
	store booking.Store
	now   func() time.Time
	// limit is how many tasks there may be; counts says which of FOG's active tasks count.
	limit  int
	counts func(fog.Task) bool
	// shared lists FOG's active tasks as they were a while ago, fresh as they are now.
	shared, fresh  func(context.Context) ([]fog.Task, error)
	interval, dead time.Duration
	// waits is told once how many are before the host when it has to wait; still says now and then whether it is to go on.
	waits func(before int)
	still func(context.Context) error
}

// pass returns when it is the host's turn. It holds its place until leave is called, which is after its task is in FOG.
func (q *queue) pass(ctx context.Context, mine ticket, most time.Duration) (leave func(), err error) {
	key := turnPrefix + mine.Host
	leave = func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), q.dead)
		defer stop()
		_ = q.store.Delete(ctx, key) // if it stays, it is dead in a moment
	}
	mine.Since = q.now().UTC()
	if err := q.keepPlace(ctx, &mine); err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeoutCause(ctx, most, fault.New(fault.Failed, "it was not its turn at FOG within %s: all slots are taken", most).
		WithHint("look at FOG's active tasks; imaging.queue is the limit of the wait, imaging.max_parallel that of the tasks"))
	defer stop()
	told, last := false, error(nil)
	err = retry.Until(ctx, q.interval, func(ctx context.Context) (pass bool, err error) {
		defer func() { last = err }()
		if q.now().Sub(mine.Alive) > q.dead/4 {
			if err := q.still(ctx); err != nil {
				return false, err
			}
			if err := q.write(ctx, &mine); err != nil {
				return false, err
			}
		}
		busy, err := q.before(ctx, mine, q.shared)
		if err == nil && busy < q.limit {
			busy, err = q.before(ctx, mine, q.fresh)
		}
		if err == nil && busy >= q.limit && !told {
			told = true
			q.waits(busy)
		}
		return err == nil && busy < q.limit, err
	})
	if err != nil {
		leave()
		if last != nil && ctx.Err() != nil {
			err = fault.New(fault.KindOf(err), "%w; FOG was asked last with this result: %w", err, last).WithHint("%s", fault.HintOf(err))
		}
		return nil, err
	}
	return leave, nil
}

// keepPlace writes the ticket; one that the same job left behind keeps its place.
func (q *queue) keepPlace(ctx context.Context, mine *ticket) error {
	text, found, err := q.store.Get(ctx, turnPrefix+mine.Host)
	if err != nil {
		return err
	}
	var last ticket
	if found && json.Unmarshal([]byte(text), &last) == nil && last.Job == mine.Job && q.alive(last) {
		mine.Since = last.Since
	}
	return q.write(ctx, mine)
}

func (q *queue) write(ctx context.Context, mine *ticket) error {
	mine.Alive = q.now().UTC()
	text, err := json.Marshal(mine)
	if err != nil {
		return fault.New(fault.Internal, "write %s: %w", turnPrefix+mine.Host, err)
	}
	return q.store.Put(ctx, turnPrefix+mine.Host, string(text))
}

func (q *queue) alive(t ticket) bool { return q.now().Sub(t.Alive) < q.dead }

// before counts who comes before the host: tasks in FOG, and hosts that came earlier. The tickets are read first, so that a host whose task is
// being made is never missed.
func (q *queue) before(ctx context.Context, mine ticket, list func(context.Context) ([]fog.Task, error)) (int, error) {
	all, err := q.store.List(ctx, turnPrefix)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, text := range all {
		var t ticket
		if json.Unmarshal([]byte(text), &t) == nil && t.Host != mine.Host && t.before(mine) && q.alive(t) {
			n++
		}
	}
	tasks, err := list(ctx)
	for _, t := range tasks {
		if t.State.Active() && q.counts(t) {
			n++
		}
	}
	return n, err
}

// awaitTurn waits until FOG has a slot for the host. The caller leaves when its task is in FOG.
func (h *hostRun) awaitTurn(ctx context.Context, f *fog.Client) (leave func(), err error) {
	c := h.Config.Imaging
	fresh := func(ctx context.Context) ([]fog.Task, error) {
		tasks, err := f.ActiveTasks(ctx)
		return tasks, waiting(err)
	}
	q := &queue{store: h.Store, now: h.Now, limit: c.MaxParallel, counts: ours, shared: h.roll(f).tasks, fresh: fresh, interval: c.PollInterval.D(),
		dead:  8*c.PollInterval.D() + 4*(h.Config.ST2.Timeout.D()+h.Config.ST2.Retry.D()+h.Config.FOG.Timeout.D()+h.Config.FOG.Retry.D()),
		still: h.still,
		waits: func(before int) { h.Info("%s: waits for its turn at FOG: %d others come first", h.host.Name, before) }}
	if q.limit == 0 {
		if q.limit, err = f.Slots(ctx); err != nil {
			return nil, err
		}
		// A task of somebody else's takes a slot when its host has booted; many stand in FOG's list for ever.
		q.counts = func(t fog.Task) bool { return ours(t) || t.State > fog.TaskQueued }
	}
	if q.limit == 0 {
		return nil, fault.New(fault.Config, "none of FOG's storage nodes is enabled and has a slot: it cannot deploy anything").
			WithHint("look at FOG's storage nodes (Max Clients), or set imaging.max_parallel")
	}
	stage := h.rec.Stage
	h.rec.Stage = stage + ": waiting for its turn at FOG"
	if err := h.Save(ctx, h.rec); err != nil {
		return nil, err
	}
	leave, err = q.pass(ctx, ticket{Host: h.host.Name, Job: h.job.Job}, c.Queue.D())
	h.rec.Stage = stage
	if err != nil {
		return nil, err
	}
	if err := h.still(ctx); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}
