package booking

import (
	"context"
	"fmt"
	"time"

	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/fault"
)

// The dashboard's codes of a task's state.
const (
	StatusNew     = 0
	StatusCurrent = 100
	StatusDone    = 200
	StatusError   = 300
)

// Outcome is how the work on a task ended.
type Outcome string

const (
	// Open work is not at its end.
	Open Outcome = ""
	// Done is proven.
	Done Outcome = "done"
	// Error ended with Reason.
	Error Outcome = "error"
)

// TaskRecord is the journal of one task in its present generation. Its writers follow one another: first the claim, then the
// action that works on it, last the report.
type TaskRecord struct {
	Job        int          `json:"job"`
	Task       string       `json:"task"`
	Kind       payload.Kind `json:"kind"`
	Generation int          `json:"generation"`
	// Content is the digest of what the dashboard wanted in this generation.
	Content string `json:"content"`
	Plan    string `json:"plan"`
	// Host is the inventory's name, for tasks of one host.
	Host string `json:"host,omitempty"`
	Mode Mode   `json:"mode,omitempty"`
	// Stage is what was begun last.
	Stage   string  `json:"stage,omitempty"`
	Outcome Outcome `json:"outcome,omitempty"`
	Reason  string  `json:"reason,omitempty"`
	// Failed is why one of the lab's own jobs came to nothing, which its host's way back does not undo.
	Failed string `json:"failed,omitempty"`
	// Acked is the last state that the dashboard took from us.
	Acked *Ack `json:"acked,omitempty"`

	// Imaging is set before FOG is told anything.
	Imaging *Imaging `json:"imaging,omitempty"`
	// Booted is the proof of what the host runs.
	Booted *Booted `json:"booted,omitempty"`
	// Lent says that what is on the host's disk was, or may have been, somebody's before this generation of the task: he may have it run what he likes, until the new
	// image is proven.
	Lent bool `json:"lent,omitempty"`
	// BMC is set before the account is made.
	BMC *BMCAccount `json:"bmc,omitempty"`
	// Written is when keys and interfaces were on the disk: what the host is at its next start is the tenant's.
	Written *time.Time `json:"written,omitempty"`
	// Guarded says that the host goes back to its former network by itself if nobody confirms the new one.
	Guarded bool `json:"guarded,omitempty"`
	// Unanswered is set when a guarded host did not answer on its booked network.
	Unanswered *Unanswered `json:"unanswered,omitempty"`
	// Configured is when interfaces and keys were in place, for the keys of KeyDigest.
	Configured *time.Time `json:"configured,omitempty"`
	// HandedOver is when the host was proven on its booked network.
	HandedOver *time.Time `json:"handed_over,omitempty"`
	// Addresses are the host's own on its booked networks, as it said itself.
	Addresses []string `json:"addresses,omitempty"`
	// Note is what the user is told beside the facts, e.g. how the host was proven.
	Note string `json:"note,omitempty"`
	// Account is the VPN account; set before it is made.
	Account string `json:"account,omitempty"`
	// Wipe is set before FOG is told to wipe the disks.
	Wipe *Wipe `json:"wipe,omitempty"`
	// Capture is set before anything is done for it.
	Capture *Capture `json:"capture,omitempty"`
	// Proofs are the release steps that were proven, by name.
	Proofs map[string]string `json:"proofs,omitempty"`
	// Troubles are why release steps could not be done, by name.
	Troubles map[string]string `json:"troubles,omitempty"`

	Updated time.Time `json:"updated"`
}

// Ack is a state that the dashboard accepted.
type Ack struct {
	Status int       `json:"status"`
	At     time.Time `json:"at"`
}

// Booted is what a host showed of itself.
type Booted struct {
	OS        string `json:"os"`
	Version   string `json:"version,omitempty"`
	MachineID string `json:"machine_id"`
	Hostname  string `json:"hostname,omitempty"`
	// Mark is what the lab left on the system when it was proven; it says which deployment it came from, and when.
	Mark string    `json:"mark,omitempty"`
	At   time.Time `json:"at"`
	// Made is when the system's machine-id was written, by the lab's clock.
	Made time.Time `json:"-"`
}

// Unanswered is a host that did not answer on its booked network, until it is configured again.
type Unanswered struct {
	At time.Time `json:"at"`
	// Told is what the host was found to have done, once that was looked for.
	Told string `json:"told,omitempty"`
}

// BMCAccount is a tenant's account.
type BMCAccount struct {
	User string `json:"user"`
	Slot int    `json:"slot,omitempty"`
	// Secret names the encrypted key of its password.
	Secret string `json:"secret"`
}

// JobRecord is the journal of a job as a whole. Its writers follow one another: the claim, then the report.
type JobRecord struct {
	Job   int    `json:"job"`
	Plan  string `json:"plan"`
	Epoch int    `json:"epoch"`
	// State is running, done or failed.
	State string `json:"state"`
	// Summary says how it ended.
	Summary   string   `json:"summary,omitempty"`
	Hosts     []string `json:"hosts,omitempty"`
	Execution string   `json:"execution,omitempty"`
	// Alarmed are the failures that the chat bot was told of.
	Alarmed []string `json:"alarmed,omitempty"`
	// Missing is since when the dashboard does not know the job; reconcile writes it, while nothing works on the job.
	Missing *time.Time `json:"missing,omitempty"`
	Started time.Time  `json:"started"`
	Updated time.Time  `json:"updated"`
}

