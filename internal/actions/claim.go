package actions

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

// claimed is what a workflow needs to know to go on. Lists hold names and ids only.
type claimed struct {
	action.Result
	Epoch int `json:"epoch"`
	// Provision are hosts to image and hand over, Release hosts to take back.
	Provision []string `json:"provision"`
	Release   []string `json:"release"`
	// Switches of the hosts to provision, and of those to release.
	ProvisionSwitches []string `json:"provision_switches"`
	ReleaseSwitches   []string `json:"release_switches"`
	// Grant and Revoke are task ids of VPN accounts.
	Grant  []string `json:"grant"`
	Revoke []string `json:"revoke"`
	// Refused are hosts that cannot be worked on; the reasons are in the journal and go to the dashboard.
	Refused []string `json:"refused"`
}

var claimHosts = &action.Action{
	Name:        "claim_hosts",
	Description: "Claim all hosts of a job in one go and say what is to be done with them. Claiming again raises the epoch and fences off executions left over from before.",
	Params: []action.Param{jobParam,
		{Name: "digest", Type: action.String, Description: "Which stored plan of the job, 12 hex digits. Leave empty for the newest."}},
	Output: []action.Field{
		{Name: "epoch", Description: "Number of this claim; every later action of the run passes it on."},
		{Name: "provision, release", Description: "Names of hosts to image and hand over, and to take back."},
		{Name: "provision_switches, release_switches", Description: "Their switches."},
		{Name: "grant, revoke", Description: "Task ids of VPN accounts to make and to delete."},
		{Name: "refused", Description: "Hosts that cannot be worked on; the reason is in the journal and goes to the dashboard."},
	},
	Budget: func(c *config.Config) time.Duration {
		// One owner, one task record and one acknowledgement for each host and task; they go side by side.
		return records(c)*5 + dashboardCalls(c, 14)
	},
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l, id := open(c), c.Params.Int("job_id")
		plan, err := booking.LoadPlan(ctx, l.ST2, id, c.Params.String("digest"))
		if err != nil {
			return nil, err
		}
		job, err := l.nextEpoch(ctx, plan)
		if err != nil {
			return nil, err
		}
		r := &run{lab: l, job: job, plan: plan}
		out, err := r.claim(ctx)
		if err != nil && !fault.Is(err, fault.Cancelled) {
			r.nothingClaimed(ctx, err)
		}
		return out, err
	},
}

// nothingClaimed tells the dashboard why no work was begun. Where it cannot be told, reconcile tries again.
func (r *run) nothingClaimed(ctx context.Context, why error) {
	ctx = context.WithoutCancel(ctx)
	for i := range r.plan.Tasks {
		rec, err := r.Task(ctx, r.plan, &r.plan.Tasks[i])
		if err != nil || rec.Outcome != booking.Open {
			continue
		}
		rec.Stage, rec.Outcome, rec.Reason = "claim", booking.Error, why.Error()
		if err := r.Save(ctx, rec); err != nil {
			return
		}
	}
	if _, err := report(ctx, r); err != nil {
		r.Info("the dashboard could not be told: %v", err)
	}
}

func (r *run) claim(ctx context.Context) (any, error) {
	l, job, plan := r.lab, r.job, r.plan
	inv, err := inventory.Load(ctx, l.ST2)
	if err != nil {
		return nil, err
	}
	out := claimed{Epoch: job.Epoch, Provision: []string{}, Release: []string{}, ProvisionSwitches: []string{}, ReleaseSwitches: []string{},
		Grant: []string{}, Revoke: []string{}, Refused: []string{}}
	if err := l.Checkpoint(ctx); err != nil {
		return nil, err
	}
	// The job's record comes first: from here on an older run is fenced off.
	if err := l.SaveJob(ctx, job); err != nil {
		return nil, err
	}
	for _, w := range plan.Work() {
		if err := r.claimHost(ctx, inv, w, &out); err != nil {
			return nil, err
		}
	}
	if err := r.claimTasks(ctx, &out); err != nil {
		return nil, err
	}
	if err := r.leftovers(ctx); err != nil {
		return nil, err
	}
	if err := l.SaveJob(ctx, job); err != nil {
		return nil, err
	}
	if err := r.acknowledge(ctx); err != nil {
		return nil, fault.Wrap(err, "tell the dashboard that job %d has begun", job.Job)
	}
	out.Result = action.Result{Changed: true, Summary: fmt.Sprintf("job %d, run %d: %d host(s) to provision, %d to release, %d VPN account(s) to make, %d to delete, %d host(s) refused",
		job.Job, job.Epoch, len(out.Provision), len(out.Release), len(out.Grant), len(out.Revoke), len(out.Refused))}
	return out, nil
}

