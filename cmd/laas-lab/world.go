package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/simlab/control"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
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

// options of an event; they may stand before, between and behind its arguments.
type options struct {
	dir   string
	op    string
	lasts time.Duration
	// percent, times and image are of a trouble.
	percent, times, image int
}

// parse takes flags out of the arguments wherever they stand.
func (o *options) parse(name string, args []string) (rest []string, err error) {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&o.dir, "dir", o.dir, "")
	set.StringVar(&o.op, "op", "", "")
	set.DurationVar(&o.lasts, "for", 0, "")
	set.IntVar(&o.percent, "percent", 0, "")
	set.IntVar(&o.times, "times", 0, "")
	set.IntVar(&o.image, "image", 0, "")
	for len(args) > 0 {
		if err := set.Parse(args); err != nil {
			return nil, fault.New(fault.Input, "%w", err)
		}
		if args = set.Args(); len(args) > 0 {
			rest, args = append(rest, args[0]), args[1:]
		}
	}
	return rest, nil
}

func ctlCommand() *cli.Command {
	event := func(name, usage, args string, n int, make func(options, []string) (control.Event, error)) *cli.Command {
		return &cli.Command{Name: name, Usage: usage, ArgsUsage: args, SkipFlagParsing: true, Action: func(c *cli.Context) error {
			o := options{dir: c.String("dir")}
			given, err := o.parse(name, c.Args().Slice())
			if errors.Is(err, flag.ErrHelp) {
				return cli.ShowSubcommandHelp(c)
			}
			if err != nil {
				return err
			}
			if len(given) != n {
				return fault.New(fault.Input, "usage: laas-lab ctl %s %s", name, args)
			}
			client, err := control.Find(o.dir)
			if err != nil {
				return err
			}
			e, err := make(o, given)
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
			event("book", "serve a body of jobs/new", "FILE", 1, func(_ options, a []string) (e control.Event, err error) {
				if e.Body, err = os.ReadFile(a[0]); err != nil {
					return e, fault.New(fault.Input, "%w", err)
				}
				_, err = bodies(a)
				return e, err
			}),
			event("end", "end a booking", "JOB", 1, func(_ options, a []string) (e control.Event, err error) {
				e.Job, err = number(a[0])
				return e, err
			}),
			event("reimage", "let a user reset a host to an image", "JOB HOST IMAGE", 3, func(_ options, a []string) (e control.Event, err error) {
				e.Job, err = number(a[0])
				e.Host, e.Image = a[1], a[2]
				return e, err
			}),
			event("fault", "break a system, for a while or until healed; --op breaks one operation only, e.g. power.set",
				fmt.Sprintf("SYSTEM KIND [--for DURATION] [--op OPERATION], of %v and %v", faults.Systems, faults.Of("switch")), 2,
				func(o options, a []string) (control.Event, error) {
					return control.Event{System: a[0], Fault: faults.Kind(a[1]), Op: o.op, Seconds: o.lasts.Seconds()}, nil
				}),
			event("trouble", "let imaging, wiping, booting or the hardware of one host go wrong, each time or only the first --times times",
				fmt.Sprintf("HOST KIND [--percent N] [--image ID] [--times N], of %v", world.TroubleKinds), 2,
				func(o options, a []string) (control.Event, error) {
					return control.Event{Host: a[0], Trouble: &world.Trouble{Kind: world.TroubleKind(a[1]), Percent: o.percent, Image: o.image, Times: o.times}}, nil
				}),
			event("heal", "end all faults and troubles", "", 0, func(options, []string) (control.Event, error) { return control.Event{}, nil }),
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
