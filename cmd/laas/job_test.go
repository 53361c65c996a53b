package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
)

func TestTheStageOfAJobTellsWhatImagingHasCost(t *testing.T) {
	for want, r := range map[string]booking.TaskRecord{
		"claim":                            {Stage: "claim"},
		"imaging":                          {Stage: "imaging", Imaging: &booking.Imaging{Attempt: 1}},
		"imaging, power was cycled":        {Stage: "imaging", Imaging: &booking.Imaging{Attempt: 1, Cycled: true}},
		"imaging, try 2, power was cycled": {Stage: "imaging", Imaging: &booking.Imaging{Attempt: 2, Cycled: true}},
		"schedule imaging: waiting for its turn at FOG, try 2": {Stage: "schedule imaging: waiting for its turn at FOG", Imaging: &booking.Imaging{Attempt: 2}},
	} {
		assert.Equal(t, want, stageOf(&r))
	}
}

// Ids of tasks made in one go differ in their ends only, and half of a booking's tasks are of no host.
func TestTasksOfAJobCanBeToldApart(t *testing.T) {
	plan := map[string]booking.Planned{
		"net": {Task: payload.Task{ID: "net", Kind: payload.KindNetwork, Host: "hpe13"}},
		"ssh": {Task: payload.Task{ID: "ssh", Kind: payload.KindAccess, Access: &payload.Access{Type: "ssh", User: 11}}},
	}
	for want, r := range map[string]booking.TaskRecord{
		"hpe13":          {Task: "net"},
		"hpe14":          {Task: "gone", Host: "hpe14"},
		"ssh of user 11": {Task: "ssh"},
		"laas-1-11":      {Task: "ssh", Account: "laas-1-11"},
		"":               {Task: "gone"},
	} {
		assert.Equal(t, want, whom(&r, plan))
	}
	assert.NotEqual(t, tail("c5a0a2be-6c53-4f2c-9b1e-0d2f4a5b6c01"), tail("c5a0a2be-6c53-4f2c-9b1e-0d2f4a5b6c02"))
	assert.Equal(t, "7", tail("7"))
}

func TestTheConsoleIsShownOfHostsWhoseImagingFailed(t *testing.T) {
	im := &booking.Imaging{Attempt: 1}
	for name, c := range map[string]struct {
		r    booking.TaskRecord
		want bool
	}{
		"it failed":                        {booking.TaskRecord{Mode: booking.Provision, Outcome: booking.Error, Imaging: im}, true},
		"it failed, and the host is back":  {booking.TaskRecord{Mode: booking.Provision, Outcome: booking.Done, Imaging: im}, true},
		"it goes on":                       {booking.TaskRecord{Mode: booking.Provision, Imaging: im}, false},
		"it was proven":                    {booking.TaskRecord{Mode: booking.Provision, Outcome: booking.Error, Imaging: im, Booted: &booking.Booted{}}, false},
		"it never began":                   {booking.TaskRecord{Mode: booking.Provision, Outcome: booking.Error}, false},
		"its host is not proven clean yet": {booking.TaskRecord{Mode: booking.Release, Outcome: booking.Error, Imaging: im}, false},
	} {
		assert.Equal(t, c.want, imagingFailed(&c.r), name)
	}
}
