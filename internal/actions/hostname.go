package actions

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/remote"
)

// setHostname writes the host name to files and lets the host read it from there: it is the tenant's text and part of no command. What is right
// already stays as it is.
func (h *hostRun) setHostname(ctx context.Context, c *remote.Conn, name string) (changed bool, err error) {
	hosts, err := c.ReadFile(ctx, "/etc/hosts")
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	for file, want := range map[string][]byte{"/etc/hostname": []byte(name + "\n"), "/etc/hosts": ownName(hosts, name)} {
		have, err := c.ReadFile(ctx, file)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return false, err
		}
		if bytes.Equal(have, want) {
			continue
		}
		if err := c.WriteFile(ctx, file, want, 0o644); err != nil {
			return false, err
		}
		changed = true
	}
	now, err := c.Run(ctx, "hostname")
	if err != nil || strings.TrimSpace(now) == name {
		return changed, err
	}
	if _, err := c.Run(ctx, "hostname -F /etc/hostname"); err != nil {
		return false, err
	}
	now, err = c.Run(ctx, "hostname")
	if err == nil && strings.TrimSpace(now) != name {
		err = fault.New(fault.Unproven, "the host does not show its new host name")
	}
	return true, err
}

// ownName puts the host's own name into /etc/hosts.
func ownName(hosts []byte, name string) []byte {
	entry := "127.0.1.1\t" + name
	if short, _, dotted := strings.Cut(name, "."); dotted {
		entry += " " + short
	}
	var out []string
	for _, line := range strings.Split(strings.TrimRight(string(hosts), "\n"), "\n") {
		if !strings.HasPrefix(line, "127.0.1.1") {
			out = append(out, line)
		}
	}
	return []byte(fmt.Sprintf("%s\n%s\n", strings.TrimRight(strings.Join(out, "\n"), "\n"), entry))
}

// lookup is a way to resolve a name.
type lookup func(ctx context.Context, name string) ([]netip.Addr, error)

// findAddresses asks the host for its own addresses and compares them with what its name in the inventory leads to from here. It adds a note for
// people if they have nothing in common; none if the inventory has an address and no name, or if the host does not tell.
func (h *hostRun) findAddresses(ctx context.Context, c *remote.Conn, resolve lookup) error {
	text, err := c.Run(ctx, "ip -o address show scope global")
	if err != nil {
		h.Info("%s: its own addresses are not known: %v", h.host.Name, err)
		return nil
	}
	own, name, note := ownAddresses(text), h.host.Hostname, ""
	h.rec.Addresses = nil
	for _, a := range own {
		h.rec.Addresses = append(h.rec.Addresses, a.String())
	}
	if _, err := netip.ParseAddr(name); err != nil { // else there is no name to compare with
		known, err := resolve(ctx, name)
		if note = differ(name, own, known); err != nil {
			note = fmt.Sprintf("The name %s is not known to the lab's DNS.", name)
		}
	}
	return h.note(ctx, note)
}

// differ says that a host is not where its name leads to.
func differ(name string, own, known []netip.Addr) string {
	for i := range known {
		known[i] = known[i].Unmap()
		if slices.Contains(own, known[i]) {
			return ""
		}
	}
	return fmt.Sprintf("Its own address is %s; the name %s leads to %s.", list(own), name, list(known))
}

func list(addresses []netip.Addr) string {
	var out []string
	for _, a := range addresses {
		out = append(out, a.String())
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// ownAddresses reads the output of ip -o address: "2: eno1    inet 10.0.0.5/24 brd ...".
func ownAddresses(text string) (out []netip.Addr) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		for i := range words[:max(0, len(words)-1)] {
			if p, err := netip.ParsePrefix(words[i+1]); err == nil && strings.HasPrefix(words[i], "inet") && len(out) < 16 {
				out = append(out, p.Addr())
			}
		}
	}
	return out
}
