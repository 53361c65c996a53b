package demo_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	_ "stackstorm-laas/internal/actions" // the program is built from it: a result that go test kept ends with a change of it
	_ "stackstorm-laas/internal/sensor"
)

// pack is a copy of the pack with the program built into it.
var pack string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	flag.Parse()
	// A booking waits more than it works.
	_ = flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0)))
	debug.SetGCPercent(400) // dozens of labs at once: a third of the time went into collecting garbage
	dir, err := os.MkdirTemp("", "laas-pack-")
	if err == nil {
		defer os.RemoveAll(dir)
		pack, err = dir, build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the pack cannot be built:", err)
		return 1
	}
	return m.Run()
}

// build copies the pack as StackStorm would have it and builds its program.
func build(dir string) error {
	const root = "../../.."
	for _, name := range []string{"actions", "workflows", "rules", "policies", "sensors"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root, name))); err != nil {
			return err
		}
	}
	for _, name := range []string{"pack.yaml", "config.schema.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	machine, err := exec.Command("uname", "-m").Output()
	if err != nil {
		return err
	}
	program := filepath.Join(dir, "bin", "laas-"+string(machine[:len(machine)-1]))
	cmd := exec.Command("go", "build", "-o", program, "./cmd/laas")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd.Run()
}
