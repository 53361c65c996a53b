// Command laas is the pack's binary: StackStorm runs it for every action (through actions/run.sh) and for the sensor, and
// operators use it on the command line.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/actions"
	"stackstorm-laas/internal/fault"
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
		Description: "StackStorm runs this binary for its actions. On the command line it shows and checks what the lab has and what is going on;\n" +
			"it reaches StackStorm with ST2_API_URL and ST2_AUTH_TOKEN. Exit status: 0, or the number of the kind of failure (docs/faults.md).",
		Commands:        []*cli.Command{runCommand(), jobCommand(), portsCommand(), consoleCommand(), inventoryCommand(), sensorCommand(), generateCommand()},
		ExitErrHandler:  func(*cli.Context, error) {},
		HideHelpCommand: true,
	}
	if err := app.Run(os.Args); err != nil {
		var code cli.ExitCoder
		if errors.As(err, &code) {
			if text := err.Error(); text != "" {
				fmt.Fprintln(os.Stderr, text)
			}
			os.Exit(code.ExitCode())
		}
		fmt.Fprintln(os.Stderr, "laas:", err)
		if hint := fault.HintOf(err); hint != "" {
			fmt.Fprintln(os.Stderr, "      "+hint)
		}
		os.Exit(fault.KindOf(err).ExitCode())
	}
}
