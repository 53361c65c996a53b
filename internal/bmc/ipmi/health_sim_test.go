package ipmi_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/ipmi"
)

// ailing is a host with a fan that hardly turns, a processor that is warm, and a power supply that failed.
func ailing(t *testing.T) health {
	// ipmi_sim puts its own time in place of the first four bytes.
	event := func(rest ...byte) []byte { return append([]byte{0, 0, 0, 0, 0x20, 0, 4}, rest...) }
	return health{
		analog: []analog{
			{0x30, 1, types.SensorUnitType_DegreesC, "Inlet Temp", 1, 0, 24, 2, 5, 40, 45},
			{0x31, 1, types.SensorUnitType_DegreesC, "CPU1 Temp", 1, 0, 87, 0, 0, 85, 95},
			{0x32, 4, types.SensorUnitType_RPM, "FAN1", 100, 0, 54, 10, 15, 0, 0},
			{0x33, 4, types.SensorUnitType_RPM, "FAN2", 100, 0, 3, 10, 15, 0, 0},
			{0x34, 2, types.SensorUnitType_Volts, "12V", 63, -3, 191, 170, 175, 205, 210},
			{0x35, 1, types.SensorUnitType_DegreesC, "Exhaust", 1, 0, 99, 0, 0, 85, 95},
		},
		discrete: []discrete{
			{0x60, 8, "PS1 Status", []int{0}},
			{0x61, 8, "PS2 Status", []int{0, 1}},
			{0x62, 0x0d, "Drive 1", []int{0, 2}},
		},
		events: [][]byte{
			event(1, 0x31, 0x01, 0x59, 99, 95),     // the processor crossed upper critical ...
			event(1, 0x31, 0x81, 0x59, 90, 95),     // ... and came back
			event(8, 0x61, 0x6f, 0xf1, 0xff, 0xff), // the power supply failed
			event(8, 0x60, 0x6f, 0xf0, 0xff, 0xff), // the other one is there
		},
		fru: inventory(t, "Contoso", "R-1000", "SN-4711"),
	}
}

func readHealth(t *testing.T, target bmc.Target, events int) bmc.Health {
	t.Helper()
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	defer func() { assert.NoError(t, d.Close()) }()
	h, err := d.(bmc.HealthReader).Health(t.Context(), events)
	require.NoError(t, err)
	return h
}

// startAiling starts ipmi_sim with something to tell. It answers before it has carried out all commands; the inventory is the last one.
func startAiling(t *testing.T, h health) (bmc.Target, string) {
	t.Helper()
	target, dir := startSim(t, h.commands())
	require.Eventually(t, func() bool { return readHealth(t, target, 0).Machine.Model != "" }, 10*time.Second, 10*time.Millisecond)
	return target, dir
}

// ailingHealth is what there is to read of it; the lame fan is as given.
func ailingHealth(fan string) *bmc.Health {
	return &bmc.Health{
		Sensors: []bmc.Sensor{
			{Name: "Inlet Temp", Kind: "temperature", Reading: "24 C", State: "ok"},
			{Name: "CPU1 Temp", Kind: "temperature", Reading: "87 C", State: "warning"},
			{Name: "FAN1", Kind: "fan", Reading: "5400 RPM", State: "ok"},
			{Name: "FAN2", Kind: "fan", Reading: "300 RPM", State: fan},
			{Name: "12V", Kind: "voltage", Reading: "12.033 V", State: "ok"},
			{Name: "Exhaust", Kind: "temperature", Reading: "99 C", State: "critical"},
			{Name: "PS1 Status", Kind: "power supply", Reading: "presence detected", State: "ok"},
			{Name: "PS2 Status", Kind: "power supply", Reading: "power supply failure detected, presence detected", State: "critical"},
			{Name: "Drive 1", Kind: "drive", Reading: "predictive failure, drive presence", State: "critical"},
		},
		Events: []bmc.Event{
			{ID: 4, Sensor: "PS1 Status", Text: "presence detected"},
			{ID: 3, Sensor: "PS2 Status", Text: "power supply failure detected", Critical: true},
			{ID: 2, Sensor: "CPU1 Temp", Text: "upper critical - going high (ended)"},
			{ID: 1, Sensor: "CPU1 Temp", Text: "upper critical - going high"}, // and not critical: it ended
		},
		Machine: bmc.Machine{Manufacturer: "Contoso", Model: "R-1000", Serial: "SN-4711", Firmware: "9.08"},
	}
}

