package ipmi

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/command/sensor"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// bmcOwner is the BMC's own address on its bus. Sensors of other controllers would have to be asked over that bus.
const bmcOwner = uint8(types.GeneratorBMC)

// source is where a sensor's reading and its events come from.
type source struct {
	owner, number uint8
}

// sensors collects what the BMC watches, and what it calls it.
type sensors struct {
	list  []bmc.Sensor
	names map[source]string
	// dark is a host without power: what then reads low says nothing.
	dark bool
}

func (s *sensors) read(ctx context.Context, c *client.Client) error {
	if state, err := powerState(ctx, c); err == nil {
		s.dark = state == bmc.Off
	}
	damaged, err := s.readFrom(ctx, c, mainStore{c})
	if len(s.names) == 0 && (declined(err) || fault.Is(err, fault.NotFound)) {
		if more, device := s.readFrom(ctx, c, deviceStore{c}); device == nil {
			damaged, err = more, nil
		}
	}
	if err == nil && damaged > 0 {
		err = fault.New(fault.NotFound, "%d record(s) are damaged; the others were read", damaged)
	}
	return err
}

func (s *sensors) readFrom(ctx context.Context, c *client.Client, store recordStore) (damaged int, err error) {
	s.list = nil
	return (&repository{store: store}).each(ctx, func(record *types.SDR) error {
		for _, probe := range probes(record) {
			s.names[probe.source] = probe.name
			if record.EventOnly != nil {
				continue
			}
			one, err := s.ask(ctx, c, probe)
			if err != nil {
				return err
			}
			s.list = append(s.list, one)
		}
		return nil
	})
}

// probe is one sensor as its record describes it.
type probe struct {
	source
	name    string
	lun     uint8
	kind    types.SensorType
	reading types.EventReadingType
	// full is nil for a sensor without numbers.
	full *types.SDRFull
}

// probes gives the sensors of a record: a compact one may stand for several with consecutive numbers (IPMI 2.0 section 43.2).
func probes(record *types.SDR) []probe {
	switch {
	case record.Full != nil:
		f := record.Full
		return []probe{{
			source: source{f.GeneratorID.OwnerID(), uint8(f.SensorNumber)}, name: label(f.IDStringTypeLength, f.IDStringBytes),
			lun: f.GeneratorID.LUN(), kind: f.SensorType, reading: f.SensorEventReadingType, full: f,
		}}
	case record.Compact != nil:
		f := record.Compact
		name := label(f.IDStringTypeLength, f.IDStringBytes)
		var list []probe
		for i := range max(1, f.ShareCount) {
			p := probe{
				source: source{f.GeneratorID.OwnerID(), uint8(f.SensorNumber) + i}, name: name,
				lun: f.GeneratorID.LUN(), kind: f.SensorType, reading: f.SensorEventReadingType,
			}
			if f.ShareCount > 1 {
				p.name += instance(f.IDStringInstanceModifierType, f.IDStringInstanceModifierOffset+i)
			}
			list = append(list, p)
		}
		return list
	case record.EventOnly != nil:
		f := record.EventOnly
		return []probe{{source: source{f.GeneratorID.OwnerID(), uint8(f.SensorNumber)}, name: label(f.IDStringTypeLength, f.IDStringBytes)}}
	}
	return nil
}

func label(tl types.TypeLength, raw []byte) string {
	return strings.TrimSpace(strings.TrimRight(types.FRUFieldString(tl, raw), "\x00"))
}

// instance is what tells apart the names of sensors that share a record: a number, or letters.
func instance(modifier, n uint8) string {
	if modifier == 0 {
		return strconv.Itoa(int(n))
	}
	if n < 26 {
		return string(rune('A' + n))
	}
	return string(rune('A'+n/26-1)) + string(rune('A'+n%26))
}

// ask reads one sensor. A BMC that does not want to tell leaves it unknown.
func (s *sensors) ask(ctx context.Context, c *client.Client, p probe) (bmc.Sensor, error) {
	out := bmc.Sensor{Name: p.name, Kind: kind(p.kind), State: bmc.SensorUnknown}
	if p.owner != bmcOwner {
		return out, nil
	}
	res := &sensor.GetSensorReadingResponse{}
	at := client.WithCommandContext(ctx, new(client.CommandContext).WithResponderLUN(p.lun))
	err := c.Exchange(at, &sensor.GetSensorReadingRequest{SensorNumber: p.number}, res)
	switch {
	case isAnswer(err):
		return out, nil
	case err != nil:
		return out, err
	case res.ReadingUnavailable, res.SensorScanningDisabled:
		return out, nil
	}
	if p.full != nil && p.full.HasAnalogReading() && p.full.SensorUnit.IsAnalog() {
		out.Reading = measured(p.full, res.Reading)
	}
	if p.reading.IsThreshold() {
		out.State = s.compared(res)
		return out, nil
	}
	var active []string
	out.State, active = asserted(p.kind, p.reading, res.ActiveStates.TrueEvents())
	if out.Reading == "" {
		out.Reading = strings.Join(active, ", ")
	}
	return out, nil
}

// compared reads how the BMC itself compares the reading with the thresholds.
func (s *sensors) compared(r *sensor.GetSensorReadingResponse) string {
	low, critical := r.Below_LNC || r.Below_LCR || r.Below_LNR, r.Below_LCR || r.Below_LNR
	switch {
	case r.Above_UCR, r.Above_UNR:
		return bmc.SensorCritical
	case low && s.dark:
		return bmc.SensorUnknown
	case critical:
		return bmc.SensorCritical
	case low, r.Above_UNC:
		return bmc.SensorWarning
	}
	return bmc.SensorOK
}

// measured is a reading with its unit, to three decimals.
func measured(f *types.SDRFull, raw uint8) string {
	value := f.ConvertReading(raw)
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return ""
	}
	text := strconv.FormatFloat(math.Round(value*1000)/1000, 'f', -1, 64)
	if unit := unit(f.SensorUnit); unit != "" {
		text += " " + unit
	}
	return text
}

var shortUnits = map[types.SensorUnitType]string{
	types.SensorUnitType_Unspecified: "", types.SensorUnitType_DegreesC: "C", types.SensorUnitType_DegreesF: "F", types.SensorUnitType_DegreesK: "K",
	types.SensorUnitType_Volts: "V", types.SensorUnitType_Amps: "A", types.SensorUnitType_Watts: "W",
}

func unit(u types.SensorUnit) string {
	base, known := shortUnits[u.BaseUnit]
	if !known {
		base = u.BaseUnit.String()
	}
	if u.Percentage {
		return strings.TrimSpace("% " + base)
	}
	return base
}
