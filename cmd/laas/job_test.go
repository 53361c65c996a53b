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
