package ipmi

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/command/transport"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/fault"
)

// solInstance is the one serial port that BMCs have for Serial over LAN.
const solInstance = 1

const (
	// letGo is how long a BMC may take to end the console once it is not wanted any more. After that its session is left to die.
	letGo = 2 * time.Second
	// linger is how long the console is shown on after its end: the BMC hands out in pieces what the host wrote until then.
	linger = 300 * time.Millisecond
	// alive is well below the minute after which BMCs end a session; some do not count what the console carries.
	alive = 20 * time.Second
	// reopen is how long a console that the BMC ended is left alone, e.g. while the host starts again.
	reopen = time.Second
)

// Console implements bmc.Console by Serial over LAN (IPMI 2.0, chapter 15), encrypted like all of the session. The session has no other use
// meanwhile.
func (d *driver) Console(ctx context.Context, out io.Writer) error {
	// When ctx ends, the BMC is still told.
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-life.Done():
		case <-time.After(letGo + 2*d.target.MinInterval):
			end(context.Cause(ctx))
		}
	})
	defer stop()
	err := d.do(life, "watch the serial console", never, func(c *client.Client) error {
		rest := d.s.keepAlive(life)
		defer rest()
		return watch(ctx, life, c, out)
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// watch shows the console until ctx ends. Exchanges live as long as life. A BMC that ends the console, or loses some of it, is asked for it again.
func watch(ctx, life context.Context, c *client.Client, out io.Writer) error {
	if ctx.Err() != nil {
		return nil
	}
	to := &screen{Writer: out}
	ours, err := activate(life, c)
	if err == nil && !ours {
		deactivate(life, c)
		if ours, err = activate(life, c); err == nil && !ours {
			err = taken()
		}
	}
	for err == nil {
		to.wrote = false
		input, quiet := noKeys(ctx)
		lost := c.SOLStream(life, input, to, nil)
		quiet()
		switch {
		case lost == nil: // ctx has ended
			deactivate(life, c)
			return nil
		case to.err != nil:
			deactivate(life, c)
			return fault.New(fault.Failed, "what the console shows cannot be written: %w", to.err)
		case !ours && !to.wrote:
			return taken()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reopen):
			// If it is active now, it may still be ours or somebody else's; the next exchange shows which.
			ours, err = activate(life, c)
		}
	}
	return err
}

// activate opens the console; false means that it is open already, in whatever session.
func activate(ctx context.Context, c *client.Client) (bool, error) {
	_, err := c.ActivatePayload(ctx, &transport.ActivatePayloadRequest{PayloadType: types.PayloadTypeSOL, PayloadInstance: solInstance,
		EnableEncryption: true, EnableAuthentication: true})
	switch code, answered := completion(err); {
	case !answered:
		return err == nil, err
	case code == types.CodeActivatePayloadAlreadyActive:
		return false, nil
	case code == types.CodeActivatePayloadTypeDisabled, code == types.CodeActivatePayloadCannotActivateWithEncryption,
		code == types.CodeInvalidCommand, code == types.CodeNotSupported:
		return false, fault.New(fault.Refused, "the BMC does not show the console: %w", err).
			WithHint("switch Serial over LAN on in the BMC, and console redirection in the BIOS (docs/hardware.md)")
	}
	return false, err
}

// deactivate closes the console, whosever it is.
func deactivate(ctx context.Context, c *client.Client) {
	_, _ = c.DeactivatePayload(ctx, &transport.DeactivatePayloadRequest{PayloadType: types.PayloadTypeSOL, PayloadInstance: solInstance})
}

func taken() error {
	return fault.New(fault.Refused, "somebody else has opened the console").
		WithHint("a BMC shows it to one at a time; end theirs, e.g. with: ipmitool sol deactivate")
}

// keepAlive keeps the session from ending while only the console uses it, until done is called.
func (s *session) keepAlive(ctx context.Context) (done func()) {
	var wg sync.WaitGroup
	quit := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-quit:
				return
			case <-time.After(alive):
				_ = s.run(ctx, func(c *client.Client) error {
					_, err := c.GetDeviceID(ctx)
					return err
				})
			}
		}
	})
	return func() {
		close(quit)
		wg.Wait()
	}
}

// screen remembers that it was written to, and why it could not be.
type screen struct {
	io.Writer
	wrote bool
	err   error
}

func (s *screen) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	s.wrote, s.err = true, err
	return n, err
}

// silence is an input without keys, which ends soon after its context.
type silence struct{ ctx context.Context }

func noKeys(ctx context.Context) (io.Reader, context.CancelFunc) {
	ctx, stop := context.WithCancel(ctx)
	return silence{ctx}, stop
}

func (s silence) Read([]byte) (int, error) {
	<-s.ctx.Done()
	time.Sleep(linger)
	return 0, io.EOF
}
