package demo_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
)

func TestAnOperatorChangesThePowerOfAHost(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	var seen struct{ Before, After string }
	power := func(do string, more ...string) {
		t.Helper()
		params := map[string]any{"host": host, "do": do}
		for _, c := range more {
			params["confirm"] = c
		}
		stdout(t, p.works("laas.power", params), &seen)
	}
	power("on") // nobody has it
	assert.Equal(t, "on", p.host().Power)
	power("off")
	assert.Equal(t, "off", p.host().Power)
	p.refused("laas.power", map[string]any{"host": host, "do": "cycle"}, "power")

	p.dispatch(b[0])
	p.asBooked()
	power("status")
	assert.Equal(t, "on", seen.After)
	for _, do := range []string{"soft", "off", "cycle", "reset"} {
		p.refused("laas.power", map[string]any{"host": host, "do": do}, "belongs to job 1", "confirm="+host)
		p.refused("laas.power", map[string]any{"host": host, "do": do, "confirm": "hpe14"}, "belongs to job 1")
	}
	assert.Equal(t, "on", p.host().Power)
	power("on")
	assert.Equal(t, seen.Before, seen.After)
	power("soft", host)
	assert.Equal(t, "off", p.host().Power)
	power("on")
	assert.Equal(t, "on", p.host().Power)
	p.dispatch(b[1])
	p.asBefore()
}

func TestAPowerOffThatChangesNothingIsToldAndFreesNothing(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	p := open(t, demo.Options{Bodies: b, Slack: impatient})
	p.dispatch(b[0])
	p.asBooked()
	starts := p.Lab.World().Starts(host)
	for _, do := range []string{"off", "soft", "cycle"} {
		p.Lab.Faults().Add(faults.Fault{System: "bmc", Op: "power.set", Kind: faults.Forget})
		p.refused("laas.power", map[string]any{"host": host, "do": do, "confirm": host}, "accepted power off, but after", "the power is not off")
		assert.Equal(t, "on", p.host().Power)
		p.Lab.Faults().Heal()
	}
	assert.Equal(t, starts, p.Lab.World().Starts(host))
}

func TestACycleIsProvenAndAResetIsNot(t *testing.T) {
	t.Parallel()
	for speaks, o := range map[string]demo.Options{"IPMI": {}, "Redfish": overRedfish(demo.Options{})} {
		t.Run(speaks, func(t *testing.T) {
			t.Parallel()
			o.Bodies, o.Slack = bodies(t, "01"), patient
			p := open(t, o)
			w := p.Lab.World()
			require.NoError(t, w.PowerOn(host))
			var seen struct {
				Summary, Before, After string
				Changed, Proven        bool
			}
			do := func(what string) {
				t.Helper()
				stdout(t, p.works("laas.power", map[string]any{"host": host, "do": what}), &seen)
				assert.Equal(t, "on", seen.Before)
				assert.Equal(t, "on", seen.After)
			}
			do("status")
			assert.True(t, seen.Proven)
			starts := w.Starts(host)
			do("cycle")
			assert.True(t, seen.Changed)
			assert.True(t, seen.Proven)
			assert.Equal(t, starts+1, w.Starts(host))
			do("reset")
			assert.False(t, seen.Proven)
			assert.Contains(t, seen.Summary, "not proven")
			assert.Equal(t, starts+2, w.Starts(host))

			// A BMC that says ok and does nothing: it is found out, or nothing is claimed.
			p.Lab.Faults().Add(faults.Fault{System: "bmc", Op: "power.set", Kind: faults.Forget})
			do("reset")
			assert.False(t, seen.Proven)
			assert.Contains(t, seen.Summary, "not proven")
			p.Lab.Faults().Heal()
			p.Lab.Faults().Add(faults.Fault{System: "bmc", Op: "power.set", Kind: faults.Lie})
			do("reset")
			assert.False(t, seen.Proven)
			p.Lab.Faults().Heal()
			assert.Equal(t, starts+2, w.Starts(host))
			require.NoError(t, w.PowerOff(host))
			p.refused("laas.power", map[string]any{"host": host, "do": "cycle"}, "the host has no power", "power it on instead")
			assert.False(t, w.Power(host))
		})
	}
}

