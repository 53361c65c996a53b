// Package orquesta conducts Orquesta workflows: it reads a definition, inspects it, says which actions start next and what
// becomes of their results. It runs nothing itself; package engine does.
//
// It supports the part of Orquesta that the pack's workflows use and refuses the rest by name. What it does do is held to
// recordings of Orquesta itself in testdata/conformance, whose README describes the semantics.
package orquesta

import "fmt"

// Unsupported names a construct that Orquesta has and this runner does not.
type Unsupported struct {
	What string
	Line int
}

func (e *Unsupported) Error() string {
	if e.Line == 0 {
		return e.What + " is not supported by the embedded runner"
	}
	return fmt.Sprintf("line %d: %s is not supported by the embedded runner", e.Line, e.What)
}

// Statuses of workflows and tasks.
const (
	unset     = "null"
	running   = "running"
	retrying  = "retrying"
	succeeded = "succeeded"
	failed    = "failed"
	timeout   = "timeout"
	abandoned = "abandoned"
	canceling = "canceling"
	canceled  = "canceled"
)

// completed are the statuses that end a task or a workflow.
var completed = []string{succeeded, failed, timeout, abandoned, canceled}

// commands are names in do that are no tasks of the workflow.
var commands = []string{"continue", "noop", "fail", "retry"}
