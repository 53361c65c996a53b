package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"laas": main})
}

// The command line as StackStorm and operators see it: output, and exit status.
func TestScripts(t *testing.T) {
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: func(e *testscript.Env) error { e.Setenv("PACK", root+"/../.."); return nil },
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"ends": ends},
	})
}

// ends STATUS COMMAND... runs a command that is to end with the status.
func ends(ts *testscript.TestScript, _ bool, args []string) {
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); !errors.As(err, &exit) || strconv.Itoa(exit.ExitCode()) != args[0] {
		ts.Fatalf("%v ended with %v, not with status %s", args[1:], err, args[0])
	}
}
