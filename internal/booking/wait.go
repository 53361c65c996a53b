package booking

import (
	"fmt"
	"slices"

	"stackstorm-laas/internal/booking/payload"
)

// waits says what a plan has to wait for: the clean-up of one of its hosts, a VLAN of a booking that ends, an earlier run of the same
// job that it does not replace; and the networks of a host that is to be imaged, without which it would keep its ports as they are for imaging.
func waits(p *Plan, v View) *Held {
	for _, w := range p.Work() {
		if w.Mode == Release {
			continue
		}
		if w.Mode == Provision && w.Network == nil {
			return &Held{Job: p.Job, Reason: fmt.Sprintf("host %s has no network task: what its ports are to carry when it is imaged is not known", w.LabID)}
		}
		if h := waitsForHost(p, w, v); h != nil {
			return h
		}
		if h := waitsForVLANs(p, w, v); h != nil {
			return h
		}
	}
	run := v.Jobs[p.Job]
	if run == nil || run.State != "running" {
		return nil
	}
	for _, t := range p.Tasks {
		if r := v.Records[TaskKey(p.Job, t.ID)]; r != nil && r.Plan == run.Plan && r.Outcome == Open {
			return nil // it replaces work in progress
		}
	}
	return &Held{Job: p.Job, Reason: "an earlier part of the job is still being worked on", Expected: true}
}

func waitsForHost(p *Plan, w *Work, v View) *Held {
	i := slices.IndexFunc(v.Owners, func(o *Owner) bool { return o.LabID == w.LabID })
	if i < 0 || v.Owners[i].Job != p.Job {
		for _, o := range v.Offers {
			if o.Job != p.Job && releases(o, w.LabID) {
				return &Held{Job: p.Job, Reason: fmt.Sprintf("host %s is being taken back from job %d first", w.LabID, o.Job), Expected: true}
			}
		}
	}
	switch {
	case w.Mode == Configure && (i < 0 || v.Owners[i].Job != p.Job):
		return &Held{Job: p.Job, Reason: fmt.Sprintf("host %s has no hardware task, and was not handed to this job before: nothing is known of the machine", w.LabID)}
	case i < 0 || v.Owners[i].Job == p.Job:
		return nil
	case v.Owners[i].Quarantine != "":
		return &Held{Job: p.Job, Reason: fmt.Sprintf("host %s is in quarantine since job %d: %s", w.LabID, v.Owners[i].Job, v.Owners[i].Quarantine)}
	}
	o := v.Owners[i]
	return &Held{Job: p.Job, Reason: fmt.Sprintf("host %s still belongs to %s", w.LabID, o.Whose()), Expected: o.Reservation == ""}
}

// waitsForVLANs holds a plan until a private VLAN that it wants is off the ports of a booking that ends. One that is in a booking
// which goes on is no reason to wait: the claim refuses it.
func waitsForVLANs(p *Plan, w *Work, v View) *Held {
	o, id := Conflict(w, p.Job, v.Owners, v.PublicVLANs)
	if o == nil {
		return nil
	}
	ending := o.Ending || slices.ContainsFunc(v.Offers, func(of Offer) bool { return of.Job == o.Job && releases(of, o.LabID) })
	switch {
	case o.Quarantine != "":
		return &Held{Job: p.Job, Reason: fmt.Sprintf("VLAN %d may still be on the ports of %s, which is in quarantine since job %d", id, o.Host, o.Job)}
	case ending:
		return &Held{Job: p.Job, Reason: fmt.Sprintf("VLAN %d is still held by job %d, which is ending", id, o.Job), Expected: true}
	}
	return nil
}

// Conflict finds another job's host whose ports carry a private VLAN that the work wants, or nil. A VLAN of an ending booking counts:
// the dashboard hands VLANs out again before the lab has taken them off the ports.
func Conflict(w *Work, job int, owners []*Owner, public []int) (holder *Owner, vlan int) {
	for _, id := range w.VLANs() {
		if slices.Contains(public, id) {
			continue
		}
		for _, o := range owners {
			if o.Job != job && slices.Contains(o.VLANs, id) {
				return o, id
			}
		}
	}
	return nil, 0
}

func releases(o Offer, labID string) bool {
	tasks, _ := payload.DecodeJob(o.Job, o.Payload)
	return slices.ContainsFunc(tasks, func(t payload.Task) bool {
		return t.Hardware != nil && t.Host == labID && t.Hardware.Release()
	})
}
