package inventory

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/terminal"
)

// Validate checks a hosts.json and writes what it found, for people. It says whether the file can be loaded.
func Validate(w io.Writer, file []byte) (ok bool) {
	inv, errors, warnings := ParseFile(file)
	list(w, "error", errors)
	list(w, "warning", warnings)
	if len(errors) > 0 {
		fmt.Fprintf(w, "%s, %s: do not load this file\n", count(len(errors), "error"), count(len(warnings), "warning"))
		return false
	}
	nics := 0
	for _, h := range inv.Hosts {
		nics += len(h.NICs)
	}
	fmt.Fprintf(w, "%s, %s, %s, %s\n", count(len(inv.Hosts), "host"), count(nics, "interface"),
		count(len(inv.Switches), "switch"), count(len(warnings), "warning"))
	return true
}

func list(w io.Writer, what string, problems []fault.Problem) {
	for _, p := range problems {
		fmt.Fprintf(w, "%s: %s\n", what, p)
	}
}

func count(n int, noun string) string {
	switch {
	case n == 1:
	case noun == "switch":
		noun += "es"
	default:
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// Table writes the lab for people: hosts with their interfaces, then switches.
func (inv *Inventory) Table(w io.Writer) {
	hosts := terminal.Table(w, "host", "dashboard id", "FOG name", "reached at", "BMC", "interface", "MAC", "switch", "port")
	ports := map[string]int{}
	for _, name := range inv.Names {
		h := inv.Hosts[name]
		row := table.Row{h.Name, h.DashboardID, h.FOGName, h.reachedAt(), h.BMC.String()}
		if len(h.NICs) == 0 {
			hosts.AppendRow(append(row, "none"))
		}
		for _, n := range h.NICs {
			hosts.AppendRow(append(row, n.Name, n.MAC, n.Switch, n.Port))
			row = table.Row{"", "", "", "", ""}
			ports[n.Switch]++
		}
	}
	hosts.Render()
	switches := terminal.Table(w, "switch", "driver", "address", "ports", "login from key")
	for _, name := range slices.Sorted(maps.Keys(inv.Switches)) {
		s := inv.Switches[name]
		key := s.Credentials
		if key == "" {
			key = map[string]string{"nxos": switchPrefix + name, "ovs": "none"}[s.Driver]
		}
		switches.AppendRow(table.Row{s.Name, s.Driver, s.Address, ports[name], key})
	}
	if switches.Length() > 0 {
		switches.Render()
	}
}

func (h *Host) reachedAt() string {
	if h.SSHPort == 22 {
		return h.Hostname
	}
	return fmt.Sprintf("%s port %d", h.Hostname, h.SSHPort)
}

// String is how a BMC is shown: protocol, address, and the port if it is not the usual one.
func (b *BMC) String() string {
	if b == nil {
		return "none"
	}
	usual := map[string]int{"ipmi": 623, "redfish": 443}[b.Protocol]
	if b.Port == usual {
		return b.Protocol + " " + b.Address
	}
	return fmt.Sprintf("%s %s port %d", b.Protocol, b.Address, b.Port)
}
