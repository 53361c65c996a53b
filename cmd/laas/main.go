// Command laas is the pack's binary: StackStorm runs it for every action (through actions/run.sh) and for the sensor, and
// operators use it on the command line.
package main

import (
	"context"
	"os"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/actions"
	"stackstorm-laas/internal/terminal"
)

// version is set by the build.
var version = "development"

func main() {
	if action.Named(os.Args[1:]) != "" {
		os.Exit(actions.All().Main(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
	}
	app := &cli.App{
		Name:    "laas",
		Usage:   "run a bare-metal lab for the Lab-as-a-Service dashboard",
		Version: version,
		Description: "StackStorm runs this binary for its actions. On the command line it shows and checks what the lab has and what is going on; " +
			"it reaches StackStorm with ST2_API_URL and ST2_AUTH_TOKEN. Exit status: 0, or the number of the kind of failure (docs/faults.md).",
		Commands: []*cli.Command{runCommand(), jobCommand(), portsCommand(), consoleCommand(), inventoryCommand(), sensorCommand(), generateCommand()},
	}
	os.Exit(terminal.Main(context.Background(), app, os.Args))
}
