package action

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/st2"
)

// Named finds the name of the action in the arguments that StackStorm passes (--action=NAME, anywhere), or "".
func Named(args []string) string {
	for _, a := range args {
		if name, ok := strings.CutPrefix(a, "--action="); ok {
			return name
		}
	}
	return ""
}

// Main runs one action as StackStorm calls it and gives the process status. It prints one JSON document on stdout,
// whatever happens.
func (s Set) Main(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	signal.Ignore(syscall.SIGPIPE) // a stopped action runner closes our pipes; the work goes on to a safe point
	given, err := flags(args)
	var a *Action
	if err == nil {
		a, err = s.Find(given["action"])
	}
	delete(given, "action")
	var result any
	if err == nil {
		result, err = a.execute(given, getenv, stderr)
	}
	if werr := write(stdout, result, err, given); werr != nil {
		return fault.Internal.ExitCode()
	}
	if err != nil {
		return fault.KindOf(err).ExitCode()
	}
	return 0
}

// flags reads --name=value and bare --name (true), the only two forms StackStorm uses.
func flags(args []string) (map[string]string, error) {
	out := map[string]string{}
	for _, a := range args {
		name, ok := strings.CutPrefix(a, "--")
		if !ok {
			return out, fault.New(fault.Input, "argument %q is not of the form --name=value", a)
		}
		name, value, given := strings.Cut(name, "=")
		if !given {
			value = "true"
		}
		out[name] = value
	}
	return out, nil
}

func (a *Action) execute(given map[string]string, getenv func(string) string, stderr io.Writer) (result any, err error) {
	params, err := a.Parse(given)
	if err != nil {
		return nil, err
	}
	call, err := newCall(params, getenv, stderr)
	if err != nil {
		return nil, err
	}
	return a.Do(context.Background(), call)
}

// Do runs the action under its own deadline, watching for cancellation and SIGTERM.
func (a *Action) Do(ctx context.Context, call *Call) (result any, err error) {
	budget := a.Budget(call.Config)
	ctx, stop := context.WithTimeoutCause(ctx, budget, fault.New(fault.Deadline, "%s was not done within %s", a.Name, budget).
		WithHint("the limits are in the pack's configuration; run it again, it goes on where it stopped"))
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(term)
	go watch(ctx, cancel, call, term)
	defer func() {
		if r := recover(); r != nil {
			result, err = nil, fault.New(fault.Internal, "%s: defect in the pack: %v at %s", a.Name, r, origin()).
				WithHint("please report this with the execution's id")
		}
	}()
	result, err = a.Run(ctx, call)
	// A context that ended for a reason of its own explains an error better than the call that noticed it.
	if cause := context.Cause(ctx); err != nil && cause != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		err = fault.As(fault.KindOf(cause), fmt.Errorf("%w (while: %v)", cause, err))
	}
	return result, err
}

// watch ends the action when StackStorm sends SIGTERM, which it does once, at the timeout, and when the execution was
// cancelled, of which StackStorm says nothing.
func watch(ctx context.Context, cancel context.CancelCauseFunc, call *Call, term <-chan os.Signal) {
	tick := time.NewTicker(max(call.Config.ST2.CancelInterval.D(), time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-term:
			cancel(fault.New(fault.Deadline, "stopped by signal %v", s).
				WithHint("StackStorm's timeout or an operator ended the action; run it again, it goes on where it stopped"))
			return
		case <-tick.C:
			if call.Execution == "" {
				continue
			}
			if err := cancelled(ctx, call.ST2, call.Execution); err != nil {
				cancel(err)
				return
			}
		}
	}
}

func newCall(params Params, getenv func(string) string, stderr io.Writer) (*Call, error) {
	text := getenv("LAAS_CONFIG")
	if text == "" {
		return nil, fault.New(fault.Config, "the environment has no LAAS_CONFIG").
			WithHint("StackStorm sets it from the pack's configuration: is the pack registered and /opt/stackstorm/configs/laas.yaml loaded?")
	}
	cfg, err := config.Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	client, err := Client(cfg.ST2, getenv)
	if err != nil {
		return nil, err
	}
	return &Call{
		Params: params, Config: cfg, ST2: client, Execution: getenv("ST2_ACTION_EXECUTION_ID"),
		Info: func(format string, args ...any) { fmt.Fprintf(stderr, "info: "+format+"\n", args...) },
	}, nil
}

// Client makes a client of StackStorm's API from the environment: an action's (ST2_ACTION_...) or an operator's
// (ST2_API_URL, ST2_AUTH_TOKEN, as the st2 command line uses them).
func Client(cfg config.ST2, getenv func(string) string) (*st2.Client, error) {
	url, token := getenv("ST2_ACTION_API_URL"), getenv("ST2_ACTION_AUTH_TOKEN")
	if url == "" {
		if url, token = getenv("ST2_API_URL"), getenv("ST2_AUTH_TOKEN"); url != "" && !strings.HasSuffix(url, "/v1") {
			url = strings.TrimSuffix(url, "/") + "/v1"
		}
	}
	if url == "" || token == "" {
		return nil, fault.New(fault.Config, "the environment does not say where StackStorm's API is").
			WithHint("inside StackStorm ST2_ACTION_API_URL and ST2_ACTION_AUTH_TOKEN are set; on the command line set ST2_API_URL and ST2_AUTH_TOKEN (st2 auth -t)")
	}
	return st2.New(st2.Config{URL: url, Token: secret.New(token), Timeout: cfg.Timeout.D(), Retry: Policy(cfg.Retry)}), nil
}

// Policy is how calls are repeated for up to the configured time.
func Policy(elapsed config.Duration) retry.Policy {
	d := elapsed.D()
	return retry.Policy{Initial: d / 20, Max: d / 4, Elapsed: d}
}

// origin finds where a panic came from, without the values on the stack.
func origin() string {
	for _, line := range strings.Split(string(debug.Stack()), "\n") {
		if at := strings.Index(line, "/internal/"); at >= 0 && !strings.Contains(line, "/internal/action/main.go") && strings.HasPrefix(line, "\t") {
			return strings.Fields(line[at+1:])[0]
		}
	}
	return "unknown place"
}
