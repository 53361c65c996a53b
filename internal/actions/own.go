package actions

import (
	"context"
	"fmt"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

// takenHost is what a workflow needs to know to go on with a host that it took.
type takenHost struct {
	action.Result
	Job      int      `json:"job_id"`
	Epoch    int      `json:"epoch"`
	Digest   string   `json:"digest"`
	Switches []string `json:"switches"`
	// Booking says that the host is a booking's: its job is to be worked on again, under Digest.
	Booking bool `json:"booking"`
	// Rest is what the ports are in the end: idle, or reserved.
	Rest string `json:"rest"`
}

var confirmData = action.Param{Name: "confirm", Type: action.String,
	Description: "Type the host's name here too, the same as in the field host. Needed when a booking or a reservation has the host, because its data is destroyed."}

var takeHost = &action.Action{
	Name: "take_host",
	Description: "Take a host that no booking has, for work of the lab's own, out of the dashboard's pool, or take one that is reserved for the work on it. " +
		"For a host that a booking has, and with confirm only, plan to image it again as it was booked, or to capture it. Start laas.image_host, laas.capture_host, laas.update_image, laas.wipe_host, laas.reserve_host or laas.free_host, which call this.",
	Params: []action.Param{hostParam,
		{Name: "purpose", Type: action.String, Required: true, Enum: []string{string(booking.ForImage), string(booking.ForCapture), string(booking.ForUpdate), string(booking.ForWipe), string(booking.ForReserve), string(booking.ForFree)}, Description: "What for."},
		{Name: "image", Type: action.String, Description: "FOG's number or name of the image, or the name of one of the host's OS families, for purposes image and update."},
		{Name: "name", Type: action.String, Description: "Name of the new image, for purposes capture and update. Example: ubuntu-22.04-2026-11"},
		{Name: "method", Type: action.String, Enum: []string{booking.WipeNormal, booking.WipeFast, booking.WipeFull}, Description: "How to wipe, for purpose wipe. Leave empty for release.wipe of the configuration."},
		{Name: "by", Type: action.String, Description: "For whom, for purpose reserve. Example: alice"},
		confirmData},
	Output: []action.Field{{Name: "job_id, epoch, digest", Description: "The job under which the host is worked on, the claim, and the plan."},
		{Name: "switches", Description: "The host's switches."}, {Name: "booking", Description: "true when the host is a booking's."},
		{Name: "rest", Description: "What its ports are in the end: idle or reserved."}},
	Budget: sum(records, records, bmcSession, func(c *config.Config) time.Duration { return dashboardCalls(c, 6) + fogCalls(c, 2) }),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l := open(c)
		host, err := inventory.LoadHost(ctx, l.ST2, c.Params.String("host"))
		if err != nil {
			return nil, err
		}
		return (&taking{lab: l, host: host, purpose: booking.Purpose(c.Params.String("purpose"))}).take(ctx)
	},
}

// taking is one host that an operator wants something done with.
type taking struct {
	*lab
	host    *inventory.Host
	purpose booking.Purpose
	owner   *booking.Owner
}

func (t *taking) take(ctx context.Context) (any, error) {
	if err := t.possible(ctx); err != nil {
		return nil, err
	}
	var err error
	if t.owner, err = t.Owner(ctx, t.host.Name); err != nil {
		return nil, err
	}
	switch o := t.owner; {
	case o == nil && t.purpose == booking.ForFree:
		return nil, fault.New(fault.Refused, "%s is not reserved", t.host.Name)
	case o == nil:
		return t.fromPool(ctx)
	case o.Quarantine != "":
		return nil, fault.New(fault.Refused, "%s is in quarantine: %s", t.host.Name, o.Quarantine).WithHint("laas.return_host proves it clean, or laas.retire_host gives it up")
	case !booking.IsOwn(o.Job):
		return t.fromBooking(ctx)
	}
	return t.own(ctx)
}

