package booking_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/booking"
)

func TestTheOldSystemIsToldFromTheNewOne(t *testing.T) {
	for name, tc := range map[string]struct {
		before booking.Imaging
		seen   booking.Booted
		old    bool
	}{
		"nothing is known of what it ran before":                {booking.Imaging{}, booking.Booted{MachineID: "a"}, false},
		"another machine id":                                    {booking.Imaging{PreviousMachineID: "a"}, booking.Booted{MachineID: "b"}, false},
		"the same machine id":                                   {booking.Imaging{PreviousMachineID: "a"}, booking.Booted{MachineID: "a"}, true},
		"the same machine id and the lab's mark":                {booking.Imaging{PreviousMachineID: "a", PreviousMark: "m"}, booking.Booted{MachineID: "a", Mark: "m"}, true},
		"the machine id is the image's, and the mark is gone":   {booking.Imaging{PreviousMachineID: "a", PreviousMark: "m"}, booking.Booted{MachineID: "a"}, false},
		"another machine id and the mark: a capture of the old": {booking.Imaging{PreviousMachineID: "a", PreviousMark: "m"}, booking.Booted{MachineID: "b", Mark: "m"}, false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.old, tc.before.Old(tc.seen)) })
	}
}
