package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/lab"
	"stackstorm-laas/internal/simlab/world"
)

// The paces of a demo: slow enough to watch, and as fast as it goes.
var (
	watchable = world.Pace{POST: 300 * time.Millisecond, Boot: 400 * time.Millisecond, Image: 2500 * time.Millisecond, Wipe: time.Second, SoftOff: 200 * time.Millisecond}
	fastest   = world.Pace{POST: 5 * time.Millisecond, Boot: 5 * time.Millisecond, Image: 50 * time.Millisecond, Wipe: 20 * time.Millisecond, SoftOff: 5 * time.Millisecond}
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "book servers on a simulated lab and watch the pack hand them over and take them back",
		Description: "Without --jobs the example booking is played: provisioned, then ended. Exit status: 0 nothing failed, 1 something failed, " +
			"4 nothing failed but something is held.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "jobs", Usage: "body of the dashboard's jobs/new; repeat it: the next is served when the last has settled", TakesFile: true},
			&cli.StringFlag{Name: "hosts", Usage: "inventory to build the lab from; by default a lab is made for the hosts in the jobs", TakesFile: true},
			&cli.StringFlag{Name: "dashboard", Value: "2019", Usage: "behave like the dashboard of 2019 or of 2022"},
			&cli.BoolFlag{Name: "json", Usage: "print a report as JSON and nothing else, at the fastest pace"},
			packFlag,
		},
		Action: runDemo,
	}
}

// exampleBookings are played without --jobs.
var exampleBookings = []string{"datastore/example/booking.json", "datastore/example/booking_end.json"}

func runDemo(c *cli.Context) error {
	pack, err := packDir(c)
	if err != nil {
		return err
	}
	files := c.StringSlice("jobs")
	if len(files) == 0 {
		for _, name := range exampleBookings {
			files = append(files, filepath.Join(pack, name))
		}
	}
	o := demo.Options{Pack: pack, Dashboard: c.String("dashboard"), Pace: watchable}
	if err := behaves(c, "dashboard", "2019", "2022"); err != nil {
		return err
	}
	if c.Bool("json") {
		o.Pace = fastest
	}
	if o.Bodies, err = bodies(files); err != nil {
		return err
	}
	if name := c.String("hosts"); name != "" {
		if o.HostsFile, err = os.ReadFile(name); err != nil {
			return fault.New(fault.Input, "%w", err)
		}
	}
	progress := newProgress(c.App.Writer, !c.Bool("json"))
	o.OnStart, o.OnEnd = progress.started, progress.ended
	s, err := demo.Open(o)
	if err != nil {
		return err
	}
	defer s.Close()
	progress.watch(s.Lab)
	var before []lab.Report
	for i, body := range o.Bodies {
		progress.title(i, len(o.Bodies), files[i], s)
		if err := s.Play(c.Context, body); err != nil {
			progress.stop()
			return err
		}
		before = append(before, s.Lab.Report())
	}
	progress.stop()
	report := s.Report()
	if c.Bool("json") {
		enc := json.NewEncoder(c.App.Writer)
		enc.SetIndent("", "  ")
		if err := enc.Encode(report); err != nil {
			return err
		}
	} else {
		summary(c.App.Writer, report, files, before, s)
	}
	switch {
	case report.Failed():
		return cli.Exit("", 1)
	case report.Held():
		return cli.Exit("", 4)
	}
	return nil
}

// bodies reads payloads, all problems at once.
func bodies(files []string) (out [][]byte, err error) {
	var problems []fault.Problem
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			problems = append(problems, fault.Problem{Path: name, Text: err.Error()})
			continue
		}
		var list []json.RawMessage
		if err := json.Unmarshal(bytes.TrimSpace(text), &list); err != nil {
			problems = append(problems, fault.Problem{Path: name, Text: fmt.Sprintf("is not a JSON list of jobs: %v", err)})
			continue
		}
		if _, err := booking.ReadOffers(text); err != nil {
			problems = append(problems, fault.Problem{Path: name, Text: err.Error()})
			continue
		}
		out = append(out, text)
	}
	return out, fault.FromProblems(fault.Input, "job files", problems)
}
