package world

import (
	"slices"
	"time"
)

// The troubles that a host's BMC tells of. They last until they are ended and hinder nothing: the simulated host works on.
const (
	// FanFails: a fan hardly turns. A host without power does not show it.
	FanFails TroubleKind = "fan-fails"
	// Overheats: a processor is hotter than it may be.
	Overheats TroubleKind = "overheats"
	// SupplyFails: one of two power supplies failed.
	SupplyFails TroubleKind = "power-supply-fails"
	// DriveFails: a drive foretells its end.
	DriveFails TroubleKind = "drive-fails"
	// Warms: a processor is warmer than it should be, and not yet too hot.
	Warms TroubleKind = "warms"
)

// failing are the kinds above and the sensors that show them.
var failing = map[TroubleKind]string{FanFails: "FAN2", Overheats: "CPU1 Temp", Warms: "CPU1 Temp", SupplyFails: "PS2 Status", DriveFails: "Drive 1"}

// SensorKind is what a sensor watches.
type SensorKind string

// The kinds of sensors.
const (
	Temperature SensorKind = "temperature" // degrees Celsius
	Fan         SensorKind = "fan"         // turns a minute
	Voltage     SensorKind = "voltage"
	PowerSupply SensorKind = "power supply" // has no value
	Drive       SensorKind = "drive"        // has no value
)

// Sensor is one thing that a host's BMC watches.
type Sensor struct {
	Name  string
	Kind  SensorKind
	Value float64
	// The limits; 0 is none. A value beyond the critical one is beyond the other, too.
	LowCritical, Low, High, HighCritical float64
	// Failed is a power supply that does not work, Failing a drive that will not for long.
	Failed, Failing bool
}

// HardwareEvent is an entry of the BMC's event log: a trouble began or ended.
type HardwareEvent struct {
	ID     int
	At     time.Time
	Kind   TroubleKind
	Sensor string
	Ended  bool
}

// Machine is what the BMC says the host is.
type Machine struct {
	Manufacturer, Model, Serial, CPU string
	MemoryMiB                        int
	MACs                             []string
}

// Machine tells what a host is.
func (w *World) Machine(name string) Machine {
	m := Machine{Manufacturer: "Simulated", Model: "SIM 1000", Serial: "SN-" + name, CPU: "Simulated processor", MemoryMiB: 64 << 10}
	for _, n := range w.NICs(name) {
		m.MACs = append(m.MACs, n.MAC)
	}
	return m
}

// Sensors tells what a host's BMC reads at this moment.
func (w *World) Sensors(name string) []Sensor {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, err := w.find(name)
	if err != nil {
		return nil
	}
	has := func(k TroubleKind) bool {
		return slices.ContainsFunc(h.troubles, func(t *Trouble) bool { return t.Kind == k })
	}
	cpu, fan1, fan2, volts := 41.0, 5400.0, 5300.0, 12.0
	switch {
	case has(Overheats):
		cpu = 99
	case has(Warms):
		cpu = 88
	}
	if has(FanFails) {
		fan2 = 300
	}
	if h.phase == phaseOff {
		fan1, fan2, volts = 0, 0, 0
	}
	return []Sensor{
		{Name: "Inlet Temp", Kind: Temperature, Value: 24, High: 40, HighCritical: 45},
		{Name: "CPU1 Temp", Kind: Temperature, Value: cpu, High: 85, HighCritical: 95},
		{Name: "FAN1", Kind: Fan, Value: fan1, LowCritical: 1000, Low: 1500},
		{Name: "FAN2", Kind: Fan, Value: fan2, LowCritical: 1000, Low: 1500},
		{Name: "12V", Kind: Voltage, Value: volts, LowCritical: 10.8, Low: 11, High: 13, HighCritical: 13.2},
		{Name: "PS1 Status", Kind: PowerSupply},
		{Name: "PS2 Status", Kind: PowerSupply, Failed: has(SupplyFails)},
		{Name: "Drive 1", Kind: Drive, Failing: has(DriveFails)},
	}
}

// HardwareEvents tells what a host's BMC logged, the oldest first.
func (w *World) HardwareEvents(name string) []HardwareEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hosts[name]; h != nil {
		return slices.Clone(h.hardware)
	}
	return nil
}

// note logs that troubles of the hardware begin or end; others are not seen by a BMC.
func (h *host) note(ended bool, troubles ...*Trouble) {
	for _, t := range troubles {
		if sensor := failing[t.Kind]; sensor != "" {
			h.hardware = append(h.hardware, HardwareEvent{ID: len(h.hardware) + 1, At: time.Now(), Kind: t.Kind, Sensor: sensor, Ended: ended})
		}
	}
}
