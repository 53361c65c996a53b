package fault_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
)

func TestKindOf(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"the kind an error was born with":           {fault.New(fault.Refused, "no"), fault.Refused},
		"the kind survives wrapping":                {fmt.Errorf("more: %w", fault.New(fault.NotFound, "no")), fault.NotFound},
		"the outermost kind counts":                 {fault.As(fault.Unproven, fault.New(fault.Transient, "no")), fault.Unproven},
		"a context that ended in time is transient": {context.DeadlineExceeded, fault.Transient},
		"a cancelled context is cancelled":          {fmt.Errorf("x: %w", context.Canceled), fault.Cancelled},
		"a network error is transient":              {&net.OpError{Op: "dial", Err: errors.New("refused")}, fault.Transient},
		"anything else is a defect":                 {errors.New("odd"), fault.Internal},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, fault.KindOf(c.err)) })
	}
}

func TestWrapKeepsKindAndHint(t *testing.T) {
	err := fault.Wrap(fault.New(fault.Credentials, "login refused").WithHint("change the password"), "power on %s", "hpe13")
	assert.Equal(t, "power on hpe13: login refused", err.Error())
	assert.True(t, fault.Is(err, fault.Credentials))
	assert.Equal(t, "change the password", fault.HintOf(fmt.Errorf("again: %w", err)))
	assert.NoError(t, fault.Wrap(nil, "nothing"))
	assert.NoError(t, fault.As(fault.Input, nil))
}

func TestEveryKindHasItsOwnExitCode(t *testing.T) {
	seen := map[int]fault.Kind{}
	for _, k := range fault.Kinds() {
		require.NotEmpty(t, k)
		assert.NotContains(t, seen, k.ExitCode())
		seen[k.ExitCode()] = k
	}
	assert.Equal(t, 1, fault.Kind("unheard of").ExitCode())
}

func TestTheDocumentedExitCodesAreTheTrueOnes(t *testing.T) {
	text, err := os.ReadFile("../../docs/faults.md")
	require.NoError(t, err)
	for _, k := range fault.Kinds() {
		assert.Contains(t, string(text), fmt.Sprintf("| %d | `%s` |", k.ExitCode(), k))
	}
}

func TestProblemsAreToldAllAtOnce(t *testing.T) {
	assert.NoError(t, fault.FromProblems(fault.Input, "hosts.json", nil))
	err := fault.FromProblems(fault.Input, "hosts.json", []fault.Problem{{Path: "a.b", Text: "is wrong"}, {Path: "c", Text: "is missing"}})
	assert.EqualError(t, err, "hosts.json: 2 problem(s): a.b: is wrong; c: is missing")
}
