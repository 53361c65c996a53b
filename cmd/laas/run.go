package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/actions"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/st2"
)

// runCommand starts an action in StackStorm, so that policies, configuration and history apply. Inside of an execution, where
// the resolved configuration is in the environment already, it runs the action itself.
func runCommand() *cli.Command {
	cmd := &cli.Command{Name: "run", Usage: "start an action in StackStorm and wait for it"}
	for _, a := range actions.All() {
		cmd.Subcommands = append(cmd.Subcommands, &cli.Command{
			Name: a.Name, Usage: a.Description, Flags: flagsOf(a),
			Action: func(c *cli.Context) error { return run(c, a) },
		})
	}
	return cmd
}

func flagsOf(a *action.Action) (out []cli.Flag) {
	for _, p := range a.Params {
		switch p.Type {
		case action.Integer:
			out = append(out, &cli.IntFlag{Name: p.Name, Usage: p.Description, Required: p.Required})
		case action.Boolean:
			out = append(out, &cli.BoolFlag{Name: p.Name, Usage: p.Description})
		default:
			out = append(out, &cli.StringFlag{Name: p.Name, Usage: p.Description, Required: p.Required})
		}
	}
	return out
}

func run(c *cli.Context, a *action.Action) error {
	params := map[string]any{}
	args := []string{"--action=" + a.Name}
	for _, name := range c.LocalFlagNames() {
		if slices.ContainsFunc(a.Params, func(p action.Param) bool { return p.Name == name }) {
			params[name] = c.Value(name)
			args = append(args, fmt.Sprintf("--%s=%v", name, c.Value(name)))
		}
	}
	if os.Getenv("LAAS_CONFIG") != "" {
		if code := actions.All().Main(args, os.Getenv, c.App.Writer, c.App.ErrWriter); code != 0 {
			return cli.Exit("", code)
		}
		return nil
	}
	client, err := operator()
	if err != nil {
		return err
	}
	e, err := await(c, client, a.Name, params)
	if err != nil {
		return err
	}
	return show(c, e)
}

// await starts an action and waits for its end.
func await(c *cli.Context, client *st2.Client, name string, params map[string]any) (st2.Execution, error) {
	e, err := client.Start(c.Context, "laas."+name, params, "")
	if err != nil {
		return e, err
	}
	fmt.Fprintf(c.App.ErrWriter, "execution %s\n", e.ID)
	err = retry.Until(c.Context, time.Second, func(ctx context.Context) (bool, error) {
		e, err = client.Execution(ctx, e.ID)
		return err == nil && !slices.Contains([]string{"requested", "scheduled", "delayed", "running", "pausing", "paused", "resuming", "canceling"}, e.Status), err
	})
	return e, err
}

// show prints what the action printed.
func show(c *cli.Context, e st2.Execution) error {
	var result struct {
		Stdout json.RawMessage `json:"stdout"`
		Code   int             `json:"return_code"`
	}
	if err := json.Unmarshal(e.Result, &result); err == nil && len(result.Stdout) > 0 {
		enc := json.NewEncoder(c.App.Writer)
		enc.SetIndent("", "  ")
		if err := enc.Encode(result.Stdout); err != nil {
			return err
		}
	}
	switch {
	case e.Status == "succeeded":
		return nil
	case result.Code > 0:
		return cli.Exit("", result.Code)
	}
	return fault.New(fault.Failed, "execution %s ended as %s", e.ID, e.Status)
}

// operator is a client of StackStorm for the person at the command line.
func operator() (*st2.Client, error) {
	return action.Client(config.ST2{Timeout: config.Duration(15 * time.Second)}, os.Getenv)
}
