package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

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
		Description: "Reads the BMC's login from StackStorm's datastore and talks to the BMC itself, so run it on a machine that reaches BMCs: a StackStorm worker, as " +
			"StackStorm's system user. Then it takes turns with the actions there; they come first. No key is sent to the host. Escape sequences are left out.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "booked", Usage: "also of a host that a booking has: what it shows is the tenant's"},
			&cli.StringFlag{Name: "config", Usage: "the pack's configuration `FILE`, of which the group bmc is read; the defaults count where there is none", Value: packConfig, TakesFile: true},
		},
	}
}

// packConfig is where StackStorm has the pack's configuration.
const packConfig = "/opt/stackstorm/configs/laas.yaml"

// readSettings reads groups of a configuration file; the defaults count where there is none and none was asked for.
func readSettings(name string, asked bool, groups ...string) (*config.Config, error) {
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !asked:
		text = nil
	case err != nil:
		return nil, fault.New(fault.Input, "%w", err)
	}
	tree := map[string]any{}
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, fault.New(fault.Input, "%s is not YAML: %w", name, err)
	}
	if text, err = json.Marshal(tree); err != nil {
		return nil, fault.New(fault.Input, "%s: %w", name, err)
	}
	c, err := config.ParseGroups(text, groups...)
	return c, fault.Wrap(err, "%s", name)
}

func showConsole(c *cli.Context) error {
	client, err := operator()
	if err != nil {
		return err
	}
	cfg, err := readSettings(c.String("config"), c.IsSet("config"), "bmc")
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	call := &action.Call{Config: cfg, ST2: client, Info: func(format string, args ...any) { fmt.Fprintf(c.App.ErrWriter, format+"\n", args...) }}
	return actions.ShowConsole(ctx, call, c.Args().First(), c.Bool("booked"), &bmc.Printable{Out: c.App.Writer})
}

// briefly is how many lines of a console are shown unasked.
const briefly = 20

// imagingFailed says whether a host's imaging came to an end without a proof. One of the lab's own jobs is done all the same when its host is back.
func imagingFailed(r *booking.TaskRecord) bool {
	return r.Mode != booking.Release && r.Outcome != booking.Open && r.Imaging != nil && r.Booted == nil
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
