package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"stackstorm-laas/internal/actions"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/st2"
	"stackstorm-laas/internal/terminal"
)

func portsCommand() *cli.Command {
	job := &cli.IntFlag{Name: "job", Usage: "number of the `JOB`", Required: true}
	sw := &cli.StringFlag{Name: "switch", Usage: "only this `SWITCH`"}
	state := &cli.StringFlag{Name: "state", Value: "booked", Usage: "`STATE` that the ports are to have: booked, provisioning, idle or reserved"}
	return &cli.Command{Name: "ports", Usage: "show, plan, write and verify switch ports", Subcommands: []*cli.Command{
		{Name: "show", Usage: "show what every managed port is to be, from the journal; no switch is asked", Flags: []cli.Flag{sw}, Action: showPorts},
		{Name: "plan", Usage: "ask the switches what would be changed for a job (laas.network_plan)", Flags: []cli.Flag{job, state}, Action: planPorts},
		{Name: "apply", Usage: "write the ports of a job's hosts (laas.set_ports)", Action: applyPorts, Flags: []cli.Flag{job, state, sw,
			&cli.StringFlag{Name: "host", Usage: "only this `HOST`, also when it was handed over already"},
			&cli.BoolFlag{Name: "force", Usage: "overwrite ports that were changed by hand"}}},
		{Name: "verify", Usage: "compare the switches with what was written, and fail if they differ (laas.drift_report)", Flags: []cli.Flag{sw}, Action: verifyPorts},
		{Name: "drift", Usage: "compare the switches with what was written, and tell (laas.drift_report)", Flags: []cli.Flag{sw}, Action: func(c *cli.Context) error {
			_, err := comparePorts(c)
			return err
		}},
	}}
}

func showPorts(c *cli.Context) error {
	j, err := journal()
	if err != nil {
		return err
	}
	intents, err := j.Intents(c.Context)
	if err != nil {
		return err
	}
	var ports []actions.ManagedPort
	for _, in := range intents {
		if only := c.String("switch"); only != "" && only != in.Switch {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(in.Ports)) {
			ports = append(ports, actions.ManagedPort{Switch: in.Switch, PortIntent: in.Ports[name]})
		}
	}
	if len(ports) == 0 {
		if only := c.String("switch"); only != "" {
			return actions.NoPortsOn(only, intents)
		}
		fmt.Fprintln(c.App.Writer, "the pack has written no ports yet")
		return nil
	}
	portsTable(c, ports)
	return nil
}

// portsTable shows what ports are to be.
func portsTable(c *cli.Context, ports []actions.ManagedPort) {
	t := terminal.Table(c.App.Writer, "switch", "port", "host", "state", "native", "tagged", "job", "written")
	for _, p := range ports {
		t.AppendRow(append(intended(p), p.At.Local().Format(time.DateTime)))
	}
	t.Render()
}

// seenTable shows what ports are to be, and how that is not what the switches have.
func seenTable(c *cli.Context, r actions.PortsReport) {
	t := terminal.Table(c.App.Writer, "switch", "port", "host", "state", "native", "tagged", "job", "seen", "differs")
	for _, p := range r.Ports {
		differs := strings.Join(p.Differs, "\n")
		if slices.Contains(r.Unread, p.Switch) {
			differs = "not read"
		}
		t.AppendRow(append(intended(p), cmp.Or(p.Seen, "-"), differs))
	}
	terminal.Narrow(t, 24, "differs")
	t.Render()
}

func intended(p actions.ManagedPort) table.Row {
	return table.Row{p.Switch, p.Port, p.Host, stateOf(p.PortIntent), vlan(p), tagged(p), dash(p.Job)}
}

func stateOf(p booking.PortIntent) string {
	if p.Pending {
		return p.State + " (not proven)"
	}
	return p.State
}

func vlan(p actions.ManagedPort) string {
	if p.Shutdown {
		return "shut"
	}
	return dash(p.Native)
}

func tagged(p actions.ManagedPort) string {
	if len(p.Tagged) == 0 {
		return "-"
	}
	return netswitch.Ranges(p.Tagged)
}

