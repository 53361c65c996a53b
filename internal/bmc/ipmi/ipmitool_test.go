package ipmi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/testreal"
)

// ipmitool runs the real tool against a BMC.
func ipmitool(t *testing.T, target bmc.Target, args ...string) (string, error) {
	t.Helper()
	path := testreal.Need(t, "ipmitool")[0]
	base := []string{
		"-I", "lanplus", "-H", target.Address, "-p", strconv.Itoa(target.Port), "-C", strconv.Itoa(target.CipherSuite),
		"-U", target.User, "-P", target.Password.Reveal(), "-N", "2", "-R", "1",
	}
	out, err := exec.Command(path, append(base, args...)...).CombinedOutput()
	return string(out), err
}

func mustIpmitool(t *testing.T, target bmc.Target, args ...string) string {
	t.Helper()
	out, err := ipmitool(t, target, args...)
	require.NoError(t, err, "%v: %s", args, out)
	return out
}

func TestRealIpmitoolSeesWhatWeDid(t *testing.T) {
	target, _ := startServer(t)
	for _, suite := range []int{3, 17} {
		target.CipherSuite = suite
		t.Run("suite "+strconv.Itoa(suite), func(t *testing.T) {
			ctx := t.Context()
			d, err := ipmi.Open(ctx, target)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, d.Close()) })

			require.NoError(t, d.SetPower(ctx, bmc.PowerOn))
			assert.Contains(t, mustIpmitool(t, target, "power", "status"), "is on")
			require.NoError(t, d.SetPower(ctx, bmc.PowerSoft))
			assert.Contains(t, mustIpmitool(t, target, "power", "status"), "is off")

			require.NoError(t, d.SetBootDevice(ctx, bmc.Boot{Device: bmc.DevicePXE, EFI: true, Persistent: true}))
			flags := mustIpmitool(t, target, "chassis", "bootparam", "get", "5")
			for _, text := range []string{"Boot Flag Valid", "all future boots", "EFI boot", "Force PXE"} {
				assert.Contains(t, flags, text)
			}
			require.NoError(t, d.SetBootDevice(ctx, bmc.Boot{Device: bmc.DeviceDisk}))
			flags = mustIpmitool(t, target, "chassis", "bootparam", "get", "5")
			for _, text := range []string{"Boot Flag Valid", "only next boot", "legacy", "Hard-Drive"} {
				assert.Contains(t, flags, text)
			}

			tenant := target
			tenant.User, tenant.Password = "tenant", secret.New("sixteen-or-less")
			slot, err := d.PutAccount(ctx, tenant.User, tenant.Password)
			require.NoError(t, err)
			assert.Regexp(t, strconv.Itoa(slot)+` +tenant +true +true +true +OPERATOR`, mustIpmitool(t, target, "user", "list", "1"))
			assert.Contains(t, mustIpmitool(t, tenant, "-L", "OPERATOR", "power", "status"), "is off")
			out, err := ipmitool(t, tenant, "power", "status")
			assert.Error(t, err, "an operator is no administrator: %s", out)

			require.NoError(t, d.ClearAccount(ctx, slot))
			out, err = ipmitool(t, tenant, "-L", "OPERATOR", "power", "status")
			assert.Error(t, err, "%s", out)
			assert.NotContains(t, mustIpmitool(t, target, "user", "list", "1"), "tenant")
		})
	}
}

func TestRealIpmitoolSetsWhatWeSee(t *testing.T) {
	target, _ := startServer(t)
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })

	mustIpmitool(t, target, "power", "on")
	state, err := d.PowerState(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bmc.On, state)

	mustIpmitool(t, target, "chassis", "bootdev", "pxe", "options=efiboot,persistent")
	boot, err := d.BootDevice(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bmc.Boot{Device: bmc.DevicePXE, Persistent: true, EFI: true}, boot)

	for _, args := range []string{"user set name 5 mallory", "user set password 5 hers 16", "channel setaccess 1 5 link=on ipmi=on callin=on privilege=4", "user enable 5"} {
		mustIpmitool(t, target, strings.Fields(args)...)
	}
	list, err := d.Accounts(t.Context())
	require.NoError(t, err)
	assert.Contains(t, list, bmc.Account{Slot: 5, Name: "mallory", Enabled: true, Privilege: "administrator"})
	hers := target
	hers.User, hers.Password = "mallory", secret.New("hers")
	require.NoError(t, ipmi.TryLogin(t.Context(), hers))
	mustIpmitool(t, target, "user", "disable", "5")
	err = ipmi.TryLogin(t.Context(), hers)
	assert.Equal(t, fault.Credentials, fault.KindOf(err), "%v", err)
}

func TestRealIpmiSimDidWhatWasAsked(t *testing.T) {
	target, dir := startSim(t)
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	chassis := func(what string) string {
		text, err := os.ReadFile(filepath.Join(dir, what))
		require.NoError(t, err)
		return strings.TrimSpace(string(text))
	}
	require.NoError(t, d.SetBootDevice(t.Context(), bmc.Boot{Device: bmc.DevicePXE}))
	assert.Equal(t, "pxe", chassis("boot"))
	require.NoError(t, d.SetPower(t.Context(), bmc.PowerOn))
	assert.Equal(t, "1", chassis("power"))
	require.NoError(t, d.SetPower(t.Context(), bmc.PowerOff))
	assert.Equal(t, "0", chassis("power"))

	tenant := target
	tenant.User, tenant.Password = "tenant", secret.New("sixteen-or-less")
	slot, err := d.PutAccount(t.Context(), tenant.User, tenant.Password)
	require.NoError(t, err)
	mustIpmitool(t, tenant, "-L", "OPERATOR", "power", "status")
	require.NoError(t, d.ClearAccount(t.Context(), slot))
	out, err := ipmitool(t, tenant, "-L", "OPERATOR", "power", "status")
	assert.Error(t, err, "%s", out)
}
