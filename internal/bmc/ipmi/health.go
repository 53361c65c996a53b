package ipmi

import (
	"context"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// patience is how long one part of the health may take: a repository of 300 sensors at 50 ms an exchange.
const patience = time.Minute

// Health implements bmc.HealthReader. It takes three minutes at most, and the time of the logins that BMCs make necessary which drop
// commands they do not know.
func (d *driver) Health(ctx context.Context, events int) (bmc.Health, error) {
	var h bmc.Health
	seen := &sensors{names: map[source]string{}}
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
		bounded, stop := context.WithTimeout(ctx, patience)
		err := d.do(bounded, "read the "+part.name, func(c *client.Client) error { return part.read(bounded, c) })
		late := bounded.Err() != nil
		stop()
		switch {
		case err == nil:
			continue
		case context.Cause(ctx) != nil:
			return bmc.Health{}, err
		case late, fault.Is(err, fault.Transient):
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
