package actions

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/directory"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

var taskParam = action.Param{Name: "task_id", Type: action.String, Required: true, Description: "Id of the dashboard's access task. Example: a4ecf491-d523-4c65-bfd5-b90ca61b4b50"}

var grantVPN = &action.Action{
	Name:        "grant_vpn",
	Description: "Make the VPN account of one user of a booking and prove that it logs in. Its password is stored encrypted and told to the user only.",
	Params:      []action.Param{taskParam, jobParam, epochParam},
	Budget:      sum(records, ldap, ldap, func(c *config.Config) time.Duration { return dashboardCalls(c, 1) }),
	Run:         forAccess("VPN account", grant),
}

var revokeVPN = &action.Action{
	Name:        "revoke_vpn",
	Description: "Delete the VPN account that was made for a task, found in the journal, and prove that its login is refused while the lab's own is accepted.",
	Params:      []action.Param{taskParam, jobParam, epochParam},
	Budget:      sum(records, ldap, ldap),
	Run:         forAccess("VPN account", revoke),
}

// forAccess makes an action of the work on one access task. It takes the record as it is in the journal, because an account outlives
// the generation that made it, and may outlive its task in the plan.
func forAccess(stage string, do func(context.Context, *run, *booking.TaskRecord) (any, error)) func(context.Context, *action.Call) (any, error) {
	return func(ctx context.Context, c *action.Call) (any, error) {
		r, err := openRun(ctx, c)
		if err != nil {
			return nil, err
		}
		rec, err := r.Record(ctx, r.job.Job, c.Params.String("task_id"))
		if err != nil {
			return nil, err
		}
		rec.Stage, rec.Outcome, rec.Reason = stage, booking.Open, ""
		if err := r.Checkpoint(ctx); err != nil {
			return nil, err
		}
		result, err := do(ctx, r, rec)
		if err != nil {
			err = fault.Wrap(err, "%s of task %s", stage, rec.Task)
			(&hostRun{run: r, rec: rec}).failed(ctx, err)
		}
		return result, err
	}
}

func grant(ctx context.Context, r *run, rec *booking.TaskRecord) (any, error) {
	task, err := r.plan.Task(rec.Task)
	if err != nil {
		return nil, err
	}
	uid := vpnAccount(r.job.Job, task.Access.User)
	rec.Account = uid
	if err := r.Save(ctx, rec); err != nil { // before the account exists
		return nil, err
	}
	password, err := r.password(ctx, vpnSecret(uid), 20)
	if err != nil {
		return nil, err
	}
	d, err := r.directory(ctx)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	account := directory.Account{UID: uid, CommonName: r.userName(ctx, task.Access.User), Surname: fmt.Sprintf("job %d", r.job.Job), Password: password}
	if err := d.Put(ctx, account); err != nil {
		return nil, err
	}
	if err := d.TryLogin(ctx, uid, password); err != nil {
		return nil, fault.Wrap(err, "prove the login of %s", uid)
	}
	rec.Outcome = booking.Done
	if err := r.Save(ctx, rec); err != nil {
		return nil, err
	}
	return action.Result{Summary: "VPN account " + uid + " is made, its login is proven", Changed: true}, nil
}

// plainName is a user's name that is safe to show anywhere.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._@-]*$`)

// userName is what the dashboard calls a user. The dashboard of 2019 does not tell, and an account must not fail for want of a name.
func (r *run) userName(ctx context.Context, id int) string {
	fallback := fmt.Sprintf("LaaS user %d", id)
	d, err := r.dashboard()
	if err != nil {
		return fallback
	}
	u, err := d.User(ctx, id)
	if err != nil || len(u.Username) > 64 || !plainName.MatchString(u.Username) {
		return fallback
	}
	return u.Username
}

func vpnSecret(uid string) string { return "laas.secret.vpn." + uid }

func revoke(ctx context.Context, r *run, rec *booking.TaskRecord) (any, error) {
	if rec.Account == "" {
		rec.Outcome = booking.Done
		return action.Result{Summary: "no VPN account was made for task " + rec.Task}, r.Save(ctx, rec)
	}
	uid := rec.Account
	password, found, err := r.ST2.GetSecret(ctx, vpnSecret(uid))
	if err != nil {
		return nil, err
	}
	d, err := r.directory(ctx)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if err := d.Delete(ctx, uid); err != nil {
		return nil, err
	}
	if err := r.accountIsDead(ctx, d, uid, password, found); err != nil {
		return nil, err
	}
	if err := r.ST2.Delete(ctx, vpnSecret(uid)); err != nil {
		return nil, err
	}
	rec.Account, rec.Outcome = "", booking.Done
	if err := r.Save(ctx, rec); err != nil {
		return nil, err
	}
	return action.Result{Summary: "VPN account " + uid + " is deleted; the server refuses its login", Changed: true}, nil
}

// accountIsDead proves that the account is gone: the server, which accepts the lab's login, has no such entry and refuses its password. A
// time-out proves nothing.
func (r *run) accountIsDead(ctx context.Context, d *directory.Directory, uid string, password secret.String, known bool) error {
	exists, err := d.Exists(ctx, uid)
	switch {
	case err != nil:
		return err
	case exists:
		return fault.New(fault.Unproven, "the directory still has account %s", uid)
	case !known: // it was never made: its password is stored before it is
		return nil
	}
	err = d.TryLogin(ctx, uid, password)
	switch {
	case err == nil:
		return fault.New(fault.Unproven, "the deleted account %s can still log in", uid).WithHint("does the directory have replicas?")
	case !fault.Is(err, fault.Credentials):
		return fault.Wrap(err, "prove that the login of %s is refused", uid)
	}
	return nil
}

// vpnAccount names a user's account in a booking; the user's own name is no secret of the dashboard's, and not the VPN's business.
func vpnAccount(job, user int) string { return fmt.Sprintf("laas-%d-%d", job, user) }
