package world

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Pace is how long things take in this lab. The zero value makes everything immediate.
type Pace struct {
	// POST is the time from power to looking for something to boot.
	POST time.Duration
	// Boot is the time from there to an operating system, or FOG, that answers.
	Boot time.Duration
	// Image is the time to write an image, 0 to 100 percent.
	Image time.Duration
	// Wipe is the time to wipe a disk, by whatever method.
	Wipe time.Duration
	// SoftOff is the time an operating system takes to shut down.
	SoftOff time.Duration
}

// NIC is a network interface and the switch port it is cabled to.
type NIC struct {
	MAC, Name, Switch, Port string
}

// HostSpec is a host as it is put into the rack: powered off, with an empty disk. PXE is tried on its first NIC only.
type HostSpec struct {
	Name string
	NICs []NIC
	// DiskModel and DiskSerial are what its disk says of itself; made up unless given.
	DiskModel, DiskSerial string
}

// World is everything that is true in the lab. All methods may be called at any time from anywhere.
type World struct {
	pace Pace

	mu           sync.Mutex
	provisioning int
	reach        []int
	labKey       string
	names        []string // hosts in the order they were added
	hosts        map[string]*host
	images       map[int]Image
	ports        map[string]map[string]*Port // switch, port
	vlans        map[string]map[int]string   // switch, VLAN: its name; a switch that is not there carries all
	tasks        []*task
	queued       int // tasks that ever were
	slots        int
	// reportsFailure says that hosts tell FOG what fails.
	reportsFailure bool
	onChange       []func()
}

// New makes an empty lab.
func New(pace Pace) *World {
	return &World{
		pace: pace, hosts: map[string]*host{}, images: map[int]Image{}, ports: map[string]map[string]*Port{}, vlans: map[string]map[int]string{}, slots: defaultSlots,
	}
}

// SetNetwork says which VLAN FOG is in, and through which VLANs (the provisioning one included) the lab reaches hosts.
func (w *World) SetNetwork(provisioning int, reach []int) {
	defer w.change()()
	w.provisioning, w.reach = provisioning, slices.Clone(reach)
}

// SetLabKey sets the lab's public key, a line of an authorized_keys file, which is part of every image written from now on.
func (w *World) SetLabKey(authorizedKey string) {
	defer w.change()()
	w.labKey = authorizedKey
}

// AddHost puts a host into the rack and its cables into the switches. Adding a name again replaces the host.
func (w *World) AddHost(s HostSpec) {
	defer w.change()()
	if _, known := w.hosts[s.Name]; !known {
		w.names = append(w.names, s.Name)
	}
	w.hosts[s.Name] = &host{
		name: s.Name, nics: slices.Clone(s.NICs), diskModel: cmp.Or(s.DiskModel, "SIMDISK"), diskSerial: cmp.Or(s.DiskSerial, "SIM-"+s.Name),
	}
	for _, n := range s.NICs {
		w.addPort(n.Switch, n.Port)
	}
}

// Hosts lists the names of all hosts in the order they were added.
func (w *World) Hosts() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.names)
}

// NICs lists the interfaces of a host.
func (w *World) NICs(name string) []NIC {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hosts[name]; h != nil {
		return slices.Clone(h.nics)
	}
	return nil
}

// OnChange registers a function that is called after every change of the world. It must not block.
func (w *World) OnChange(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onChange = append(w.onChange, f)
}

// change locks the world; the function it returns unlocks it and tells those who asked. Use: defer w.change()().
func (w *World) change() func() {
	w.mu.Lock()
	return func() {
		told := slices.Clone(w.onChange)
		w.mu.Unlock()
		for _, f := range told {
			f()
		}
	}
}

// find gives a host; the world must be locked.
func (w *World) find(name string) (*host, error) {
	if h := w.hosts[name]; h != nil {
		return h, nil
	}
	return nil, fmt.Errorf("there is no host %q in this lab", name)
}
