package actions

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

// known is what a claim rests on: the lab's hosts and whose they are.
type known struct {
	inventory *inventory.Inventory
	// unusable says what is wrong with the hosts that are not in the inventory although they have an entry.
	unusable map[string]string
	owners   []*booking.Owner
	// noImage says of each image that was looked for in FOG why it cannot be had, "" if it can.
	noImage map[string]string
}

func (k *known) owner(host string) *booking.Owner {
	for _, o := range k.owners {
		if o.Host == host {
			return o
		}
	}
	return nil
}

// claimHost takes one host for the job, or journals why not.
func (r *run) claimHost(ctx context.Context, k *known, w *booking.Work, out *claimed) error {
	rec, err := r.Task(ctx, r.plan, w.Record())
	if err != nil {
		return err
	}
	host := k.inventory.ByDashboardID(w.LabID)
	refuse := func(format string, args ...any) error {
		rec.Stage, rec.Outcome, rec.Reason, rec.Mode = "claim", booking.Error, fmt.Sprintf(format, args...), w.Mode
		out.Refused = append(out.Refused, nameOf(host, w))
		return r.Save(ctx, rec)
	}
	switch why := k.unusable[w.LabID]; {
	case host == nil && why != "":
		return refuse("the lab's inventory entry of this host is wrong: %s", why)
	case host == nil:
		return refuse("the lab's inventory has no host with the dashboard id %q", w.LabID)
	}
	rec.Host, rec.Mode = host.Name, w.Mode
	owner := k.owner(host.Name)
	if owner != nil && owner.Job != r.job.Job {
		switch {
		case w.Mode == booking.Release && rec.Outcome == booking.Done:
			return r.Save(ctx, rec) // proven clean before; it only has to be told
		case owner.Quarantine != "":
			return refuse("%s is in quarantine: %s", host.Name, owner.Quarantine)
		}
		return refuse("%s belongs to %s since %s", host.Name, owner.Whose(), owner.Since.Format("2006-01-02 15:04 MST"))
	}
	if w.Mode == booking.CaptureDisk {
		if why, err := r.notHad(ctx, owner); err != nil || why != "" {
			return cmp.Or(err, refuse("%s: %s", host.Name, why))
		}
	}
	if w.Mode != booking.Release {
		if owner != nil && owner.Quarantine != "" {
			return refuse("%s is in quarantine: %s", host.Name, owner.Quarantine)
		}
		if w.Mode == booking.Provision && w.Network == nil && r.plan.Own == nil { // the sensor holds such a job; a plan of before may be resumed
			return refuse("the booking names no networks for %s: its ports would stay as they are for imaging", host.Name)
		}
		if why := unusable(r.Config.Network, k.inventory, w, host); why != "" {
			return refuse("%s", why)
		}
		if why := r.noImage(ctx, k, w, host); why != "" {
			return refuse("%s", why)
		}
		if other, vlan := booking.Conflict(w, r.job.Job, k.owners, r.Config.Network.PublicVLANs); other != nil {
			return refuse("VLAN %d is private and on the ports of %s, which belongs to job %d", vlan, other.Host, other.Job)
		}
	}
	next := &booking.Owner{Job: r.job.Job, Epoch: r.job.Epoch, Host: host.Name, LabID: w.LabID, Since: r.Now().UTC(),
		VLANs: w.VLANs(), Ending: w.Mode == booking.Release}
	if owner != nil {
		next.Since, next.Quarantine, next.Reservation = owner.Since, owner.Quarantine, owner.Reservation
		next.VLANs = merge(owner.VLANs, next.VLANs) // the old ones stay until the ports are proven idle
	}
	if err := r.SaveOwner(ctx, next); err != nil {
		return err
	}
	if err := r.keysThere(ctx, w, rec); err != nil {
		return err
	}
	if err := r.inherited(ctx, w, rec); err != nil {
		return err
	}
	r.job.Hosts = append(r.job.Hosts, host.Name)
	switch {
	case w.Mode == booking.Release:
		out.Release = append(out.Release, host.Name)
		if out.ReleaseSwitches, err = r.switchesOf(ctx, out.ReleaseSwitches, host); err != nil {
			return err
		}
	case w.Mode == booking.CaptureDisk && rec.Outcome == booking.Done:
		return r.Save(ctx, rec)
	case w.Mode == booking.CaptureDisk:
		out.Capture = append(out.Capture, host.Name)
		out.ProvisionSwitches = union(out.ProvisionSwitches, host)
	case rec.HandedOver == nil: // a host that was handed over in this generation is not touched again
		out.Provision = append(out.Provision, host.Name)
		out.ProvisionSwitches = union(out.ProvisionSwitches, host)
	}
	if rec.HandedOver == nil {
		rec.Outcome, rec.Reason = booking.Open, ""
	}
	return r.Save(ctx, rec)
}

