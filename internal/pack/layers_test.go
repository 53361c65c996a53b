package pack

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "stackstorm-laas/"

// imports tells for each package what it imports, tests left out.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err)
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		all[strings.TrimPrefix(f[0], module)] = f[1:]
	}
	return all
}

// own are the packages of the pack among imports.
func own(imports []string) (packages []string) {
	for _, i := range imports {
		if p, ok := strings.CutPrefix(i, module); ok {
			packages = append(packages, p)
		}
	}
	return packages
}

// linked gives all packages of the pack that end up in a program.
func linked(all map[string][]string, program string) (packages []string) {
	open := []string{program}
	for len(open) > 0 {
		p := open[0]
		open = open[1:]
		if slices.Contains(packages, p) {
			continue
		}
		packages = append(packages, p)
		open = append(open, own(all[p])...)
	}
	return packages
}

func TestTheProgramOfALabLinksNeitherTheRunnerNorTheSimulatedLab(t *testing.T) {
	all := imports(t)
	require.NotEmpty(t, all["cmd/laas"])
	for _, p := range linked(all, "cmd/laas") {
		assert.False(t, p == "internal/orquesta" || strings.HasPrefix(p, "internal/orquesta/") || strings.HasPrefix(p, "internal/simlab") ||
			p == "internal/testreal", "cmd/laas links %s", p)
		assert.NotContains(t, all[p], "os/exec", "%s starts other programs, whose arguments everybody on the machine can read", p)
	}
}

func TestLayersImportOnlyWhatIsBelowThem(t *testing.T) {
	all := imports(t)
	small := []string{"internal/fault", "internal/secret", "internal/retry", "internal/rest"}
	allowed := map[string][]string{
		"internal/fault":     {},
		"internal/secret":    {},
		"internal/retry":     {"internal/fault"},
		"internal/terminal":  {"internal/fault"},
		"internal/config":    {"internal/fault", "internal/secret"},
		"internal/rest":      {"internal/fault", "internal/secret", "internal/retry"},
		"internal/inventory": {"internal/fault", "internal/secret", "internal/terminal"},
		// The domain knows no protocol.
		"internal/booking":         {"internal/booking/payload", "internal/inventory", "internal/fault", "internal/secret"},
		"internal/booking/payload": {"internal/inventory", "internal/fault", "internal/secret"},
		// Clients and drivers know nothing of bookings, the configuration, StackStorm or each other.
		"internal/dashboard":      small,
		"internal/fog":            small,
		"internal/st2":            small,
		"internal/remote":         small,
		"internal/directory":      small,
		"internal/hostnet":        small,
		"internal/bmc":            small,
		"internal/bmc/ipmi":       append([]string{"internal/bmc"}, small...),
		"internal/bmc/redfish":    append([]string{"internal/bmc"}, small...),
		"internal/netswitch":      small,
		"internal/netswitch/nxos": append([]string{"internal/netswitch"}, small...),
		"internal/netswitch/ovs":  append([]string{"internal/netswitch"}, small...),
		"internal/simlab/faults":  {},
		"internal/simlab/world":   {},
	}
	for layer, below := range allowed {
		for _, i := range own(all[layer]) {
			assert.Contains(t, below, i, "%s imports %s", layer, i)
		}
	}
}

// unchecked are ways to talk to a server without knowing whether it is the right one. The one file that has one is for an operator's
// bmc.verify_tls: false.
var unchecked = []string{"InsecureIgnoreHostKey", "InsecureSkipVerify"}

func TestNoProductCodeTalksToAServerItHasNotIdentified(t *testing.T) {
	for _, folder := range []string{"cmd", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/simlab/") || strings.HasSuffix(path, "/tlsconf/unverified.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, u := range unchecked {
				assert.NotContains(t, string(text), u, path)
			}
			return err
		})
		require.NoError(t, err)
	}
}
