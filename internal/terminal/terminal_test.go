package terminal

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/fault"
)

// program is a command line with everything that the pack's have, which writes down what it was asked.
func program(asked *string) *cli.App {
	note := func(c *cli.Context) error {
		*asked = strings.TrimSpace(c.Command.Name + " " + strings.Join(c.Args().Slice(), " "))
		for _, name := range c.LocalFlagNames() {
			*asked += " " + name + "=" + c.String(name)
		}
		return nil
	}
	return &cli.App{Name: "lab", Version: "1", Commands: []*cli.Command{
		{Name: "job", Subcommands: []*cli.Command{
			{Name: "show", ArgsUsage: "JOB", Action: note, Flags: []cli.Flag{&cli.BoolFlag{Name: "console", Usage: "all"}, &cli.StringFlag{Name: "config", Usage: "where"}}},
			{Name: "list", ArgsUsage: "[FILE]", Action: note},
			{Name: "plan", Action: note, Flags: []cli.Flag{&cli.IntFlag{Name: "number", Usage: "which", Required: true}, &cli.StringFlag{Name: "state", Required: true}}},
		}},
		{Name: "raw", SkipFlagParsing: true, ArgsUsage: "A B [--for TIME]", Action: note},
		{Name: "fail", Action: func(*cli.Context) error { return fault.New(fault.Refused, "no").WithHint("ask") }},
		{Name: "held", Action: func(*cli.Context) error { return cli.Exit("", 4) }},
	}}
}

// play runs a line and gives what was understood, what was printed, and the status.
func play(line string) (asked, out, errs string, status int) {
	var stdout, stderr bytes.Buffer
	app := program(&asked)
	app.Writer, app.ErrWriter = &stdout, &stderr
	status = Main(context.Background(), app, append([]string{"lab"}, strings.Fields(line)...))
	return asked, stdout.String(), stderr.String(), status
}

func TestALineThatIsUnderstood(t *testing.T) {
	for line, want := range map[string]string{
		"job show 17":                      "show 17",
		"job show --console 17":            "show 17 console=true",
		"job show 17 --console":            "show 17 console=true",
		"job show 17 --config f --console": "show 17 config=f console=true",
		"job show 17 --config=f":           "show 17 config=f",
		"job show -- --console":            "show --console",
		"job show show":                    "show show",
		"job list":                         "list",
		"job list f":                       "list f",
		"job plan --state idle --number 4": "plan number=4 state=idle",
		"raw a --for 3s b":                 "raw a --for 3s b",
		"raw --for 3s job":                 "raw --for 3s job",
	} {
		asked, _, errs, status := play(line)
		assert.Zero(t, status, "%s: %s", line, errs)
		if strings.Contains(want, "=") { // in which order flags were met is no matter
			assert.ElementsMatch(t, strings.Fields(want), strings.Fields(asked), line)
			continue
		}
		assert.Equal(t, want, asked, line)
	}
}

func TestALineThatIsNotUnderstoodDoesNothingAndIsTheCallersFault(t *testing.T) {
	for line, want := range map[string]string{
		"bogus":                 `there is no command "bogus"`,
		"bogus --x":             `there is no command "bogus"`,
		"help bogus":            `there is no command "bogus"`,
		"job bogus":             `there is no command "bogus"`,
		"--bogus":               "not defined: -bogus",
		"job show":              "JOB is missing",
		"job show 17 18":        `"18" is too much`,
		"job show 17 --bogus":   "not defined: -bogus",
		"job list a b":          `"b" is too much`,
		"fail now":              `"now" is too much`,
		"job plan":              "--number is missing, --state is missing",
		"job plan x --number 4": `--state is missing, "x" is too much`,
		"job plan --number x":   `invalid value "x"`,
	} {
		asked, out, errs, status := play(line)
		assert.Equal(t, fault.Input.ExitCode(), status, line)
		assert.Contains(t, errs, want, line)
		assert.Empty(t, asked, line)
		assert.Empty(t, out, "%s: no page of help instead of what is wrong", line)
		assert.Regexp(t, `\n     (see|usage): lab`, errs, line)
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	for line, want := range map[string]string{
		"": "COMMANDS", "help": "COMMANDS", "--help": "COMMANDS", "help job": "lab job", "job": "show", "job --help": "plan", "job help": "plan", "job show --help": "--console",
		"job plan --help": "which (required)", "--version": "lab version 1",
	} {
		_, out, errs, status := play(line)
		assert.Zero(t, status, "%s: %s", line, errs)
		assert.Contains(t, out, want, line)
		assert.NotContains(t, out, "(default: ", "%s: nothing given is no default worth telling", line)
	}
}

func TestTheStatusIsThatOfTheFailure(t *testing.T) {
	_, _, errs, status := play("fail")
	assert.Equal(t, fault.Refused.ExitCode(), status)
	assert.Equal(t, "lab: no\n     ask\n", errs)
	_, _, errs, status = play("held")
	assert.Equal(t, 4, status)
	assert.Empty(t, errs)
}

func TestATableBreaksTextsBetweenWords(t *testing.T) {
	var out bytes.Buffer
	table := Table(&out, "host", "reason")
	Narrow(table, 12, "reason")
	table.AppendRow([]any{"hpe13", "the switch does not answer"})
	table.Render()
	require.Contains(t, out.String(), "HOST")
	for _, word := range []string{"switch", "does", "answer"} {
		assert.Contains(t, out.String(), word)
	}
	for line := range strings.Lines(out.String()) {
		assert.LessOrEqual(t, len([]rune(strings.TrimSpace(line))), 24)
	}
}
