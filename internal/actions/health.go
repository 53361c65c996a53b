package actions

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

// What bmc.health says is done about a host in critical state.
const (
	healthRefuse = "refuse"
	healthIgnore = "ignore"
)

const (
	// someEvents are looked at to judge a host, mostEvents printed at most.
	someEvents, mostEvents = 20, 500
	// mostReasons are named; a host with more of them has one that matters.
	mostReasons = 5
)

type sensorOutput struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Reading string `json:"reading"`
	State   string `json:"state"`
}

type eventOutput struct {
	ID int `json:"id"`
	// At is empty when the BMC's clock was not set.
	At       string `json:"at"`
	Sensor   string `json:"sensor"`
	Text     string `json:"text"`
	Critical bool   `json:"critical"`
}

type machineOutput struct {
	Manufacturer string   `json:"manufacturer"`
	Model        string   `json:"model"`
	Serial       string   `json:"serial"`
	Firmware     string   `json:"firmware"`
	CPU          string   `json:"cpu"`
	MemoryMiB    int      `json:"memory_mib"`
	MACs         []string `json:"macs"`
}

type healthResult struct {
	action.Result
	verdict
	Sensors []sensorOutput `json:"sensors"`
	Events  []eventOutput  `json:"events"`
	Machine machineOutput  `json:"machine"`
	Unread  []string       `json:"unread"`
}

// verdict is what the sensors and the event log come to.
type verdict struct {
	// Verdict is ok, warning, critical, or unknown when no sensor was read.
	Verdict string   `json:"verdict"`
	Reasons []string `json:"reasons"`
}

var bmcHealth = &action.Action{
	Name: "bmc_health",
	Description: "Ask a host's BMC how the hardware is: sensors, the last entries of the event log, what the machine is. Nothing is changed. " +
		"critical is what the host is not provisioned with (bmc.health); a sensor without a reading is unknown, and so is one that reads low because the host has no power.",
	Params: []action.Param{hostParam,
		{Name: "events", Type: action.Integer, Default: someEvents, Description: fmt.Sprintf("How many of the last entries of the event log to show, at most %d.", mostEvents)}},
	Output: []action.Field{{Name: "verdict", Description: "ok, warning, critical, or unknown when the BMC tells of no sensor. Critical events that have not ended are a warning: the sensors tell how it is now."},
		{Name: "reasons", Description: "What makes it so."}, {Name: "sensors", Description: "Name, kind, reading and state of each."},
		{Name: "events", Description: "The last entries of the event log, the newest first."},
		{Name: "machine", Description: "Manufacturer, model, serial number, the BMC's firmware; processors, memory and MACs as far as the BMC tells. IPMI does not."},
		{Name: "unread", Description: "What the BMC did not tell, and why."}},
	Budget: sum(records, healthRead),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l, events := open(c), c.Params.Int("events")
		if events < 0 || events > mostEvents {
			return nil, fault.New(fault.Input, "%d events: 0 to %d can be shown", events, mostEvents)
		}
		host, err := inventory.LoadHost(ctx, c.ST2, c.Params.String("host"))
		if err != nil {
			return nil, err
		}
		d, err := l.bmc(ctx, host)
		if err != nil {
			return nil, err
		}
		defer d.Close()
		h, err := health(ctx, d, host, max(events, someEvents))
		if err != nil {
			return nil, err
		}
		return shown(host, h, events), nil
	},
}

// healthRead is a login and the reading of all there is.
func healthRead(c *config.Config) time.Duration {
	return bmcSession(c) + bmc.HealthTime(c.BMC.MinInterval.D())
}

// health reads it where the driver can.
func health(ctx context.Context, d bmc.Driver, host *inventory.Host, events int) (bmc.Health, error) {
	if l, ok := d.(leased); ok {
		d = l.Driver
	}
	reader, ok := d.(bmc.HealthReader)
	if !ok {
		return bmc.Health{Unread: []string{fmt.Sprintf("everything: the pack does not read it over %s", host.BMC.Protocol)}}, nil
	}
	return reader.Health(ctx, events)
}