// fromPool takes a host that nobody has. The dashboard is asked twice, because it may book the host while it is being taken out of the pool.
func (t *taking) fromPool(ctx context.Context) (any, error) {
	if t.purpose == booking.ForImage && t.Params.String("image") == "" {
		return nil, fault.New(fault.Input, "image: is needed, since no booking of %s says which", t.host.Name)
	}
	d, err := t.dashboard()
	if err != nil {
		return nil, err
	}
	now, err := d.Host(ctx, t.host.DashboardID)
	if err != nil {
		return nil, err
	}
	if now.Booked {
		return nil, t.booked()
	}
	job, err := t.NextOwn(ctx)
	if err != nil {
		return nil, err
	}
	t.owner = &booking.Owner{Job: job, Host: t.host.Name, LabID: t.host.DashboardID, Since: t.Now().UTC()}
	if t.purpose == booking.ForReserve {
		t.owner.Reservation = t.Params.String("by")
	}
	return t.begin(ctx, booking.Own{Purpose: t.purpose, Pooled: now.Working, Untouched: t.untouched()}, 1)
}

// outOfPool takes the host out of the dashboard's pool. One that was booked in that very moment is the booking's: it is let go again.
func (t *taking) outOfPool(ctx context.Context) error {
	d, err := t.dashboard()
	if err != nil {
		return err
	}
	if _, err := d.SetWorking(ctx, t.host.DashboardID, false); err != nil {
		return err
	}
	now, err := d.Host(ctx, t.host.DashboardID)
	if err != nil || !now.Booked {
		return err
	}
	if _, err := d.SetWorking(ctx, t.host.DashboardID, true); err != nil {
		return fault.Wrap(err, "%s was booked in this moment, and could not be put back into the pool", t.host.Name)
	}
	if err := t.letGo(ctx, t.host.Name); err != nil {
		return err
	}
	return t.booked()
}

func (t *taking) booked() error {
	return fault.New(fault.Refused, "%s is booked on the dashboard", t.host.Name).WithHint("wait for the end of the booking")
}

// letGo forgets that the lab has a host.
func (l *lab) letGo(ctx context.Context, host string) error {
	if err := l.EndReservation(ctx, host); err != nil {
		return err
	}
	return l.Disown(ctx, host)
}

// own goes on with a host that the lab has already: one that is reserved, or one whose work was broken off.
func (t *taking) own(ctx context.Context) (any, error) {
	reserved := t.owner.Reservation != ""
	switch {
	case t.purpose == booking.ForReserve && t.owner.Reservation != t.Params.String("by"):
		return nil, fault.New(fault.Refused, "%s belongs to %s", t.host.Name, t.owner.Whose())
	case t.purpose == booking.ForFree && !reserved:
		return nil, fault.New(fault.Refused, "%s is not reserved: it belongs to %s", t.host.Name, t.owner.Whose())
	case t.purpose == booking.ForFree:
		if err := t.mayGoFree(ctx); err != nil {
			return nil, err
		}
	case reserved && t.purpose == booking.ForUpdate:
		return nil, fault.New(fault.Refused, "%s belongs to %s", t.host.Name, t.owner.Whose()).WithHint("update the image on a host that nobody has")
	case reserved && t.purpose != booking.ForReserve && t.Params.String("confirm") != t.host.Name:
		return nil, t.unconfirmed()
	}
	job, err := t.Job(ctx, t.owner.Job)
	if err == nil && job == nil {
		err = fault.New(fault.NotFound, "the journal has no job %d, to which %s belongs", t.owner.Job, t.host.Name)
	}
	if err != nil {
		return nil, err
	}
	last, err := booking.LoadPlan(ctx, t.ST2, t.owner.Job, job.Plan)
	if err != nil {
		return nil, err
	}
	own := booking.Own{Purpose: t.purpose}
	if last.Own != nil {
		own.Pooled, own.Out, own.Untouched = last.Own.Pooled, last.Own.Out, last.Own.Untouched && t.untouched()
	}
	return t.begin(ctx, own, job.Epoch+1)
}

func (t *taking) unconfirmed() error {
	harm := "and what is on its disks would be destroyed"
	if t.purpose == booking.ForCapture {
		harm = "whose work would be interrupted"
	}
	return fault.New(fault.Refused, "%s belongs to %s, %s", t.host.Name, t.owner.Whose(), harm).
		WithHint("if that is meant, start it again with confirm=%s", t.host.Name)
}

