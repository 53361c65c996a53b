package redfish

import (
	"context"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

var _ bmc.HealthReader = (*driver)(nil)

// Health implements bmc.HealthReader.
func (d *driver) Health(ctx context.Context, events int) (bmc.Health, error) {
	var h bmc.Health
	bounded, stop := context.WithTimeout(ctx, bmc.HealthTime(d.target.MinInterval))
	defer stop()
	silent := false
	for _, part := range []struct {
		name string
		read func() error
	}{
		{"machine", func() error { return d.machine(&h.Machine) }},
		{"sensors", func() error {
			seen := &sensors{driver: d}
			err := seen.read()
			h.Sensors = seen.list // what was read counts, even if the rest was not
			return err
		}},
		{"events", func() (err error) {
			h.Events, err = d.events(events)
			return err
		}},
	} {
		err := d.work(bounded, "read the "+part.name, false, part.read) // what hangs over a part of itself hangs the next time, too
		switch {
		case err == nil:
			continue
		case context.Cause(ctx) != nil:
			return bmc.Health{}, err
		case bounded.Err() != nil, fault.Is(err, fault.Transient):
			silent = true
		case !answered(err):
			return bmc.Health{}, err
		}
		h.Unread = append(h.Unread, part.name+": "+err.Error())
	}
	if silent { // one that hangs over a part of itself answers this
		if _, err := d.PowerState(ctx); err != nil {
			return bmc.Health{}, err
		}
	}
	return h, nil
}
