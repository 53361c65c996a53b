package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"stackstorm-laas/internal/fault"
)

// maxOutput bounds what is kept of a command's output; the host is a tenant's and may send anything.
const maxOutput = 1 << 20

// Run runs a command that is a constant of ours and gives what it printed. A status other than 0 is Failed and told with the end
// of the standard error output; a connection that is lost on the way is Transient and proves nothing.
func (c *Conn) Run(ctx context.Context, command string) (string, error) {
	var stdout, stderr bounded
	err := c.limited(ctx, func() error {
		session, err := c.ssh.NewSession()
		if err != nil {
			return lost(err)
		}
		defer session.Close()
		session.Stdout, session.Stderr = &stdout, &stderr
		return status(session.Run(command), stderr.String())
	})
	if err == nil && stdout.cut {
		err = fault.New(fault.Failed, "more than %d bytes of output", maxOutput)
	}
	if err != nil {
		return "", fault.Wrap(err, "run %q on %s", command, c.host)
	}
	return stdout.String(), nil
}

func status(err error, stderr string) error {
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &exit):
		return lost(err)
	case exit.Signal() != "":
		return fault.New(fault.Failed, "ended by signal %s: %s", exit.Signal(), lastLines(stderr))
	}
	return fault.New(fault.Failed, "%w: %s", ExitStatus(exit.ExitStatus()), lastLines(stderr))
}

// ExitStatus is in the error of a command that ended with a status other than 0.
type ExitStatus int

func (s ExitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// lost says that the connection, not the command, is to blame.
func lost(err error) error { return fault.New(fault.Transient, "the connection was lost: %w", err) }

// bounded keeps the first maxOutput bytes and takes the rest without keeping it, so that the command does not stall.
type bounded struct {
	kept bytes.Buffer
	cut  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := maxOutput - b.kept.Len(); len(p) > room {
		b.cut = true
		b.kept.Write(p[:room])
		return len(p), nil
	}
	return b.kept.Write(p)
}

func (b *bounded) String() string { return b.kept.String() }
