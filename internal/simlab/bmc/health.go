package bmc

import (
	"context"
	"fmt"
	"math"

	"github.com/bougou/go-ipmi/pkg/command/storage"
	"github.com/bougou/go-ipmi/pkg/hal"
	"github.com/bougou/go-ipmi/pkg/handlers"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/simlab/world"
)

// gauge is how a kind of sensor is told over IPMI: value = raw * factor * 10^exponent, with the factor as such in the record.
type gauge struct {
	kind     types.SensorType
	unit     types.SensorUnitType
	factor   int16
	exponent int8
}

var gauges = map[world.SensorKind]gauge{
	world.Temperature: {0x01, types.SensorUnitType_DegreesC, 1, 0},
	world.Fan:         {0x04, types.SensorUnitType_RPM, 100, 0},
	world.Voltage:     {0x02, types.SensorUnitType_Volts, 1, -1},
}

func (g gauge) raw(value float64) uint8 {
	return uint8(math.Round(value / float64(g.factor) / math.Pow(10, float64(g.exponent))))
}

// discrete are the kinds of sensors that have states and no value.
var discrete = map[world.SensorKind]types.SensorType{world.PowerSupply: 0x08, world.Drive: 0x0d}

// firstSensor is the number of a host's first sensor; the others follow.
const firstSensor = 0x30

// registry tells the health of a host as its BMC does: sensor records and inventory as the server has them, what the server lacks by
// handlers. Nothing can be written.
type registry struct {
	world *world.World
	host  string
}

// FRU and SDR implement hal.StorageHAL.
func (r *registry) FRU() hal.FRUStore { return fruStore{r} }
func (r *registry) SDR() hal.SDRStore { return sdrStore{r} }

type fruStore struct{ *registry }

func (f fruStore) Read(_ context.Context, id uint8) ([]byte, error) {
	if id != 0 {
		return nil, hal.ErrNotFound
	}
	m := f.world.Machine(f.host)
	return types.PackFRU(types.FRUPackConfig{Product: &types.FRUPackProduct{Manufacturer: m.Manufacturer, Name: m.Model, Serial: m.Serial}})
}

func (fruStore) DeviceIDs(context.Context) ([]uint8, error) { return []uint8{0}, nil }
func (fruStore) Write(context.Context, uint8, []byte) error { return hal.ErrNotSupported }
func (fruStore) Delete(context.Context, uint8) error        { return hal.ErrNotSupported }

type sdrStore struct{ *registry }

func (s sdrStore) RecordIDs(context.Context) (ids []uint16, err error) {
	for i := range s.world.Sensors(s.host) {
		ids = append(ids, uint16(i+1))
	}
	return ids, nil
}

func (s sdrStore) Read(_ context.Context, id uint16) ([]byte, error) {
	sensors := s.world.Sensors(s.host)
	if id == 0 || int(id) > len(sensors) {
		return nil, hal.ErrNotFound
	}
	return record(id, sensors[id-1]), nil
}

func (sdrStore) Write(context.Context, uint16, []byte) error { return hal.ErrNotSupported }
func (sdrStore) Delete(context.Context, uint16) error        { return hal.ErrNotSupported }

// record describes a sensor (IPMI 2.0 sections 43.1 and 43.2).
func record(id uint16, s world.Sensor) []byte {
	number := types.SensorNumber(firstSensor + id - 1)
	begin := types.SensorInitialization{InitScanning: true, SensorScanningEnabled: true}
	name, length := []byte(s.Name), types.TypeLength(0xc0|len(s.Name))
	if kind, ok := discrete[s.Kind]; ok {
		return (&types.SDRCompact{
			GeneratorID: types.GeneratorBMC, SensorNumber: number, SensorEntityID: 7, SensorEntityInstance: 1, SensorInitialization: begin,
			SensorCapabilities: types.SensorCapabilities{AutoRearm: true}, SensorType: kind, SensorEventReadingType: types.EventReadingTypeSensorSpecific,
			SensorUnit: types.SensorUnit{AnalogDataFormat: types.SensorAnalogUnitFormat_NotAnalog}, ShareCount: 1, IDStringTypeLength: length, IDStringBytes: name,
		}).Pack(id)
	}
	g := gauges[s.Kind]
	return (&types.SDRFull{
		GeneratorID: types.GeneratorBMC, SensorNumber: number, SensorEntityID: 7, SensorEntityInstance: 1, SensorInitialization: begin,
		SensorCapabilities: types.SensorCapabilities{AutoRearm: true, ThresholdAccess: 1}, SensorType: g.kind, SensorEventReadingType: types.EventReadingTypeThreshold,
		SensorUnit: types.SensorUnit{BaseUnit: g.unit}, ReadingFactors: types.ReadingFactors{M: g.factor, R_Exp: g.exponent},
		LCR_Raw: g.raw(s.LowCritical), LNC_Raw: g.raw(s.Low), UNC_Raw: g.raw(s.High), UCR_Raw: g.raw(s.HighCritical), IDStringTypeLength: length, IDStringBytes: name,
	}).Pack(id)
}

