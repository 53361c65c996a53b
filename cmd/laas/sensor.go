package main

import (
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/sensor"
)

func sensorCommand() *cli.Command {
	return &cli.Command{Name: "sensor", Usage: "what the dashboard sensor runs", Hidden: true, Subcommands: []*cli.Command{
		{Name: "poll", Usage: "one poll: a document on stdin, lines for the shim on stdout", Action: func(c *cli.Context) error {
			return sensor.Poll(c.Context, os.Stdin, c.App.Writer, time.Now)
		}},
	}}
}
