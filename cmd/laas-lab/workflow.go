package main

import "github.com/urfave/cli/v2"

func workflowCommand() *cli.Command { return &cli.Command{Name: "workflow"} }
