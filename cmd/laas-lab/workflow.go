package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/orquesta"
)

func workflowCommand() *cli.Command {
	return &cli.Command{
		Name: "workflow", Usage: "check, rehearse and draw Orquesta workflows",
		Subcommands: []*cli.Command{
			{
				Name: "rehearse", ArgsUsage: "DIR", Action: rehearse,
				Usage: "run DIR/workflow.yaml with the results of script.json and compare with golden.json: exit 0 as recorded, 3 refused, 1 different",
			},
			{
				Name: "lint", ArgsUsage: "[PACKDIR]", Action: lint, Flags: []cli.Flag{packFlag},
				Usage: "find what StackStorm refuses or takes otherwise than it reads, and what the embedded runner does not support",
			},
			{
				Name: "graph", ArgsUsage: "FILE|PACKDIR", Action: graph,
				Usage: "draw a workflow and its sub-workflows as a Mermaid flowchart, or all of a pack as the page docs/workflows.md",
			},
		},
	}
}

func rehearse(c *cli.Context) error {
	if c.NArg() != 1 {
		return fault.New(fault.Input, "rehearse takes one folder").WithHint("see laas-lab workflow rehearse --help")
	}
	outcome, details, err := orquesta.Rehearse(c.Args().First())
	if err != nil {
		return fault.As(fault.Input, err)
	}
	fmt.Fprintln(c.App.Writer, outcome)
	for _, d := range details {
		fmt.Fprintln(c.App.Writer, "  "+d)
	}
	switch outcome {
	case orquesta.AsRecorded:
		return nil
	case orquesta.Refused:
		return cli.Exit("", 3)
	}
	return cli.Exit("", 1)
}

func lint(c *cli.Context) error {
	dir := c.Args().First()
	if dir == "" {
		var err error
		if dir, err = packDir(c); err != nil {
			return err
		}
	}
	findings, err := orquesta.Lint(dir)
	if err != nil {
		return fault.As(fault.Input, err)
	}
	for _, f := range findings {
		fmt.Fprintln(c.App.Writer, f)
	}
	if len(findings) > 0 {
		return cli.Exit(fmt.Sprintf("%d findings", len(findings)), 1)
	}
	return nil
}

func graph(c *cli.Context) error {
	if c.NArg() != 1 {
		return fault.New(fault.Input, "graph takes one workflow file or the root of a pack")
	}
	text, err := orquesta.Graph(c.Args().First())
	if err != nil {
		return fault.As(fault.Input, err)
	}
	if info, err := os.Stat(c.Args().First()); err == nil && info.IsDir() {
		text = fmt.Sprintf(page, text)
	}
	fmt.Fprint(c.App.Writer, text)
	return nil
}

// page is docs/workflows.md around the drawing of a whole pack.
const page = "# What happens to a booking, drawn\n\n" +
	"Drawn by `bin/laas-lab workflow graph .` from `workflows/`; a test holds this page to it. Boxes with double sides run once for each host, switch or\n" +
	"account. An arrow without a word is taken whatever the outcome. `process_job` ends with `report`, which tells the dashboard from the journal.\n\n" +
	"```mermaid\n%s```\n"
