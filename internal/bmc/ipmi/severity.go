package ipmi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/bmc"
)

// kinds are the sensor types (IPMI 2.0 table 42-3) whose names in the standard say more than is of use.
var kinds = map[types.SensorType]string{types.SensorTypeDriveSlot: "drive", types.SensorType(0x28): "management controller"}

func kind(t types.SensorType) string {
	if name, ok := kinds[t]; ok {
		return name
	}
	return strings.ToLower(strings.ReplaceAll(t.String(), " / ", " or "))
}

// states are what the offsets of a discrete sensor mean for the host; those that are not listed are nothing to worry about.
type states struct{ critical, warning []uint8 }

// special are those of sensor types (table 42-3). A host without one of two power supplies' mains runs on, a failed power supply wants
// to be changed; errors that were corrected are a warning, errors that were not are critical.
var special = map[types.SensorType]states{
	types.SensorType(0x05): {warning: []uint8{0, 1, 2, 3, 5, 6}},                                      // physical security
	types.SensorType(0x07): {critical: []uint8{0, 1, 2, 3, 4, 6, 11}, warning: []uint8{5, 8, 10, 12}}, // processor
	types.SensorType(0x08): {critical: []uint8{1, 2}, warning: []uint8{3, 4, 5, 6}},                   // power supply
	types.SensorType(0x09): {critical: []uint8{6}, warning: []uint8{3, 5, 7}},                         // power unit
	types.SensorType(0x0c): {critical: []uint8{1, 2, 10}, warning: []uint8{0, 3, 4, 5, 7, 9}},         // memory
	types.SensorType(0x0d): {critical: []uint8{1, 2, 6}, warning: []uint8{5, 7, 8}},                   // drive
	types.SensorType(0x13): {critical: []uint8{5, 8, 10}, warning: []uint8{1, 2, 3, 4, 6, 7, 9, 11}},  // critical interrupt
	types.SensorType(0x1b): {warning: []uint8{1}},                                                     // cable
	types.SensorType(0x21): {warning: []uint8{0}},                                                     // slot
	types.SensorType(0x28): {warning: []uint8{0, 1, 2, 3, 4, 5}},                                      // management controller
	types.SensorType(0x29): {warning: []uint8{0, 1}},                                                  // battery
}

// general are those of the event types (table 42-2) that every sensor may use.
var general = map[types.EventReadingType]states{
	types.EventReadingTypePredictiveFailure:      {critical: []uint8{1}},
	types.EventReadingTypeLimit:                  {warning: []uint8{1}},
	types.EventReadingTypePerformance:            {warning: []uint8{1}},
	types.EventReadingTypeTransitionSeverity:     {critical: []uint8{2, 3, 5, 6}, warning: []uint8{1, 4}},
	types.EventReadingTypeTransitionAvailability: {warning: []uint8{6, 8}},
	types.EventReadingTypeRedundancy:             {critical: []uint8{5}, warning: []uint8{1, 2, 3, 4, 6, 7}},
	// As events: the even offsets are going low, the odd ones going high.
	types.EventReadingTypeThreshold: {critical: []uint8{2, 4, 9, 11}, warning: []uint8{0, 7}},
}

// meaning is what one state means for the host.
func meaning(t types.SensorType, e types.EventReadingType, offset uint8) string {
	s := general[e]
	if e == types.EventReadingTypeSensorSpecific {
		s = special[t]
	}
	switch {
	case slices.Contains(s.critical, offset):
		return bmc.SensorCritical
	case slices.Contains(s.warning, offset):
		return bmc.SensorWarning
	}
	return bmc.SensorOK
}

// asserted gives the worst of a discrete sensor's states, and the names of all, the worst first.
func asserted(t types.SensorType, e types.EventReadingType, offsets []uint8) (state string, names []string) {
	by := map[string][]string{}
	for _, offset := range offsets {
		m := meaning(t, e, offset)
		by[m] = append(by[m], stateName(t, e, offset))
	}
	state = bmc.SensorOK
	for _, s := range []string{bmc.SensorCritical, bmc.SensorWarning, bmc.SensorOK} {
		if len(names) == 0 && len(by[s]) > 0 {
			state = s
		}
		names = append(names, by[s]...)
	}
	return state, names
}

// stateName is what the standard calls a state.
func stateName(t types.SensorType, e types.EventReadingType, offset uint8) string {
	if event := e.EventForOffset(t, offset); event != nil && event.EventName != "" {
		return strings.ToLower(event.EventName)
	}
	return fmt.Sprintf("state %d of type %02xh", offset, uint8(e))
}
