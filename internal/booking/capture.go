package booking

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Capture is the making of an image of a host's disk. The host is somebody's, and is to be his again whatever becomes of it.
type Capture struct {
	// Name is the new image's, ImageID its number at FOG; 0 until it is known.
	Name    string `json:"name"`
	ImageID int    `json:"image_id,omitempty"`
	// Overwrites says that the image was there before.
	Overwrites bool `json:"overwrites,omitempty"`
	// Source is the image that FOG had for the host before, and is to have again; 0 while it was not looked up.
	Source int `json:"source,omitempty"`
	// On says that the host had power, Login that the lab could log in to it.
	On    bool `json:"on,omitempty"`
	Login bool `json:"login,omitempty"`
	// Off is when the host was proven to be off, with nobody who could switch it on but the lab: its ports may leave their networks.
	Off *time.Time `json:"off,omitempty"`
	// Neutral says that the disk has the networks of the host's image instead of the booked ones, or may have; Restarted is when the host was started
	// after the booked ones were put back.
	Neutral   bool       `json:"neutral,omitempty"`
	Restarted *time.Time `json:"restarted,omitempty"`
	// Complete is when the image was proven to be there, Settled when FOG was as before but for that.
	Complete *time.Time `json:"complete,omitempty"`
	Settled  *time.Time `json:"settled,omitempty"`
	// Returned is when the host was as before.
	Returned *time.Time `json:"returned,omitempty"`
}

// Open says whether the host has left its networks for a capture, or may have, and is not back yet.
func (c *Capture) Open() bool { return c != nil && c.Off != nil && c.Returned == nil }

// Unsettled says whether FOG may have something left of a capture: a task, half an image, the host pointed to it.
func (c *Capture) Unsettled() bool { return c != nil && c.Source != 0 && c.Settled == nil }

// Snapshot is an image that was captured.
type Snapshot struct {
	ImageID int    `json:"image_id"`
	Name    string `json:"name"`
	// Host is whose disk it is, Job who had the host, DashboardID the dashboard's number of the image; 0 for one by an operator.
	Host        string `json:"host"`
	Job         int    `json:"job"`
	DashboardID int    `json:"dashboard_id,omitempty"`
	// Source is the image that the host was made from. OS is what it ran, MachineID and Mark what is in the image, if the lab knew.
	Source    int    `json:"source"`
	OS        string `json:"os,omitempty"`
	MachineID string `json:"machine_id,omitempty"`
	Mark      string `json:"mark,omitempty"`
	// DiskSize is what it takes on a disk, in bytes.
	DiskSize int64 `json:"disk_size"`
	// Partitions is how many partitions it has, each in a file of its own.
	Partitions int       `json:"partitions"`
	TaskID     int       `json:"fog_task"`
	Captured   time.Time `json:"captured"`
}

// SnapshotPrefix is where the snapshots are in the datastore.
const SnapshotPrefix = "laas.snapshot."

// SnapshotKey is where the record of a captured image is.
func SnapshotKey(image int) string { return fmt.Sprintf("%s%d", SnapshotPrefix, image) }

// SaveSnapshot records a captured image.
func (j Journal) SaveSnapshot(ctx context.Context, s *Snapshot) error {
	return put(ctx, j.Store, SnapshotKey(s.ImageID), s)
}

// Snapshot reads the record of a captured image; nil if the pack did not capture it.
func (j Journal) Snapshot(ctx context.Context, image int) (*Snapshot, error) {
	s := &Snapshot{}
	found, err := get(ctx, j.Store, SnapshotKey(image), s)
	if err != nil || !found {
		return nil, err
	}
	return s, nil
}

// Snapshots lists all captured images, the oldest first.
func (j Journal) Snapshots(ctx context.Context) ([]*Snapshot, error) {
	all, err := records[Snapshot](ctx, j.Store, SnapshotPrefix)
	slices.SortFunc(all, func(a, b *Snapshot) int { return a.Captured.Compare(b.Captured) })
	return all, err
}

// ForgetSnapshot removes the record of a captured image that is no more.
func (j Journal) ForgetSnapshot(ctx context.Context, image int) error {
	return j.Store.Delete(ctx, SnapshotKey(image))
}

// MadeBy picks the snapshot that a booking means by an image that the dashboard has no number for (-1): the newest of the host, or the only one of
// the booking. nil if there is none, or if several of other hosts could be meant.
func MadeBy(all []*Snapshot, job int, host string) (found *Snapshot) {
	var own []*Snapshot
	for _, s := range all {
		if s.Job != job {
			continue
		}
		if own = append(own, s); s.Host == host {
			found = s
		}
	}
	if found == nil && len(own) == 1 {
		return own[0]
	}
	return found
}
