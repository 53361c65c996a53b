package actions

import (
	"context"
	"encoding/json"
	"net/http"

	"golang.org/x/sync/errgroup"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
)

// atOnce is how many calls to the dashboard run side by side.
const atOnce = 8

// wanted is what the dashboard wants of a task now.
type wanted struct {
	status  int
	content string
}

// asks reads what the dashboard wants of the job's tasks now, by task id. Tasks that are finished are in neither list.
func asks(ctx context.Context, d *dashboard.Client, job int) (map[string]wanted, error) {
	out := map[string]wanted{}
	for list, status := range map[dashboard.List]int{dashboard.ListNew: booking.StatusNew, dashboard.ListCurrent: booking.StatusCurrent} {
		jobs, _, err := d.Jobs(ctx, list)
		if err != nil {
			return nil, err
		}
		for _, j := range jobs {
			if j.ID != job {
				continue
			}
			tasks, _ := payload.DecodeJob(j.ID, j.Payload)
			for _, t := range tasks {
				out[t.ID] = wanted{status, t.Digest()}
			}
		}
	}
	return out, nil
}

// asks reads what the dashboard wants of the run's tasks now. When it cannot show its lists, because it cannot show some job in them, a
// run that only takes hosts back asks for its own job alone: it shows what is wanted, though not of which tasks it is new, and a booking
// that has ended stays that way.
func (r *run) asks(ctx context.Context, d *dashboard.Client) (map[string]wanted, error) {
	now, err := asks(ctx, d, r.job.Job)
	if err == nil || rest.StatusOf(err) != http.StatusInternalServerError || !r.plan.Releases() {
		return now, err
	}
	job, jerr := d.Job(ctx, r.job.Job)
	if jerr != nil {
		return nil, err
	}
	tasks, _ := payload.DecodeJob(job.ID, job.Payload)
	if !booking.Ended(tasks) {
		return nil, err
	}
	now = map[string]wanted{}
	for _, t := range tasks {
		now[t.ID] = wanted{statusUnknown, t.Digest()}
	}
	return now, nil
}

// statusUnknown is the status of a task that was not found in a list.
const statusUnknown = -1

// errSuperseded says that the dashboard wants something else by now; the task is left to the next poll.
var errSuperseded = fault.New(fault.Superseded, "the dashboard wants something else by now")

// setStatus tells the dashboard a status of a task and journals that it took it. If the answer shows that the task's content changed
// in between, the status is taken back at once, or the new work would never be delivered.
func (r *run) setStatus(ctx context.Context, d *dashboard.Client, t *booking.Planned, rec *booking.TaskRecord, status int) error {
	answer, err := d.Update(ctx, r.job.Job, t.ID, dashboard.Update{Status: &status})
	if err != nil {
		return fault.Wrap(err, "%s task %s", t.Kind, t.ID)
	}
	if now := contentOf(t, answer); now != "" && now != t.Content {
		back := booking.StatusNew
		if _, err := d.Update(ctx, r.job.Job, t.ID, dashboard.Update{Status: &back}); err != nil {
			return fault.Wrap(err, "%s task %s", t.Kind, t.ID)
		}
		return errSuperseded
	}
	rec.Acked = &booking.Ack{Status: status, At: r.Now().UTC()}
	return r.Save(ctx, rec)
}

// contentOf is the digest of a task object in an answer, "" if it cannot be read.
func contentOf(t *booking.Planned, object json.RawMessage) string {
	text, err := json.Marshal(map[string]map[string]json.RawMessage{string(t.Kind): {t.ID: object}})
	if err != nil {
		return ""
	}
	tasks, _ := payload.DecodeJob(0, text)
	if len(tasks) != 1 {
		return ""
	}
	return tasks[0].Digest()
}

// acknowledge tells the dashboard that the plan's tasks are being worked on. A task whose content changed since the plan was made
// is left alone: it will be dispatched anew.
func (r *run) acknowledge(ctx context.Context) error {
	if r.plan.Silent() {
		return nil
	}
	d, err := r.dashboard()
	if err != nil {
		return err
	}
	now, err := r.asks(ctx, d)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range r.plan.Tasks {
		t := &r.plan.Tasks[i]
		if w, listed := now[t.ID]; listed && w.content != t.Content {
			continue
		}
		g.Go(func() error {
			rec, err := r.Task(ctx, r.plan, t)
			if err != nil || rec.Acked != nil && rec.Acked.Status == booking.StatusDone {
				return err
			}
			err = r.setStatus(ctx, d, t, rec, booking.StatusCurrent)
			if fault.Is(err, fault.Superseded) || fault.Is(err, fault.NotFound) {
				return nil
			}
			return err
		})
	}
	return g.Wait()
}
