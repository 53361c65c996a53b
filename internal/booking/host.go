package booking

import (
	"context"
	"time"

	"stackstorm-laas/internal/fault"
)

// HostKey is what is known of the system that a host runs: its SSH host key, which is checked ever after, and its machine
// id, which the next image must change.
type HostKey struct {
	Key       string    `json:"key"`
	MachineID string    `json:"machine_id"`
	Mark      string    `json:"mark,omitempty"`
	OS        string    `json:"os,omitempty"`
	Job       int       `json:"job,omitempty"`
	Recorded  time.Time `json:"recorded"`
}

// HostKeyKey is where a host's key is.
func HostKeyKey(host string) string { return "laas.hostkey." + host }

// HostKey reads what is known of a host's system; the zero value when nothing is.
func (j Journal) HostKey(ctx context.Context, host string) (HostKey, error) {
	var k HostKey
	_, err := get(ctx, j.Store, HostKeyKey(host), &k)
	return k, err
}

// SaveHostKey writes what a host's system showed.
func (j Journal) SaveHostKey(ctx context.Context, host string, k HostKey) error {
	k.Recorded = j.Now().UTC()
	return put(ctx, j.Store, HostKeyKey(host), k)
}

// Baseline is the enabled accounts that a BMC has without tenants, recorded by an operator with laas.adopt_host.
type Baseline struct {
	Accounts []BaselineAccount `json:"accounts"`
	Recorded time.Time         `json:"recorded"`
}

// BaselineAccount is an account by its slot, because a tenant with root can rename one, or enable one without a name.
type BaselineAccount struct {
	Slot      int    `json:"slot"`
	Name      string `json:"name"`
	Privilege string `json:"privilege"`
}

// Slot gives the account of a slot, or nil.
func (b *Baseline) Slot(n int) *BaselineAccount {
	for i := range b.Accounts {
		if b.Accounts[i].Slot == n {
			return &b.Accounts[i]
		}
	}
	return nil
}

// BaselineKey is where a host's baseline is.
func BaselineKey(host string) string { return "laas.bmc_baseline." + host }

// Baseline reads the baseline of a host's BMC.
func (j Journal) Baseline(ctx context.Context, host string) (*Baseline, error) {
	b := &Baseline{}
	found, err := get(ctx, j.Store, BaselineKey(host), b)
	if err == nil && !found {
		err = fault.New(fault.Config, "the accounts that belong on the BMC of %s were never recorded", host).
			WithHint("look at them and run: st2 run laas.adopt_host host=%s", host)
	}
	return b, err
}

// SaveBaseline writes the baseline of a host's BMC.
func (j Journal) SaveBaseline(ctx context.Context, host string, b Baseline) error {
	b.Recorded = j.Now().UTC()
	return put(ctx, j.Store, BaselineKey(host), b)
}
