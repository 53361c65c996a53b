package booking

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"stackstorm-laas/internal/fault"
)

// Owner says which job a host belongs to. The epoch rises with each claim and fences off executions left over from before.
type Owner struct {
	Job   int `json:"job"`
	Epoch int `json:"epoch"`
	// Host is the inventory's name, LabID the dashboard's id.
	Host  string    `json:"host"`
	LabID string    `json:"lab_id"`
	Since time.Time `json:"since"`
	// VLANs are what the host's ports may carry, until they are proven idle.
	VLANs []int `json:"vlans,omitempty"`
	// Ending says that the host is being taken back.
	Ending bool `json:"ending,omitempty"`
	// Reservation is for whom an operator reserved the host; empty for a booking's.
	Reservation string `json:"reservation,omitempty"`
	// Quarantine keeps the host from everybody until an operator decides; empty when it is not in quarantine.
	Quarantine string `json:"quarantine,omitempty"`
}

// Again is what brings the work of the host's job to its end.
func (o *Owner) Again() string {
	if IsOwn(o.Job) {
		return "the workflow that left it (laas.image_host, laas.capture_host, ...), started again,"
	}
	return fmt.Sprintf("laas.resume_job job_id=%d", o.Job)
}

// OwnerKey is where a host's owner is.
func OwnerKey(host string) string { return OwnerPrefix + host }

// Owner reads who owns a host, or nil.
func (j Journal) Owner(ctx context.Context, host string) (*Owner, error) {
	o := &Owner{}
	found, err := get(ctx, j.Store, OwnerKey(host), o)
	if err != nil || !found {
		return nil, err
	}
	return o, nil
}

// Owners reads all owners, by host.
func (j Journal) Owners(ctx context.Context) ([]*Owner, error) {
	return records[Owner](ctx, j.Store, OwnerKey(""))
}

// SaveOwner writes who owns a host. Only the claim and the operator's return and retire call it, one at a time.
func (j Journal) SaveOwner(ctx context.Context, o *Owner) error {
	return put(ctx, j.Store, OwnerKey(o.Host), o)
}

// Disown ends the ownership of a host, and what its ports were to carry for it.
func (j Journal) Disown(ctx context.Context, host string) error {
	if err := j.Store.Delete(ctx, wiringPrefix+host); err != nil {
		return err
	}
	return j.Store.Delete(ctx, OwnerKey(host))
}

// Fence fails unless the host belongs to the job in this very epoch. Every action that changes a host, its ports or its BMC
// calls it first.
func (j Journal) Fence(ctx context.Context, host string, job, epoch int) error {
	o, err := j.Owner(ctx, host)
	switch {
	case err != nil:
		return err
	case o == nil:
		return fault.New(fault.Refused, "%s does not belong to job %d: nobody has claimed it", host, job).
			WithHint("start laas.process_job, which claims the hosts of a job first")
	case o.Job != job:
		return fault.New(fault.Refused, "%s does not belong to job %d but to %s since %s", host, job, o.Whose(), o.Since.Format(time.RFC3339))
	case o.Epoch != epoch:
		return fault.New(fault.Cancelled, "%s was claimed again by job %d (epoch %d, this execution has %d): a newer run took over", host, job, o.Epoch, epoch)
	}
	return nil
}

func records[T any](ctx context.Context, s Store, prefix string) ([]*T, error) {
	all, err := s.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var out []*T
	for _, key := range slices.Sorted(maps.Keys(all)) {
		r := new(T)
		if err := json.Unmarshal([]byte(all[key]), r); err != nil {
			return nil, fault.New(fault.Config, "datastore key %s cannot be read: %w", key, err).WithHint("look at it with: st2 key get %s", key)
		}
		out = append(out, r)
	}
	return out, nil
}
