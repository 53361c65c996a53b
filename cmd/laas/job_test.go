package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/booking"
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
