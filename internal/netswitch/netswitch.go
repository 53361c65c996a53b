// Package netswitch brings switch ports into a wanted state and proves it. Drivers are in the packages below.
package netswitch

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"stackstorm-laas/internal/fault"
)

// Port is what a switch port carries. Whatever it does not name, it does not carry.
type Port struct {
	Name string
	// Native is the VLAN of untagged frames, 0 for none: they are dropped.
	Native int
	// Tagged are the VLANs of tagged frames, sorted.
	Tagged   []int
	Shutdown bool
	// Description as text on the switch. Empty in a wanted port leaves the one that is there.
	Description string
}

// Driver reads and writes ports of one switch.
type Driver interface {
	// Read gives the ports by the names they were asked for; one that the switch does not have is NotFound.
	Read(ctx context.Context, ports []string) (map[string]Port, error)
	// Write brings ports into a state, whatever theirs was. It says nothing of what is true afterwards, least of all when it fails.
	Write(ctx context.Context, ports []Port) error
	// Save makes the running state survive a restart of the switch.
	Save(ctx context.Context) error
}

// Change is a port that Set changed.
type Change struct {
	Port          string
	Before, After Port
}

// Diff tells in words how have differs from want; nil if it does not.
func Diff(have, want Port) []string {
	var out []string
	differ := func(what, a, b string) {
		if a != b {
			out = append(out, fmt.Sprintf("%s %s -> %s", what, a, b))
		}
	}
	differ("native VLAN", vlan(have.Native), vlan(want.Native))
	differ("tagged VLANs", vlans(have.Tagged), vlans(want.Tagged))
	differ("port", state(have.Shutdown), state(want.Shutdown))
	if want.Description != "" {
		differ("description", strconv.Quote(have.Description), strconv.Quote(want.Description))
	}
	return out
}

func vlan(id int) string {
	if id == 0 {
		return "none"
	}
	return strconv.Itoa(id)
}

func vlans(ids []int) string {
	if len(ids) == 0 {
		return "none"
	}
	return Ranges(ids)
}

func state(shutdown bool) string {
	if shutdown {
		return "shut down"
	}
	return "up"
}

// Ranges writes sorted VLANs as switches do: 10,20-25.
func Ranges(ids []int) string {
	var parts []string
	for i := 0; i < len(ids); {
		j := i
		for j+1 < len(ids) && ids[j+1] == ids[j]+1 {
			j++
		}
		part := strconv.Itoa(ids[i])
		if j > i {
			part += "-" + strconv.Itoa(ids[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// normalise checks the wanted ports and gives them with their VLANs sorted. All problems are told at once.
func normalise(want []Port) ([]Port, error) {
	var problems []fault.Problem
	bad := func(p Port, format string, args ...any) {
		problems = append(problems, fault.Problem{Path: p.Name, Text: fmt.Sprintf(format, args...)})
	}
	out := slices.Clone(want)
	seen := map[string]bool{}
	for i, p := range out {
		p.Tagged = slices.Clone(p.Tagged)
		slices.Sort(p.Tagged)
		out[i] = p
		switch {
		case p.Name == "":
			bad(p, "a port without a name")
		case seen[p.Name]:
			bad(p, "the port is there twice")
		}
		seen[p.Name] = true
		if p.Native != 0 && !legal(p.Native) {
			bad(p, "native VLAN %d is not one of 1 to 4094", p.Native)
		}
		for j, id := range p.Tagged {
			switch {
			case !legal(id):
				bad(p, "tagged VLAN %d is not one of 1 to 4094", id)
			case id == p.Native:
				bad(p, "VLAN %d is both native and tagged", id)
			case j > 0 && id == p.Tagged[j-1]:
				bad(p, "tagged VLAN %d is there twice", id)
			}
		}
	}
	return out, fault.FromProblems(fault.Input, "wanted switch ports", problems)
}

func legal(id int) bool { return id >= 1 && id <= 4094 }
