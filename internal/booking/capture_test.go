package booking_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
)

func TestWhichSnapshotABookingMeansWithoutANumber(t *testing.T) {
	at := func(day int) time.Time { return start.AddDate(0, 0, day) }
	all := []*booking.Snapshot{
		{ImageID: 31, Job: 1, Host: "a", Captured: at(1)}, {ImageID: 32, Job: 1, Host: "a", Captured: at(2)}, {ImageID: 33, Job: 1, Host: "b", Captured: at(3)},
		{ImageID: 41, Job: 2, Host: "c", Captured: at(1)},
		{ImageID: 51, Job: 3, Host: "d", Captured: at(1)}, {ImageID: 52, Job: 3, Host: "e", Captured: at(2)},
	}
	for name, c := range map[string]struct {
		job   int
		host  string
		image int
	}{
		"the newest of the host":                   {1, "a", 32},
		"not a newer one of another host":          {1, "b", 33},
		"the only one of the booking, on any host": {2, "z", 41},
		"none, when two of other hosts could be":   {3, "z", 0},
		"none of another booking":                  {4, "a", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := booking.MadeBy(all, c.job, c.host)
			if c.image == 0 {
				assert.Nil(t, s)
				return
			}
			require.NotNil(t, s)
			assert.Equal(t, c.image, s.ImageID)
		})
	}
}

func TestASnapshotIsTakenBeforeAnythingElseIsDoneWithItsBooking(t *testing.T) {
	with := func(prefixes ...string) (offers []booking.Offer) {
		return []booking.Offer{merged(t, prefixes...)}
	}
	modes := func(plans []*booking.Plan) (out []booking.Mode) {
		for _, p := range plans {
			for _, w := range p.Work() {
				out = append(out, w.Mode)
			}
		}
		return out
	}
	had := &booking.Owner{Job: 1, Host: "hpe13", LabID: "hpe13"}
	for name, c := range map[string]struct {
		offers []booking.Offer
		owner  *booking.Owner
		want   []booking.Mode
	}{
		"then the host is imaged":                      {with("04", "15a"), had, []booking.Mode{booking.CaptureDisk, booking.Provision}},
		"the end of a booking waits for none":          {with("04", "06"), had, []booking.Mode{booking.Release}},
		"nor does a host that the booking has not yet": {with("04", "01"), nil, []booking.Mode{booking.Provision}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSensor(t, c.offers)
			if c.owner != nil {
				s.owners = []*booking.Owner{c.owner}
			}
			assert.Equal(t, c.want, modes(s.settle()))
		})
	}
}
