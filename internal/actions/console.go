package actions

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/retry"
)

// A host's serial console is followed only while nobody else needs its BMC: whoever follows it has the lease, and gives it up to whoever asks.

const (
	// consoleLogin is how much longer a login may take that nobody wants any more.
	consoleLogin = 2 * time.Second
	// consoleEnd is how long a wait that is over waits for the end of the console.
	consoleEnd = 5 * time.Second
	// consoleSaved is how often what was read so far is written on the way.
	consoleSaved = 30 * time.Second
)

// endConsole is the budget of ending a watch.
func endConsole(c *config.Config) time.Duration { return consoleEnd + c.ST2.Timeout.D() }

// watchConsole keeps the last of what the host writes to its serial console (booking.ConsoleRecord) until stop is called. It is a help for people and
// no more: whatever goes wrong with it neither fails nor holds up the wait it is for.
func (h *hostRun) watchConsole(ctx context.Context, what string) (stop func()) {
	if h.host.BMC == nil {
		return func() {}
	}
	if im := h.rec.Imaging; im != nil {
		what = fmt.Sprintf("%s, try %d", what, im.Attempt)
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &consoleWatch{hostRun: h, text: bmc.Transcript{Limit: booking.ConsoleKept}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.begin(ctx, what)
		var wg sync.WaitGroup
		wg.Go(func() { w.saveNowAndThen(ctx) })
		if err := followConsole(ctx, h.lab, h.host, &w.text, lease.spare); err != nil {
			h.Info("%s: its console is not watched: %v", h.host.Name, err)
		}
		cancel()
		wg.Wait()
	}()
	return func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(consoleEnd):
		}
		w.save(context.WithoutCancel(ctx))
	}
}

// consoleWatch is a watch for the journal.
type consoleWatch struct {
	*hostRun
	text bmc.Transcript

	mu sync.Mutex
	// saved is what the journal has, or would have if there were nothing new.
	saved string
}

// begin goes on with what an earlier wait of the job kept.
func (w *consoleWatch) begin(ctx context.Context, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before, err := w.Console(ctx, w.job.Job, w.host.Name)
	if err == nil {
		_, _ = io.WriteString(&w.text, before.Text)
	}
	w.text.Note(fmt.Sprintf("[%s, %s]", what, w.Now().UTC().Format(time.DateTime)))
	w.saved = w.text.String()
}

func (w *consoleWatch) saveNowAndThen(ctx context.Context) {
	tick := time.NewTicker(consoleSaved)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.save(ctx)
		}
	}
}

// save journals what is new, unless the host belongs to somebody else by now.
func (w *consoleWatch) save(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := w.text.String()
	if text == w.saved {
		return
	}
	ctx, stop := context.WithTimeout(ctx, w.Config.ST2.Timeout.D())
	defer stop()
	if w.Fence(ctx, w.host.Name, w.job.Job, w.job.Epoch) != nil {
		return
	}
	if err := w.SaveConsole(ctx, w.job.Job, w.host.Name, text); err == nil {
		w.saved = text
	}
}

// followConsole copies the host's console to out until ctx ends, in turns: a turn begins when get has the lease, and ends when somebody else asks for
// the BMC or it fails for a reason that passes. What does not pass is an error.
func followConsole(ctx context.Context, l *lab, h *inventory.Host, out io.Writer, get func(lease, context.Context) (func(), error)) error {
	for told := ""; ; {
		err := l.consoleTurn(ctx, h, out, get)
		get = lease.spare // after the first turn nobody is asked for anything
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !fault.Is(err, fault.Transient):
			return err
		case err == nil:
			continue
		case err.Error() != told:
			told = err.Error()
			l.Info("%s: its console is tried again: %v", h.Name, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(10 * l.Config.BMC.PollInterval.D()):
		}
	}
}

func (l *lab) consoleTurn(ctx context.Context, h *inventory.Host, out io.Writer, get func(lease, context.Context) (func(), error)) error {
	t := l.leaseOf(h)
	release, err := get(t, ctx)
	if err != nil {
		return err
	}
	defer release()
	turn, stop := t.lend(ctx)
	defer stop()
	err = l.showConsole(turn, h, out)
	if turn.Err() != nil { // somebody asked for the BMC
		return nil
	}
	return err
}

// showConsole shows the console until ctx ends, in a session of its own.
func (l *lab) showConsole(ctx context.Context, h *inventory.Host, out io.Writer) error {
	target, err := l.bmcTarget(ctx, h)
	if err != nil {
		return err
	}
	target.Retry = retry.Policy{} // there is another turn
	// A login that is broken off leaves half a session on the BMC.
	patient, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(consoleLogin, stop) })()
	d, err := l.openBMC(patient, h, target)
	if err != nil {
		return err
	}
	defer d.Close()
	console, ok := d.(bmc.Console)
	if !ok {
		return fault.New(fault.Refused, "the pack has no console for BMCs that speak %s", h.BMC.Protocol)
	}
	return console.Console(ctx, out)
}

// ShowConsole copies the serial console of a host to out until ctx ends, for an operator at the command line. It takes turns with the actions that
// the same user runs on this machine: what they do with the BMC comes first. The console of a booking's host is shown only if booked is set.
func ShowConsole(ctx context.Context, c *action.Call, name string, booked bool, out io.Writer) error {
	l := open(c)
	h, err := inventory.LoadHost(ctx, c.ST2, name)
	if err != nil {
		return err
	}
	owner, err := l.Owner(ctx, h.Name)
	if err != nil {
		return err
	}
	if owner != nil && !booking.IsOwn(owner.Job) && owner.Quarantine == "" && !booked {
		return fault.New(fault.Refused, "%s is booked: it belongs to %s, and what it shows is the tenant's", h.Name, owner.Whose()).
			WithHint("if that is meant, and the tenant knows, add --booked")
	}
	if _, err := l.bmcTarget(ctx, h); err != nil {
		return err
	}
	return followConsole(ctx, l, h, out, lease.take)
}