// judge tells what a host's health comes to. Sensors tell how it is; a log keeps what is long mended.
func judge(h bmc.Health) verdict {
	var critical, warning []string
	known := false
	for _, s := range h.Sensors {
		why := fmt.Sprintf("%s (%s) is %s", plain(s.Name, 40), plain(s.Kind, 40), s.State)
		if s.Reading != "" {
			why += ": " + plain(s.Reading, 80)
		}
		switch s.State {
		case bmc.SensorCritical:
			critical = append(critical, why)
		case bmc.SensorWarning:
			warning = append(warning, why)
		}
		known = known || s.State != bmc.SensorUnknown
	}
	for _, e := range h.Events {
		if e.Critical {
			warning = append(warning, strings.TrimSpace(fmt.Sprintf("event %d %s: %s: %s", e.ID, moment(e.At), plain(e.Sensor, 40), plain(e.Text, 80))))
		}
	}
	v := verdict{Verdict: bmc.SensorOK, Reasons: append(critical, warning...)}
	switch {
	case len(critical) > 0:
		v.Verdict = bmc.SensorCritical
	case len(warning) > 0:
		v.Verdict = bmc.SensorWarning
	case !known:
		v.Verdict = bmc.SensorUnknown
	}
	if more := len(v.Reasons) - mostReasons; more > 0 {
		v.Reasons = append(slices.Clone(v.Reasons[:mostReasons]), fmt.Sprintf("and %d more", more))
	}
	if v.Reasons == nil {
		v.Reasons = []string{}
	}
	return v
}

// shown is the health as it may go into an output: the device's texts are made plain.
func shown(host *inventory.Host, h bmc.Health, events int) healthResult {
	out := healthResult{verdict: judge(h), Sensors: []sensorOutput{}, Events: []eventOutput{}, Unread: []string{}}
	for _, s := range h.Sensors {
		out.Sensors = append(out.Sensors, sensorOutput{Name: plain(s.Name, 40), Kind: plain(s.Kind, 40), Reading: plain(s.Reading, 80), State: s.State})
	}
	for _, e := range h.Events[:min(events, len(h.Events))] {
		out.Events = append(out.Events, eventOutput{ID: e.ID, At: moment(e.At), Sensor: plain(e.Sensor, 40), Text: plain(e.Text, 120), Critical: e.Critical})
	}
	m := h.Machine
	out.Machine = machineOutput{Manufacturer: plain(m.Manufacturer, 80), Model: plain(m.Model, 80), Serial: plain(m.Serial, 80), Firmware: plain(m.Firmware, 80),
		CPU: plain(m.CPU, 120), MemoryMiB: m.MemoryMiB, MACs: []string{}}
	for _, mac := range m.MACs {
		out.Machine.MACs = append(out.Machine.MACs, plain(mac, 20))
	}
	for _, part := range h.Unread {
		out.Unread = append(out.Unread, plain(part, 200))
	}
	out.Result = action.Result{Host: host.Name, Summary: fmt.Sprintf("%s: %s, %d sensor(s)", host.Name, out.Verdict, len(out.Sensors))}
	if len(out.Reasons) > 0 {
		out.Summary += ": " + out.Reasons[0]
	}
	return out
}

// plain makes a device's text fit for a workflow, where text is evaluated as a template: printable ASCII without what templates are made of.
func plain(text string, most int) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case strings.ContainsRune("{}<>`$", r):
		case r >= ' ' && r <= '~':
			b.WriteRune(r)
		default:
			b.WriteByte('?')
		}
		if b.Len() == most {
			break
		}
	}
	return strings.TrimSpace(b.String())
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// checked makes a stage of what is done to a host only if its hardware is well: nothing has been done to it before. A BMC that does not
// tell is no reason to refuse; one that cannot be talked to is, since the host could not be switched on either.
func checked(do func(context.Context, *hostRun) (any, error)) func(context.Context, *hostRun) (any, error) {
	return func(ctx context.Context, h *hostRun) (any, error) {
		if last := h.rec.Imaging; last == nil || last.Ended != "" {
			if err := h.sound(ctx); err != nil {
				if last != nil {
					err = fault.Wrap(err, "the last try came to nothing (%s)", last.Ended)
				}
				return nil, err
			}
		}
		return do(ctx, h)
	}
}

func (h *hostRun) sound(ctx context.Context) error {
	if h.Config.BMC.Health == healthIgnore {
		return nil
	}
	d, err := h.bmc(ctx, h.host)
	if err != nil {
		return err
	}
	defer d.Close()
	found, err := health(ctx, d, h.host, 0)
	if err != nil {
		return err
	}
	for _, part := range found.Unread {
		h.Info("the health of %s: %s", h.host.Name, plain(part, 200))
	}
	v := judge(found)
	if v.Verdict != bmc.SensorCritical {
		return nil
	}
	reasons := strings.Join(v.Reasons, "; ")
	if h.Config.BMC.Health != healthRefuse {
		return h.note(ctx, "Its hardware is in critical state: "+reasons+".")
	}
	return fault.New(fault.Refused, "the hardware is in critical state: %s", reasons).
		WithHint("mend it, look again with laas.bmc_health host=%s, then run laas.resume_job job_id=%d; or set bmc.health to warn", h.host.Name, h.job.Job)
}
