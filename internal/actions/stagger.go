package actions

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
)

// startPrefix is where hosts tell when they are switched on, one key for each.
const startPrefix = "laas.start."

// start is when a host is or was switched on.
type start struct {
	Host string    `json:"host"`
	At   time.Time `json:"at"`
}

// starts is the longest that a host waits for its start when so many others are before it.
func starts(others int) func(*config.Config) time.Duration {
	return func(c *config.Config) time.Duration { return time.Duration(others) * c.Imaging.Stagger.D() }
}

// awaitStart waits until the host may be switched on: imaging.stagger after the one before it, whichever execution that belongs to. It spares
// the mains and the DHCP server and is no lock: two that choose the same moment may both miss it, and after the time for so many others the host
// is started whatever the rest do.
func awaitStart(ctx context.Context, store booking.Store, now func() time.Time, host string, gap time.Duration, others int) error {
	if gap <= 0 {
		return nil
	}
	mine, last := start{Host: host}, now().Add(time.Duration(others)*gap)
	for {
		planned, err := plannedStarts(ctx, store, host, now().Add(-gap))
		if err != nil {
			return err
		}
		switch at := now(); {
		case at.After(last):
			return nil
		case mine.At.IsZero() || mine.yields(planned, gap):
			mine.At = gapIn(planned, at, gap)
			text, err := json.Marshal(mine)
			if err != nil {
				return fault.New(fault.Internal, "write %s: %w", startPrefix+host, err)
			}
			if err := store.Put(ctx, startPrefix+host, string(text)); err != nil {
				return err
			}
			continue // look again: another may have chosen at the same time
		case !at.Before(mine.At):
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(mine.At.Sub(now())):
		}
	}
}

// plannedStarts are the starts of other hosts that are not long past, in their order.
func plannedStarts(ctx context.Context, store booking.Store, host string, since time.Time) ([]start, error) {
	all, err := store.List(ctx, startPrefix)
	if err != nil {
		return nil, err
	}
	var out []start
	for key, text := range all {
		var s start
		if key == startPrefix+host || json.Unmarshal([]byte(text), &s) != nil || s.At.Before(since) {
			continue
		}
		out = append(out, s)
	}
	slices.SortFunc(out, start.compare)
	return out, nil
}

func (s start) compare(o start) int {
	if c := s.At.Compare(o.At); c != 0 {
		return c
	}
	return strings.Compare(s.Host, o.Host)
}

// yields says that another host which comes first starts too close to this one.
func (s start) yields(planned []start, gap time.Duration) bool {
	return slices.ContainsFunc(planned, func(o start) bool { return o.compare(s) < 0 && s.At.Sub(o.At) < gap })
}

// gapIn is the first moment from a time on that is a gap away from every planned start.
func gapIn(planned []start, from time.Time, gap time.Duration) time.Time {
	for _, o := range planned {
		if d := from.Sub(o.At); d < gap && d > -gap {
			from = o.At.Add(gap)
		}
	}
	return from
}

// awaitStart waits for the host's turn to be switched on.
func (h *hostRun) awaitStart(ctx context.Context, others int) error {
	began := h.Now()
	err := awaitStart(ctx, h.Store, h.Now, h.host.Name, h.Config.Imaging.Stagger.D(), others)
	if waited := h.Now().Sub(began).Round(time.Second); waited > 0 {
		h.Info("%s: waited %s for its turn to be switched on", h.host.Name, fmt.Sprint(waited))
	}
	return err
}
