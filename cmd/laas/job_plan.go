package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/actions"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name: "plan", Action: planJobs,
		Usage: "say what would be done for jobs, touching nothing",
		Description: "Reads files only: neither the dashboard nor a machine is asked, and nothing is known of bookings that are not in FILE. " +
			"Exit status 0, whether or not something would be held or refused.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "jobs", Usage: "`FILE` with a body of the dashboard's jobs/new, or of one job", Required: true, TakesFile: true},
			&cli.StringFlag{Name: "hosts", Usage: "inventory `FILE` (a hosts.json); without it neither switch ports nor FOG's images are known", TakesFile: true},
			&cli.StringFlag{Name: "config", Usage: "the pack's configuration `FILE` (laas.yaml); without it the lab's own and public VLANs are not known", TakesFile: true},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
		},
	}
}

// jobPlan is what is printed with --json.
type jobPlan struct {
	Jobs []actions.Preview `json:"jobs"`
	// Unchecked are the things that could not be looked at.
	Unchecked []string `json:"unchecked"`
	// wipe is the configuration's release.wipe, empty where none was given.
	wipe string
}

func planJobs(c *cli.Context) error {
	text, err := os.ReadFile(c.String("jobs"))
	if err != nil {
		return fault.New(fault.Input, "%w", err)
	}
	offers, err := booking.ReadOffers(text)
	if err != nil {
		return fault.Wrap(err, "%s", c.String("jobs"))
	}
	p := actions.Previewer{}
	out := jobPlan{Unchecked: []string{"ports before: the switches were not read"}}
	var wrong []string
	if p.Inventory, wrong, err = hostsFile(c.String("hosts")); err != nil {
		return err
	}
	out.Unchecked = append(out.Unchecked, wrong...)
	if p.Inventory == nil {
		out.Unchecked = append(out.Unchecked, "switch ports and FOG's images: no inventory was given (--hosts)")
	}
	if name := c.String("config"); name != "" {
		cfg, err := readSettings(name, true, "network", "release")
		if err != nil {
			return err
		}
		p.Network, out.wipe = &cfg.Network, cfg.Release.Wipe
	} else {
		out.Unchecked = append(out.Unchecked, "VLAN rules: no configuration was given (--config), so the lab's own, reserved and public VLANs are not known")
	}
	out.Jobs = p.Preview(offers, time.Now())
	if c.Bool("json") {
		enc := json.NewEncoder(c.App.Writer)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(out)
	}
	out.text(c.App.Writer)
	return nil
}

// hostsFile reads an inventory. What is wrong with it is said, and the rest of it used.
func hostsFile(name string) (inv *inventory.Inventory, wrong []string, err error) {
	if name == "" {
		return nil, nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, fault.New(fault.Input, "%w", err)
	}
	inv, problems, _ := inventory.ParseFile(text)
	for _, p := range problems {
		wrong = append(wrong, "inventory: "+p.String())
	}
	if inv == nil {
		return nil, nil, fault.FromProblems(fault.Input, name, problems)
	}
	maps.DeleteFunc(inv.Hosts, func(_ string, h *inventory.Host) bool { return h == nil })
	return inv, wrong, nil
}

// text prints what a person pastes into a ticket.
func (p jobPlan) text(w io.Writer) {
	if len(p.Jobs) == 0 {
		fmt.Fprintln(w, "The list has no jobs: nothing to do.")
	}
	for i, j := range p.Jobs {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "Job %d%s\n", j.Job, headline(j))
		for _, h := range j.Hosts {
			p.host(w, h)
		}
		grants(w, "access granted", j.Grant)
		grants(w, "access revoked", j.Revoke)
		list(w, "refused", j.Refused)
		list(w, "ignored", j.Ignored)
	}
	fmt.Fprintln(w)
	list(w, "Not looked at", p.Unchecked)
}

func headline(j actions.Preview) string {
	switch {
	case j.Waiting:
		return ": waits, " + j.Held
	case j.Held != "":
		return ": held, " + j.Held
	case len(j.Hosts)+len(j.Grant)+len(j.Revoke)+len(j.Refused) == 0:
		return ": nothing to do"
	}
	return ""
}

func (p jobPlan) host(w io.Writer, h actions.HostPreview) {
	name := h.ID
	if h.Name != "" && h.Name != h.ID {
		name = fmt.Sprintf("%s (%s)", h.Name, h.ID)
	}
	fmt.Fprintf(w, "  host %s: %s\n", name, h.Action)
	line := func(what, format string, args ...any) {
		fmt.Fprintf(w, "    %-9s %s\n", what, fmt.Sprintf(format, args...))
	}
	if h.Refused != "" {
		line("refused", "%s", strings.ReplaceAll(h.Refused, "\n", "\n              "))
	}
	if h.Action == "provision" {
		line("image", "%s, asked of FOG by %s", imageText(h), h.ImageBy)
		line("hostname", "%s", h.Hostname)
		if h.BMCUser {
			line("BMC", "an account for the tenant")
		}
	}
	if h.Action == "release" {
		line("then", "SSH keys gone, power off, BMC accounts gone, %s, all of it proven", wiped(p.wipe))
	}
	if h.Note != "" {
		line("note", "%s", h.Note)
	}
	for _, p := range h.Ports {
		port := p.MAC
		if p.Switch != "" {
			port = fmt.Sprintf("%s %s (%s)", p.Switch, p.Port, p.MAC)
		}
		line("port", "%s: not read -> %s", port, wish(p.After))
	}
}

// wiped says what becomes of the disk of a host that is taken back, by release.wipe.
func wiped(how string) string {
	switch how {
	case "":
		return "its first disk wiped unless release.wipe is none"
	case "none":
		return "its disk NOT wiped (release.wipe is none)"
	}
	return fmt.Sprintf("its first disk wiped (%s)", how)
}

func imageText(h actions.HostPreview) string {
	if h.Image != h.Booked {
		return fmt.Sprintf("%s (booked as %s)", h.Image, h.Booked)
	}
	return h.Image
}

func wish(p *actions.PortWish) string {
	if p.Shutdown {
		return "shut"
	}
	var out []string
	if p.Native != nil {
		out = append(out, fmt.Sprintf("untagged %d", *p.Native))
	}
	for _, id := range p.Tagged {
		out = append(out, fmt.Sprintf("tagged %d", id))
	}
	if len(out) == 0 {
		return "up, no VLAN"
	}
	return strings.Join(out, ", ")
}

func grants(w io.Writer, title string, all []actions.Grant) {
	var out []string
	for _, g := range all {
		text := fmt.Sprintf("%s for user %d", g.Type, g.User)
		if g.Account != "" {
			text += ", account " + g.Account
		}
		if len(g.Hosts) > 0 {
			text += fmt.Sprintf(" on %s, %d key(s)", strings.Join(g.Hosts, ", "), g.Keys)
		}
		out = append(out, text)
	}
	list(w, title, out)
}

func list(w io.Writer, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	indent := "  "
	if title[0] >= 'A' && title[0] <= 'Z' {
		indent = ""
	}
	fmt.Fprintf(w, "%s%s:\n", indent, title)
	for _, l := range lines {
		fmt.Fprintf(w, "%s  %s\n", indent, l)
	}
}
