package ipmi_test

import (
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/testreal"
)

// BenchmarkRealIpmitoolPowerStatus reads the power state from one real ipmi_sim in three ways, in turns and all within one run, and reports what ipmitool
// takes against ours: a login for each look, as an action does it that looks once; looks in one session, as an action does it that waits; and the
// former with the default of bmc.min_interval, which is spent on waiting.
func BenchmarkRealIpmitoolPowerStatus(b *testing.B) {
	path := testreal.Need(b, "ipmitool")[0]
	target, _ := startSim(b)
	args := []string{"-I", "lanplus", "-H", target.Address, "-p", strconv.Itoa(target.Port), "-C", strconv.Itoa(target.CipherSuite),
		"-U", target.User, "-P", target.Password.Reveal(), "power", "status"}
	session, err := ipmi.Open(b.Context(), target)
	require.NoError(b, err)
	b.Cleanup(func() { assert.NoError(b, session.Close()) })
	look := func(d bmc.Driver) {
		state, err := d.PowerState(b.Context())
		require.NoError(b, err)
		require.Equal(b, bmc.Off, state)
	}
	login := func(target bmc.Target) {
		d, err := ipmi.Open(b.Context(), target)
		require.NoError(b, err)
		look(d)
		require.NoError(b, d.Close())
	}
	gentle := target
	gentle.MinInterval = 100 * time.Millisecond
	ways := []struct {
		name string
		do   func()
	}{
		{"ipmitool", func() {
			out, err := exec.Command(path, args...).CombinedOutput()
			require.NoError(b, err, "%s", out)
			require.Contains(b, string(out), "is off")
		}},
		{"login", func() { login(target) }},
		{"session", func() { look(session) }},
		{"min_interval", func() { login(gentle) }},
	}
	took := map[string][]time.Duration{}
	for b.Loop() {
		for _, w := range ways {
			began := time.Now()
			w.do()
			took[w.name] = append(took[w.name], time.Since(began))
		}
	}
	median := func(name string) float64 {
		slices.Sort(took[name])
		return took[name][len(took[name])/2].Seconds()
	}
	b.ReportMetric(1000*median("ipmitool"), "ms:ipmitool")
	for _, w := range ways[1:] {
		b.ReportMetric(median("ipmitool")/median(w.name), "ipmitool/"+w.name)
	}
}