// tellHealth registers what go-ipmi's server does not answer by itself.
func (s *Server) tellHealth(reg *handlers.Registry) {
	reg.RegisterFunc(types.CommandGetSensorReading, s.reading)
	reg.RegisterFunc(types.CommandGetSELInfo, s.logInfo)
	reg.RegisterFunc(types.CommandGetSELEntry, s.logEntry)
}

// reading answers Get Sensor Reading (section 35.14): the value, that it is valid, and how it stands to the limits, or the states.
func (s *Server) reading(_ context.Context, _ *handlers.HandlerContext, req []byte) ([]byte, types.CompletionCode, error) {
	sensors := s.world.Sensors(s.cfg.Host)
	if len(req) != 1 || req[0] < firstSensor || int(req[0]) >= firstSensor+len(sensors) {
		return nil, types.CodeRequestedDataNotPresent, nil
	}
	const scanned, reserved = 0xc0, 0xc0
	one := sensors[req[0]-firstSensor]
	if _, ok := discrete[one.Kind]; ok {
		states := uint8(1) // present
		if one.Failed {
			states |= 1 << 1
		}
		if one.Failing {
			states |= 1 << 2
		}
		return []byte{0, scanned, states, 0x80}, types.CodeOK, nil
	}
	compared := uint8(reserved)
	for bit, crossed := range []bool{
		one.Value <= one.Low && one.Low > 0, one.Value <= one.LowCritical && one.LowCritical > 0, false,
		one.Value >= one.High && one.High > 0, one.Value >= one.HighCritical && one.HighCritical > 0,
	} {
		if crossed {
			compared |= 1 << bit
		}
	}
	return []byte{gauges[one.Kind].raw(one.Value), scanned, compared}, types.CodeOK, nil
}

// logInfo answers Get SEL Info (section 31.2).
func (s *Server) logInfo(context.Context, *handlers.HandlerContext, []byte) ([]byte, types.CompletionCode, error) {
	out := make([]byte, 14)
	out[0] = 0x51
	types.PackUint16L(uint16(len(s.world.HardwareEvents(s.cfg.Host))), out, 1)
	types.PackUint16L(0xffff, out, 3)
	return out, types.CodeOK, nil
}

// causes are the event type and the offset of a trouble's entry.
var causes = map[world.TroubleKind]struct {
	kind   types.SensorType
	event  types.EventReadingType
	offset uint8
}{
	world.FanFails: {0x04, types.EventReadingTypeThreshold, 2}, world.Overheats: {0x01, types.EventReadingTypeThreshold, 9}, world.Warms: {0x01, types.EventReadingTypeThreshold, 7},
	world.SupplyFails: {0x08, types.EventReadingTypeSensorSpecific, 1}, world.DriveFails: {0x0d, types.EventReadingTypeSensorSpecific, 2},
}

// logEntry answers Get SEL Entry (section 31.5).
func (s *Server) logEntry(_ context.Context, _ *handlers.HandlerContext, req []byte) ([]byte, types.CompletionCode, error) {
	events := s.world.HardwareEvents(s.cfg.Host)
	if len(req) != 6 || len(events) == 0 {
		return nil, types.CodeRequestedDataNotPresent, nil
	}
	id, _, _ := types.UnpackUint16L(req, 2)
	switch id {
	case 0:
		id = 1
	case 0xffff:
		id = uint16(len(events))
	}
	if int(id) > len(events) {
		return nil, types.CodeRequestedDataNotPresent, nil
	}
	e := events[id-1]
	cause := causes[e.Kind]
	entry := types.SEL{RecordID: id, RecordType: 2, Standard: &types.SELStandard{
		Timestamp: e.At, GeneratorID: types.GeneratorBMC, EvMRev: 4, SensorType: cause.kind, SensorNumber: types.SensorNumber(s.number(e.Sensor)),
		EventDir: types.EventDir(e.Ended), EventReadingType: cause.event, EventData: types.EventData{EventData1: cause.offset, EventData2: 0xff, EventData3: 0xff},
	}}
	next := id + 1
	if int(id) == len(events) {
		next = 0xffff
	}
	return (&storage.GetSDRResponse{NextRecordID: next, RecordData: entry.Pack()}).Pack(), types.CodeOK, nil
}

func (s *Server) number(name string) int {
	for i, one := range s.world.Sensors(s.cfg.Host) {
		if one.Name == name {
			return firstSensor + i
		}
	}
	panic(fmt.Sprintf("no sensor %q", name))
}
