package ipmi

import (
	"context"

	"github.com/bougou/go-ipmi/pkg/client"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// Health implements bmc.HealthReader. BMCs that drop commands which they do not know make a login for each part necessary.
func (d *driver) Health(ctx context.Context, events int) (bmc.Health, error) {
	var h bmc.Health
	seen := &sensors{names: map[source]string{}}
	bounded, stop := context.WithTimeout(ctx, bmc.HealthTime(d.target.MinInterval))
	defer stop()
	silent := false
	for _, part := range []struct {
		name string
		read func(context.Context, *client.Client) error
	}{
		{"machine", func(ctx context.Context, c *client.Client) error { return readMachine(ctx, c, &h.Machine) }},
		{"sensors", func(ctx context.Context, c *client.Client) error {
			err := seen.read(ctx, c)
			h.Sensors = seen.list // what was read counts, even if the rest was not
			return err
		}},
		{"events", func(ctx context.Context, c *client.Client) (err error) {
			h.Events, err = readEvents(ctx, c, events, seen.names)
			return err
		}},
	} {
		err := d.do(bounded, "read the "+part.name, untouched, func(c *client.Client) error { return part.read(bounded, c) })
		switch {
		case err == nil:
			continue
		case context.Cause(ctx) != nil:
			return bmc.Health{}, err
		case bounded.Err() != nil, fault.Is(err, fault.Transient):
			silent = true
		case !isAnswer(err) && !fault.Is(err, fault.NotFound):
			return bmc.Health{}, err
		}
		h.Unread = append(h.Unread, part.name+": "+err.Error())
	}
	if silent { // a BMC that drops what it does not know answers this
		if _, err := d.PowerState(ctx); err != nil {
			return bmc.Health{}, err
		}
	}
	return h, nil
}
