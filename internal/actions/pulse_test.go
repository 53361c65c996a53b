package actions

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fog"
)

var limits = config.Imaging{CheckIn: config.Duration(20 * time.Minute), Stall: config.Duration(10 * time.Minute), Deadline: config.Duration(90 * time.Minute)}

func TestATaskThatGetsOnIsNotStalled(t *testing.T) {
	type look struct {
		state   fog.TaskState
		percent int
		waits   bool
	}
	at := func(state fog.TaskState, percent int) look { return look{state, percent, false} }
	for name, tc := range map[string]struct {
		looks         []look // one every five minutes
		stalled, late string
	}{
		"a server that takes its time to boot":          {[]look{at(fog.TaskQueued, 0), at(fog.TaskQueued, 0), at(fog.TaskQueued, 0), at(fog.TaskQueued, 0)}, "", ""},
		"a server that never boots":                     {[]look{at(fog.TaskQueued, 0), at(fog.TaskQueued, 0), at(fog.TaskQueued, 0), at(fog.TaskQueued, 0), at(fog.TaskQueued, 0), at(fog.TaskQueued, 0)}, "did not check in with FOG within 20m", ""},
		"it checks in late":                             {[]look{at(fog.TaskQueued, 0), at(fog.TaskQueued, 0), at(fog.TaskQueued, 0), at(fog.TaskQueued, 0), at(fog.TaskCheckedIn, 0), at(fog.TaskCheckedIn, 0)}, "", ""},
		"it stands still after it checked in":           {[]look{at(fog.TaskCheckedIn, 0), at(fog.TaskCheckedIn, 0), at(fog.TaskCheckedIn, 0), at(fog.TaskCheckedIn, 0)}, "stood still at 0% for 10m0s (FOG says checked in)", ""},
		"it stands still at 40 %":                       {[]look{at(fog.TaskInProgress, 39), at(fog.TaskInProgress, 40), at(fog.TaskInProgress, 40), at(fog.TaskInProgress, 40), at(fog.TaskInProgress, 40)}, "stood still at 40%", ""},
		"it is slow":                                    {[]look{at(fog.TaskInProgress, 39), at(fog.TaskInProgress, 39), at(fog.TaskInProgress, 40), at(fog.TaskInProgress, 40), at(fog.TaskInProgress, 41)}, "", ""},
		"it waits for a slot for longer than any stall": {[]look{{fog.TaskCheckedIn, 0, true}, {fog.TaskCheckedIn, 0, true}, {fog.TaskCheckedIn, 0, true}, {fog.TaskCheckedIn, 0, true}, {fog.TaskCheckedIn, 0, true}, at(fog.TaskCheckedIn, 0)}, "", ""},
		"it is queued behind others":                    {[]look{{fog.TaskQueued, 0, true}, {fog.TaskQueued, 0, true}, {fog.TaskQueued, 0, true}, {fog.TaskQueued, 0, true}, {fog.TaskQueued, 0, true}, {fog.TaskQueued, 0, true}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var p pulse
			var checkIn time.Time
			now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			for _, l := range tc.looks {
				now = now.Add(5 * time.Minute)
				task := fog.Task{State: l.state, Percent: l.percent, CheckIn: checkIn}
				if l.waits {
					task.CheckIn = now // by FOG's clock
				}
				checkIn = task.CheckIn
				p.beat(task, now)
			}
			err := p.stalled(limits, now)
			if tc.stalled == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tc.stalled)
			}
			assert.NoError(t, p.late(limits, now))
		})
	}
}

func TestATaskThatGetsOnTooSlowlyIsLateAndNotStalled(t *testing.T) {
	var p pulse
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := began
	for percent := range 46 {
		now = began.Add(time.Duration(percent) * 2 * time.Minute)
		p.beat(fog.Task{State: fog.TaskInProgress, Percent: percent}, now)
	}
	require.NoError(t, p.late(limits, now))
	now = now.Add(time.Minute)
	assert.ErrorContains(t, p.late(limits, now), "had not written the image within 1h30m0s, it reached 45%")
	assert.NoError(t, p.stalled(limits, now))
}

func TestAWaitForASlotThatNeverEndsIsLate(t *testing.T) {
	var p pulse
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 20 {
		p.beat(fog.Task{State: fog.TaskCheckedIn, CheckIn: now}, now)
		now = now.Add(5 * time.Minute)
	}
	assert.ErrorContains(t, p.late(limits, now), "wait for a free slot for 1h30m0s")
}

func TestAFOGThatDoesNotAnswerSaysNothingOfTheHost(t *testing.T) {
	var p pulse
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p.beat(fog.Task{State: fog.TaskInProgress, Percent: 40}, now)
	now = now.Add(15 * time.Minute)
	p.forgive(14 * time.Minute)
	p.beat(fog.Task{State: fog.TaskInProgress, Percent: 40}, now)
	assert.NoError(t, p.stalled(limits, now))
	assert.Error(t, p.stalled(limits, now.Add(10*time.Minute)))
}

func TestADeploymentIsTriedTwiceAndALaterRunBeginsAfresh(t *testing.T) {
	im := &booking.Imaging{Attempt: 1, Cycled: true, TaskID: 3}
	assert.True(t, im.GiveUp("it stalled"))
	assert.Equal(t, booking.Imaging{Attempt: 2, Cycled: true, TaskID: 3, Ended: "it stalled"}, *im)
	im.Ended = "" // the second try is scheduled
	assert.False(t, im.GiveUp("it stalled again"))
	assert.Equal(t, booking.Imaging{Attempt: 1, TaskID: 3, Ended: "it stalled again"}, *im)
}
