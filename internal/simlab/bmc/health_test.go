package bmc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/world"
)

func TestRealIpmitoolReadsTheSimulatedHealth(t *testing.T) {
	w, s := serve(t, nil)
	i := ipmitool(t, s, "admin", "secret", "17")
	assert.Contains(t, i.run("sel list"), "no entries")
	sensors := i.run("sdr elist")
	assert.Regexp(t, `FAN1 +\| 32h \| lcr +\|`, sensors, "fans stand still in a host without power")

	require.NoError(t, w.PowerOn("hpe1"))
	for _, kind := range []world.TroubleKind{world.FanFails, world.Overheats, world.SupplyFails, world.DriveFails} {
		require.NoError(t, w.AddTrouble("hpe1", world.Trouble{Kind: kind}))
	}
	sensors = i.run("sdr elist")
	for _, line := range []string{
		`Inlet Temp +\| 30h \| ok +\|.*24 degrees C`, `CPU1 Temp +\| 31h \| ucr +\|.*99 degrees C`, `FAN1 +\| 32h \| ok +\|.*5400 RPM`,
		`FAN2 +\| 33h \| lcr +\|.*300 RPM`, `12V +\| 34h \| ok +\|.*12 Volts`, `PS1 Status +\|.*Presence detected\n`,
		`PS2 Status +\|.*Presence detected, Failure detected`, `Drive 1 +\|.*Predictive Failure`,
	} {
		assert.Regexp(t, line, sensors)
	}
	log := i.run("sel elist")
	for _, line := range []string{
		`1 \|.*Fan FAN2 \| Lower Critical going low.*\| Asserted`, `2 \|.*Temperature CPU1 Temp \| Upper Critical going high.*\| Asserted`,
		`3 \|.*Power Supply PS2 Status \| Failure detected.*\| Asserted`, `4 \|.*Drive Slot / Bay Drive 1 \| Predictive Failure.*\| Asserted`,
	} {
		assert.Regexp(t, line, log)
	}
	fru := i.run("fru")
	for _, line := range []string{`Product Manufacturer +: Simulated`, `Product Name +: SIM 1000`, `Product Serial +: SN-hpe1`} {
		assert.Regexp(t, line, fru)
	}

	require.NoError(t, w.EndTroubles("hpe1"))
	assert.Regexp(t, `FAN2 +\| 33h \| ok +\|.*5300 RPM`, i.run("sdr elist"))
	assert.Regexp(t, `8 \|.*Drive 1 \| Predictive Failure.*\| Deasserted`, i.run("sel elist"))
}
