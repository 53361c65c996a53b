package booking

import "time"

// Imaging is the deployment of an image to a host. A deployment that stalls is tried a second time.
type Imaging struct {
	ImageID   int    `json:"image_id"`
	ImageName string `json:"image_name"`
	// OS is the family that must boot, "" when neither inventory nor image name says.
	OS string `json:"os,omitempty"`
	// TaskID is FOG's task; 0 until it is known.
	TaskID int `json:"task_id,omitempty"`
	// Attempt is which try this is, or is to be when the one before has Ended.
	Attempt int `json:"attempt,omitempty"`
	// Cycled says that the host was power-cycled in the middle of a wait, or was about to be. It is done once, however often the work
	// is resumed.
	Cycled bool `json:"cycled,omitempty"`
	// Ended is why the last try came to nothing; the next one begins with cancelling its task.
	Ended string `json:"ended,omitempty"`
	// Complete is when FOG said so.
	Complete *time.Time `json:"complete,omitempty"`
	// PreviousMachineID and PreviousMark are what the host showed before.
	PreviousMachineID string `json:"previous_machine_id,omitempty"`
	PreviousMark      string `json:"previous_mark,omitempty"`
}

// tries is how often a deployment is tried.
const tries = 2

// GiveUp ends a try for a reason that may pass, and says whether there is to be another one. When there is none, a later run begins
// afresh.
func (i *Imaging) GiveUp(why string) (again bool) {
	if again = i.Attempt < tries; again {
		i.Ended, i.Complete, i.Attempt = why, nil, max(i.Attempt, 1)+1
	} else {
		i.Fail(why)
	}
	return again
}

// Fail ends a try for a reason that another one would not change.
func (i *Imaging) Fail(why string) {
	i.Attempt, i.Cycled, i.Ended, i.Complete = 1, false, why, nil
}

// Old says whether a system is the one that the host ran before it was imaged. Two systems of one image may have the same machine id if that
// is baked into the image; the mark, which the lab leaves on every system that it has proven, then tells them apart.
func (i *Imaging) Old(b Booted) bool {
	switch {
	case i.PreviousMachineID == "" || b.MachineID != i.PreviousMachineID:
		return false
	case i.PreviousMark == "":
		return true
	}
	return b.Mark == i.PreviousMark
}
