package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/actions"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/st2"
)

// runCommand starts an action or a workflow in StackStorm, so that policies, configuration and history apply. Inside of an
// execution, where the resolved configuration is in the environment already, it runs an action itself.
func runCommand() *cli.Command {
	cmd := &cli.Command{Name: "run", Usage: "start a workflow or an action in StackStorm and wait for it",
		Description: "Workflows come first, then actions. --help behind a name shows what it takes; docs/actions.md says more."}
	flows, err := workflows()
	if err != nil { // a test reads them all
		panic(err)
	}
	for _, a := range append(flows, actions.All()...) {
		cmd.Subcommands = append(cmd.Subcommands, &cli.Command{
			Name: a.Name, Usage: sentence(a.Description), Description: rest(a.Description), Flags: flagsOf(a),
			Action: func(c *cli.Context) error { return run(c, a) },
		})
	}
	return cmd
}

// sentence is the first one of a text.
func sentence(text string) string {
	first, _, _ := strings.Cut(text, ". ")
	return strings.TrimSuffix(first, ".")
}

// rest is what a text says behind its first sentence.
func rest(text string) string {
	_, more, _ := strings.Cut(text, ". ")
	return more
}

// flagsOf are the parameters of an action as flags. All but booleans are texts here: Parse checks them, all at once.
func flagsOf(a *action.Action) (out []cli.Flag) {
	for _, p := range a.Params {
		if p.Type == action.Boolean {
			out = append(out, &cli.BoolFlag{Name: p.Name, Usage: p.Description})
			continue
		}
		usage := p.Description
		if len(p.Enum) > 0 {
			usage += " One of " + strings.Join(p.Enum, ", ") + "."
		}
		switch {
		case p.Required:
			usage += " (required)"
		case p.Default != nil:
			usage += fmt.Sprintf(" (default: %v)", p.Default)
		}
		out = append(out, &cli.StringFlag{Name: p.Name, Usage: usage})
	}
	return out
}

// given are the parameters on the command line, as text and as they are started with.
func given(c *cli.Context, a *action.Action) (texts map[string]string, params map[string]any, err error) {
	texts, params = map[string]string{}, map[string]any{}
	for _, p := range a.Params {
		if c.IsSet(p.Name) {
			texts[p.Name] = c.String(p.Name)
		}
	}
	all, err := a.Parse(texts)
	if err != nil {
		return nil, nil, fault.As(fault.Input, err)
	}
	for _, p := range a.Params {
		if texts[p.Name] == "" { // defaults are StackStorm's to add
			continue
		}
		if params[p.Name] = all[p.Name]; p.Type == wordList {
			params[p.Name] = words(texts[p.Name])
		}
	}
	return texts, params, nil
}

func run(c *cli.Context, a *action.Action) error {
	texts, params, err := given(c, a)
	if err != nil {
		return err
	}
	if os.Getenv("LAAS_CONFIG") != "" && a.Run != nil {
		args := []string{"--action=" + a.Name}
		for name, text := range texts {
			args = append(args, "--"+name+"="+text)
		}
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

// lookEvery is how often it is looked whether an execution has ended.
var lookEvery = time.Second

// await starts an action and waits for its end.
func await(c *cli.Context, client *st2.Client, name string, params map[string]any) (st2.Execution, error) {
	e, err := client.Start(c.Context, "laas."+name, params, "")
	if err != nil {
		return e, err
	}
	fmt.Fprintf(c.App.ErrWriter, "execution %s\n", e.ID)
	err = retry.Until(c.Context, lookEvery, func(ctx context.Context) (bool, error) {
		e, err = client.Execution(ctx, e.ID)
		return err == nil && !slices.Contains(st2.Live, e.Status), err
	})
	return e, err
}

// outcome is the result of an execution: of an action what it printed, of a workflow its output and what failed in it, each
// with the outcome of its own.
type outcome struct {
	Stdout json.RawMessage `json:"stdout"`
	Code   int             `json:"return_code"`
	Output json.RawMessage `json:"output"`
	Errors []struct {
		Task   string          `json:"task_id"`
		Result json.RawMessage `json:"result"`
	} `json:"errors"`
}

// reasons are the messages of the actions that failed below a workflow, with the tasks that lead to them.
func (o outcome) reasons(path string) (out []string) {
	for _, e := range o.Errors {
		var below outcome
		if json.Unmarshal(e.Result, &below) != nil { // the workflow's own word that it failed
			continue
		}
		task := path + e.Task
		if kind, text, _ := below.fault(); kind != "" {
			out = append(out, task+": "+text)
		}
		out = append(out, below.reasons(task+", ")...)
	}
	return out
}

// fault is what an action says that it failed with; no kind if it does not.
func (o outcome) fault() (kind fault.Kind, message, hint string) {
	var said struct {
		Error struct {
			Kind          fault.Kind
			Message, Hint string
		}
	}
	if json.Unmarshal(o.Stdout, &said) != nil {
		return "", "", ""
	}
	return said.Error.Kind, said.Error.Message, said.Error.Hint
}

// show prints what an action printed, or the output of a workflow and why it failed.
func show(c *cli.Context, e st2.Execution) error {
	var o outcome
	if err := json.Unmarshal(e.Result, &o); err == nil {
		for _, text := range []json.RawMessage{o.Stdout, o.Output} {
			var out bytes.Buffer
			if len(text) > 0 && string(text) != "null" && json.Indent(&out, text, "", "  ") == nil {
				fmt.Fprintln(c.App.Writer, out.String())
			}
		}
	}
	switch {
	case e.Status == "succeeded":
		return nil
	case o.Code > 0:
		return cli.Exit("", o.Code)
	}
	text := strings.Join(slices.Compact(o.reasons("")), "\n      ")
	if text == "" {
		return fault.New(fault.Failed, "execution %s ended as %s", e.ID, e.Status)
	}
	return fault.New(fault.Failed, "execution %s ended as %s\n      %s", e.ID, e.Status, text)
}

// operator is a client of StackStorm for the person at the command line.
func operator() (*st2.Client, error) {
	return action.Client(config.ST2{Timeout: config.Duration(15 * time.Second)}, os.Getenv)
}
