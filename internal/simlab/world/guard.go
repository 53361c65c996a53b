package world

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// A host's systemd starts what drop-ins of multi-user.target want. The one program that such a unit can run in this world is the lab's network
// guard: this is its rule (the pack's guard.sh), as a function of the files on the disk; a test holds the two to each other.
const (
	systemdDir = "/etc/systemd/system"
	dropInDir  = systemdDir + "/multi-user.target.d"
	// guardTitle is how a script begins that is the guard.
	guardTitle = "#!/bin/sh\n# The lab's network guard,"
)

// wanted gives the directory of the guard that the system starts at boot, and how long it waits.
func wantedGuard(f *FS) (dir string, wait time.Duration, ok bool) {
	dropIns, _ := f.ReadDir(dropInDir)
	for _, d := range dropIns {
		text, _ := f.ReadFile(dropInDir + "/" + d.Name())
		unit, err := f.ReadFile(systemdDir + "/" + setting(string(text), "Wants"))
		if err != nil || !strings.HasSuffix(d.Name(), ".conf") {
			continue
		}
		command := strings.Fields(setting(string(unit), "ExecStart"))
		if len(command) != 3 || command[0] != "/bin/sh" {
			continue
		}
		script, _ := f.ReadFile(command[1])
		seconds, err := strconv.Atoi(command[2])
		if err == nil && strings.HasPrefix(string(script), guardTitle) {
			return path.Dir(command[1]), time.Duration(seconds) * time.Second, true
		}
	}
	return "", 0, false
}

// setting gives the value of a line in a unit's file.
func setting(unit, name string) string {
	for line := range strings.Lines(unit) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			return value
		}
	}
	return ""
}

// startGuard is the part of the boot that starts the guard.
func (w *World) startGuard(h *host) {
	f := h.disk.fs
	dir, wait, ok := wantedGuard(f)
	if !ok {
		return
	}
	if f.Exists(dir + "/returning") {
		wait = 0
	}
	w.after(h, wait, func() {
		if GuardReturns(f, wait) {
			h.run++
			h.phase = phaseStopping
			w.after(h, w.pace.SoftOff, func() { w.restart(h) })
		}
	})
}

// GuardReturns is what the guard does on a disk when its time is up; false when it was confirmed.
func GuardReturns(f *FS, wait time.Duration) bool {
	const dir = "/etc/laas-network"
	if !f.Exists(dir + "/returning") {
		if f.Rename(dir+"/armed", dir+"/returning") != nil {
			return false
		}
		note := fmt.Sprintf("returned to the former network after %d s without the lab's confirmation, %s\n", int(wait.Seconds()), time.Now().UTC().Format(time.RFC3339))
		_ = f.WriteFile(dir+"/note", []byte(note), 0o644)
	}
	written, _ := f.ReadFile(dir + "/new")
	for file := range strings.Lines(string(written)) {
		_ = f.Remove(strings.TrimSuffix(file, "\n"))
	}
	_ = f.Remove(dir + "/new")
	returnFiles(f, dir+"/old", "")
	_ = f.Remove(dropInDir + "/laas-network-guard.conf")
	_ = f.Remove(systemdDir + "/laas-network-guard.service")
	_ = f.Remove(dropInDir) // if that was all
	for _, name := range []string{"/old", "/saved", "/guard", "/returning"} {
		_ = f.RemoveAll(dir + name)
	}
	return true
}

// returnFiles moves all files below from to where they were.
func returnFiles(f *FS, from, at string) {
	infos, _ := f.ReadDir(from + at)
	for _, i := range infos {
		p := at + "/" + i.Name()
		if i.IsDir() {
			returnFiles(f, from, p)
			continue
		}
		_ = f.MkdirAll(path.Dir(p), 0o755)
		_ = f.Rename(from+p, p)
	}
}
