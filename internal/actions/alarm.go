package actions

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
)

// alarmCall is the one call to the chat bot; nothing is repeated for it.
func alarmCall(c *config.Config) time.Duration { return c.Bot.Timeout.D() }

// alarmed is what the chat bot gets, as the pack of 2019 sent it.
type alarmed struct {
	Job       int    `json:"job_id"`
	Execution string `json:"execution_id"`
	Message   string `json:"message"`
}

// alarm tells the chat bot what failed in the job, once: parts of which it was told before are left out, until an operator resumes the job or the
// dashboard wants something else. Parts are words of the pack, names of the inventory and ids; a reason may hold what a device or a tenant
// wrote, and stays in the journal. Whatever becomes of the call changes nothing else: a bot that did not take it is told again by the next report.
func (r *run) alarm(ctx context.Context, parts []string) {
	if r.Config.Bot.Address == "" {
		return
	}
	parts = append(parts, r.locked(ctx, parts)...)
	isNew := func(part string) bool { return !slices.Contains(r.job.Alarmed, part) }
	if slices.ContainsFunc(parts, isNew) {
		message := fmt.Sprintf("job %d failed: %s. Reasons: laas job show %d", r.job.Job, strings.Join(filter(parts, isNew), ", "), r.job.Job)
		if err := r.callBot(ctx, alarmed{r.job.Job, cmp.Or(r.job.Execution, r.Execution), message}); err != nil {
			r.Info("the chat bot could not be told that job %d failed: %v", r.job.Job, err)
			parts = slices.DeleteFunc(parts, isNew)
		}
	}
	if slices.Equal(parts, r.job.Alarmed) {
		return
	}
	r.job.Alarmed = parts
	if err := r.SaveJob(ctx, r.job); err != nil {
		r.Info("it could not be journalled what the chat bot was told: %v", err)
	}
}

// locked says which of the job's hosts are in quarantine, when anything failed.
func (r *run) locked(ctx context.Context, failed []string) (parts []string) {
	if len(failed) == 0 {
		return nil
	}
	owners, err := r.Owners(ctx)
	if err != nil {
		r.Info("it could not be read which hosts are in quarantine: %v", err)
	}
	for _, o := range owners {
		if o.Job == r.job.Job && o.Quarantine != "" {
			parts = append(parts, o.Host+" is in quarantine")
		}
	}
	slices.Sort(parts)
	return parts
}

func filter(parts []string, keep func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(parts), func(p string) bool { return !keep(p) })
}

// callBot posts to the chat bot. Its certificate is checked like that of any other server.
func (l *lab) callBot(ctx context.Context, what alarmed) error {
	b := l.Config.Bot
	base, err := rest.Address("bot.address", b.Address)
	if err != nil {
		return err
	}
	tr, err := l.transport()
	if err != nil {
		return err
	}
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	c := rest.Client{Base: base, Timeout: b.Timeout.D(), Transport: tr}
	answer, err := c.Do(ctx, rest.Request{Method: http.MethodPost, Path: strings.TrimLeft(b.Endpoints.Failure, "/"), Body: body, ContentType: "application/json"})
	if err == nil && !answer.OK() {
		err = rest.StatusFault(answer.Status)
	}
	return fault.Wrap(err, "%s", "chat bot")
}

// failedParts names what ended in error, and at which stage.
func failedParts(finals []*final) (parts []string) {
	for _, f := range finals {
		if f.rec.Outcome == booking.Done {
			continue
		}
		part := f.what()
		if f.rec.Stage != "" {
			part += " at " + f.rec.Stage
		}
		parts = append(parts, part)
	}
	return parts
}
