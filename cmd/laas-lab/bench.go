package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/simlab/bench"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name: "bench", Usage: "measure the start of an action, and bookings of 1, 10 and 50 hosts (a table in Markdown)",
		Flags: []cli.Flag{packFlag, &cli.IntSliceFlag{Name: "hosts", Value: cli.NewIntSlice(1, 10, 50), Usage: "sizes of the bookings"}},
		Action: func(c *cli.Context) error {
			pack, err := packDir(c)
			if err != nil {
				return err
			}
			starts, err := bench.Starts(c.Context, pack)
			if err != nil {
				return err
			}
			w := c.App.Writer
			fmt.Fprint(w, "| start of | median | against an action |\n|---|---|---|\n")
			for _, s := range starts {
				fmt.Fprintf(w, "| %s | %.1f ms | %.2f |\n", s.Name, ms(s.Median), ms(s.Median)/ms(starts[1].Median))
			}
			fmt.Fprint(w, "\n| hosts | provisioned in | against the first | released in | executions | peak memory |\n|---|---|---|---|---|---|\n")
			var first time.Duration
			for _, n := range c.IntSlice("hosts") {
				b, err := bench.Play(c.Context, pack, n, watchable)
				if err != nil {
					return err
				}
				if first == 0 {
					first = b.Provision
				}
				fmt.Fprintf(w, "| %d | %.1f s | %.2f | %.1f s | %d | %d MiB |\n", n, b.Provision.Seconds(), b.Provision.Seconds()/first.Seconds(), b.Release.Seconds(), b.Executions, b.Peak)
			}
			return nil
		},
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
