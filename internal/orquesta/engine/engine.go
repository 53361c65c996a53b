// Package engine runs the pack as StackStorm would: it reads the same metadata, workflows, rules and policies, starts the same
// programs with the same arguments and environment, and serves the part of StackStorm's API that they use. It keeps its
// state in memory and has no users, no RBAC and no workers on other machines.
//
// It is as unkind as StackStorm is: text from callers is rendered as a template, a token dies with its execution, a timeout is one
// SIGTERM, a cancel is no signal at all, and output that is not one JSON value stays text.
package engine

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"stackstorm-laas/internal/fault"
)

// Config says what to run and how to follow it.
type Config struct {
	// PackDir is the pack's directory.
	PackDir string
	// PackConfig is what a lab has in /opt/stackstorm/configs/<pack>.yaml; it may hold {{ st2kv.system.x }}.
	PackConfig map[string]any
	// OnStart and OnEnd are told about every execution; they are called from several goroutines and must not block.
	OnStart, OnEnd func(Execution)
	// Listen is the API's address; empty for a free port of the loopback interface.
	Listen string
	// Timers makes rules on core.st2.IntervalTimer fire.
	Timers bool
	// Log gets what StackStorm's services and the sensor would log; nil for nothing.
	Log *slog.Logger
}

// Engine is a running StackStorm in small. Close it.
type Engine struct {
	cfg   Config
	log   *slog.Logger
	pack  *pack
	keys  *Store
	api   *api
	token string

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	work sync.WaitGroup

	polling sync.Mutex
	watcher *watcher // nil while no sensor runs

	mu     sync.Mutex
	all    []*run // in the order of their request
	byID   map[string]*run
	live   map[*run]bool   // not ended
	tokens map[string]bool // that the API accepts
	procs  map[*process]bool
	// starting is held for reading while a process is started and not in procs yet.
	starting sync.RWMutex
}

// New loads the pack and starts the API. Everything in the pack that StackStorm would refuse, or that is not supported here, is
// in the error.
func New(cfg Config) (*Engine, error) {
	p, err := loadPack(cfg.PackDir)
	if err != nil {
		return nil, err
	}
	if err := fault.FromProblems(fault.Config, "the configuration of pack "+p.Ref, checkConfig(p.config, cfg.PackConfig, "")); err != nil {
		return nil, err
	}
	keys, err := newStore()
	if err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, log: cfg.Log, pack: p, keys: keys, token: newToken(),
		byID: map[string]*run{}, live: map[*run]bool{}, procs: map[*process]bool{}}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.tokens = map[string]bool{e.token: true}
	e.ctx, e.stop = context.WithCancel(context.Background())
	if e.api, err = serveAPI(e, cfg.Listen); err != nil {
		e.stop()
		return nil, fault.As(fault.Failed, err)
	}
	if cfg.Timers {
		e.startTimers()
	}
	return e, nil
}

// Close stops everything: what still runs is killed and counts as abandoned.
func (e *Engine) Close() {
	e.mu.Lock() // nobody starts work between his look at ctx and the end
	e.stop()
	e.mu.Unlock()
	e.KillRunning()
	e.work.Wait()
	e.endSensor()
	e.api.close()
}

// URL is the base of the API with its version, as actions get it.
func (e *Engine) URL() string { return e.api.url }

// Token is an operator's token; it lives as long as the engine.
func (e *Engine) Token() string { return e.token }

// Keys is the datastore.
func (e *Engine) Keys() *Store { return e.keys }

// Run starts an execution and waits for its end. A failed execution is no error; one that cannot be requested is.
func (e *Engine) Run(ctx context.Context, action string, params map[string]any, traceTag string) (Execution, error) {
	id, err := e.Start(action, params, traceTag)
	if err != nil {
		return Execution{}, err
	}
	return e.Wait(ctx, id)
}

// Start requests an execution and gives its id. What StackStorm's API would answer with HTTP 400 is a fault.Input.
func (e *Engine) Start(action string, params map[string]any, traceTag string) (string, error) {
	r, err := e.request(order{action: action, params: params, traceTag: traceTag, context: operator(traceTag)})
	if err != nil {
		return "", fault.New(fault.Input, "start %s: %w", action, err)
	}
	return r.ID, nil
}

// operator is the context of an execution that a person started.
func operator(traceTag string) map[string]any {
	c := map[string]any{"user": "st2admin"}
	if traceTag != "" {
		c["trace_context"] = map[string]any{"trace_tag": traceTag}
	}
	return c
}

// Wait waits for the end of an execution; the execution goes on if ctx ends first.
func (e *Engine) Wait(ctx context.Context, id string) (Execution, error) {
	r, err := e.find(id)
	if err != nil {
		return Execution{}, err
	}
	select {
	case <-r.done:
		return e.Execution(id)
	case <-ctx.Done():
		x, _ := e.Execution(id)
		return x, ctx.Err()
	}
}

// Execution is the record of an execution as it is now.
func (e *Engine) Execution(id string) (Execution, error) {
	r, err := e.find(id)
	if err != nil {
		return Execution{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return r.record(), nil
}

// Executions are the records of all executions in the order of their request.
func (e *Engine) Executions() []Execution {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]Execution, len(e.all))
	for i, r := range e.all {
		out[i] = r.record()
	}
	return out
}

// Idle waits until no execution is live.
func (e *Engine) Idle(ctx context.Context) error {
	for {
		e.mu.Lock()
		var next *run
		for r := range e.live {
			next = r
		}
		e.mu.Unlock()
		if next == nil {
			return nil
		}
		select {
		case <-next.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e *Engine) find(id string) (*run, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.byID[id]; r != nil {
		return r, nil
	}
	return nil, fault.New(fault.NotFound, "Unable to identify resource with id \"%s\".", id)
}

// now is the time as StackStorm writes it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
