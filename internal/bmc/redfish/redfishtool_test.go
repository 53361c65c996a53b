package redfish_test

import (
	"bytes"
	"encoding/json"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/redfish"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
	simredfish "stackstorm-laas/internal/simlab/redfish"
	"stackstorm-laas/internal/testreal"
)

// tool runs redfishtool against the BMC with the target's login, by a session or by HTTP Basic. It gives what it printed as JSON.
func tool(t *testing.T, target bmc.Target, auth string, args ...string) (gjson.Result, error) {
	t.Helper()
	program := testreal.Need(t, "redfishtool")[0]
	cmd := exec.CommandContext(t.Context(), program, append([]string{
		"-r", net.JoinHostPort(target.Address, strconv.Itoa(target.Port)), "-u", target.User, "-p", target.Password.Reveal(), "-A", auth, "-S", "Always"}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	t.Logf("redfishtool %v: %v %s", args, err, errs.String())
	return gjson.ParseBytes(out.Bytes()), err
}

func mustTool(t *testing.T, target bmc.Target, auth string, args ...string) gjson.Result {
	t.Helper()
	v, err := tool(t, target, auth, args...)
	require.NoError(t, err)
	return v
}

// What our driver did is what redfishtool sees, whichever way that logs in.
func TestRealRedfishtoolSeesWhatTheDriverDid(t *testing.T) {
	for _, auth := range []string{"Basic", "Session"} {
		t.Run(auth, func(t *testing.T) {
			t.Parallel()
			target, s, _, _ := lab(t, simredfish.Config{})
			d := open(t, target)
			system := func() gjson.Result { return mustTool(t, target, auth, "Systems", "-I", "1", "get") }

			require.NoError(t, d.SetPower(t.Context(), bmc.PowerOn))
			assert.Equal(t, "On", system().Get("PowerState").String())
			require.NoError(t, d.SetPower(t.Context(), bmc.PowerOff))
			assert.Equal(t, "Off", system().Get("PowerState").String())

			for want, boot := range map[string]bmc.Boot{
				"Pxe Once UEFI":         {Device: bmc.DevicePXE, EFI: true},
				"Hdd Continuous Legacy": {Device: bmc.DeviceDisk, Persistent: true},
				"BiosSetup Once UEFI":   {Device: bmc.DeviceBIOS, EFI: true},
			} {
				require.NoError(t, d.SetBootDevice(t.Context(), boot))
				b := system().Get("Boot")
				assert.Equal(t, want, b.Get("BootSourceOverrideTarget").String()+" "+b.Get("BootSourceOverrideEnabled").String()+" "+b.Get("BootSourceOverrideMode").String())
			}

			tenant := target
			tenant.User, tenant.Password = "opnfv", secret.New("Kp7.sixteen-byte")
			slot, err := d.PutAccount(t.Context(), tenant.User, tenant.Password)
			require.NoError(t, err)
			account := mustTool(t, target, auth, "AccountService", "Accounts", "-i", strconv.Itoa(slot))
			assert.Equal(t, "opnfv", account.Get("UserName").String())
			assert.Equal(t, "Operator", account.Get("RoleId").String())
			assert.True(t, account.Get("Enabled").Bool())
			assert.Equal(t, "Off", mustTool(t, tenant, auth, "Systems", "-I", "1", "get").Get("PowerState").String(), "the tenant's login works")
			mustTool(t, tenant, auth, "Systems", "-I", "1", "reset", "On")
			state, err := d.PowerState(t.Context())
			require.NoError(t, err)
			assert.Equal(t, bmc.On, state, "and what the tenant does with it is seen")
			_, err = tool(t, tenant, auth, "AccountService", "adduser", "friend", "Kp7.sixteen-byte", "Administrator")
			assert.Error(t, err, "an operator makes no accounts")

			require.NoError(t, d.ClearAccount(t.Context(), slot))
			_, err = tool(t, tenant, auth, "Systems", "-I", "1", "get")
			assert.Error(t, err, "the tenant's login is dead")
			require.NoError(t, d.Close())
			assert.Zero(t, s.Sessions())
		})
	}
}

// And what redfishtool did is what our driver sees.
func TestRealRedfishtoolIsSeenByTheDriver(t *testing.T) {
	target, _, _, _ := lab(t, simredfish.Config{Posted: true})
	d := open(t, target)
	mustTool(t, target, "Basic", "Systems", "-I", "1", "reset", "On")
	state, err := d.PowerState(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bmc.On, state)
	mustTool(t, target, "Basic", "Systems", "-I", "1", "setBootOverride", "Once", "Pxe")
	boot, err := d.BootDevice(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bmc.Boot{Device: bmc.DevicePXE}, boot)

	mustTool(t, target, "Basic", "AccountService", "adduser", "stranger", "Kp7.sixteen-byte", "Operator")
	stranger := target
	stranger.User, stranger.Password = "stranger", secret.New("Kp7.sixteen-byte")
	require.NoError(t, redfish.TryLogin(t.Context(), stranger))
	list, err := d.Accounts(t.Context())
	require.NoError(t, err)
	text, err := json.Marshal(list)
	require.NoError(t, err)
	found := gjson.GetBytes(text, `#(Name=="stranger").Slot`)
	require.True(t, found.Exists(), "%s", text)
	require.NoError(t, d.ClearAccount(t.Context(), int(found.Int())))
	_, err = tool(t, stranger, "Basic", "Systems", "-I", "1", "get")
	assert.Error(t, err)
	assert.Equal(t, fault.Credentials, fault.KindOf(redfish.TryLogin(t.Context(), stranger)))
}

func TestRealRedfishtoolReadsTheHealthThatTheDriverTells(t *testing.T) {
	target, _, _, w := lab(t, simredfish.Config{})
	makeAil(t, w, target.Host)
	d := open(t, target)
	require.NoError(t, d.SetPower(t.Context(), bmc.PowerOn))
	h, err := d.(bmc.HealthReader).Health(t.Context(), 10)
	require.NoError(t, err)
	told := map[string]string{}
	for _, one := range h.Sensors {
		told[one.Name] = strings.TrimSpace(strings.Fields(one.Reading + " -")[0] + " " + one.State)
	}
	seen := map[string]string{}
	note := func(list gjson.Result, value string) {
		for _, v := range list.Array() {
			if health := v.Get("Status.Health"); health.Exists() {
				reading := "-"
				if value != "" {
					reading = v.Get(value).String()
				}
				seen[v.Get("Name").String()] = reading + " " + strings.ToLower(health.String())
			}
		}
	}
	thermal, power := mustTool(t, target, "Basic", "Chassis", "-I", "1", "Thermal"), mustTool(t, target, "Basic", "Chassis", "-I", "1", "Power")
	note(thermal.Get("Temperatures"), "ReadingCelsius")
	note(thermal.Get("Fans"), "Reading")
	note(power.Get("Voltages"), "ReadingVolts")
	note(power.Get("PowerSupplies"), "")
	assert.Len(t, seen, 7)
	assert.Subset(t, told, seen)
	nic := mustTool(t, target, "Basic", "Systems", "-I", "1", "EthernetInterfaces", "-a").Get("Members.0.MACAddress")
	assert.Equal(t, []string{nic.String()}, h.Machine.MACs)
	assert.Equal(t, h.Machine.Serial, mustTool(t, target, "Basic", "Systems", "-I", "1", "get").Get("SerialNumber").String())
}