// begin journals the plan, the job and the ownership, in this order.
func (t *taking) begin(ctx context.Context, own booking.Own, epoch int) (any, error) {
	hardware, snapshot := &payload.Hardware{}, (*payload.Snapshot)(nil)
	switch t.purpose {
	case booking.ForImage, booking.ForUpdate:
		hardware = &payload.Hardware{Image: t.Params.String("image"), Hostname: t.host.Name, Power: "on"}
	case booking.ForCapture:
		hardware = nil
	case booking.ForWipe, booking.ForFree:
		hardware, own.Wipe = &payload.Hardware{Power: "off"}, t.Params.String("method")
	}
	if t.captures() {
		snapshot = &payload.Snapshot{Host: t.host.DashboardID, Name: t.Params.String("name")}
	}
	before, err := t.Record(ctx, t.owner.Job, "own-"+t.host.Name)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if err := t.ForgetOwnConsoles(ctx, t.host.Name, t.owner.Job); err != nil {
		return nil, err
	}
	plan := booking.OwnPlan(t.owner.Job, t.host.Name, t.host.DashboardID, hardware, snapshot, own, before, t.Now())
	if err := booking.SavePlan(ctx, t.ST2, plan); err != nil {
		return nil, err
	}
	job := &booking.JobRecord{Job: plan.Job, Plan: plan.Digest, Epoch: epoch, State: "running", Hosts: []string{t.host.Name}, Execution: t.workflow(ctx), Started: t.Now().UTC()}
	if err := t.SaveJob(ctx, job); err != nil {
		return nil, err
	}
	t.owner.Epoch = epoch
	if err := t.SaveOwner(ctx, t.owner); err != nil {
		return nil, err
	}
	switches, err := t.switchesOf(ctx, []string{}, t.host)
	if err != nil {
		return nil, err
	}
	out := takenHost{Job: plan.Job, Epoch: epoch, Digest: plan.Digest, Switches: switches, Rest: stateIdle}
	if t.owner.Reservation != "" && t.purpose != booking.ForFree {
		out.Rest = stateReserved
	}
	if err := t.keepReservation(ctx); err != nil {
		return nil, err
	}
	if own.Pooled && !own.Out {
		if err := t.outOfPool(ctx); err != nil {
			return nil, err
		}
		plan.Own.Out = true
		if err := booking.SavePlan(ctx, t.ST2, plan); err != nil {
			return nil, err
		}
	}
	out.Result = action.Result{Summary: fmt.Sprintf("%s: taken for %s, as job %d", t.host.Name, t.purpose, plan.Job), Host: t.host.Name, Changed: true}
	return out, nil
}

// keepReservation makes the record of a new reservation.
func (t *taking) keepReservation(ctx context.Context) error {
	if t.owner.Reservation == "" {
		return nil
	}
	have, err := t.Reservation(ctx, t.host.Name)
	if err != nil || have != nil {
		return err
	}
	return t.SaveReservation(ctx, &booking.Reservation{Host: t.host.Name, By: t.owner.Reservation, Job: t.owner.Job, Since: t.owner.Since})
}

// mayGoFree refuses a host with anything left on it: like this nobody loses a network or a login that he still counts on.
func (t *taking) mayGoFree(ctx context.Context) error {
	r, err := t.Reservation(ctx, t.host.Name)
	if err != nil {
		return err
	}
	if r != nil && len(r.NICs) > 0 {
		return fault.New(fault.Refused, "%s still has %d network(s), the first is %s on %s", t.host.Name, len(r.NICs), r.NICs[0].Network, r.NICs[0].MAC).
			WithHint("laas.nic_disconnect takes them off")
	}
	d, err := t.bmc(ctx, t.host)
	if err != nil {
		return err
	}
	defer d.Close()
	extra, err := t.strangers(ctx, d, t.host.Name, nil)
	if err == nil && len(extra) > 0 {
		return fault.New(fault.Refused, "the BMC of %s still has %d account(s) that the lab did not record, the first in slot %d", t.host.Name, len(extra), extra[0].Slot).
			WithHint("remove them on the BMC, or record them with laas.adopt_host if they belong there")
	}
	return err
}
