// Package netswitch brings switch ports into a wanted state and proves it. Drivers are in the packages below.
package netswitch

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"stackstorm-laas/internal/fault"
)

// Modes of a port. A switch has others; the pack shows them and changes no port that is in one.
const (
	Access = "access"
	Trunk  = "trunk"
)

// Port is the whole state of a switch port. VLANs that it does not name, the port does not carry.
type Port struct {
	Name string
	// Mode is Access or Trunk. Empty in a wanted port lets the driver choose (see Chosen); a port that was read has the switch's own word.
	Mode string
	// Native is the VLAN of untagged frames, 0 for none: they are dropped.
	Native int
	// Tagged are the VLANs of tagged frames, sorted.
	Tagged []int
	// MTU in bytes as the switch counts it. 0 leaves the one there is, or says that the switch did not tell.
	MTU      int
	Shutdown bool
	// Description as text on the switch. Empty in a wanted port leaves the one that is there.
	Description string
}

// Chosen is the mode that a driver gives to a wanted port: its own, or else access for a port that carries nothing but a native VLAN.
func (p Port) Chosen() string {
	switch {
	case p.Mode != "":
		return p.Mode
	case p.Native != 0 && len(p.Tagged) == 0:
		return Access
	}
	return Trunk
}

// Driver reads and writes ports of one switch.
type Driver interface {
	// Read gives the ports by the names they were asked for; one that the switch does not have is NotFound.
	Read(ctx context.Context, ports []string) (map[string]Port, error)
	// Write brings ports into exactly this state, whatever theirs was: an empty description is removed. Only the MTU stays where it is 0,
	// and Chosen decides an empty mode. It says nothing of what is true afterwards, least of all when it fails: Transient means that
	// the answer is missing, any other kind that the switch or the driver refused some of it or all.
	Write(ctx context.Context, ports []Port) error
	// Save makes the running state survive a restart of the switch.
	Save(ctx context.Context) error
}

// Lister is a Driver that can show every port of its switch.
type Lister interface {
	// All gives the ports by the names that the switch calls them.
	All(ctx context.Context) (map[string]Port, error)
}

// VLANs is a Driver of a switch that carries only VLANs of its own list. A port may name others; it does not carry them.
type VLANs interface {
	// VLANs gives the names of the VLANs that are there and in use, by number.
	VLANs(ctx context.Context) (map[int]string, error)
	// CreateVLANs makes those that are missing, by number with their names, and proves it; an empty name leaves it to the switch. What is
	// there already is left as it is; Refused if it is there and suspended.
	CreateVLANs(ctx context.Context, vlans map[int]string) error
	// RemoveVLANs removes them, and proves it. What is gone already is fine.
	RemoveVLANs(ctx context.Context, ids []int) error
}

// Missing gives the VLANs of wanted ports that the switch lacks, sorted; none where a switch needs no list of them.
func Missing(ctx context.Context, d Driver, want []Port) ([]int, error) {
	list, ok := d.(VLANs)
	if !ok {
		return nil, nil
	}
	have, err := list.VLANs(ctx)
	if err != nil {
		return nil, err
	}
	var missing []int
	for _, p := range want {
		for _, id := range append([]int{p.Native}, p.Tagged...) {
			if _, ok := have[id]; !ok && id != 0 {
				missing = append(missing, id)
			}
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing), nil
}

// Change is a port that Set changed.
type Change struct {
	Port          string
	Before, After Port
}

// Diff tells in words how have differs from want; nil if it does not. What want leaves open is no difference.
func Diff(have, want Port) []string {
	if want.Description == "" {
		want.Description = have.Description
	}
	return exact(have, want)
}

// exact is Diff that counts an empty description as a wanted one.
func exact(have, want Port) []string {
	var out []string
	differ := func(what, a, b string) {
		if a != b {
			out = append(out, fmt.Sprintf("%s %s -> %s", what, a, b))
		}
	}
	if want.Mode != "" || !known(have.Mode) {
		differ("mode", cmp.Or(have.Mode, "unknown"), want.Chosen())
	}
	differ("native VLAN", number(have.Native, "none"), number(want.Native, "none"))
	differ("tagged VLANs", vlans(have.Tagged), vlans(want.Tagged))
	differ("port", state(have.Shutdown), state(want.Shutdown))
	if want.MTU != 0 {
		differ("MTU", number(have.MTU, "unknown"), number(want.MTU, ""))
	}
	differ("description", strconv.Quote(have.Description), strconv.Quote(want.Description))
	return out
}

// known says whether a mode that was read is one that the pack can write; a driver that tells none has no others.
func known(mode string) bool { return mode == "" || mode == Access || mode == Trunk }

func number(n int, zero string) string {
	if n == 0 {
		return zero
	}
	return strconv.Itoa(n)
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

// What switches take as MTU.
const (
	minMTU = 576
	maxMTU = 9216
)

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
		switch {
		case !known(p.Mode):
			bad(p, "mode %q is neither access nor trunk", p.Mode)
		case p.Mode == Access && (p.Native == 0 || len(p.Tagged) > 0):
			bad(p, "an access port carries one native VLAN and nothing else")
		}
		if p.MTU != 0 && (p.MTU < minMTU || p.MTU > maxMTU) {
			bad(p, "MTU %d is not one of %d to %d", p.MTU, minMTU, maxMTU)
		}
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

var description = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9 ._:/@+-]*[A-Za-z0-9])?)?$`)

// ValidDescription says whether a text can be the description of a port on every switch: nothing in it means anything to a command line.
func ValidDescription(text string) bool { return len(text) <= 80 && description.MatchString(text) }

func legal(id int) bool { return id >= 1 && id <= 4094 }
