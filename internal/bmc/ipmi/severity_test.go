package ipmi

import (
	"testing"

	"github.com/bougou/go-ipmi/pkg/command/sensor"
	"github.com/bougou/go-ipmi/pkg/types"
	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/bmc"
)

func TestWhatStatesMeanForAHost(t *testing.T) {
	for name, c := range map[string]struct {
		kind    types.SensorType
		reading types.EventReadingType
		states  []uint8
		want    string
	}{
		"a power supply that is there":        {0x08, 0x6f, []uint8{0}, "ok"},
		"a power supply that failed":          {0x08, 0x6f, []uint8{0, 1}, "critical"},
		"a power supply that will fail":       {0x08, 0x6f, []uint8{0, 2}, "critical"},
		"a power supply without mains":        {0x08, 0x6f, []uint8{0, 3}, "warning"},
		"redundancy lost":                     {0x08, 0x0b, []uint8{1}, "warning"},
		"full redundancy":                     {0x08, 0x0b, []uint8{0}, "ok"},
		"too little of it":                    {0x09, 0x0b, []uint8{5}, "critical"},
		"a drive that is there":               {0x0d, 0x6f, []uint8{0}, "ok"},
		"a drive that failed":                 {0x0d, 0x6f, []uint8{0, 1}, "critical"},
		"an array that is rebuilt":            {0x0d, 0x6f, []uint8{0, 7}, "warning"},
		"a processor that is there":           {0x07, 0x6f, []uint8{7}, "ok"},
		"a processor that is slowed down":     {0x07, 0x6f, []uint8{7, 10}, "warning"},
		"a processor that stopped":            {0x07, 0x6f, []uint8{7, 0}, "critical"},
		"memory with errors corrected":        {0x0c, 0x6f, []uint8{0, 6}, "warning"},
		"memory with errors that were not":    {0x0c, 0x6f, []uint8{1}, "critical"},
		"a battery that is low":               {0x29, 0x6f, []uint8{0}, "warning"},
		"any part that foretells its failure": {0x0b, 0x04, []uint8{1}, "critical"},
		"any part that does not":              {0x0b, 0x04, []uint8{0}, "ok"},
		"a severity":                          {0x0b, 0x07, []uint8{2}, "critical"},
		"a watchdog that ran out":             {0x23, 0x6f, []uint8{1}, "ok"},
		"a vendor's own":                      {0xc0, 0x70, []uint8{0, 1, 2, 3}, "ok"},
		"no state at all":                     {0x08, 0x6f, nil, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			state, names := asserted(c.kind, c.reading, c.states)
			assert.Equal(t, c.want, state)
			assert.Len(t, names, len(c.states))
		})
	}
}

func TestHowAReadingStandsToItsThresholds(t *testing.T) {
	for name, c := range map[string]struct {
		reading sensor.GetSensorReadingResponse
		on, off string
	}{
		"between them":          {sensor.GetSensorReadingResponse{}, "ok", "ok"},
		"high":                  {sensor.GetSensorReadingResponse{Above_UNC: true}, "warning", "warning"},
		"too high":              {sensor.GetSensorReadingResponse{Above_UNC: true, Above_UCR: true}, "critical", "critical"},
		"far too high":          {sensor.GetSensorReadingResponse{Above_UNR: true}, "critical", "critical"},
		"low":                   {sensor.GetSensorReadingResponse{Below_LNC: true}, "warning", "unknown"},
		"too low":               {sensor.GetSensorReadingResponse{Below_LNC: true, Below_LCR: true}, "critical", "unknown"},
		"far too low":           {sensor.GetSensorReadingResponse{Below_LNR: true}, "critical", "unknown"},
		"high and low, at once": {sensor.GetSensorReadingResponse{Below_LNC: true, Above_UCR: true}, "critical", "critical"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.on, (&sensors{}).compared(&c.reading))
			assert.Equal(t, c.off, (&sensors{dark: true}).compared(&c.reading))
		})
	}
}

func TestOneRecordMayStandForSeveralSensors(t *testing.T) {
	record := &types.SDR{Compact: &types.SDRCompact{GeneratorID: types.GeneratorBMC, SensorNumber: 0x60, SensorType: 0x08, SensorEventReadingType: 0x6f,
		ShareCount: 3, IDStringInstanceModifierOffset: 1, IDStringTypeLength: 0xc3, IDStringBytes: []byte("PSU")}}
	var names []string
	var numbers []uint8
	for _, p := range probes(record) {
		names, numbers = append(names, p.name), append(numbers, p.number)
	}
	assert.Equal(t, []string{"PSU1", "PSU2", "PSU3"}, names)
	assert.Equal(t, []uint8{0x60, 0x61, 0x62}, numbers)
	record.Compact.IDStringInstanceModifierType, record.Compact.IDStringInstanceModifierOffset = 1, 24
	names = nil
	for _, p := range probes(record) {
		names = append(names, p.name)
	}
	assert.Equal(t, []string{"PSUY", "PSUZ", "PSUAA"}, names)
	assert.Empty(t, probes(&types.SDR{FRUDeviceLocator: &types.SDRFRUDeviceLocator{}}))
}

func TestAnEventIsCriticalUntilItEnds(t *testing.T) {
	entry := func(id uint16, ended bool, sensor uint8) *types.SEL {
		return &types.SEL{RecordID: id, RecordType: 2, Standard: &types.SELStandard{GeneratorID: types.GeneratorBMC, SensorType: 8, SensorNumber: types.SensorNumber(sensor),
			EventDir: types.EventDir(ended), EventReadingType: 0x6f, EventData: types.EventData{EventData1: 1}}}
	}
	// The newest first: it failed again after it had ended, and another one's end is another one's.
	events := describeEvents([]*types.SEL{entry(5, true, 9), entry(4, false, 7), entry(3, true, 7), entry(2, false, 7), {RecordID: 1, RecordType: 0xc1, OEMTimestamped: &types.SELOEMTimestamped{}}}, nil)
	var critical []int
	for _, e := range events {
		if e.Critical {
			critical = append(critical, e.ID)
		}
	}
	assert.Equal(t, []int{4}, critical)
	assert.Equal(t, "power supply 07h", events[1].Sensor, "it has no record")
	assert.Equal(t, bmc.Event{ID: 1, Text: "the vendor's own, type c1h, data 000000000000"}, events[4])
}
