package actions

import (
	"context"
	"syscall"
	"time"
)

// Some have a BMC for minutes and for something that can wait: the console. They give it up as soon as anybody else asks for it. Whoever waits for
// a lease asks by sharing the lock of a second file, which the system takes back like the first.

func (t lease) asking() string { return t.path + ".asked" }

// ask asks whoever has the BMC to give it up, until the asker has it or waits no more. Where that fails it waits without asking.
func (t lease) ask() (done func()) {
	f, err := t.open(t.asking())
	if err != nil {
		return func() {}
	}
	for { // the only others that lock it for themselves are looking who asks, and are gone again
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH); err != syscall.EINTR {
			return func() { _ = f.Close() }
		}
	}
}

// asked says whether anybody waits for the BMC.
func (t lease) asked() bool {
	f, err := t.open(t.asking())
	if err != nil {
		return true
	}
	defer f.Close()
	alone, err := t.lock(f, syscall.LOCK_EX)
	return err != nil || !alone
}

// spare waits until nobody has the BMC and nobody asks for it. It does not ask itself, and there is no end to its patience but ctx's.
func (t lease) spare(ctx context.Context) (release func(), err error) {
	f, err := t.open(t.path)
	if err != nil {
		return nil, err
	}
	for {
		if !t.asked() {
			has, err := t.lock(f, syscall.LOCK_EX)
			if has {
				return t.has(f), nil
			}
			if err != nil {
				_ = f.Close()
				return nil, err
			}
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(t.poll):
		}
	}
}

// lend gives a context that ends when somebody else asks for the BMC. The holder then ends its session and releases its lease.
func (t lease) lend(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(ctx)
	go func() {
		defer stop()
		for !t.asked() {
			select {
			case <-ctx.Done():
				return
			case <-time.After(t.poll):
			}
		}
	}()
	return ctx, stop
}
