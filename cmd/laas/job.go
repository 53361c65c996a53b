package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/terminal"
)

func jobCommand() *cli.Command {
	return &cli.Command{Name: "job", Usage: "show what was, and would be, done for a job", Subcommands: []*cli.Command{
		{Name: "show", Usage: "show the journal of a job: its tasks, hosts, stages and reasons", ArgsUsage: "JOB", Action: showJob,
			Flags: []cli.Flag{&cli.BoolFlag{Name: "console", Usage: "also all that is kept of what its hosts wrote to their serial consoles while they were imaged"}}},
		planCommand(),
		{Name: "owners", Usage: "show which job every host belongs to, and which are in quarantine", Action: showOwners},
	}}
}

func journal() (booking.Journal, error) {
	client, err := operator()
	return booking.Journal{Store: client, Now: time.Now}, err
}

func showJob(c *cli.Context) error {
	id, err := strconv.Atoi(c.Args().First())
	if err != nil {
		return fault.New(fault.Input, "which job? %q is not a number", c.Args().First())
	}
	j, err := journal()
	if err != nil {
		return err
	}
	job, err := j.Job(c.Context, id)
	if err != nil {
		return err
	}
	if job == nil {
		return fault.New(fault.NotFound, "the journal has no job %d", id)
	}
	tasks, err := j.Tasks(c.Context, id)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "job %d: %s, run %d, plan %s, hosts %s\n", id, job.State, job.Epoch, job.Plan, strings.Join(job.Hosts, ", "))
	if job.Summary != "" { // there is none while it runs
		fmt.Fprintln(c.App.Writer, job.Summary)
	}
	plan := wanted(c, j, job)
	t := terminal.Table(c.App.Writer, "task", "for", "generation", "stage", "outcome", "told")
	for _, r := range tasks {
		told := ""
		if r.Acked != nil {
			told = fmt.Sprintf("%d at %s", r.Acked.Status, r.Acked.At.Local().Format("15:04:05"))
		}
		t.AppendRow(table.Row{string(r.Kind) + " " + tail(r.Task), whom(r, plan), r.Generation, stageOf(r), orOpen(r.Outcome), told})
	}
	terminal.Narrow(t, 24, "stage")
	t.Render()
	for _, r := range tasks {
		if r.Reason != "" {
			fmt.Fprintln(c.App.Writer, terminal.Wrap(fmt.Sprintf("%s %s: %s", r.Kind, tail(r.Task), r.Reason), terminal.Width))
		}
	}
	return consoles(c, j, tasks, c.Bool("console"))
}

// tail is the end of a task's id, which is what differs between those of one booking.
func tail(id string) string { return id[max(0, len(id)-8):] }

// wanted are the tasks of a plan by their ids; none when the plan is not kept any more.
func wanted(c *cli.Context, j booking.Journal, job *booking.JobRecord) map[string]booking.Planned {
	out := map[string]booking.Planned{}
	if plan, err := booking.LoadPlan(c.Context, j.Store, job.Job, job.Plan); err == nil {
		for _, t := range plan.Tasks {
			out[t.ID] = t
		}
	}
	return out
}

// whom says for which host, account or user a task is; what was not begun yet is known from the plan only.
func whom(r *booking.TaskRecord, wanted map[string]booking.Planned) string {
	t := wanted[r.Task]
	switch {
	case r.Account != "":
		return r.Account
	case t.Access != nil:
		return fmt.Sprintf("%s of user %d", t.Access.Type, t.Access.User)
	}
	return cmp.Or(r.Host, t.Host)
}

// stageOf says where the work stands, and what imaging has cost so far.
func stageOf(r *booking.TaskRecord) string {
	text := r.Stage
	if im := r.Imaging; im != nil {
		if im.Attempt > 1 {
			text += fmt.Sprintf(", try %d", im.Attempt)
		}
		if im.Cycled {
			text += ", power was cycled"
		}
	}
	return text
}

func orOpen(o booking.Outcome) string {
	if o == booking.Open {
		return "open"
	}
	return string(o)
}

func showOwners(c *cli.Context) error {
	j, err := journal()
	if err != nil {
		return err
	}
	owners, err := j.Owners(c.Context)
	if err != nil {
		return err
	}
	if len(owners) == 0 {
		fmt.Fprintln(c.App.Writer, "no host belongs to a job")
		return nil
	}
	t := terminal.Table(c.App.Writer, "host", "belongs to", "since", "quarantine")
	for _, o := range owners {
		t.AppendRow(table.Row{o.Host, o.Whose(), o.Since.Local().Format("2006-01-02 15:04"), o.Quarantine})
	}
	terminal.Narrow(t, 50, "quarantine")
	t.Render()
	return nil
}