// nextEpoch makes the record of this run, unless a newer plan was claimed already.
func (l *lab) nextEpoch(ctx context.Context, plan *booking.Plan) (*booking.JobRecord, error) {
	before, err := l.Job(ctx, plan.Job)
	if err != nil {
		return nil, err
	}
	next := &booking.JobRecord{Job: plan.Job, Plan: plan.Digest, Epoch: 1, State: "running", Execution: l.workflow(ctx), Started: l.Now().UTC()}
	if before == nil {
		return next, nil
	}
	next.Epoch = before.Epoch + 1
	if before.Plan == plan.Digest {
		return next, nil
	}
	old, err := booking.LoadPlan(ctx, l.ST2, plan.Job, before.Plan)
	if err == nil && old.Dispatched.After(plan.Dispatched) {
		return nil, fault.New(fault.Superseded, "plan %s of job %d is older than plan %s, which was claimed already", plan.Digest, plan.Job, before.Plan).
			WithHint("nothing is to be done; leave digest empty to work on the newest plan")
	}
	return next, nil
}

// workflow is the execution at the top of the chain, for reconcile to look at.
func (l *lab) workflow(ctx context.Context) string {
	chain, err := l.ST2.Chain(ctx, l.Execution)
	if l.Execution == "" || err != nil || len(chain) == 0 {
		return l.Execution
	}
	return chain[len(chain)-1].ID
}

// claimHost takes one host for the job, or journals why not.
func (r *run) claimHost(ctx context.Context, inv *inventory.Inventory, w *booking.Work, out *claimed) error {
	rec, err := r.Task(ctx, r.plan, w.Record())
	if err != nil {
		return err
	}
	host := inv.ByDashboardID(w.LabID)
	refuse := func(format string, args ...any) error {
		rec.Stage, rec.Outcome, rec.Reason, rec.Mode = "claim", booking.Error, fmt.Sprintf(format, args...), w.Mode
		out.Refused = append(out.Refused, nameOf(host, w))
		return r.Save(ctx, rec)
	}
	if host == nil {
		return refuse("the lab's inventory has no host with the dashboard id %q", w.LabID)
	}
	rec.Host, rec.Mode = host.Name, w.Mode
	owners, err := r.Owners(ctx)
	if err != nil {
		return err
	}
	owner := ownerOf(owners, host.Name)
	if owner != nil && owner.Job != r.job.Job {
		switch {
		case w.Mode == booking.Release && rec.Outcome == booking.Done:
			return r.Save(ctx, rec) // proven clean before; it only has to be told
		case owner.Quarantine != "":
			return refuse("%s is in quarantine: %s", host.Name, owner.Quarantine)
		}
		return refuse("%s belongs to job %d since %s", host.Name, owner.Job, owner.Since.Format("2006-01-02 15:04 MST"))
	}
	if w.Mode != booking.Release {
		if owner != nil && owner.Quarantine != "" {
			return refuse("%s is in quarantine: %s", host.Name, owner.Quarantine)
		}
		if why := r.unusable(w, host); why != "" {
			return refuse("%s", why)
		}
		if other, vlan := booking.Conflict(w, r.job.Job, owners, r.Config.Network.PublicVLANs); other != nil {
			return refuse("VLAN %d is private and on the ports of %s, which belongs to job %d", vlan, other.Host, other.Job)
		}
	}
	next := &booking.Owner{Job: r.job.Job, Epoch: r.job.Epoch, Host: host.Name, LabID: w.LabID, Since: r.Now().UTC(),
		VLANs: w.VLANs(), Ending: w.Mode == booking.Release}
	if owner != nil {
		next.Since, next.Quarantine = owner.Since, owner.Quarantine
		next.VLANs = merge(owner.VLANs, next.VLANs) // the old ones stay until the ports are proven idle
	}
	if err := r.SaveOwner(ctx, next); err != nil {
		return err
	}
	r.job.Hosts = append(r.job.Hosts, host.Name)
	switch {
	case w.Mode == booking.Release:
		out.Release = append(out.Release, host.Name)
		out.ReleaseSwitches = union(out.ReleaseSwitches, host)
	case rec.HandedOver == nil: // a host that was handed over in this generation is not touched again
		out.Provision = append(out.Provision, host.Name)
		out.ProvisionSwitches = union(out.ProvisionSwitches, host)
	}
	if rec.HandedOver == nil {
		rec.Outcome, rec.Reason = booking.Open, ""
	}
	return r.Save(ctx, rec)
}

