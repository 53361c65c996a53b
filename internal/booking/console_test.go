package booking_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
)

func TestAConsoleIsKeptForEachJobAndHostAndForgotten(t *testing.T) {
	ctx, store := t.Context(), memory{}
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	j := booking.Journal{Store: store, Now: func() time.Time { return now }}
	none, err := j.Console(ctx, 1, "hpe13")
	require.NoError(t, err)
	assert.Zero(t, none)

	own, next := booking.OwnJobs, booking.OwnJobs+1
	for job, host := range map[int]string{1: "hpe13", own: "hpe13", own + 7: "hpe1", next: "hpe13"} {
		require.NoError(t, j.SaveConsole(ctx, job, host, "login: "))
	}
	r, err := j.Console(ctx, 1, "hpe13")
	require.NoError(t, err)
	assert.Equal(t, booking.ConsoleRecord{At: now, Text: "login: "}, r)

	require.NoError(t, j.ForgetOwnConsoles(ctx, "hpe13", next))
	assert.NotContains(t, store, booking.ConsoleKey(own, "hpe13"))
	for job, host := range map[int]string{1: "hpe13", own + 7: "hpe1", next: "hpe13"} {
		assert.Contains(t, store, booking.ConsoleKey(job, host), "a booking's, another host's and the present one stay")
	}
	require.NoError(t, j.ForgetConsole(ctx, 1, "hpe13"))
	assert.NotContains(t, store, booking.ConsoleKey(1, "hpe13"))
	require.NoError(t, j.ForgetConsole(ctx, 1, "hpe13"))
}

func TestTheLinesOfAConsoleHaveSomethingOnThem(t *testing.T) {
	assert.Equal(t, []string{"a", "  b", "hpe13 login:"}, booking.ConsoleLines("a\n\n \t\n  b \r\nhpe13 login: "))
	assert.Empty(t, booking.ConsoleLines(""))
}