func TestRealIpmiSimsFanSaysNothingWhileTheHostHasNoPower(t *testing.T) {
	target, _ := startAiling(t, ailing(t))
	assert.Equal(t, ailingHealth(bmc.SensorUnknown).Sensors, readHealth(t, target, 0).Sensors)
	mustIpmitool(t, target, "power", "on")
	assert.Equal(t, ailingHealth(bmc.SensorCritical).Sensors, readHealth(t, target, 0).Sensors)
}

// The states of thresholds are ok, nc, cr and nr to ipmitool; discrete sensors it gives as bits only.
func TestRealIpmitoolReadsTheSameHealth(t *testing.T) {
	target, _ := startAiling(t, ailing(t))
	mustIpmitool(t, target, "power", "on")
	t.Setenv("LC_ALL", "C")
	t.Setenv("TZ", "UTC")
	clock := time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
	mustIpmitool(t, target, "raw", "0x0a", "0x49", fmt.Sprint(clock.Unix()&0xff), fmt.Sprint(clock.Unix()>>8&0xff), fmt.Sprint(clock.Unix()>>16&0xff), fmt.Sprint(clock.Unix()>>24))
	mustIpmitool(t, target, strings.Fields("raw 0x0a 0x44 0 0 2 0 0 0 0 0x20 0 4 8 0x61 0xef 0xf1 0xff 0xff")...)
	h := readHealth(t, target, 100)
	states := map[string]string{"ok": "ok", "nc": "warning", "cr": "critical", "nr": "critical"}
	compared := 0
	for _, line := range strings.Split(strings.TrimSpace(mustIpmitool(t, target, "sensor")), "\n") {
		cells := strings.Split(line, "|")
		name, value, state := strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1]), strings.TrimSpace(cells[3])
		for _, s := range h.Sensors {
			if s.Name != name || states[state] == "" {
				continue
			}
			compared++
			assert.Equal(t, states[state], s.State, name)
			number, _, _ := strings.Cut(s.Reading, " ")
			ours, err := strconv.ParseFloat(number, 64)
			require.NoError(t, err)
			theirs, err := strconv.ParseFloat(value, 64)
			require.NoError(t, err)
			assert.InDelta(t, theirs, ours, 0.001, name)
		}
	}
	assert.Equal(t, 6, compared)
	assert.Len(t, strings.Split(strings.TrimSpace(mustIpmitool(t, target, "sdr", "list")), "\n"), len(h.Sensors))

	var theirs, ours []string
	for _, line := range strings.Split(strings.TrimSpace(mustIpmitool(t, target, "sel", "list")), "\n") {
		cells := strings.Split(line, "|") // number, date, time, sensor, event, direction
		id, err := strconv.ParseInt(strings.TrimSpace(cells[0]), 16, 32)
		require.NoError(t, err)
		when := "no clock"
		if date := strings.TrimSpace(cells[1]); date != "Pre-Init" {
			when = date + " " + strings.Fields(cells[2])[0]
		}
		theirs = append([]string{fmt.Sprintf("%d %s %s", id, when, strings.TrimSpace(cells[len(cells)-1]))}, theirs...)
	}
	for _, e := range h.Events {
		when, direction := "no clock", "Asserted"
		if !e.At.IsZero() {
			when = e.At.Format("01/02/06 15:04:05")
		}
		if strings.HasSuffix(e.Text, "(ended)") {
			direction = "Deasserted"
		}
		ours = append(ours, fmt.Sprintf("%d %s %s", e.ID, when, direction))
	}
	require.Len(t, ours, 5)
	assert.WithinDuration(t, clock, h.Events[0].At, time.Minute)
	assert.False(t, h.Events[2].Critical, "the power supply's failure ended meanwhile")
	assert.Equal(t, theirs, ours)

	fru := mustIpmitool(t, target, "fru")
	for _, line := range []string{
		`Product Manufacturer +: ` + h.Machine.Manufacturer, `Product Name +: ` + h.Machine.Model, `Product Serial +: ` + h.Machine.Serial,
	} {
		assert.Regexp(t, line, fru)
	}
	assert.Regexp(t, `Firmware Revision +: `+h.Machine.Firmware, mustIpmitool(t, target, "mc", "info"))
}

