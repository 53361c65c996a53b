package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/simlab/control"
	"stackstorm-laas/internal/simlab/faults"
)

func worldCommand() *cli.Command {
	return &cli.Command{
		Name: "world", Usage: "show how the lab of a directory stands",
		Flags: []cli.Flag{dirFlag, &cli.BoolFlag{Name: "json", Usage: "as JSON"}},
		Action: func(c *cli.Context) error {
			client, err := control.Find(c.String("dir"))
			if err != nil {
				return err
			}
			r, err := client.World(c.Context)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				enc := json.NewEncoder(c.App.Writer)
				enc.SetIndent("", "  ")
				return enc.Encode(r)
			}
			hosts(c.App.Writer, r)
			fmt.Fprintf(c.App.Writer, "VPN accounts: %s\n", orNone(r.VPNUsers))
			return nil
		},
	}
}

func ctlCommand() *cli.Command {
	event := func(name, usage, args string, n int, make func(*cli.Context, []string) (control.Event, error), flags ...cli.Flag) *cli.Command {
		return &cli.Command{Name: name, Usage: usage, ArgsUsage: args, Flags: flags, Action: func(c *cli.Context) error {
			given := c.Args().Slice()
			if len(given) != n {
				return fault.New(fault.Input, "usage: laas-lab ctl %s %s", name, args)
			}
			client, err := control.Find(c.String("dir"))
			if err != nil {
				return err
			}
			e, err := make(c, given)
			if err != nil {
				return err
			}
			e.Kind = name
			return client.Play(c.Context, e)
		}}
	}
	return &cli.Command{
		Name: "ctl", Usage: "let something happen in the lab of a directory", Flags: []cli.Flag{dirFlag},
		Subcommands: []*cli.Command{
			event("book", "serve a body of jobs/new", "FILE", 1, func(_ *cli.Context, a []string) (e control.Event, err error) {
				if e.Body, err = os.ReadFile(a[0]); err != nil {
					err = fault.New(fault.Input, "%w", err)
				}
				return e, err
			}),
			event("end", "end a booking", "JOB", 1, func(_ *cli.Context, a []string) (e control.Event, err error) {
				e.Job, err = number(a[0])
				return e, err
			}),
			event("reimage", "let a user reset a host to an image", "JOB HOST IMAGE", 3, func(_ *cli.Context, a []string) (e control.Event, err error) {
				e.Job, err = number(a[0])
				e.Host, e.Image = a[1], a[2]
				return e, err
			}),
			event("fault", fmt.Sprintf("break a system: one of %v", faults.Systems), fmt.Sprintf("SYSTEM %v", faults.Kinds), 2, func(c *cli.Context, a []string) (control.Event, error) {
				return control.Event{System: a[0], Fault: faults.Kind(a[1]), Op: c.String("op"), Seconds: c.Duration("for").Seconds()}, nil
			}, &cli.DurationFlag{Name: "for", Usage: "how long, e.g. 30s; until healed if not given"},
				&cli.StringFlag{Name: "op", Usage: "only this operation, e.g. power.set; all if not given"}),
			event("heal", "end all faults", "", 0, func(*cli.Context, []string) (control.Event, error) { return control.Event{}, nil }),
		},
	}
}

func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fault.New(fault.Input, "%q is not a job's number", s)
	}
	return n, nil
}
