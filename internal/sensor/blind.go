package sensor

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
)

// unlistable is what the trouble is called in the state when the dashboard has a job that it cannot show: every list that the job is in
// is HTTP 500 then.
const unlistable = "unlistable"

// blind looks at the jobs that own hosts one by one. What a job shows alone does not tell which of its tasks are new, so one thing only is
// taken from it: that the booking has ended. New bookings and new images wait for the list.
func (p *poll) blind(ctx context.Context, d *dashboard.Client, listing error) error {
	if rest.StatusOf(listing) != http.StatusInternalServerError {
		return listing
	}
	var mine, broken []int
	for _, o := range p.view.Owners {
		if o.Quarantine == "" && !booking.IsOwn(o.Job) && !slices.Contains(mine, o.Job) {
			mine = append(mine, o.Job)
		}
	}
	slices.Sort(mine)
	for _, id := range mine {
		j, err := d.Job(ctx, id)
		switch {
		case fault.Is(err, fault.NotFound), rest.StatusOf(err) == http.StatusInternalServerError:
			broken = append(broken, id)
		case err != nil:
			return listing
		default:
			p.offerEnd(j)
		}
	}
	if len(mine) == len(broken) {
		return listing // nothing is gained by looking
	}
	p.view.Blind = true
	if trouble := fmt.Sprint(unlistable, broken); p.st.Trouble != trouble {
		p.st.Trouble = trouble
		text := "the dashboard cannot list new jobs (HTTP 500), as happens when it cannot show one of them"
		if len(broken) > 0 {
			text += fmt.Sprintf("; of the jobs that own hosts it cannot show %v", broken)
		}
		p.log("error", text+"; bookings that end are still taken back, everything else waits")
	}
	return nil
}

// offerEnd offers what there is to do for a booking that has ended.
func (p *poll) offerEnd(j dashboard.Job) {
	tasks, _ := payload.DecodeJob(j.ID, j.Payload)
	if booking.Ended(tasks) {
		p.view.Offers = append(p.view.Offers, booking.Offer{Job: j.ID, Payload: j.Payload})
	}
}
