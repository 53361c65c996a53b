// Package sensor is one poll of the dashboard. The Python shim that StackStorm runs (sensors/dashboard_sensor.py) hands it a
// document on stdin and carries out, in their order, the lines that it prints; whatever has to be decided is decided here.
package sensor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/tlsconf"
)

// Document is what the shim hands over.
type Document struct {
	// Config is the resolved configuration of the pack.
	Config json.RawMessage `json:"config"`
	// State is the text of the last State line, null at first.
	State *string `json:"state"`
	// Keys are the journal: the plain datastore keys laas.task.*, laas.job.* and laas.owner.*.
	Keys map[string]string `json:"keys"`
}

// Line is one thing for the shim to do. Exactly one field is set, but for Trigger, which goes with Payload and TraceTag.
type Line struct {
	Store    *Key     `json:"store,omitempty"`
	Trigger  string   `json:"trigger,omitempty"`
	Payload  *Payload `json:"payload,omitempty"`
	TraceTag string   `json:"trace_tag,omitempty"`
	Log      *Log     `json:"log,omitempty"`
	// State comes last. The shim keeps it only if all lines before were carried out, so that nothing is dispatched never.
	State *string `json:"state,omitempty"`
}

// Key is a datastore key to set.
type Key struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Payload of the trigger laas.job.
type Payload struct {
	Job    int    `json:"job_id"`
	Digest string `json:"digest"`
}

// Log is a line for the sensor's log. It holds no secret and no text of a tenant's.
type Log struct {
	Level   string `json:"level"`
	Message string `json:"message"`
}

// The longest wait between polls after failures.
const maxWait = 15 * time.Minute

// Poll asks the dashboard for new jobs and writes what the shim is to do. Troubles of the dashboard are told in one line, when they
// change, and keep the last good state; an error is returned only for a document that cannot be used.
func Poll(ctx context.Context, in io.Reader, out io.Writer, now func() time.Time) error {
	var doc Document
	if err := json.NewDecoder(in).Decode(&doc); err != nil {
		return fault.New(fault.Input, "the sensor's document is not JSON: %w", err)
	}
	cfg, err := config.Parse(doc.Config)
	if err != nil {
		return err
	}
	st := &booking.State{}
	if doc.State != nil && *doc.State != "" {
		if err := json.Unmarshal([]byte(*doc.State), st); err != nil {
			return fault.New(fault.Input, "the sensor's stored state is unreadable: %w", err).
				WithHint("delete the sensor's datastore key; the journal keeps jobs from being dispatched twice")
		}
	}
	p := &poll{enc: json.NewEncoder(out), st: st, view: booking.View{Began: now().UTC(), PublicVLANs: cfg.Network.PublicVLANs}}
	if p.view.Began.Before(st.NotBefore) {
		return nil // still waiting after failures; the state stays as it is
	}
	if err := p.journal(doc.Keys); err != nil {
		return err
	}
	if err := p.ask(ctx, cfg); err != nil {
		return p.failed(err)
	}
	st.Failures, st.NotBefore = 0, time.Time{}
	if st.Trouble != "" && !p.view.Blind {
		p.log("info", "the dashboard answers again")
		st.Trouble = ""
	}
	return p.decide()
}

type poll struct {
	enc  *json.Encoder
	st   *booking.State
	view booking.View
}

// journal reads the records that the decision needs. One that cannot be read stops the poll: whose a host is must not be guessed.
func (p *poll) journal(keys map[string]string) error {
	p.view.Records, p.view.Jobs = map[string]*booking.TaskRecord{}, map[int]*booking.JobRecord{}
	for name, text := range keys {
		var err error
		switch {
		case strings.HasPrefix(name, booking.TaskPrefix):
			r := &booking.TaskRecord{}
			if err = json.Unmarshal([]byte(text), r); err == nil {
				p.view.Records[name] = r
			}
		case strings.HasPrefix(name, booking.JobPrefix):
			r := &booking.JobRecord{}
			if err = json.Unmarshal([]byte(text), r); err == nil {
				p.view.Jobs[r.Job] = r
			}
		case strings.HasPrefix(name, booking.OwnerPrefix):
			o := &booking.Owner{}
			if err = json.Unmarshal([]byte(text), o); err == nil {
				p.view.Owners = append(p.view.Owners, o)
			}
		}
		if err != nil {
			return fault.New(fault.Config, "datastore key %s cannot be read: %w", name, err)
		}
	}
	return nil
}

func (p *poll) ask(ctx context.Context, cfg *config.Config) error {
	transport, err := tlsconf.Transport(cfg.TLS.CAFile)
	if err != nil {
		return err
	}
	d, err := dashboard.New(dashboard.Config{Address: cfg.Dashboard.Address, Lab: cfg.Dashboard.LabName, Token: cfg.Dashboard.Token,
		Timeout: cfg.Dashboard.Timeout.D(), Transport: transport}) // the next poll is the retry
	if err != nil {
		return err
	}
	jobs, problems, err := d.Jobs(ctx, dashboard.ListNew)
	for _, pr := range problems {
		p.log("warning", "the dashboard's list of new jobs: "+pr.String())
	}
	if err != nil {
		return p.blind(ctx, d, err)
	}
	for _, j := range jobs {
		p.view.Offers = append(p.view.Offers, booking.Offer{Job: j.ID, Payload: j.Payload})
	}
	return nil
}

// failed tells a trouble once and makes the sensor wait longer each time.
func (p *poll) failed(err error) error {
	p.st.Failures++
	wait := min(time.Minute<<min(p.st.Failures-1, 10), maxWait)
	if p.st.Failures > 1 { // the first failure may be a blink: the next poll comes as usual
		p.st.NotBefore = p.view.Began.Add(wait)
	}
	if kind := string(fault.KindOf(err)); p.st.Trouble != kind {
		p.st.Trouble = kind
		text := "the dashboard cannot be polled: " + err.Error()
		if hint := fault.HintOf(err); hint != "" {
			text += " (" + hint + ")"
		}
		p.log("error", text)
	}
	return p.state()
}

func (p *poll) decide() error {
	before := p.st.Held
	plans := booking.Decide(p.st, p.view)
	for _, id := range slices.Sorted(maps.Keys(p.st.Held)) {
		h := p.st.Held[id]
		if before[id] == h {
			continue
		}
		level := "warning"
		if h.Expected {
			level = "info"
		}
		p.log(level, fmt.Sprintf("job %d is held: %s", id, h.Reason))
	}
	for _, plan := range plans {
		text, err := json.Marshal(plan)
		if err != nil {
			return fault.New(fault.Internal, "write a plan: %w", err)
		}
		p.write(Line{Store: &Key{plan.Key(), string(text)}})
		p.write(Line{Trigger: "laas.job", Payload: &Payload{plan.Job, plan.Digest}, TraceTag: fmt.Sprintf("booking-%d", plan.Job)})
		var line bytes.Buffer
		plan.Describe(&line)
		p.log("info", "dispatched "+line.String())
	}
	return p.state()
}

func (p *poll) state() error {
	text, err := json.Marshal(p.st)
	if err != nil {
		return fault.New(fault.Internal, "write the sensor's state: %w", err)
	}
	s := string(text)
	return p.write(Line{State: &s})
}

func (p *poll) log(level, message string) { p.write(Line{Log: &Log{level, message}}) }

func (p *poll) write(l Line) error { return p.enc.Encode(l) }
