package booking

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/booking/payload"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

// Store is the part of StackStorm's datastore that the journal lives in. Put of a key replaces it whole; there is no
// compare-and-set, so each key has one writer at a time.
type Store interface {
	Get(ctx context.Context, key string) (value string, found bool, err error)
	Put(ctx context.Context, key, value string) error
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, prefix string) (map[string]string, error)
}

// Planned is a task of a plan.
type Planned struct {
	payload.Task
	// Generation counts how often the dashboard asked for work under this task's id.
	Generation int `json:"generation"`
	// Content is the digest of the task's normalised content.
	Content string `json:"content"`
}

// Plan is what is to be done for a job, as the dashboard wanted it at one time. It is stored when it is dispatched, and
// actions read nothing else: a release does not depend on the dashboard.
type Plan struct {
	Job        int       `json:"job"`
	Digest     string    `json:"digest"`
	Dispatched time.Time `json:"dispatched"`
	Tasks      []Planned `json:"tasks"`
	// Vanished says that the dashboard no longer knows the job: nobody is to be told.
	Vanished bool `json:"vanished,omitempty"`
	// Own is set for one of the lab's own jobs.
	Own *Own `json:"own,omitempty"`
	// Quiet says that an operator wants it, and the dashboard knows nothing of it.
	Quiet bool `json:"quiet,omitempty"`
}

// NewPlan makes the plan of a job. Its digest covers each task's id, generation and content.
func NewPlan(job int, tasks []Planned, now time.Time) *Plan {
	h := sha256.New()
	for _, t := range tasks {
		fmt.Fprintln(h, t.ID, t.Generation, t.Content)
	}
	return &Plan{Job: job, Digest: hex.EncodeToString(h.Sum(nil))[:12], Dispatched: now.UTC(), Tasks: tasks}
}

// Key is where the plan is stored.
func (p *Plan) Key() string { return planPrefix(p.Job) + p.Digest }

func planPrefix(job int) string { return fmt.Sprintf("laas.plan.%d.", job) }

// LoadPlan reads a stored plan; with an empty digest the one dispatched last.
func LoadPlan(ctx context.Context, s Store, job int, digest string) (*Plan, error) {
	all, err := s.List(ctx, planPrefix(job)+digest)
	if err != nil {
		return nil, err
	}
	var newest *Plan
	for key, text := range all {
		p := &Plan{}
		if err := json.Unmarshal([]byte(text), p); err != nil {
			return nil, fault.New(fault.Config, "datastore key %s does not hold a plan: %w", key, err)
		}
		if newest == nil || p.Dispatched.After(newest.Dispatched) {
			newest = p
		}
	}
	if newest == nil {
		return nil, fault.New(fault.NotFound, "no plan of job %d is stored", job).
			WithHint("plans are stored when the sensor dispatches a job; is laas.DashboardSensor running, and does the dashboard list the job under jobs/new?")
	}
	return newest, nil
}

// SavePlan stores a plan.
func SavePlan(ctx context.Context, s Store, p *Plan) error { return put(ctx, s, p.Key(), p) }

// Task finds a task of the plan by id.
func (p *Plan) Task(id string) (*Planned, error) {
	for i := range p.Tasks {
		if p.Tasks[i].ID == id {
			return &p.Tasks[i], nil
		}
	}
	return nil, fault.New(fault.NotFound, "job %d has no task %s in plan %s", p.Job, id, p.Digest)
}

// Of lists the plan's tasks of a kind.
func (p *Plan) Of(kind payload.Kind) []*Planned {
	var out []*Planned
	for i := range p.Tasks {
		if p.Tasks[i].Kind == kind {
			out = append(out, &p.Tasks[i])
		}
	}
	return out
}

// Mode is what a plan does with a host.
type Mode string

const (
	// Provision images the host and hands it over.
	Provision Mode = "provision"
	// Release takes the host back.
	Release Mode = "release"
	// Configure changes ports, interfaces or keys of a host that stays as it is otherwise.
	Configure Mode = "configure"
	// CaptureDisk makes an image of the disk of a host that stays as it is.
	CaptureDisk Mode = "capture"
)

// Work is what a plan does with one host.
type Work struct {
	// LabID is the host's id on the dashboard.
	LabID    string
	Mode     Mode
	Hardware *Planned
	Network  *Planned
	// Snapshot is the image to be made of its disk.
	Snapshot *Planned
	// SSH are the access tasks that concern the host.
	SSH []*Planned
	// Refused says why nothing can be done, whatever is tried.
	Refused string
}

