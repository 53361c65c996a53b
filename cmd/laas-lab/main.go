// Command laas-lab runs the pack without a lab and without StackStorm: on a simulated lab, in an embedded runner of its
// workflows. It is for trying, testing and demonstrating; a lab does not need it.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/terminal"
)

// version is set by the build.
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	app := &cli.App{
		Name: "laas-lab", Version: version,
		Usage:    "try the laas pack on a simulated lab",
		Commands: []*cli.Command{demoCommand(), upCommand(), worldCommand(), ctlCommand(), workflowCommand(), benchCommand()},
	}
	os.Exit(terminal.Main(ctx, app, os.Args))
}

// packFlag says where the pack is.
var packFlag = &cli.StringFlag{Name: "pack", Usage: "the pack's root; by default the current directory, or else the one this program was built in", TakesFile: true}

func packDir(c *cli.Context) (string, error) {
	candidates := []string{c.String("pack"), "."}
	if exe, err := os.Executable(); err == nil {
		candidates = append(candidates, filepath.Dir(filepath.Dir(exe)))
	}
	for _, dir := range candidates {
		if dir == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "pack.yaml")); err == nil {
			return filepath.Abs(dir)
		}
	}
	return "", fault.New(fault.Input, "there is no pack.yaml here").WithHint("run it in the pack's root, or name it with --pack")
}
