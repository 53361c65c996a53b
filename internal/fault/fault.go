// Package fault gives every failure of the pack a kind, decided where the failure is born, so that callers never guess from
// texts: whether to try again, what to tell the operator, and which status the process ends with.
package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// Kind classifies a failure.
type Kind string

const (
	// Internal is a defect of the pack itself.
	Internal Kind = "internal"
	// Input is a parameter, payload or file that cannot be used as it is.
	Input Kind = "input"
	// Config is a pack configuration, inventory entry or datastore key that is missing or unusable.
	Config Kind = "config"
	// NotFound means that the other side answered and does not have what was named.
	NotFound Kind = "not_found"
	// Refused means that a rule, ours or the other side's, forbids what was asked.
	Refused Kind = "refused"
	// Credentials means that the other side answered and did not accept the login. It is never retried: accounts get locked.
	Credentials Kind = "credentials"
	// Transient is a time-out, a refused connection, an HTTP 5xx: the same call may succeed in a moment.
	Transient Kind = "transient"
	// Failed is a definite failure reported by the other side.
	Failed Kind = "failed"
	// Deadline means that the action's own time was up before the goal was reached.
	Deadline Kind = "deadline"
	// Cancelled means that the execution, or one it belongs to, was cancelled, or a newer one took over.
	Cancelled Kind = "cancelled"
	// Superseded means that the dashboard wants something else by now.
	Superseded Kind = "superseded"
	// Unproven means that a change was made and the proof of it failed.
	Unproven Kind = "unproven"
)

// exitCodes is the one table of process statuses; docs/faults.md shows it and a test holds the two equal.
var exitCodes = map[Kind]int{
	Internal: 1, Input: 2, Config: 3, NotFound: 4, Refused: 5, Credentials: 6,
	Transient: 7, Failed: 8, Deadline: 9, Cancelled: 10, Superseded: 11, Unproven: 12,
}

// Kinds lists all kinds in the order of their exit codes.
func Kinds() []Kind {
	out := make([]Kind, len(exitCodes))
	for k, c := range exitCodes {
		out[c-1] = k
	}
	return out
}

// ExitCode is the process status of a kind; unknown kinds count as Internal.
func (k Kind) ExitCode() int {
	if c, ok := exitCodes[k]; ok {
		return c
	}
	return exitCodes[Internal]
}

// Retryable says whether the same call may succeed later without anybody changing anything.
func (k Kind) Retryable() bool { return k == Transient || k == Deadline }

// Error is a failure with its kind, what was attempted, and what to do next.
type Error struct {
	Kind Kind
	// Op is what was attempted and on what, e.g. "power on hpe13 through its BMC at 10.0.0.13".
	Op string
	// Hint tells the operator what to do next; empty if there is nothing useful to say.
	Hint string
	// Err is what came back. It never contains a secret.
	Err error
}

func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Op
	case e.Op == "":
		return e.Err.Error()
	}
	return e.Op + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind. format describes what was attempted and what came back; use %w to keep a cause.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// WithHint adds what to do next and returns the same error.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Wrap puts what was attempted in front of err. The kind and hint of err are kept; an error without a kind gets the
// one that Classify finds. Wrap of nil is nil.
func Wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: KindOf(err), Op: fmt.Sprintf(format, args...), Hint: HintOf(err), Err: err}
}

// As gives err a kind, whatever it had before. As of nil is nil.
func As(kind Kind, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Hint: HintOf(err), Err: err}
}

// KindOf finds the kind of the outermost *Error in err; otherwise time-outs and network errors are Transient, a
// cancelled context is Cancelled, and anything else Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var ne net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return Cancelled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &ne):
		return Transient
	}
	return Internal
}

// Is says whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// HintOf finds the outermost hint in err, or "".
func HintOf(err error) string {
	var e *Error
	for errors.As(err, &e) {
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}

// Problem is one thing wrong with an input, and the path to it.
type Problem struct {
	// Path leads to the value, e.g. "hpe13.interfaces[48:df:37:1d:13:00].port".
	Path string `json:"path"`
	// Text says what is wrong and what was expected.
	Text string `json:"text"`
}

func (p Problem) String() string { return p.Path + ": " + p.Text }

// FromProblems makes one error of the kind that tells all problems at once, or nil if there are none.
func FromProblems(kind Kind, what string, problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.String()
	}
	return New(kind, "%s: %d problem(s): %s", what, len(problems), strings.Join(lines, "; "))
}
