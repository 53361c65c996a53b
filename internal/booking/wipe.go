package booking

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Methods of wiping disks, each leaving less behind than the one before. WipeNone leaves everything.
const (
	WipeNone   = "none"
	WipeFast   = "fast"
	WipeNormal = "normal"
	WipeFull   = "full"
)

var thorough = map[string]int{WipeNone: 0, WipeFast: 1, WipeNormal: 2, WipeFull: 3}

// Wipe is the wiping of a host's disks.
type Wipe struct {
	Method string `json:"method"`
	// TaskID is FOG's task; 0 until it is known.
	TaskID  int       `json:"task_id,omitempty"`
	Started time.Time `json:"started"`
	// Complete is when FOG said so.
	Complete *time.Time `json:"complete,omitempty"`
}

// Done says whether the disks are wiped at least as thoroughly as method asks. The zero value of a method that is not known is never enough.
func (w *Wipe) Done(method string) bool {
	want, known := thorough[method]
	return known && (want == 0 || w != nil && w.Complete != nil && thorough[w.Method] >= want)
}

// Disk is a disk as far as it is known.
type Disk struct {
	Model  string `json:"model,omitempty"`
	Serial string `json:"serial,omitempty"`
}

// Certificate says that a host's disks were wiped, how and when. It stays in the datastore when the journal is gone.
type Certificate struct {
	Host string `json:"host"`
	// Job is the booking that ended; 0 when an operator had the host wiped.
	Job    int    `json:"job,omitempty"`
	Method string `json:"method"`
	// Scope says which of the host's disks were wiped, as far as the method's maker says.
	Scope string `json:"scope"`
	// Disks are those that FOG's hardware inventory of the host names; empty when it has none.
	Disks    []Disk    `json:"disks"`
	TaskID   int       `json:"fog_task"`
	Started  time.Time `json:"started"`
	Complete time.Time `json:"complete"`
}

// WipeScope is what FOG's wipe tasks do (docs/hardware.md): other disks of the host are left as they are.
const WipeScope = "the first disk, as FOG's wipe tasks do"

// CertificateKey is where the certificate of a FOG task is.
func CertificateKey(host string, task int) string {
	return fmt.Sprintf("%s%d", certificates(host), task)
}

func certificates(host string) string { return fmt.Sprintf("laas.wipe.%s.", host) }

// Certify writes a certificate.
func (j Journal) Certify(ctx context.Context, c *Certificate) error {
	return put(ctx, j.Store, CertificateKey(c.Host, c.TaskID), c)
}

// Certificate reads the certificate of a FOG task; nil if there is none.
func (j Journal) Certificate(ctx context.Context, host string, task int) (*Certificate, error) {
	c := &Certificate{}
	found, err := get(ctx, j.Store, CertificateKey(host, task), c)
	if err != nil || !found {
		return nil, err
	}
	return c, nil
}

// Clean says whether the host's disks were wiped since anybody's system was last seen on them, the lab's own included. What the lab knows nothing of is not clean.
func (j Journal) Clean(ctx context.Context, host string) (bool, error) {
	known, err := j.HostKey(ctx, host)
	if err != nil {
		return false, err
	}
	all, err := records[Certificate](ctx, j.Store, certificates(host))
	return slices.ContainsFunc(all, func(c *Certificate) bool { return c.Host == host && c.Complete.After(known.Recorded) }), err
}

// EverWiped says whether the lab has a certificate for the host.
func (j Journal) EverWiped(ctx context.Context, host string) (bool, error) {
	all, err := records[Certificate](ctx, j.Store, certificates(host))
	return slices.ContainsFunc(all, func(c *Certificate) bool { return c.Host == host }), err
}
