package hostnet

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// The guard brings a host's former network configuration back when the lab does not reach the host on its new one. It is a script of the lab's
// that the host's systemd starts at boot; nothing in it comes from a tenant. What it works on:
//
//	GuardDir/new    the paths of what was written, which go
//	GuardDir/old/   what was there before, each file at its path
//	GuardDir/saved  says that old is complete: from then on what is in force may be new
//	GuardDir/armed  the guard acts while this is there; the lab takes it away to confirm the network, by renaming it to GuardConfirmed
//	GuardDir/note   what the guard did, the only thing it leaves
const (
	GuardDir       = "/etc/laas-network"
	GuardOld       = GuardDir + "/old"
	GuardSaved     = GuardDir + "/saved"
	GuardArmed     = GuardDir + "/armed"
	GuardConfirmed = GuardDir + "/confirmed"
	GuardReturning = GuardDir + "/returning"
	GuardNote      = GuardDir + "/note"
	GuardNew       = GuardDir + "/new"
	guardScript    = GuardDir + "/guard"
	guardUnit      = "/etc/systemd/system/laas-network-guard.service"
	// GuardWantsDir is a directory of drop-ins; it may be there without the guard.
	GuardWantsDir = "/etc/systemd/system/multi-user.target.d"
	guardWants    = GuardWantsDir + "/laas-network-guard.conf"
)

//go:embed guard.sh
var guardText []byte

// Guardable says whether a host can run the guard: it takes systemd. exists says whether there is a file or directory on the host.
func Guardable(exists func(path string) bool) bool { return exists("/run/systemd/system") }

// Guard is what has to be written, in this order, before anything of the host's network configuration is changed: GuardDir with mode 0700 and the
// directories of all files must be there. The guard starts with the next boot and waits so long, in whole seconds.
func Guard(wait time.Duration, written []File) []File {
	var paths []string
	for _, f := range written {
		paths = append(paths, f.Path+"\n")
	}
	slices.Sort(paths)
	unit := fmt.Sprintf("%s[Unit]\nDescription=Return to the former network unless the lab confirms the new one\n\n"+
		"[Service]\nExecStart=/bin/sh %s %d\n", header, guardScript, int(math.Ceil(wait.Seconds())))
	return []File{
		{GuardNew, 0o600, []byte(strings.Join(paths, ""))},
		{guardScript, 0o700, guardText},
		{GuardArmed, 0o600, nil},
		{guardUnit, 0o644, []byte(unit)},
		{guardWants, 0o644, []byte(header + "[Unit]\nWants=laas-network-guard.service\n")},
	}
}

// GuardParts are the files of the guard outside GuardDir.
func GuardParts() []string { return []string{guardWants, guardUnit} }

// noteLimit bounds what is told of a note; the host may be a tenant's by now and say anything.
const noteLimit = 700

// Note makes one line of what the guard left: letters, digits and what addresses and interfaces are written with.
func Note(text []byte) string {
	var parts []string
	for line := range strings.Lines(string(text[:min(len(text), noteLimit)])) {
		line = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" .,:/_-@<>'", r) {
				return r
			}
			return -1
		}, line)
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, "; ")
}
