package world

import (
	"path"
	"strconv"
	"strings"
)

// HostState is what is true of a host at one moment.
type HostState struct {
	Name string
	// Power is on or off.
	Power string
	// Phase says in words what the host is doing.
	Phase string
	// Image is the name of the image on the disk; nil if there is none.
	Image *string
	// Wiped is the method by which the disk was wiped, empty if it was not or if something was written since.
	Wiped, DiskModel, DiskSerial string
	// OS, Hostname and MachineID are what the files on the disk say.
	OS, Hostname, MachineID string
	Up, Reachable           bool
	Ports                   []PortState
	// SSHKeys are the keys in authorized_keys by user, the lab's own left out.
	SSHKeys map[string][]string
}

// PortState is the port that one NIC hangs on. Native is nil when untagged frames go nowhere.
type PortState struct {
	MAC, Switch, Port string
	Native            *int
	Tagged            []int
	Shutdown          bool
}

// Snapshot tells the state of one host; the zero value if there is none of that name.
func (w *World) Snapshot(name string) HostState {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, err := w.find(name)
	if err != nil {
		return HostState{}
	}
	s := HostState{Name: name, Power: "off", Phase: h.phase.String(), Up: h.phase == phaseUp, Reachable: w.reachReason(h) == "", SSHKeys: map[string][]string{}}
	s.Wiped, s.DiskModel, s.DiskSerial = wipes[h.disk.wiped], h.diskModel, h.diskSerial
	if h.phase != phaseOff {
		s.Power = "on"
	}
	for _, n := range h.nics {
		s.Ports = append(s.Ports, w.portState(n))
	}
	if h.disk.fs == nil {
		return s
	}
	img := h.disk.image.Name
	s.Image = &img
	s.OS = h.disk.image.OS
	s.Hostname = firstLine(h.disk.fs, "/etc/hostname")
	s.MachineID = firstLine(h.disk.fs, "/etc/machine-id")
	for _, u := range Users(h.disk.fs) {
		if keys := w.tenantKeys(h.disk.fs, u); len(keys) > 0 {
			s.SSHKeys[u.Name] = keys
		}
	}
	return s
}

func (w *World) portState(n NIC) PortState {
	s := PortState{MAC: n.MAC, Switch: n.Switch, Port: n.Port, Tagged: []int{}}
	if p := w.port(n.Switch, n.Port); p != nil {
		s.Tagged = append(s.Tagged, p.Tagged...)
		s.Shutdown = p.Shutdown
		if native := p.Native; native != 0 {
			s.Native = &native
		}
	}
	return s
}

// tenantKeys gives the lines of a user's authorized_keys without comments and without the lab's key.
func (w *World) tenantKeys(f *FS, u User) (keys []string) {
	text, _ := f.ReadFile(u.KeysFile())
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") && !sameKey(line, w.labKey) {
			keys = append(keys, line)
		}
	}
	return keys
}

// sameKey compares two lines without options by type and key, not by comment.
func sameKey(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	return len(x) > 1 && len(y) > 1 && x[0] == y[0] && x[1] == y[1]
}

func firstLine(f *FS, name string) string {
	text, _ := f.ReadFile(name)
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}

// User is a line of /etc/passwd.
type User struct {
	Name     string
	UID, GID int
	Home     string
	Shell    string
}

// KeysFile is where sshd looks for the user's keys.
func (u User) KeysFile() string { return path.Join(u.Home, ".ssh/authorized_keys") }

// Users reads /etc/passwd.
func Users(f *FS) (users []User) {
	text, _ := f.ReadFile("/etc/passwd")
	for line := range strings.Lines(string(text)) {
		p := strings.Split(strings.TrimSpace(line), ":")
		if len(p) != 7 {
			continue
		}
		uid, err1 := strconv.Atoi(p[2])
		gid, err2 := strconv.Atoi(p[3])
		if err1 == nil && err2 == nil {
			users = append(users, User{Name: p[0], UID: uid, GID: gid, Home: p[5], Shell: p[6]})
		}
	}
	return users
}
