package booking

import (
	"context"
	"slices"
	"time"
)

// PortIntent is what a switch port is to be, since laas.set_ports wrote it last.
type PortIntent struct {
	Port string `json:"port"`
	// Host and Job are for whom; Job is 0 when an operator isolated the host.
	Host  string `json:"host"`
	Job   int    `json:"job,omitempty"`
	State string `json:"state"`

	Native   int   `json:"native,omitempty"`
	Tagged   []int `json:"tagged,omitempty"`
	MTU      int   `json:"mtu,omitempty"`
	Shutdown bool  `json:"shutdown,omitempty"`

	// Pending says that the write was not read back: the port may be anything between what it was and this.
	Pending bool `json:"pending,omitempty"`
	// At is when it was written, in Execution.
	At        time.Time `json:"at"`
	Execution string    `json:"execution,omitempty"`
}

// Intent is what the ports of a switch are to be. Its one writer is laas.set_ports, one at a time for a switch. A port that is not in it
// was never written by the pack.
type Intent struct {
	Switch string                `json:"switch"`
	Ports  map[string]PortIntent `json:"ports"`
	// Created are the VLANs that the pack made on the switch, sorted.
	Created []int `json:"created,omitempty"`
}

const intentPrefix = "laas.intent."

// Intent reads what the ports of a switch are to be.
func (j Journal) Intent(ctx context.Context, sw string) (*Intent, error) {
	i := &Intent{}
	_, err := get(ctx, j.Store, intentPrefix+sw, i)
	i.Switch = sw
	if i.Ports == nil {
		i.Ports = map[string]PortIntent{}
	}
	return i, err
}

// Intents reads them of all switches, by name.
func (j Journal) Intents(ctx context.Context) ([]*Intent, error) {
	return records[Intent](ctx, j.Store, intentPrefix)
}

// SaveIntent writes what the ports of a switch are to be.
func (j Journal) SaveIntent(ctx context.Context, i *Intent) error {
	return put(ctx, j.Store, intentPrefix+i.Switch, i)
}

// Unused are the VLANs that the pack made on the switch and that no port of the pack's is to carry.
func (i *Intent) Unused() []int {
	return slices.DeleteFunc(slices.Clone(i.Created), func(id int) bool {
		for _, p := range i.Ports {
			if p.Native == id || slices.Contains(p.Tagged, id) {
				return true
			}
		}
		return false
	})
}

// Isolation keeps a host's ports shut whatever its job does, until an operator ends it.
type Isolation struct {
	Host string    `json:"host"`
	At   time.Time `json:"at"`
}

const isolationPrefix = "laas.isolated."

// Isolation reads whether a host is isolated; nil if it is not.
func (j Journal) Isolation(ctx context.Context, host string) (*Isolation, error) {
	i := &Isolation{}
	found, err := get(ctx, j.Store, isolationPrefix+host, i)
	if err != nil || !found {
		return nil, err
	}
	return i, nil
}

// Isolate notes that a host is isolated.
func (j Journal) Isolate(ctx context.Context, host string) error {
	return put(ctx, j.Store, isolationPrefix+host, &Isolation{Host: host, At: j.Now().UTC()})
}

// Rejoin ends a host's isolation.
func (j Journal) Rejoin(ctx context.Context, host string) error {
	return j.Store.Delete(ctx, isolationPrefix+host)
}
