// Package demo plays bookings through the pack: the simulated lab, the embedded StackStorm with the pack in it, and the sensor in
// between. The demo command, and the tests of the whole, are made of it.
package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/lab"
	"stackstorm-laas/internal/simlab/nxapi"
	"stackstorm-laas/internal/simlab/world"
)

// Options say what to play.
type Options struct {
	// Pack is the pack's root, with its binary built.
	Pack string
	// Bodies are successive bodies of jobs/new; the lab is made for them. HostsFile is an inventory to make it from instead.
	Bodies    [][]byte
	HostsFile []byte
	// Hosts are in the lab beside those.
	Hosts []lab.HostSpec
	// Dashboard is 2019 or 2022, FOG 1.5 or 1.6.
	Dashboard, FOG string
	// Config changes the pack's configuration.
	Config func(map[string]any)
	Pace   world.Pace
	// Slack is how much longer than the lab needs the pack waits before it gives up.
	Slack time.Duration
	// HostsPerSwitch and SpreadNICs shape the lab's cabling.
	HostsPerSwitch int
	SpreadNICs     bool
	// Redfish are the hosts whose BMCs speak Redfish.
	Redfish []string
	// Switches changes what the lab's switches are like.
	Switches func(*nxapi.Config)
	Log      *slog.Logger
	// OnStart and OnEnd are told about every execution.
	OnStart, OnEnd func(engine.Execution)
}

// Session is a lab with a StackStorm that works on its bookings.
type Session struct {
	Lab    *lab.Lab
	Engine *engine.Engine
	began  time.Time
}

// Open starts both.
func Open(o Options) (*Session, error) {
	l, err := lab.Start(lab.Options{JobsBodies: o.Bodies, HostsFile: o.HostsFile, Hosts: o.Hosts, DashboardMode: o.Dashboard, FOGVersion: o.FOG, Pace: o.Pace, Slack: o.Slack,
		HostsPerSwitch: o.HostsPerSwitch, SpreadNICs: o.SpreadNICs, Redfish: o.Redfish, Switches: o.Switches})
	if err != nil {
		return nil, fmt.Errorf("start the simulated lab: %w", err)
	}
	settings := l.PackConfig()
	if o.Config != nil {
		o.Config(settings)
	}
	e, err := engine.New(engine.Config{PackDir: o.Pack, PackConfig: settings, Log: o.Log, OnStart: o.OnStart, OnEnd: o.OnEnd})
	if err != nil {
		l.Close()
		return nil, err
	}
	s := &Session{Lab: l, Engine: e, began: time.Now()}
	for _, keys := range [][]byte{l.HostsJSON(), l.KeysJSON()} {
		if err := e.Keys().Load(keys); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Close ends both.
func (s *Session) Close() {
	s.Engine.Close()
	s.Lab.Close()
}

// Play lets the dashboard serve a body of jobs/new and polls until it is settled.
func (s *Session) Play(ctx context.Context, body []byte) error {
	if err := s.Lab.Deliver(body); err != nil {
		return err
	}
	return s.Settle(ctx)
}

// Settle polls until nothing moves any more: two polls in a row that start nothing, with nothing running.
func (s *Session) Settle(ctx context.Context) error {
	for quiet := 0; quiet < 2; {
		before := len(s.Engine.Executions())
		if err := s.Engine.PollSensor(ctx); err != nil {
			return err
		}
		started := len(s.Engine.Executions()) > before
		if err := s.Engine.Idle(ctx); err != nil {
			return err
		}
		s.Lab.Dashboard().Tick()
		if quiet++; started {
			quiet = 0
		}
	}
	return ctx.Err()
}

// Job is a job as the users see it.
type Job struct {
	ID     int    `json:"id"`
	State  string `json:"state"`
	Reason string `json:"reason"`
	Tasks  []Task `json:"tasks"`
}

// Task is a task as the users see it. Status is the dashboard's number.
type Task struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Status  int    `json:"status"`
	Message string `json:"message"`
}

// Executions counts what StackStorm had to do for the bookings.
type Executions struct {
	Actions   int `json:"actions"`
	Workflows int `json:"workflows"`
}

// Report is how everything stands.
type Report struct {
	Jobs []Job `json:"jobs"`
	lab.Report
	Executions Executions `json:"executions"`
	Seconds    float64    `json:"seconds"`
}

// The states of a job in a report.
const (
	StateDone    = "done"
	StateFailed  = "failed"
	StateHeld    = "held"
	StateWaiting = "waiting"
)

// Report tells how everything stands.
func (s *Session) Report() Report {
	r := Report{Jobs: []Job{}, Report: s.Lab.Report(), Seconds: time.Since(s.began).Round(time.Millisecond).Seconds()}
	held := s.held()
	for _, j := range s.Lab.Dashboard().Jobs() {
		job := Job{ID: j.ID, State: StateDone, Tasks: []Task{}}
		for _, t := range j.Tasks {
			job.Tasks = append(job.Tasks, Task{ID: t.ID, Type: t.Type, Status: t.Status, Message: t.Message})
		}
		job.judge(held)
		r.Jobs = append(r.Jobs, job)
	}
	for _, e := range s.Engine.Executions() {
		if slices.Contains(workflows, e.Action) {
			r.Executions.Workflows++
		} else {
			r.Executions.Actions++
		}
	}
	return r
}

// workflows are the pack's workflows that work on bookings.
var workflows = []string{"laas.process_job", "laas.provision_host", "laas.deploy_image", "laas.release_host"}

// judge finds the job's state from its tasks and what the sensor holds. Tasks of types that cannot be worked on do not count.
func (j *Job) judge(held map[int]booking.Held) {
	open := false
	for _, t := range j.Tasks {
		switch {
		case t.Status == booking.StatusError:
			j.State = StateFailed
			if j.Reason == "" || t.Type == "hardware" {
				j.Reason = t.Message
			}
		case t.Status != booking.StatusDone && t.Type != "active users task":
			open = true
		}
	}
	h, isHeld := held[j.ID]
	switch {
	case j.State == StateFailed:
	case isHeld && h.Expected:
		j.State, j.Reason = StateWaiting, h.Reason
	case isHeld:
		j.State, j.Reason = StateHeld, h.Reason
	case open:
		j.State, j.Reason = StateWaiting, "it is not worked on yet"
	}
}

// held reads from the sensor's state which jobs it holds.
func (s *Session) held() map[int]booking.Held {
	for name, text := range s.Engine.Keys().List("laas.") {
		var st booking.State
		if name == "laas.DashboardSensor:state" && json.Unmarshal([]byte(text), &st) == nil {
			return st.Held
		}
	}
	return nil
}

// Failed says whether any job ended in error, Held whether any is held.
func (r Report) Failed() bool { return r.any(StateFailed) }

// Held says whether any job is held.
func (r Report) Held() bool { return r.any(StateHeld) }

func (r Report) any(state string) bool {
	return slices.ContainsFunc(r.Jobs, func(j Job) bool { return j.State == state })
}