// A log whose numbers have gaps, and one that is long, are read to the same end.
func TestRealIpmiSimsEventLogIsReadFromItsEnd(t *testing.T) {
	many := ailing(t)
	for i := range 300 {
		many.events = append(many.events, []byte{byte(i), byte(i >> 8), 0, 0x61, 0x20, 0, 4, 8, 0x60, 0x6f, 0xf0, 0xff, 0xff})
	}
	target, _ := startAiling(t, many)
	ids := func(h bmc.Health) (ids []int) {
		for _, e := range h.Events {
			ids = append(ids, e.ID)
		}
		return ids
	}
	assert.Equal(t, []int{304, 303, 302}, ids(readHealth(t, target, 3)))
	mustIpmitool(t, target, "sel", "delete", "303")
	mustIpmitool(t, target, "sel", "delete", "2")
	assert.Equal(t, []int{304, 302, 301}, ids(readHealth(t, target, 3)))
	mustIpmitool(t, target, "sel", "clear")
	h := readHealth(t, target, 3)
	assert.Empty(t, h.Events)
	assert.Empty(t, h.Unread, "an empty log is no failure")
}

func TestRealIpmiSimThatHasNothingToTellIsNoFailure(t *testing.T) {
	target, _ := startSim(t)
	h := readHealth(t, target, 3)
	assert.Empty(t, h.Sensors)
	assert.Equal(t, bmc.Machine{Firmware: "9.08"}, h.Machine)
	require.Len(t, h.Unread, 2)
	assert.Regexp(t, `^machine: `, h.Unread[0])
	assert.Regexp(t, `^sensors: .*the BMC has none`, h.Unread[1])
}

func TestABMCThatDoesNotKnowTheCommandsIsNoFailure(t *testing.T) {
	target, _ := startServer(t)
	h := readHealth(t, target, 3)
	require.Len(t, h.Unread, 3)
	for i, part := range []string{"machine", "sensors", "events"} {
		assert.Regexp(t, "^"+part+": ", h.Unread[i])
	}
}

// A BMC without a repository has the records of its sensors in the sensor device.
func TestRealIpmiSimsDeviceRecordsAreReadWhereThereIsNoRepository(t *testing.T) {
	fan := analog{0x32, 4, types.SensorUnitType_RPM, "FAN1", 100, 0, 54, 10, 15, 0, 0}
	commands := strings.ReplaceAll(health{analog: []analog{fan}, fru: inventory(t, "Contoso", "R-1000", "SN-4711")}.commands(), "main_sdr_add 0x20", "device_sdr_add 0x20 0")
	target, _ := startSim(t, commands)
	require.Eventually(t, func() bool { return readHealth(t, target, 0).Machine.Model != "" }, 10*time.Second, 10*time.Millisecond)
	assert.Equal(t, []bmc.Sensor{{Name: "FAN1", Kind: "fan", Reading: "5400 RPM", State: "ok"}}, readHealth(t, target, 0).Sensors)
}
