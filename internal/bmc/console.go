package bmc

import (
	"context"
	"io"
)

// Console shows the host's serial console. Not every driver has it.
type Console interface {
	// Console copies what the host writes to its serial console to out, as it comes, until ctx ends; it then leaves the console free and returns
	// nil. It never sends a key to the host. A console that is not free is taken from whoever has it, once: it may be a session of ours that was
	// killed. Refused means that the BMC has no console to show.
	Console(ctx context.Context, out io.Writer) error
}
