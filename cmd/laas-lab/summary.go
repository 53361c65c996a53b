package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/lab"
	"stackstorm-laas/internal/terminal"
)

// summary tells a person what became of the bookings: who had what after each body of jobs/new, how long the stages took, what is left.
func summary(w io.Writer, r demo.Report, files []string, after []lab.Report, s *demo.Session) {
	fmt.Fprintln(w)
	for i, report := range after {
		if len(after) > 1 {
			fmt.Fprintf(w, "After %s:\n", filepath.Base(files[i]))
		}
		hosts(w, report)
		fmt.Fprintf(w, "VPN accounts: %s\n\n", orNone(report.VPNUsers))
	}
	times(w, s)
	jobs(w, r)
	fmt.Fprintf(w, "\n%d actions and %d workflows in StackStorm, %.1f s in all.\n", r.Executions.Actions, r.Executions.Workflows, r.Seconds)
	if len(after) > 1 {
		takenBack(w, after[len(after)-2], after[len(after)-1])
	}
}

func hosts(w io.Writer, r lab.Report) {
	t := terminal.Table(w, "host", "power", "image", "host name", "SSH", "ports (native / tagged VLANs)", "SSH keys", "BMC accounts")
	for _, h := range r.Hosts {
		image := "-"
		if h.Image != nil {
			image = fmt.Sprint(h.Image)
		}
		if h.Wiped != "" {
			image = "wiped (" + h.Wiped + ")"
		}
		ssh := "no"
		if h.Reachable {
			ssh = "yes"
		}
		name := h.Name
		if h.Quarantined {
			name += " (quarantine)"
		}
		t.AppendRow(table.Row{name, h.Power, image, orDash(h.Hostname), ssh, ports(h), keys(h), orNone(h.BMCUsers)})
	}
	t.Render()
}

func ports(h lab.Host) string {
	var out []string
	for _, p := range h.Ports {
		state := "shut"
		if !p.Shutdown {
			native, tagged := "-", "-"
			if p.Native != nil {
				native = fmt.Sprint(*p.Native)
			}
			if len(p.Tagged) > 0 {
				tagged = strings.Trim(strings.ReplaceAll(fmt.Sprint(p.Tagged), " ", ","), "[]")
			}
			state = native + " / " + tagged
		}
		out = append(out, fmt.Sprintf("%s %s: %s", p.Switch, p.Port, state))
	}
	return strings.Join(out, "\n")
}

// keys names the keys by their comments.
func keys(h lab.Host) string {
	var out []string
	for user, lines := range h.SSHKeys {
		for _, l := range lines {
			name := "key"
			if f := strings.Fields(l); len(f) > 2 {
				name = f[2]
			}
			out = append(out, user+": "+name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// times shows how long each kind of action took: how often it ran, and its longest time.
func times(w io.Writer, s *demo.Session) {
	type row struct {
		count      int
		longest    time.Duration
		unfinished int
	}
	rows := map[string]*row{}
	var names []string
	for _, e := range s.Engine.Executions() {
		name := strings.TrimPrefix(e.Action, "laas.")
		for _, key := range []string{"state", "step"} {
			if v, ok := e.Parameters[key].(string); ok {
				name += " " + v
			}
		}
		r := rows[name]
		if r == nil {
			r = &row{}
			rows[name] = r
			names = append(names, name)
		}
		d := e.EndedAt.Sub(e.StartedAt)
		r.count++
		r.longest = max(r.longest, d)
		if e.Status != "succeeded" {
			r.unfinished++
		}
	}
	t := terminal.Table(w, "stage", "times", "longest", "failed")
	for _, n := range names {
		failed := ""
		if rows[n].unfinished > 0 {
			failed = fmt.Sprint(rows[n].unfinished)
		}
		t.AppendRow(table.Row{n, rows[n].count, fmt.Sprintf("%.2f s", rows[n].longest.Seconds()), failed})
	}
	t.Render()
	fmt.Fprintln(w)
}

func jobs(w io.Writer, r demo.Report) {
	t := terminal.Table(w, "job", "state", "task", "dashboard shows", "first line of the message")
	for _, j := range r.Jobs {
		for i, task := range j.Tasks {
			job, state := "", ""
			if i == 0 {
				job, state = fmt.Sprint(j.ID), j.State
			}
			t.AppendRow(table.Row{job, state, task.Type, statusWords(task.Status), firstLine(task.Message)})
		}
		if said := slices.ContainsFunc(j.Tasks, func(task demo.Task) bool { return task.Message == j.Reason }); j.Reason != "" && !said {
			job, state := "", ""
			if len(j.Tasks) == 0 {
				job, state = fmt.Sprint(j.ID), j.State
			}
			t.AppendRow(table.Row{job, state, "", "reason", j.Reason})
		}
		t.AppendSeparator()
	}
	terminal.Narrow(t, 50, "first line of the message")
	t.Render()
}

func statusWords(s int) string {
	words := map[int]string{0: "new", 100: "in progress", 200: "done", 300: "error"}[s]
	if words == "" {
		words = "?"
	}
	return fmt.Sprintf("%s (%d)", words, s)
}

// firstLine is the first line of a message, with the one behind it where it only leads there.
func firstLine(s string) string {
	line, more, _ := strings.Cut(strings.TrimSpace(s), "\n")
	if strings.HasSuffix(line, ":") && more != "" {
		next, _, longer := strings.Cut(strings.TrimSpace(more), "\n")
		if line += " " + strings.TrimSpace(next); longer {
			line += ", ..."
		}
	}
	return line
}

// takenBack compares the world before and after the last body.
func takenBack(w io.Writer, before, after lab.Report) {
	var out []string
	for i, b := range before.Hosts {
		if i >= len(after.Hosts) {
			break
		}
		a := after.Hosts[i]
		if b.Power == "on" && a.Power == "off" {
			out = append(out, a.Name+" is off")
		}
		for j, p := range b.Ports {
			if !p.Shutdown && a.Ports[j].Shutdown {
				out = append(out, fmt.Sprintf("%s %s is shut", p.Switch, p.Port))
			}
		}
		if gone := len(b.BMCUsers) - len(a.BMCUsers); gone > 0 {
			out = append(out, fmt.Sprintf("%d BMC account(s) of %s", gone, a.Name))
		}
	}
	if gone := len(before.VPNUsers) - len(after.VPNUsers); gone > 0 {
		out = append(out, fmt.Sprintf("%d VPN account(s)", gone))
	}
	if len(out) > 0 {
		fmt.Fprintf(w, "Taken back: %s.\n", strings.Join(out, ", "))
	}
}
