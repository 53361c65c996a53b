package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
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
	fmt.Fprintf(c.App.Writer, "job %d: %s, run %d, plan %s, hosts %s\n%s\n", id, job.State, job.Epoch, job.Plan, strings.Join(job.Hosts, ", "), job.Summary)
	t := table.NewWriter()
	t.SetOutputMirror(c.App.Writer)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"task", "host", "generation", "stage", "outcome", "told", "reason"})
	for _, r := range tasks {
		told := ""
		if r.Acked != nil {
			told = fmt.Sprintf("%d at %s", r.Acked.Status, r.Acked.At.Local().Format("15:04:05"))
		}
		t.AppendRow(table.Row{fmt.Sprintf("%s %.8s", r.Kind, r.Task), r.Host, r.Generation, stageOf(r), orOpen(r.Outcome), told, r.Reason})
	}
	t.SetColumnConfigs([]table.ColumnConfig{{Name: "reason", WidthMax: 60}})
	t.Render()
	return consoles(c, j, tasks, c.Bool("console"))
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
	t := table.NewWriter()
	t.SetOutputMirror(c.App.Writer)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"host", "belongs to", "since", "quarantine"})
	for _, o := range owners {
		t.AppendRow(table.Row{o.Host, o.Whose(), o.Since.Local().Format("2006-01-02 15:04"), o.Quarantine})
	}
	t.SetColumnConfigs([]table.ColumnConfig{{Name: "quarantine", WidthMax: 70}})
	t.Render()
	return nil
}
