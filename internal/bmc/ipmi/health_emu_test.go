package ipmi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bougou/go-ipmi/pkg/types"
	"github.com/stretchr/testify/require"
)

// analog is a sensor with thresholds, as numbers of its raw reading: value = raw * factor.
type analog struct {
	number, kind uint8
	unit         types.SensorUnitType
	name         string
	factor       int16
	exponent     int8
	value        uint8
	// lower critical, lower non-critical, upper non-critical, upper critical; 0 for none.
	lcr, lnc, unc, ucr uint8
}

// discrete is a sensor that has states.
type discrete struct {
	number, kind uint8
	name         string
	states       []int
}

// health is what a simulated BMC has to tell.
type health struct {
	analog   []analog
	discrete []discrete
	// events are 13 bytes each: time stamp, generator, revision, sensor type and number, event type, data.
	events [][]byte
	fru    []byte
}

func (a analog) record(id uint16) []byte {
	return (&types.SDRFull{
		GeneratorID: types.GeneratorBMC, SensorNumber: types.SensorNumber(a.number), SensorEntityID: 7, SensorEntityInstance: 1,
		SensorInitialization: types.SensorInitialization{InitScanning: true, SensorScanningEnabled: true, InitThresholds: true},
		SensorCapabilities:   types.SensorCapabilities{AutoRearm: true, ThresholdAccess: 2},
		SensorType:           types.SensorType(a.kind), SensorEventReadingType: types.EventReadingTypeThreshold,
		SensorUnit:     types.SensorUnit{BaseUnit: a.unit},
		ReadingFactors: types.ReadingFactors{M: a.factor, R_Exp: a.exponent},
		LCR_Raw:        a.lcr, LNC_Raw: a.lnc, UNC_Raw: a.unc, UCR_Raw: a.ucr,
		IDStringTypeLength: types.TypeLength(0xc0 | len(a.name)), IDStringBytes: []byte(a.name),
	}).Pack(id)
}

func (d discrete) record(id uint16) []byte {
	return (&types.SDRCompact{
		GeneratorID: types.GeneratorBMC, SensorNumber: types.SensorNumber(d.number), SensorEntityID: 10, SensorEntityInstance: 1,
		SensorInitialization: types.SensorInitialization{InitScanning: true, SensorScanningEnabled: true},
		SensorCapabilities:   types.SensorCapabilities{AutoRearm: true},
		SensorType:           types.SensorType(d.kind), SensorEventReadingType: types.EventReadingTypeSensorSpecific,
		SensorUnit: types.SensorUnit{AnalogDataFormat: types.SensorAnalogUnitFormat_NotAnalog}, ShareCount: 1,
		IDStringTypeLength: types.TypeLength(0xc0 | len(d.name)), IDStringBytes: []byte(d.name),
	}).Pack(id)
}

func inventory(t *testing.T, manufacturer, model, serial string) []byte {
	t.Helper()
	field := func(s string) types.TypeLength { return types.TypeLength(0xc0 | len(s)) }
	data, err := types.PackFRUInventory(&types.FRU{
		CommonHeader: &types.FRUCommonHeader{FormatVersion: 1},
		ProductInfoArea: &types.FRUProductInfoArea{
			FormatVersion: 1, LanguageCode: 25,
			ManufacturerTypeLength: field(manufacturer), Manufacturer: []byte(manufacturer),
			NameTypeLength: field(model), Name: []byte(model),
			PartModelTypeLength: 0xc0, VersionTypeLength: 0xc0,
			SerialNumberTypeLength: field(serial), SerialNumber: []byte(serial),
			AssetTagTypeLength: 0xc0, FRUFileIDTypeLength: 0xc0,
		},
	})
	require.NoError(t, err)
	return data
}

// commands are what makes ipmi_sim have it.
func (h health) commands() string {
	var b strings.Builder
	for i, a := range h.analog {
		fmt.Fprintf(&b, "sensor_add 0x20 0 0x%02x 0x%02x 0x01\n", a.number, a.kind)
		enabled := []byte("000000")
		for n, v := range []uint8{a.lnc, a.lcr, 0, a.unc, a.ucr, 0} {
			if v != 0 {
				enabled[5-n] = '1'
			}
		}
		fmt.Fprintf(&b, "sensor_set_threshold 0x20 0 0x%02x settable %s 0 %d %d 0 %d %d\n", a.number, enabled, a.ucr, a.unc, a.lcr, a.lnc)
		all := strings.Repeat("0", 3) + strings.Repeat("1", 12)
		fmt.Fprintf(&b, "sensor_set_event_support 0x20 0 0x%02x enable scanning per-state %s %s %s %s\n", a.number, all, all, all, all)
		fmt.Fprintf(&b, "sensor_set_value 0x20 0 0x%02x %d 0\n", a.number, a.value)
		fmt.Fprintf(&b, "main_sdr_add 0x20 %s\n", spelled(a.record(uint16(i+1))))
	}
	for i, d := range h.discrete {
		fmt.Fprintf(&b, "sensor_add 0x20 0 0x%02x 0x%02x 0x6f\n", d.number, d.kind)
		all := strings.Repeat("1", 15)
		fmt.Fprintf(&b, "sensor_set_event_support 0x20 0 0x%02x enable scanning per-state %s %s %s %s\n", d.number, all, all, all, all)
		for _, s := range d.states {
			fmt.Fprintf(&b, "sensor_set_bit 0x20 0 0x%02x %d 1 0\n", d.number, s)
		}
		fmt.Fprintf(&b, "main_sdr_add 0x20 %s\n", spelled(d.record(uint16(len(h.analog)+i+1))))
	}
	for _, e := range h.events {
		fmt.Fprintf(&b, "sel_add 0x20 2 %s\n", spelled(e))
	}
	if len(h.fru) > 0 {
		fmt.Fprintf(&b, "mc_add_fru_data 0x20 0 %d data %s\n", len(h.fru), spelled(h.fru))
	}
	return b.String()
}

func spelled(data []byte) string {
	words := make([]string, len(data))
	for i, b := range data {
		words[i] = fmt.Sprintf("0x%02x", b)
	}
	return strings.Join(words, " ")
}
