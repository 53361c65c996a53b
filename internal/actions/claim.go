package actions

import (
	"context"
	"fmt"
	"slices"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
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
	// Capture are hosts whose disks are to be captured.
	Capture []string `json:"capture"`
	// Switches of the hosts to provision or to capture, and of those to release.
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
		{Name: "capture", Description: "Names of hosts whose disks are to be captured."},
		{Name: "provision_switches, release_switches", Description: "Switches of the hosts to image or to capture, and of those to take back."},
		{Name: "grant, revoke", Description: "Task ids of VPN accounts to make and to delete."},
		{Name: "refused", Description: "Hosts that cannot be worked on; the reason is in the journal and goes to the dashboard."},
	},
	Budget: func(c *config.Config) time.Duration {
		// One owner, one task record and one acknowledgement for each host and task; they go side by side.
		return records(c)*5 + dashboardCalls(c, 14) + fogCalls(c, 2) + alarmCall(c)
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
	inv, unusable, err := inventory.LoadUsable(ctx, l.ST2)
	if err != nil {
		return nil, err
	}
	owners, err := l.Owners(ctx)
	if err != nil {
		return nil, err
	}
	known := &known{inv, unusable, owners, map[string]string{}}
	out := claimed{Epoch: job.Epoch, Provision: []string{}, Release: []string{}, Capture: []string{}, ProvisionSwitches: []string{}, ReleaseSwitches: []string{},
		Grant: []string{}, Revoke: []string{}, Refused: []string{}}
	if err := l.Checkpoint(ctx); err != nil {
		return nil, err
	}
	// The job's record comes first: from here on an older run is fenced off.
	if err := l.SaveJob(ctx, job); err != nil {
		return nil, err
	}
	for _, w := range plan.Work() {
		if err := r.claimHost(ctx, known, w, &out); err != nil {
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
	out.Result = action.Result{Changed: true, Summary: fmt.Sprintf("job %d, run %d: %d host(s) to provision, %d to release, %d to capture, %d VPN account(s) to make, %d to delete, %d host(s) refused",
		job.Job, job.Epoch, len(out.Provision), len(out.Release), len(out.Capture), len(out.Grant), len(out.Revoke), len(out.Refused))}
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
		next.Alarmed = before.Alarmed
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

// What this version cannot do yet, in the words that users read.
const (
	noSoftware   = "this lab cannot install software on a booking yet; the hosts are handed over without it"
	noSuchAccess = "this lab gives no access of this type"
)

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
			rec.Outcome, rec.Reason = booking.Error, noSoftware
		case t.Snapshot != nil && r.isRecord(t):
			continue // journalled with its host
		case t.Snapshot != nil && r.plan.Releases():
			rec.Outcome, rec.Reason = booking.Error, "the booking ended before the snapshot was taken"
		case t.Snapshot != nil:
			rec.Outcome, rec.Reason = booking.Error, "the host was not set up for this booking yet when the snapshot was asked for"
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
		case t.Access != nil && t.Access.Type == "ssh": // it follows its hosts
			rec.Outcome, rec.Reason = booking.Open, ""
		case t.Access != nil:
			rec.Outcome, rec.Reason = booking.Error, noSuchAccess
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
	if !r.plan.Releases() {
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
