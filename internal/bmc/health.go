package bmc

import (
	"context"
	"time"
)

// HealthReader tells how the hardware is. Not every driver has it: d.(bmc.HealthReader).
type HealthReader interface {
	// Health reads the sensors, at most so many of the last entries of the event log (none for 0), and what the machine is. What a BMC
	// does not tell is named in Unread and is no error; only a BMC that cannot be talked to is.
	Health(ctx context.Context, events int) (Health, error)
}

// HealthTime is how long a driver reads the health of a host, with that distance between commands: 300 sensors whose records come in pieces.
// What it has not read by then is Unread.
func HealthTime(minInterval time.Duration) time.Duration { return 2*time.Minute + 1000*minInterval }

// Health is what a BMC says of its host at one moment. Its texts are the device's own: they may hold anything.
type Health struct {
	Sensors []Sensor
	// Events are the newest first.
	Events  []Event
	Machine Machine
	// Unread are the parts that the BMC did not tell, each with why: "sensors: ...", "events: ...", "machine: ...".
	Unread []string
}

// The states of a sensor.
const (
	SensorOK       = "ok"
	SensorWarning  = "warning"
	SensorCritical = "critical"
	SensorUnknown  = "unknown"
)

// Sensor is one thing that the BMC watches.
type Sensor struct {
	Name string
	// Kind is temperature, fan, voltage, power supply, ...
	Kind string
	// Reading has its unit; it is empty when there is none.
	Reading string
	// State is ok, warning, critical or unknown.
	State string
}

// Event is one entry of the event log.
type Event struct {
	ID int
	// At is zero when the BMC's clock was not set.
	At           time.Time
	Sensor, Text string
	// Critical is an event of the kind that makes a sensor critical, and that has not ended by itself.
	Critical bool
}

// Machine is what the BMC says the host is. What it does not tell is empty.
type Machine struct {
	Manufacturer, Model, Serial, Firmware, CPU string
	MemoryMiB                                  int
	MACs                                       []string
}