// unusable says why a booked host cannot be provisioned whatever is tried.
func (r *run) unusable(w *booking.Work, host *inventory.Host) string {
	if w.Refused != "" {
		return w.Refused
	}
	if w.Mode == booking.Provision && (host.FOGName == "" || host.BMC == nil) {
		return fmt.Sprintf("%s cannot be imaged: the inventory gives it no %s", host.Name, missing(host))
	}
	if w.Network == nil {
		return ""
	}
	_, err := bookedPorts(r.Config.Network, host, w.Network.Network)
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

// claimTasks decides what belongs to no host.
func (r *run) claimTasks(ctx context.Context, out *claimed) error {
	for i := range r.plan.Tasks {
		t := &r.plan.Tasks[i]
		rec, err := r.Task(ctx, r.plan, t)
		if err != nil {
			return err
		}
		switch {
		case t.Software != nil && t.Software.Empty:
			rec.Outcome = booking.Done
		case t.Software != nil:
			rec.Outcome, rec.Reason = booking.Error, "this lab cannot install software on a booking yet; the hosts are handed over without it"
		case t.Kind == payload.KindSnapshot:
			rec.Outcome, rec.Reason = booking.Error, "this lab cannot take snapshots of a host yet; the host was not touched"
		case t.Access != nil && t.Access.KeyProblem != "":
			rec.Outcome, rec.Reason = booking.Error, "the SSH key cannot be used: "+t.Access.KeyProblem
		case t.Access != nil && t.Access.Type == "vpn" && t.Access.Revoke:
			out.Revoke = append(out.Revoke, t.ID)
			rec.Outcome, rec.Reason = booking.Open, ""
		case t.Access != nil && t.Access.Type == "vpn":
			if rec.Outcome != booking.Done {
				out.Grant = append(out.Grant, t.ID)
				rec.Outcome, rec.Reason = booking.Open, ""
			}
		case t.Access != nil && t.Access.Type != "ssh":
			rec.Outcome, rec.Reason = booking.Error, "this lab gives no access of this type"
		case t.Hardware != nil, t.Network != nil && r.isRecord(t):
			continue // journalled with its host
		}
		if err := r.Save(ctx, rec); err != nil {
			return err
		}
	}
	return r.revokeAll(ctx, out)
}

// revokeAll adds every VPN account of the job when all of its hosts are taken back, whether its task came again or not.
func (r *run) revokeAll(ctx context.Context, out *claimed) error {
	work := r.plan.Work()
	if len(work) == 0 || slices.ContainsFunc(work, func(w *booking.Work) bool { return w.Mode != booking.Release }) {
		return nil
	}
	all, err := r.Tasks(ctx, r.job.Job)
	for _, rec := range all {
		if rec.Account != "" && !slices.Contains(out.Revoke, rec.Task) {
			out.Revoke = append(out.Revoke, rec.Task)
		}
	}
	return err
}

// isRecord says whether the host's journal is kept under this task.
func (r *run) isRecord(t *booking.Planned) bool {
	w, err := r.plan.Host(t.Host)
	return err == nil && w.Record().ID == t.ID
}

// leftovers closes what an earlier plan of the job began and this one does not go on with.
func (r *run) leftovers(ctx context.Context) error {
	all, err := r.Tasks(ctx, r.job.Job)
	if err != nil {
		return err
	}
	for _, rec := range all {
		if rec.Plan == r.plan.Digest || rec.Outcome != booking.Open {
			continue
		}
		rec.Outcome, rec.Reason = booking.Error, "the booking changed before this was done"
		if err := r.Save(ctx, rec); err != nil {
			return err
		}
	}
	return nil
}

func ownerOf(owners []*booking.Owner, host string) *booking.Owner {
	for _, o := range owners {
		if o.Host == host {
			return o
		}
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
