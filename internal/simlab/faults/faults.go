// Package faults makes the systems of the simulated lab misbehave on demand, and tells tests about every write to one of them.
package faults

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind is a way to misbehave.
type Kind string

const (
	// Refuse closes the connection, or answers that the login or the request is not accepted.
	Refuse Kind = "refuse"
	// Hang accepts the connection and never answers.
	Hang Kind = "hang"
	// Error500 answers with the protocol's internal error.
	Error500 Kind = "500"
	// Garbage answers with something that is not the protocol.
	Garbage Kind = "garbage"
	// Slow answers late, but within the time-outs of a patient client.
	Slow Kind = "slow"
	// Flap fails every other call.
	Flap Kind = "flap"
	// Forget says ok to a write and does not do it; reads show the truth.
	Forget Kind = "forget"
	// Lie says ok to a write, does not do it, and shows it in reads as if it were done.
	Lie Kind = "lie"
	// Half makes the first half of a configuration and rejects the rest. Switches only.
	Half Kind = "half"
	// Drop does what was asked and closes the connection instead of answering. Switches only.
	Drop Kind = "drop"
)

// Kinds are those of every system, for messages and completion.
var Kinds = []Kind{Refuse, Hang, Error500, Garbage, Slow, Flap, Forget, Lie}

// Of gives the kinds of a system.
func Of(system string) []Kind {
	if system == "switch" {
		return append(slices.Clone(Kinds), Half, Drop)
	}
	return Kinds
}

// Systems are the simulated systems that can misbehave.
var Systems = []string{"bmc", "fog", "switch", "ssh", "ldap", "dashboard"}

// Fault is one misbehaviour. Op and Target narrow it: an operation as the server calls it (a prefix counts, "power" covers
// "power.on"), and a host or switch name. Empty means any.
type Fault struct {
	System, Op, Target string
	Kind               Kind
	// Until ends the fault by itself; zero means until healed.
	Until time.Time
}

// Set is the faults of one lab. The zero value is ready and has none.
type Set struct {
	mu      sync.Mutex
	faults  []Fault
	flips   map[Fault]bool
	onWrite func(system, op, target string)
}

// Add starts a fault.
func (s *Set) Add(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// Heal ends all faults.
func (s *Set) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Active lists the faults in force.
func (s *Set) Active() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Fault
	for _, f := range s.faults {
		if f.Until.IsZero() || time.Now().Before(f.Until) {
			out = append(out, f)
		}
	}
	return out
}

// At gives the fault that concerns an operation now, or "". Flap is resolved here: every other call gets Error500. A server
// asks once for each request it serves.
func (s *Set) At(system, op, target string) Kind {
	for _, f := range s.Active() {
		if f.System != system || !strings.HasPrefix(op, f.Op) || (f.Target != "" && f.Target != target) {
			continue
		}
		if f.Kind != Flap {
			return f.Kind
		}
		s.mu.Lock()
		if s.flips == nil {
			s.flips = map[Fault]bool{}
		}
		s.flips[f] = !s.flips[f]
		fail := s.flips[f]
		s.mu.Unlock()
		if fail {
			return Error500
		}
	}
	return ""
}

// OnWrite registers a function that is called after each write has taken effect and before it is answered.
func (s *Set) OnWrite(f func(system, op, target string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onWrite = f
}

// Wrote is called by a server after a write took effect and before it answers.
func (s *Set) Wrote(system, op, target string) {
	s.mu.Lock()
	f := s.onWrite
	s.mu.Unlock()
	if f != nil {
		f(system, op, target)
	}
}
