package bmc

import (
	"context"
	"fmt"
	"io"
	"time"

	"stackstorm-laas/internal/secret"
)

// Level is how well a part of the machine is.
type Level string

// The levels, from good to bad. Unknown is what the BMC gave no judgement of; it counts as neither.
const (
	OK       Level = "ok"
	Warning  Level = "warning"
	Critical Level = "critical"
	Unknown  Level = "unknown"
)

// Sensor is one reading. Value is text with its unit, e.g. "23 degrees C"; a discrete sensor's is what it reports.
type Sensor struct {
	Name  string
	Value string
	Level Level
}

// Event is an entry of the system event log.
type Event struct {
	ID int
	// At is zero for an event from before the BMC's clock was set.
	At     time.Time
	Sensor string
	Text   string
	Level  Level
}

// Machine is what the BMC tells of the machine; what it does not tell is empty.
type Machine struct {
	Manufacturer, Model, Serial string
	BIOS, Firmware              string
	CPU                         string
	CPUs, MemoryGiB             int
	// MACs are lower case with colons.
	MACs []string
}

// Health is the state of the machine as its BMC tells it. All texts come from a device: they are for people, never for a workflow.
type Health struct {
	Sensors []Sensor
	// Events are the last ones, the newest last.
	Events  []Event
	Machine Machine
	// Unread says what this BMC does not have or did not give.
	Unread []string
}

// Level is the worst level of the present sensors. Events are history and count for nothing here.
func (h Health) Level() Level {
	worst := OK
	for _, s := range h.Sensors {
		switch {
		case s.Level == Critical:
			return Critical
		case s.Level == Warning:
			worst = Warning
		}
	}
	return worst
}

// Complaints are the sensors that are not well, in words.
func (h Health) Complaints() (out []string) {
	for _, s := range h.Sensors {
		if s.Level == Warning || s.Level == Critical {
			out = append(out, fmt.Sprintf("%s is %s (%s)", s.Name, s.Level, s.Value))
		}
	}
	return out
}

// HealthReader reads sensors, at most the given number of the newest events, and the machine's inventory. A part that the BMC
// does not have is Unread and no error.
type HealthReader interface {
	Health(ctx context.Context, events int) (Health, error)
}

// Console copies what the host writes to its serial console to out until ctx ends, which is no error. Not every BMC has one
// (errors.ErrUnsupported). Nothing is ever typed. Other calls of the driver wait until it ends.
type Console interface {
	Console(ctx context.Context, out io.Writer) error
}

// AdminPassword changes the password of the very login that the driver uses, and proves the new one with a login of its own. After an error
// either password may be in force; trying the login tells.
type AdminPassword interface {
	SetAdminPassword(ctx context.Context, password secret.String) error
}

// BIOSPassword sets the password of the firmware's setup; old is empty if there is none, password is empty to remove it. It is in force from the
// next start of the host. Redfish only (errors.ErrUnsupported elsewhere).
type BIOSPassword interface {
	SetBIOSPassword(ctx context.Context, old, password secret.String) error
}
