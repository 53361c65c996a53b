package booking

import (
	"context"
	"time"

	"stackstorm-laas/internal/booking/payload"
)

// Wiring is what the ports of a booking's host are to carry. It is written when the host's interfaces are configured for it, and counts whatever later
// plans of the booking hold, until the ports leave its networks for it to be imaged anew, or the booking gives it up. Its writers follow one another: laas.set_ports,
// then the action that works on the host.
type Wiring struct {
	Host string `json:"host"`
	Job  int    `json:"job"`
	// Network is nil while the host is being set up: its ports are not the tenant's then.
	Network *payload.Network `json:"network"`
	At      time.Time        `json:"at"`
}

const wiringPrefix = "laas.wiring."

// Wiring reads how a host is wired for a job; nil if nothing is known of that.
func (j Journal) Wiring(ctx context.Context, host string, job int) (*Wiring, error) {
	w := &Wiring{}
	found, err := get(ctx, j.Store, wiringPrefix+host, w)
	if err != nil || !found || w.Job != job {
		return nil, err
	}
	return w, nil
}

// Wire writes how a host is wired for a job; nil for a host that is being set up.
func (j Journal) Wire(ctx context.Context, host string, job int, n *payload.Network) error {
	return put(ctx, j.Store, wiringPrefix+host, &Wiring{Host: host, Job: job, Network: n, At: j.Now().UTC()})
}