func dash(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func planPorts(c *cli.Context) error {
	var out actions.PortsPlan
	if err := answer(c, "network_plan", map[string]any{"job_id": c.Int("job"), "state": c.String("state")}, &out); err != nil {
		return err
	}
	for _, ch := range out.Changes {
		fmt.Fprintln(c.App.Writer, ch)
	}
	fmt.Fprintln(c.App.Writer, out.Summary)
	return nil
}

// comparePorts shows how the switches differ from what was written.
func comparePorts(c *cli.Context) (out actions.PortsReport, err error) {
	params := map[string]any{}
	if sw := c.String("switch"); sw != "" {
		params["switch"] = sw
	}
	if err := answer(c, "drift_report", params, &out); err != nil {
		return out, err
	}
	if len(out.Ports) > 0 {
		seenTable(c, out)
	}
	for _, sw := range out.Unread {
		fmt.Fprintf(c.App.Writer, "switch %s could not be read\n", sw)
	}
	fmt.Fprintln(c.App.Writer, out.Summary)
	return out, nil
}

// verifyPorts shows the same, and fails unless all is as it was written.
func verifyPorts(c *cli.Context) error {
	out, err := comparePorts(c)
	switch {
	case err != nil:
		return err
	case out.Differ > 0:
		p := out.Ports[slices.IndexFunc(out.Ports, func(p actions.ManagedPort) bool { return len(p.Differs) > 0 })]
		hint := "find out who changed them"
		if p.Job != 0 && p.State != "idle" {
			hint += fmt.Sprintf("; laas ports apply --job %d --host %s --force", p.Job, p.Host)
			if p.State != "booked" {
				hint += " --state " + p.State
			}
			hint += " writes them again"
		}
		return fault.New(fault.Unproven, "%d port(s) are not what the pack wrote", out.Differ).WithHint("%s", hint)
	case len(out.Unread) > 0:
		return fault.New(fault.Transient, "%d switch(es) could not be read: %s", len(out.Unread), strings.Join(out.Unread, ", "))
	}
	return nil
}

// answer runs an action in StackStorm and reads its output. What it failed with becomes the command's failure.
func answer(c *cli.Context, name string, params map[string]any, out any) error {
	client, err := operator()
	if err != nil {
		return err
	}
	e, err := await(c, client, name, params)
	if err != nil {
		return err
	}
	return decode(e, out)
}

func decode(e st2.Execution, out any) error {
	var o outcome
	if json.Unmarshal(e.Result, &o) == nil {
		if kind, message, hint := o.fault(); kind != "" {
			return fault.New(kind, "%s", message).WithHint("%s", hint)
		}
		if json.Unmarshal(o.Stdout, out) == nil {
			return nil
		}
	}
	return fault.New(fault.Failed, "execution %s ended as %s, without an answer", e.ID, e.Status)
}

// applyPorts writes the ports on each switch of the job's hosts, one execution for each.
func applyPorts(c *cli.Context) error {
	client, err := operator()
	if err != nil {
		return err
	}
	j := booking.Journal{Store: client, Now: time.Now}
	job, err := j.Job(c.Context, c.Int("job"))
	if err == nil && job == nil {
		err = fault.New(fault.NotFound, "the journal has no job %d", c.Int("job"))
	}
	if err != nil {
		return err
	}
	hosts, switches, err := switchesOf(c, j, client)
	if err != nil {
		return err
	}
	written := 0
	for _, sw := range switches {
		params := map[string]any{"switch": sw, "state": c.String("state"), "job_id": job.Job, "epoch": job.Epoch}
		if host := c.String("host"); host != "" {
			params["host"] = host
		}
		if c.Bool("force") {
			params["force"] = true
		}
		var out struct {
			Summary string   `json:"summary"`
			Hosts   []string `json:"hosts"`
			Changes []string `json:"changes"`
		}
		if err := answer(c, "set_ports", params, &out); err != nil {
			return err
		}
		for _, ch := range out.Changes {
			fmt.Fprintln(c.App.Writer, ch)
		}
		fmt.Fprintln(c.App.Writer, out.Summary)
		written += len(out.Hosts)
	}
	if written == 0 {
		return fault.New(fault.Refused, "no host of job %d is to become %s now: nothing was written", job.Job, c.String("state")).
			WithHint("one that was handed over is written by its name: --host, one of %s", strings.Join(hosts, ", "))
	}
	return nil
}

// switchesOf are the hosts of a job, whichever of its plans named them last, and the switches that --host and --switch leave of theirs.
func switchesOf(c *cli.Context, j booking.Journal, keys inventory.Keys) (hosts, switches []string, err error) {
	owners, err := j.Owners(c.Context)
	if err != nil {
		return nil, nil, err
	}
	var other []string
	for _, o := range owners {
		if o.Job != c.Int("job") {
			continue
		}
		if hosts = append(hosts, o.Host); c.String("host") != "" && o.Host != c.String("host") {
			continue
		}
		host, err := inventory.LoadHost(c.Context, keys, o.Host)
		if err != nil {
			return nil, nil, err
		}
		for _, nic := range host.NICs {
			switch {
			case nic.Switch == "":
			case c.String("switch") == "" || nic.Switch == c.String("switch"):
				switches = append(switches, nic.Switch)
			default:
				other = append(other, nic.Switch)
			}
		}
	}
	slices.Sort(switches)
	slices.Sort(other)
	name := c.String("host")
	switch {
	case len(hosts) == 0:
		return nil, nil, fault.New(fault.Refused, "job %d has no hosts", c.Int("job")).WithHint("laas job owners tells which job has which host")
	case name != "" && !slices.Contains(hosts, name):
		return nil, nil, fault.New(fault.Refused, "%s is not a host of job %d", name, c.Int("job")).WithHint("it has %s", strings.Join(hosts, ", "))
	case len(switches) == 0:
		return nil, nil, fault.New(fault.Refused, "no such host has a port on switch %q", c.String("switch")).WithHint("their switches are %s", strings.Join(slices.Compact(other), ", "))
	}
	return hosts, slices.Compact(switches), nil
}
