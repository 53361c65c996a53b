package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/actions"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
)

func consoleCommand() *cli.Command {
	return &cli.Command{
		Name: "console", Usage: "show a host's serial console until Ctrl-C", ArgsUsage: "HOST", Action: showConsole,
		Description: "Reads the BMC's login from StackStorm's datastore and talks to the BMC itself, so run it on a machine that reaches BMCs: a StackStorm worker, as\n" +
			"StackStorm's system user. Then it takes turns with the actions there; they come first. No key is sent to the host. Escape sequences are left out.",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "booked", Usage: "also of a host that a booking has: what it shows is the tenant's"}},
	}
}

func showConsole(c *cli.Context) error {
	if c.NArg() != 1 {
		return fault.New(fault.Input, "which host?").WithHint("usage: %s [--booked] HOST", c.Command.HelpName)
	}
	client, err := operator()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	call := &action.Call{Config: config.Defaults(), ST2: client, Info: func(format string, args ...any) { fmt.Fprintf(c.App.ErrWriter, format+"\n", args...) }}
	return actions.ShowConsole(ctx, call, c.Args().First(), c.Bool("booked"), &bmc.Printable{Out: c.App.Writer})
}

// briefly is how many lines of a console are shown unasked.
const briefly = 20

func imagingFailed(r *booking.TaskRecord) bool {
	return r.Outcome == booking.Error && r.Imaging != nil && r.Booted == nil
}

// consoles prints what hosts wrote to their consoles while they were imaged: the end of it where that failed, or all of it of all hosts.
func consoles(c *cli.Context, j booking.Journal, tasks []*booking.TaskRecord, all bool) error {
	seen := map[string]bool{"": true}
	for _, r := range tasks {
		if seen[r.Host] || !all && !imagingFailed(r) {
			continue
		}
		seen[r.Host] = true
		record, err := j.Console(c.Context, r.Job, r.Host)
		if err != nil {
			return err
		}
		lines := booking.ConsoleLines(record.Text)
		if len(lines) == 0 {
			continue
		}
		fmt.Fprintf(c.App.Writer, "console of %s, last written to at %s:\n", r.Host, record.At.Local().Format(time.DateTime))
		if cut := len(lines) - briefly; cut > 0 && !all {
			fmt.Fprintf(c.App.Writer, "    (%d earlier lines: laas job show --console %d)\n", cut, r.Job)
			lines = lines[cut:]
		}
		for _, line := range lines {
			fmt.Fprintln(c.App.Writer, "    "+line)
		}
	}
	return nil
}
