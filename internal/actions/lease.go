package actions

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

// lease is the right to talk to one BMC. Many BMCs have few sessions and mix up what two of them do, so actions take turns. It is a locked file: the
// system takes the lock back when its holder ends, however that ends. Workers on several machines see each other's when bmc.lock_dir is on a file
// system that they share. StackStorm's datastore could not hold it: its keys have no compare-and-set, and nothing there ends with a process.
type lease struct {
	// path is the file, holder what it says of who has it. Its time is when the last holder let go.
	path, holder string
	// mark is a file that must be there, if not "".
	mark string
	// host is what errors call the BMC, endpoint what its commands are paced by (bmc.Spoke).
	host, endpoint string
	wait           time.Duration
	poll           time.Duration
}

// leaseWait is the longest wait for a BMC: as long as another action may take to shut its host down and start it again.
func leaseWait(c *config.Config) time.Duration { return softPower(c) + power(c) }

// lease takes the host's BMC for this action. The caller releases it when its last session has ended. It is not for a function that is called
// by one which has it already.
func (l *lab) lease(ctx context.Context, h *inventory.Host) (release func(), err error) {
	if h.BMC == nil { // bmcTarget says so
		return func() {}, nil
	}
	return l.leaseOf(h).take(ctx)
}

// leaseOf is the lease of a host that has a BMC.
func (l *lab) leaseOf(h *inventory.Host) lease {
	endpoint := bmc.Target{Address: h.BMC.Address, Port: h.BMC.Port}.Endpoint()
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(endpoint))
	holder := fmt.Sprintf("process %d", os.Getpid())
	if l.Execution != "" {
		holder = "execution " + l.Execution
	}
	t := lease{host: h.Name, endpoint: endpoint, holder: holder, wait: leaseWait(l.Config), poll: l.Config.BMC.PollInterval.D() / 10,
		path: filepath.Join(os.TempDir(), fmt.Sprintf("laas-bmc-%d-%x.lock", os.Getuid(), sum.Sum64()))}
	if dir := l.Config.BMC.LockDir; dir != "" { // where StackStorm's user may have another number on each machine
		t.path, t.mark = filepath.Join(dir, fmt.Sprintf("laas-bmc-%x.lock", sum.Sum64())), filepath.Join(dir, sharedMark)
	}
	return t
}

// sharedMark is a file that the operator puts into bmc.lock_dir. It is not there while the shared file system is not mounted: locks in the empty
// directory below would be this machine's alone.
const sharedMark = "laas-shared"

// take waits for its turn. After the wait it is Transient, and names who has the BMC. Meanwhile it asks for the BMC: who has it for something
// that can wait gives it up (see lend).
func (t lease) take(ctx context.Context) (release func(), err error) {
	f, err := t.open(t.path)
	if err != nil {
		return nil, err
	}
	wait, stop := context.WithTimeout(ctx, t.wait)
	defer stop()
	asking := false
	for {
		switch has, err := t.lock(f, syscall.LOCK_EX); {
		case err != nil:
			_ = f.Close()
			return nil, err
		case has:
			return t.has(f), nil
		}
		if !asking {
			asking = true
			defer t.ask()()
		}
		select {
		case <-wait.Done():
			holder := signature(f)
			_ = f.Close()
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, fault.New(fault.Transient, "%s has been talking to the BMC of %s for more than %s", holder, t.host, t.wait).
				WithHint("wait until it ends, or cancel it; the pack never has two sessions on one BMC")
		case <-time.After(t.poll):
		}
	}
}

// has begins the time in which the BMC is the holder's.
func (t lease) has(f *os.File) (release func()) {
	bmc.Spoke(t.endpoint, spoken(f))
	t.sign(f)
	return func() {
		_ = f.Truncate(0) // which sets its time
		_ = f.Close()
	}
}

// open opens the file of a lock.
func (t lease) open(path string) (*os.File, error) {
	mode := os.FileMode(0o600)
	if t.mark != "" {
		mode = 0o660
		if _, err := os.Stat(t.mark); err != nil {
			return nil, fault.New(fault.Config, "bmc.lock_dir does not have the file by which the file system that the workers share is known: %w", err).
				WithHint("mount it on every worker, then make the file once: touch %s", t.mark)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, mode)
	if err != nil {
		return nil, fault.New(fault.Config, "the file that keeps actions from talking to the BMC of %s at the same time cannot be opened: %w", t.host, err).
			WithHint("StackStorm's system user must be able to write %s", filepath.Dir(path))
	}
	if t.mark != "" {
		_ = f.Chmod(mode) // the group's, whatever the umask; only who made it can
	}
	return f, nil
}

// lock tries once.
func (t lease) lock(f *os.File, how int) (has bool, err error) {
	switch err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); {
	case err == nil:
		return true, nil
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		return false, nil
	default:
		return false, fault.New(fault.Config, "lock %s for the BMC of %s: %w", f.Name(), t.host, err)
	}
}

// spoken is when the last holder let go of the BMC at the latest. One that was killed has left its name, and may have spoken until just now.
func spoken(f *os.File) time.Time {
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		return info.ModTime()
	}
	return time.Now()
}

// sign writes who has the BMC, for those who wait. It is a help and no more: the lock is what counts.
func (t lease) sign(f *os.File) {
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(t.holder), 0)
	}
}

func signature(f *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 100))
	if holder := strings.TrimSpace(string(text)); err == nil && holder != "" {
		return holder
	}
	return "another action"
}

// leased is a session that gives the lease back at its end. What only some drivers can do is asked of Driver.
type leased struct {
	bmc.Driver
	release func()
}

func (d leased) Close() error {
	defer d.release()
	return d.Driver.Close()
}
