package world

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// freshSize is what a made-up image takes on the server, and twice that on a disk.
const freshSize = 1 << 30

// Image is an image on the FOG server.
type Image struct {
	ID   int
	Name string
	// OS is ubuntu, debian, centos or suse. An image without an OS is an empty definition, until something is captured into it.
	OS      string
	Version string
	// Network is what the image configures its network with; by default netplan on ubuntu and debian, NetworkManager elsewhere.
	Network string
	// Path is where its files are; the name unless given. Images of one path share their content.
	Path string
	// Size and DiskSize are bytes on the server and on a disk; 0 for an empty definition.
	Size, DiskSize int64
	// Captured is when it was captured; zero for an image that was there from the start.
	Captured time.Time
	// Protected is what FOG's pages go by, and its API does not.
	Protected bool
	// Missing says that its files are not on the storage node.
	Missing bool
	// OSID, TypeID and PartitionsID are FOG's numbers for it, 50, 1 and 1 unless given.
	OSID, TypeID, PartitionsID int

	content *FS // what was captured; nil for a made-up image
}

// AddImage puts an image on the FOG server.
func (w *World) AddImage(i Image) {
	defer w.change()()
	if i.OS != "" && i.Size == 0 {
		i.Size, i.DiskSize = freshSize, 2*freshSize
	}
	w.images[i.ID] = i.complete()
}

func (i Image) complete() Image {
	i.Path = cmp.Or(i.Path, i.Name)
	i.OSID, i.TypeID, i.PartitionsID = cmp.Or(i.OSID, 50), cmp.Or(i.TypeID, 1), cmp.Or(i.PartitionsID, 1)
	return i
}

// CreateImage makes an empty definition with the next free id.
func (w *World) CreateImage(i Image) (int, error) {
	defer w.change()()
	for id, other := range w.images {
		i.ID = max(i.ID, id)
		if other.Name == i.Name {
			return 0, fmt.Errorf("there is an image %q", i.Name)
		}
	}
	i.ID++
	w.images[i.ID] = i.complete()
	return i.ID, nil
}

// DeleteImage takes an image away, protected or not, also from the hosts that it is assigned to.
func (w *World) DeleteImage(id int) error {
	defer w.change()()
	if _, err := w.image(id); err != nil {
		return err
	}
	delete(w.images, id)
	for _, h := range w.hosts {
		if h.assigned == id {
			h.assigned = 0
		}
	}
	return nil
}

// ImageFS gives a copy of what a deployment of the image puts on a disk, as far as it does not depend on the host; nil if the image is empty.
func (w *World) ImageFS(id int) *FS {
	w.mu.Lock()
	defer w.mu.Unlock()
	img, err := w.image(id)
	if err != nil || img.empty() {
		return nil
	}
	return freshDisk(img, nil, w.labKey).fs
}

func (i Image) empty() bool { return i.Missing || i.OS == "" }

func (w *World) image(id int) (Image, error) {
	if img, ok := w.images[id]; ok {
		return img, nil
	}
	return Image{}, fmt.Errorf("there is no image with id %d", id)
}

// Images gives all images by id.
func (w *World) Images() []Image {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.SortedFunc(maps.Values(w.images), func(a, b Image) int { return cmp.Compare(a.ID, b.ID) })
}

// keep puts the content of a disk where the image keeps its files, over whatever was there.
func (w *World) keep(id int, d disk) {
	path := w.images[id].Path
	for other, img := range w.images {
		if img.Path != path {
			continue
		}
		img.OS, img.Version, img.Network, img.content, img.Missing = d.image.OS, d.image.Version, d.image.Network, d.fs.Clone(), false
		img.Captured = time.Now()
		img.Size = freshSize/2 + img.content.size()
		img.DiskSize = 2 * img.Size
		w.images[other] = img
	}
}

// AssignImage sets the image that the next task of the host will write; 0 takes it away.
func (w *World) AssignImage(name string, image int) error {
	return w.act(name, func(h *host) error {
		if image != 0 {
			if _, err := w.image(image); err != nil {
				return err
			}
		}
		h.assigned = image
		return nil
	})
}

// AssignedImage gives the image assigned to a host, or 0.
func (w *World) AssignedImage(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hosts[name]; h != nil {
		return h.assigned
	}
	return 0
}