// Journal reads and writes the records.
type Journal struct {
	Store Store
	Now   func() time.Time
}

// Where the journal is in the datastore.
const (
	TaskPrefix  = "laas.task."
	JobPrefix   = "laas.job."
	OwnerPrefix = "laas.owner."
)

// TaskKey is where a task's record is.
func TaskKey(job int, task string) string { return fmt.Sprintf("%s%d.%s", TaskPrefix, job, task) }

// JobKey is where a job's record is.
func JobKey(job int) string { return fmt.Sprintf("%s%d", JobPrefix, job) }

// Task reads the record of a planned task. A record of an older generation is replaced by a fresh one, which keeps what
// outlives a generation: the accounts that exist outside and their secrets, whether somebody had the host, and for a release the deployment that may be under way.
func (j Journal) Task(ctx context.Context, p *Plan, t *Planned) (*TaskRecord, error) {
	r := &TaskRecord{}
	found, err := get(ctx, j.Store, TaskKey(p.Job, t.ID), r)
	if err != nil {
		return nil, err
	}
	if !found || r.Generation != t.Generation {
		old := r
		r = &TaskRecord{Job: p.Job, Task: t.ID, Kind: t.Kind, Generation: t.Generation, BMC: old.BMC, Account: old.Account, Host: old.Host,
			Lent: old.Lent || old.Written != nil || old.HandedOver != nil}
		if t.Hardware != nil && t.Hardware.Release() {
			r.Imaging = old.Imaging
		}
		if old.Capture.Open() || old.Capture.Unsettled() {
			r.Capture = old.Capture
		}
	}
	r.Plan, r.Content = p.Digest, t.Content
	return r, nil
}

// Record reads the record of a task as it is, whatever its generation.
func (j Journal) Record(ctx context.Context, job int, task string) (*TaskRecord, error) {
	r := &TaskRecord{}
	found, err := get(ctx, j.Store, TaskKey(job, task), r)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "the journal has no task %s of job %d", task, job)
	}
	return r, err
}

// Save writes a record.
func (j Journal) Save(ctx context.Context, r *TaskRecord) error {
	r.Updated = j.Now().UTC()
	return put(ctx, j.Store, TaskKey(r.Job, r.Task), r)
}

// Job reads the record of a job, or nil.
func (j Journal) Job(ctx context.Context, job int) (*JobRecord, error) {
	r := &JobRecord{}
	found, err := get(ctx, j.Store, JobKey(job), r)
	if err != nil || !found {
		return nil, err
	}
	return r, nil
}

// SaveJob writes the record of a job.
func (j Journal) SaveJob(ctx context.Context, r *JobRecord) error {
	r.Updated = j.Now().UTC()
	return put(ctx, j.Store, JobKey(r.Job), r)
}

// Tasks reads all records of a job.
func (j Journal) Tasks(ctx context.Context, job int) ([]*TaskRecord, error) {
	return records[TaskRecord](ctx, j.Store, TaskKey(job, ""))
}

// PortsRecord is the journal of the writes to a switch for a job, 0 for operators who isolate hosts. Its writer is laas.set_ports, one at a time for
// a switch.
type PortsRecord struct {
	Switch string `json:"switch"`
	Job    int    `json:"job"`
	// Hosts has the last write of each host's ports, by its name.
	Hosts map[string]PortsWrite `json:"by_host"`
}

// PortsWrite is what became of the last write of a host's ports on a switch.
type PortsWrite struct {
	State string `json:"state"`
	Epoch int    `json:"epoch"`
	// Error is why the ports were not written, or not proven; Applied says that they were read back as wanted, and saved.
	Error   string    `json:"error,omitempty"`
	Applied bool      `json:"applied"`
	At      time.Time `json:"at"`
}

// PortsKey is where the last writes to a switch are for a job.
func PortsKey(sw string, job int) string { return fmt.Sprintf("laas.ports.%s.%d", sw, job) }

// Ports reads the writes to a switch for a job.
func (j Journal) Ports(ctx context.Context, sw string, job int) (PortsRecord, error) {
	var stored struct {
		PortsRecord
		PortsWrite          // of all of Together, in records that know no write of a single host's
		Together   []string `json:"hosts"`
	}
	_, err := get(ctx, j.Store, PortsKey(sw, job), &stored)
	r := stored.PortsRecord
	r.Switch, r.Job = sw, job
	if r.Hosts == nil {
		r.Hosts = map[string]PortsWrite{}
		for _, host := range stored.Together {
			r.Hosts[host] = stored.PortsWrite
		}
	}
	return r, err
}

// SavePorts writes what was or is about to be written to a switch.
func (j Journal) SavePorts(ctx context.Context, r PortsRecord) error {
	return put(ctx, j.Store, PortsKey(r.Switch, r.Job), r)
}
