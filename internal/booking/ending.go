package booking

import (
	"slices"
	"time"

	"stackstorm-laas/internal/booking/payload"
)

// Ending plans the end of a job that the dashboard no longer knows: every host that it owns is taken back, in the next generation of the
// tasks under which the journal has it. Hosts in quarantine are an operator's business already.
func Ending(job int, owners []*Owner, records []*TaskRecord, now time.Time) *Plan {
	var tasks []Planned
	add := func(t payload.Task, r *TaskRecord) {
		p := Planned{Task: t, Generation: 1, Content: t.Digest()}
		if r != nil {
			p.ID, p.Generation = r.Task, r.Generation+1
		}
		tasks = append(tasks, p)
	}
	for _, o := range owners {
		if o.Job != job || o.Quarantine != "" {
			continue
		}
		var hardware, network *TaskRecord
		for _, r := range records {
			switch {
			case r.Host != o.Host:
			case r.Kind == payload.KindHardware:
				hardware = r
			case r.Kind == payload.KindNetwork:
				network = r
			}
		}
		add(payload.Task{ID: "end-" + o.Host, Kind: payload.KindHardware, Host: o.LabID, Hardware: &payload.Hardware{Power: "off"}}, hardware)
		if network != nil {
			add(payload.Task{Kind: payload.KindNetwork, Host: o.LabID, Network: &payload.Network{}}, network)
		}
	}
	p := NewPlan(job, tasks, now)
	p.Vanished = true
	return p
}

// Ended says whether the tasks of a whole job are those of a booking that has ended: every host is to be switched off, and no port of any
// of them carries anything. Less is no proof: a dashboard of mid-2020 showed new bookings as switched off.
func Ended(tasks []payload.Task) bool {
	idle := map[string]bool{}
	for _, t := range tasks {
		if t.Network != nil {
			idle[t.Host] = t.Network.Empty()
		}
	}
	hosts := 0
	for _, t := range tasks {
		switch {
		case t.Kind == payload.KindHardware && (t.Hardware == nil || !t.Hardware.Release() || !idle[t.Host]):
			return false
		case t.Kind == payload.KindHardware:
			hosts++
		}
	}
	return hosts > 0
}

// endingOnly keeps the tasks that a booking's end consists of.
func endingOnly(tasks []payload.Task) []payload.Task {
	return slices.DeleteFunc(tasks, func(t payload.Task) bool {
		return t.Hardware == nil && t.Network == nil && (t.Access == nil || !t.Access.Revoke)
	})
}