// inherited notes, before anything is written to it, whether somebody's system may still be on the disk that the host comes with: whoever had the host last, unless it was
// wiped since.
func (r *run) inherited(ctx context.Context, w *booking.Work, rec *booking.TaskRecord) error {
	if w.Mode == booking.Release || rec.Lent || rec.Imaging != nil || rec.Booted != nil {
		return nil
	}
	clean, err := r.Clean(ctx, rec.Host)
	rec.Lent = !clean
	return err
}

// notHad says why a host cannot be captured for the booking: only what its tenant has can be his snapshot.
func (r *run) notHad(ctx context.Context, owner *booking.Owner) (string, error) {
	switch {
	case owner == nil:
		return "the booking does not have the host", nil
	case owner.Ending:
		return "the host is being taken back", nil
	}
	over, err := r.handedOver(ctx, owner)
	if err != nil || over {
		return "", err
	}
	return "the host has not been handed over yet", nil
}

// noImage says that FOG does not have the booked image: better now than when the host has left its tenant's network for it. A FOG that
// does not answer is no reason to refuse; the host's own imaging will wait for it.
func (r *run) noImage(ctx context.Context, k *known, w *booking.Work, host *inventory.Host) string {
	if w.Mode != booking.Provision {
		return ""
	}
	ref, err := r.imageRef(ctx, r.job.Job, host, w.Hardware.Hardware.Image)
	if err != nil {
		return err.Error()
	}
	why, asked := k.noImage[ref]
	if !asked {
		f, err := r.fog()
		if err == nil {
			_, err = f.Image(ctx, ref)
		}
		if fault.Is(err, fault.NotFound) {
			why = err.Error()
		}
		k.noImage[ref] = why
	}
	return why
}

// unusable says why a booked host cannot be provisioned whatever is tried. The VLANs of all BMCs are the lab's own: a tenant in one of them reaches every BMC there.
func unusable(n config.Network, inv *inventory.Inventory, w *booking.Work, host *inventory.Host) string {
	if w.Refused != "" {
		return w.Refused
	}
	if (w.Mode == booking.Provision || w.Mode == booking.CaptureDisk) && (host.FOGName == "" || host.BMC == nil) {
		return fmt.Sprintf("%s cannot be imaged: the inventory gives it no %s", host.Name, missing(host))
	}
	if w.Network == nil {
		return ""
	}
	n.ReservedVLANs = merge(n.ReservedVLANs, inv.BMCVLANs)
	_, err := bookedPorts(n, host, w.Network.Network)
	if err != nil {
		return err.Error()
	}
	return ""
}

func missing(h *inventory.Host) string {
	if h.BMC == nil {
		return "BMC"
	}
	return "fog_name"
}

// keysThere finds out whether a host that only SSH tasks concern has their keys already: with a new image for one host of a booking the
// SSH tasks of all its hosts come again, and the others are not to be disturbed.
func (r *run) keysThere(ctx context.Context, w *booking.Work, rec *booking.TaskRecord) error {
	if w.Hardware != nil || w.Network != nil || w.Mode == booking.CaptureDisk || rec.HandedOver != nil {
		return nil
	}
	all, err := r.Tasks(ctx, r.job.Job)
	if err != nil {
		return err
	}
	var last *booking.TaskRecord
	for _, t := range all {
		if t.Host == rec.Host && t.HandedOver != nil && (last == nil || t.HandedOver.After(*last.HandedOver)) {
			last = t
		}
	}
	if last == nil {
		return nil
	}
	plan, err := booking.LoadPlan(ctx, r.ST2, r.job.Job, last.Plan)
	if fault.Is(err, fault.NotFound) {
		return nil // archived: write the keys again
	}
	if err != nil {
		return err
	}
	before, err := plan.Host(w.LabID)
	missing := func(k string) bool { return !slices.Contains(before.Keys(), k) }
	if err == nil && !slices.ContainsFunc(w.Keys(), missing) {
		rec.HandedOver, rec.Outcome, rec.Reason = last.HandedOver, booking.Done, ""
	}
	return nil
}

func merge(a, b []int) []int {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

func nameOf(h *inventory.Host, w *booking.Work) string {
	if h != nil {
		return h.Name
	}
	return "unknown host"
}

func union(names []string, h *inventory.Host) []string {
	for _, n := range h.NICs {
		if n.Switch != "" && !slices.Contains(names, n.Switch) {
			names = append(names, n.Switch)
		}
	}
	slices.SortFunc(names, strings.Compare)
	return names
}