// Work lists the plan's hosts by their dashboard ids, in a stable order.
func (p *Plan) Work() []*Work {
	byHost := map[string]*Work{}
	at := func(host string) *Work {
		if byHost[host] == nil {
			byHost[host] = &Work{LabID: host, Mode: Configure}
		}
		return byHost[host]
	}
	for i := range p.Tasks {
		switch t := &p.Tasks[i]; {
		case t.Hardware != nil:
			at(t.Host).Hardware = t
		case t.Network != nil:
			at(t.Host).Network = t
		case t.Snapshot != nil:
			at(t.Host).Snapshot = t
		case t.Access != nil && t.Access.Type == "ssh" && t.Access.KeyProblem == "":
			for _, host := range t.Access.Hosts {
				w := at(host)
				w.SSH = append(w.SSH, t)
			}
		}
	}
	var out []*Work
	for _, w := range byHost {
		w.decide()
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b *Work) int { return strings.Compare(a.LabID, b.LabID) })
	return out
}

func (w *Work) decide() {
	hw := w.Hardware
	switch {
	case hw == nil && w.Network == nil && len(w.SSH) == 0 && w.Snapshot != nil:
		w.Mode = CaptureDisk
		return
	case hw == nil:
		return
	case hw.Hardware.Release():
		w.Mode = Release
		return
	}
	w.Mode = Provision
	switch image := hw.Hardware.Image; {
	case image == "" && w.Network == nil:
		w.Mode = Configure
	case slices.Contains([]string{"", "unknown", "defimage"}, image):
		w.Refused = fmt.Sprintf("the dashboard names no usable image (%q)", image)
	case !inventory.ValidHostname(w.Hostname()):
		w.Refused = "the host name is not one (letters, digits and hyphens, at most 63 to a label, RFC 1123)"
	}
}

// Hostname is the host name that the host gets. The dashboard's own default has an underscore, which a host name cannot have
// (RFC 1123); it becomes a hyphen. What is still no host name is refused.
func (w *Work) Hostname() string {
	if w.Hardware == nil {
		return ""
	}
	return strings.ReplaceAll(w.Hardware.Hardware.Hostname, "_", "-")
}

// UnknownImage is what the dashboard sends for a snapshot of the booking's: it never learns its number.
const UnknownImage = "-1"

// ImageName is the name of the image that is to be made of the host's disk. The dashboard's are named after its own numbers.
func (w *Work) ImageName() string {
	switch s := w.Snapshot.Snapshot; {
	case s.Name != "":
		return s.Name
	case w.Snapshot.Generation > 1:
		return fmt.Sprintf("snapshot_%d_%d", s.DashboardID, w.Snapshot.Generation)
	default:
		return fmt.Sprintf("snapshot_%d", s.DashboardID)
	}
}

// Record is the task under which the journal keeps what was done with the host.
func (w *Work) Record() *Planned {
	switch {
	case w.Hardware != nil:
		return w.Hardware
	case w.Network != nil:
		return w.Network
	case w.Mode == CaptureDisk:
		return w.Snapshot
	}
	// An SSH task is for many hosts, so each of them has a record of its own.
	p := Planned{Task: payload.Task{ID: "keys-" + w.LabID, Kind: payload.KindAccess, Host: w.LabID}}
	for _, t := range w.SSH {
		p.Generation += t.Generation
	}
	return &p
}

// VLANs are the VLANs that the host's ports are to carry, sorted, each once.
func (w *Work) VLANs() []int {
	var out []int
	if w.Network != nil && w.Mode != Release {
		for _, vlans := range w.Network.Network.Ports {
			for _, v := range vlans {
				out = append(out, v.ID)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Tasks are all tasks of the host that are finished with it.
func (w *Work) Tasks() []*Planned {
	var out []*Planned
	for _, t := range []*Planned{w.Hardware, w.Network} {
		if t != nil {
			out = append(out, t)
		}
	}
	return out
}

// Keys are the public keys that may log in, sorted, each once.
func (w *Work) Keys() []string {
	var out []string
	for _, t := range w.SSH {
		if !t.Access.Revoke {
			out = append(out, t.Access.Keys...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Releases says whether the plan takes hosts back and does nothing else with any.
func (p *Plan) Releases() bool {
	work := p.Work()
	return len(work) > 0 && !slices.ContainsFunc(work, func(w *Work) bool { return w.Mode != Release })
}

// Host finds the work of one host.
func (p *Plan) Host(labID string) (*Work, error) {
	for _, w := range p.Work() {
		if w.LabID == labID {
			return w, nil
		}
	}
	return nil, fault.New(fault.NotFound, "job %d has no work for host %s in plan %s", p.Job, labID, p.Digest)
}

func put(ctx context.Context, s Store, key string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fault.New(fault.Internal, "write %s: %w", key, err)
	}
	return s.Put(ctx, key, string(text))
}

// get reads a JSON value; found is false when the key is missing.
func get(ctx context.Context, s Store, key string, v any) (found bool, err error) {
	text, found, err := s.Get(ctx, key)
	if err != nil || !found {
		return false, err
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return false, fault.New(fault.Config, "datastore key %s cannot be read: %w", key, err).
			WithHint("look at it with: st2 key get %s", key)
	}
	return true, nil
}
