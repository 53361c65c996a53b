// Package terminal is what the programs of the pack have in common towards a person at a shell: how a command line is read and
// refused, with which status a program ends, and how tables look.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/fault"
)

// Width is how wide a terminal is taken to be.
const Width = 100

func init() {
	flagText := cli.FlagStringer
	cli.FlagStringer = func(f cli.Flag) string { // zero is how Go says that nothing was given; nobody else does
		line := flagText(f)
		for _, zero := range []string{" (default: 0)", " (default: false)"} {
			line = strings.Replace(line, zero, "", 1)
		}
		name, usage, _ := strings.Cut(line, "\t")
		if first, _, several := strings.Cut(name, " [ "); several {
			name = first + " ..."
		}
		return name + "\t" + strings.ReplaceAll(Wrap(usage, Width-36), "\n", "\n\t")
	}
	cli.HelpPrinter = func(w io.Writer, template string, data any) {
		cli.HelpPrinterCustom(w, template, data, map[string]any{"wrapAt": func() int { return Width }})
	}
}

// Main runs a program's command line and gives its exit status: 0, what a command asked for, or the number of the kind of
// failure (docs/faults.md). A failure is told on stderr, with what to do next.
func Main(ctx context.Context, app *cli.App, args []string) int {
	if app.ErrWriter == nil {
		app.ErrWriter = os.Stderr
	}
	err := Run(ctx, app, args)
	if err == nil {
		return 0
	}
	var code cli.ExitCoder
	if errors.As(err, &code) {
		if text := err.Error(); text != "" {
			fmt.Fprintln(app.ErrWriter, text)
		}
		return code.ExitCode()
	}
	fmt.Fprintf(app.ErrWriter, "%s: %v\n", app.Name, err)
	if hint := fault.HintOf(err); hint != "" {
		fmt.Fprintf(app.ErrWriter, "%s  %s\n", strings.Repeat(" ", len(app.Name)), hint)
	}
	return fault.KindOf(err).ExitCode()
}

// Run runs a command line. Whatever is wrong with the line itself is a fault.Input: a command, flag or argument that there is
// not, or one that is missing. Flags may stand before and behind arguments.
func Run(ctx context.Context, app *cli.App, args []string) error {
	var unknown error // the library's help has no error for a command that there is not
	app.CommandNotFound = func(c *cli.Context, name string) { unknown = noCommand(c.App.Name, name) }
	app.ExitErrHandler = func(*cli.Context, error) {}
	app.OnUsageError = usageError
	app.Action = group
	for _, c := range app.Commands {
		tighten(c)
	}
	if err := app.RunContext(ctx, append(args[:1:1], inOrder(app.Commands, args[1:])...)); err != nil {
		return err
	}
	return unknown
}

// tighten lets a command and those below it refuse every line that it does not understand as a whole.
func tighten(c *cli.Command) {
	c.OnUsageError = usageError
	for _, sub := range c.Subcommands {
		tighten(sub)
	}
	if len(c.Subcommands) > 0 {
		c.Action = group
		return
	}
	c.HideHelpCommand = true // "help" would be taken for a command instead of an argument
	if c.SkipFlagParsing {
		return
	}
	needed, action := required(c), c.Action
	c.Action = func(ctx *cli.Context) error {
		var problems []string
		for _, name := range needed {
			if !ctx.IsSet(name) {
				problems = append(problems, "--"+name+" is missing")
			}
		}
		if wrong := arguments(c.ArgsUsage, ctx.Args().Slice()); wrong != "" {
			problems = append(problems, wrong)
		}
		if len(problems) > 0 {
			return fault.New(fault.Input, "%s", strings.Join(problems, ", ")).WithHint("usage: %s", usage(c, needed))
		}
		return action(ctx)
	}
}

// required takes it on itself to ask for the flags that a command needs: the library prints a page of help on stdout instead.
func required(c *cli.Command) (names []string) {
	for _, f := range c.Flags {
		var usage *string
		switch f := f.(type) {
		case *cli.StringFlag:
			if f.Required {
				f.Required, usage = false, &f.Usage
			}
		case *cli.IntFlag:
			if f.Required {
				f.Required, usage = false, &f.Usage
			}
		}
		if usage != nil {
			*usage += " (required)"
			names = append(names, f.Names()[0])
		}
	}
	return names
}

// arguments says what is wrong with the arguments of a command. wanted is as in its help: empty for none, NAME for one,
// [NAME] for one that may be left out.
func arguments(wanted string, given []string) string {
	most := 1
	switch {
	case wanted == "":
		most = 0
	case len(given) == 0 && !strings.HasPrefix(wanted, "["):
		return wanted + " is missing"
	}
	if len(given) > most {
		return fmt.Sprintf("%q is too much", given[most])
	}
	return ""
}

func usage(c *cli.Command, needed []string) string {
	text := c.HelpName
	for _, name := range needed {
		text += fmt.Sprintf(" --%s %s", name, strings.ToUpper(name))
	}
	for _, f := range c.VisibleFlags() {
		if name := f.Names()[0]; name != "help" && !slices.Contains(needed, name) {
			text += " [--" + name + "]"
		}
	}
	return strings.TrimSpace(text + " " + c.ArgsUsage)
}

// group is what a command does that only has others below it.
func group(c *cli.Context) error {
	switch {
	case c.NArg() > 0:
		return noCommand(c.Command.HelpName, c.Args().First())
	case c.Command.Name == c.App.Name:
		return cli.ShowAppHelp(c)
	}
	return cli.ShowSubcommandHelp(c)
}

func noCommand(program, name string) error {
	return fault.New(fault.Input, "there is no command %q", name).WithHint("see: %s --help", program)
}

func usageError(c *cli.Context, err error, _ bool) error {
	return fault.New(fault.Input, "%w", err).WithHint("see: %s --help", c.Command.HelpName)
}

// inOrder puts the flags of a command in front of its arguments, where the library looks for them. Whatever follows -- stays.
func inOrder(commands []*cli.Command, args []string) []string {
	var flags []cli.Flag
	var front, back []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return append(append(front, "--"), append(back, args[i+1:]...)...)
		case len(a) > 1 && a[0] == '-':
			front = append(front, a)
			if takesValue(flags, a) && i+1 < len(args) {
				i++
				front = append(front, args[i])
			}
		case named(commands, a) != nil:
			c := named(commands, a)
			if c.SkipFlagParsing {
				return append(append(front, a), args[i+1:]...)
			}
			front, commands, flags = append(front, a), c.Subcommands, append(flags, c.Flags...)
		case len(commands) > 0: // there is no such command; that is what is to be said
			return append(front, args[i:]...)
		default:
			back = append(back, a)
		}
	}
	return append(front, back...)
}

func named(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// takesValue says whether the word behind a flag belongs to it.
func takesValue(flags []cli.Flag, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	for _, f := range flags {
		for _, n := range f.Names() {
			if _, isBool := f.(*cli.BoolFlag); n == name {
				return !isBool
			}
		}
	}
	return false
}
