package bmc

import (
	"net"
	"strconv"
	"sync"
	"time"
)

// paces hold when this process last sent a command to which BMC: sessions follow upon one another, and a BMC is as slow for the next as it was for the last.
var paces sync.Map

type pace struct {
	mu   sync.Mutex
	last time.Time
}

// Endpoint is what tells one BMC from another: address and port.
func (t Target) Endpoint() string { return net.JoinHostPort(t.Address, strconv.Itoa(t.Port)) }

func paceOf(endpoint string) *pace {
	p, _ := paces.LoadOrStore(endpoint, &pace{})
	return p.(*pace)
}

// Turn is called before a command is sent: it waits until MinInterval after the last one that this process sent to the BMC in any session, or that Spoke tells of. Callers at
// the same time get their turns one after another. It ends early when stop is closed.
func (t Target) Turn(stop <-chan struct{}) {
	if t.MinInterval <= 0 {
		return
	}
	p := paceOf(t.Endpoint())
	p.mu.Lock()
	now := time.Now()
	at := now
	if next := p.last.Add(t.MinInterval); next.After(now) {
		at = next
	}
	p.last = at
	p.mu.Unlock()
	wait := time.NewTimer(at.Sub(now))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-stop:
	}
}

// Spoke tells that somebody else, whom this process took the BMC over from, sent the last command at that time. A time to come counts as now: clocks differ.
func Spoke(endpoint string, at time.Time) {
	p := paceOf(endpoint)
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); at.After(now) {
		at = now
	}
	if at.After(p.last) {
		p.last = at
	}
}
