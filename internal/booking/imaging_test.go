package booking_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/booking"
)

func TestTheOldSystemIsToldFromTheNewOne(t *testing.T) {
	begun := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	fresh, aged, complete := begun.Add(20*time.Minute), begun.Add(-time.Hour), begun.Add(10*time.Minute)
	known := booking.Imaging{PreviousMachineID: "a", PreviousMark: "laas job 1 hpe13 generation 1, FOG task 3, 2026-02-01T00:00:00Z", TaskID: 7, Begun: begun, Complete: &complete}
	unmarked, first := known, known
	unmarked.PreviousMark = ""
	first.PreviousMachineID, first.PreviousMark = "", ""
	wiped, snapshot := first, first
	again := known
	again.PreviousMark, again.ImageMark = "laas job 1 hpe13 generation 1, captured by FOG task 9, 2026-02-02T00:00:00Z", known.PreviousMark
	wiped.Wiped, snapshot.ImageMachineID = true, "s"
	for name, tc := range map[string]struct {
		of   booking.Imaging
		seen booking.Booted
		old  string
	}{
		"one of its own":                                                    {known, booking.Booted{MachineID: "b", Made: fresh}, ""},
		"the last one, with the lab's mark":                                 {known, booking.Booted{MachineID: "a", Mark: known.PreviousMark}, "mark"},
		"one from before the last, with the lab's mark":                     {known, booking.Booted{MachineID: "x", Mark: "laas job 1 hpe13 generation 1, FOG task 2, 2026-01-01T00:00:00Z"}, "mark"},
		"the last one, which was captured since":                            {known, booking.Booted{MachineID: "a", Mark: "laas job 1 hpe13 generation 1, captured by FOG task 9, 2026-02-02T00:00:00Z"}, "mark"},
		"a snapshot of this very host, which has the mark that it had":      {again, booking.Booted{MachineID: "a", Mark: again.ImageMark}, ""},
		"what was captured, instead of the snapshot of it":                  {again, booking.Booted{MachineID: "a", Mark: again.PreviousMark}, "mark"},
		"one of an image with a machine-id and the mark of another host":    {known, booking.Booted{MachineID: "a", Mark: "laas job 1 hpe14 generation 1, FOG task 3, 2026-02-01T00:00:00Z"}, ""},
		"the same machine-id without a mark: it is the image's":             {known, booking.Booted{MachineID: "a", Made: aged}, ""},
		"the same machine-id, and the lab left no mark then":                {unmarked, booking.Booted{MachineID: "a", Made: aged}, "machine-id"},
		"this very one, marked by a run that was killed":                    {known, booking.Booted{MachineID: "b", Mark: known.Mark("laas job 2 hpe13 generation 4")}, ""},
		"an unknown host: one that made its machine-id afterwards":          {first, booking.Booted{MachineID: "b", Made: fresh}, ""},
		"an unknown host: one that made it in the very second":              {first, booking.Booted{MachineID: "b", Made: begun.Add(-time.Second)}, ""},
		"an unknown host: one that is older than the deployment":            {first, booking.Booted{MachineID: "b", Made: aged}, "nothing is known"},
		"an unknown host that was wiped":                                    {wiped, booking.Booted{MachineID: "b", Made: aged}, ""},
		"an unknown host: one with the machine-id that the snapshot has":    {snapshot, booking.Booted{MachineID: "s", Made: aged}, ""},
		"an unknown host: one with another machine-id than the snapshot's":  {snapshot, booking.Booted{MachineID: "b", Made: aged}, "nothing is known"},
		"an unknown host: a marked one, from before the datastore was lost": {first, booking.Booted{MachineID: "b", Made: fresh, Mark: known.PreviousMark}, "mark"},
	} {
		t.Run(name, func(t *testing.T) {
			if old := tc.of.Old(tc.seen, "hpe13"); tc.old == "" {
				assert.Empty(t, old)
			} else {
				assert.Contains(t, old, tc.old)
			}
		})
	}
}
