package netswitch

import "context"

// Learned is an address that a switch has seen as the source of frames.
type Learned struct {
	// MAC is in lower case with colons, Port as the switch calls it.
	MAC, Port string
	VLAN      int
}

// Learner is a Driver of a switch that shows where it has seen addresses. What it saw, its ports did, whatever its configuration shows. An address that
// it has not seen proves nothing: hosts are silent, and switches forget after minutes.
type Learner interface {
	Learned(ctx context.Context) ([]Learned, error)
}