func TestAfterAPowerFailureOnlyHostsThatTenantsHaveAreSwitchedOn(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: impatient})
	var out struct{ Booted, Running, Skipped, Failed []string }
	boot := func() {
		t.Helper()
		stdout(t, p.works("laas.boot_booked_hosts", nil), &out)
	}
	boot()
	assert.Empty(t, out.Booted, "nobody has any")
	p.dispatch(b[0])
	p.asBooked()
	boot()
	assert.Equal(t, []string{host}, out.Running)
	require.NoError(t, p.Lab.World().PowerOff(host))
	boot()
	assert.Equal(t, []string{host}, out.Booted)
	assert.Equal(t, "on", p.host().Power)

	// Not without the dashboard's word.
	require.NoError(t, p.Lab.World().PowerOff(host))
	p.Lab.Faults().Add(faults.Fault{System: "dashboard", Kind: faults.Refuse})
	p.refused("laas.boot_booked_hosts", nil, "0 failed, 1 unknown", host, "dashboard")
	assert.Equal(t, "off", p.host().Power)
	p.Lab.Faults().Heal()

	// A BMC that says ok and does nothing.
	p.Lab.Faults().Add(faults.Fault{System: "bmc", Op: "power.set", Kind: faults.Forget})
	p.refused("laas.boot_booked_hosts", nil, "1 failed", host)
	p.Lab.Faults().Heal()

	// One that is lent out is its holder's business.
	p.dispatch(b[1])
	p.asBefore()
	p.works("laas.reserve_host", map[string]any{"host": host, "by": "alice"})
	boot()
	assert.Equal(t, []string{host}, out.Skipped)
	assert.Equal(t, "off", p.host().Power)
	assert.NotEmpty(t, p.Engine.Keys().List(booking.OwnerPrefix))
}

func TestTheLabsOwnPasswordOnABMCIsRotated(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	read := func() (user, password string) {
		t.Helper()
		text, found := p.Engine.Keys().GetSecret("laas.secret.bmc_admin." + host)
		require.True(t, found)
		var l struct{ User, Password string }
		require.NoError(t, json.Unmarshal([]byte(text.Reveal()), &l))
		return l.User, l.Password
	}
	user, old := read()
	require.True(t, p.Lab.BMC(host).Login(user, old))
	p.refused("laas.rotate_bmc_password", map[string]any{"host": host, "confirm": "x"}, "confirm must be")

	// The BMC takes it and the run is broken off before the key is rewritten: the next one goes on.
	rotate := map[string]any{"host": host, "confirm": host}
	p.Lab.Faults().Add(faults.Fault{System: "bmc", Op: "user.set", Kind: faults.Forget})
	p.refused("laas.rotate_bmc_password", rotate)
	p.Lab.Faults().Heal()
	_, now := read()
	assert.Equal(t, old, now)
	assert.True(t, p.Lab.BMC(host).Login(user, old))

	p.works("laas.rotate_bmc_password", rotate)
	_, now = read()
	assert.NotEqual(t, old, now)
	assert.True(t, p.Lab.BMC(host).Login(user, now))
	assert.False(t, p.Lab.BMC(host).Login(user, old))
	_, waits := p.Engine.Keys().Get("laas.secret.bmc_next." + host)
	assert.False(t, waits)
	for _, e := range p.Engine.Executions() {
		text, err := json.Marshal(e)
		require.NoError(t, err)
		assert.NotContains(t, string(text), now)
		assert.NotContains(t, string(text), old)
	}
	p.dispatch(b[0])
	p.asBooked()
	p.dispatch(b[1])
	p.asBefore()
}
