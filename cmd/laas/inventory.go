package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

func inventoryCommand() *cli.Command {
	return &cli.Command{Name: "inventory", Usage: "check and show the lab's hosts", Subcommands: []*cli.Command{
		{Name: "validate", Usage: "say everything that is wrong with a hosts.json", ArgsUsage: "FILE", Action: validateInventory},
		{Name: "show", Usage: "show hosts, interfaces and BMCs, from StackStorm's datastore or from a hosts.json", ArgsUsage: "[FILE]", Action: showInventory},
	}}
}

func validateInventory(c *cli.Context) error {
	text, err := file(c)
	if err != nil {
		return err
	}
	if !inventory.Validate(c.App.Writer, text) {
		return cli.Exit("", fault.Input.ExitCode())
	}
	return nil
}

func showInventory(c *cli.Context) error {
	if c.Args().Len() > 0 {
		text, err := file(c)
		if err != nil {
			return err
		}
		inv, problems, _ := inventory.ParseFile(text)
		if len(problems) > 0 {
			return fault.FromProblems(fault.Input, c.Args().First(), problems)
		}
		inv.Table(c.App.Writer)
		return nil
	}
	client, err := operator()
	if err != nil {
		return err
	}
	inv, err := inventory.Load(c.Context, client)
	if err != nil {
		return err
	}
	inv.Table(c.App.Writer)
	return nil
}

func file(c *cli.Context) ([]byte, error) {
	text, err := os.ReadFile(c.Args().First())
	if err != nil {
		return nil, fault.New(fault.Input, "%w", err)
	}
	return text, nil
}
