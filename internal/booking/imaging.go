package booking

import (
	"fmt"
	"strings"
	"time"
)

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
	// Begun is when the first try was to be scheduled; no system that it wrote can be older.
	Begun time.Time `json:"begun,omitzero"`
	// Cycled says that the host was power-cycled in the middle of a wait, or was about to be. It is done once, however often the work
	// is resumed.
	Cycled bool `json:"cycled,omitempty"`
	// Ended is why the last try came to nothing; the next one begins with cancelling its task.
	Ended string `json:"ended,omitempty"`
	// Complete is when FOG said so.
	Complete *time.Time `json:"complete,omitempty"`
	// PreviousMachineID and PreviousMark are what the host showed before; empty when it has shown the lab nothing yet.
	PreviousMachineID string `json:"previous_machine_id,omitempty"`
	PreviousMark      string `json:"previous_mark,omitempty"`
	// ImageMachineID and ImageMark are what is in the image itself, if it is a snapshot by the lab.
	ImageMachineID string `json:"image_machine_id,omitempty"`
	ImageMark      string `json:"image_mark,omitempty"`
	// Wiped says that the lab has wiped the host before, so that there is no system on its disk that the lab has not seen.
	Wiped bool `json:"wiped,omitempty"`
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

// Mark is what the lab leaves on a system that it has proven: which deployment on which host it is. prefix names job, host and generation.
func (i *Imaging) Mark(prefix string) string { return prefix + i.markEnd() }

func (i *Imaging) markEnd() string {
	at := ""
	if i.Complete != nil {
		at = i.Complete.Format(time.RFC3339)
	}
	return fmt.Sprintf(", FOG task %d, %s", i.TaskID, at)
}

// Old says why a system that answers is not taken for the one that was written to the host; "" when it is taken for it.
//
// A mark tells, unless it is in the image. Without one, a system is new if the last one on this host was the lab's, because that has one. Of a host that the lab
// knows nothing of, a system is new only if it made its machine-id itself after the deployment had begun; it may also have the one that is in the image, or the
// host's disk may have been wiped since.
func (i *Imaging) Old(b Booted, host string) (why string) {
	const marked = "it has the lab's mark of an earlier deployment to this host"
	switch {
	case strings.HasSuffix(b.Mark, i.markEnd()):
		return ""
	case b.Mark != "" && b.Mark == i.PreviousMark:
		return marked
	case b.Mark != "" && b.Mark == i.ImageMark:
		return ""
	case markedFor(b.Mark, host):
		return marked
	case i.PreviousMachineID != "" && i.PreviousMark == "" && b.MachineID == i.PreviousMachineID:
		return "its machine-id is the one from before"
	case i.PreviousMachineID == "" && !i.Wiped && (i.ImageMachineID == "" || b.MachineID != i.ImageMachineID) && b.Made.Before(i.Begun.Add(-clockGrain)):
		return "nothing is known of what the host ran before, and its machine-id is older than the deployment"
	}
	return ""
}

// clockGrain is how far apart two readings of one time may be: files and commands tell whole seconds.
const clockGrain = 2 * time.Second

// markedFor says whether a mark is one that the lab left on a system of this host.
func markedFor(mark, host string) bool {
	words := strings.Fields(mark)
	return len(words) > 4 && words[0] == "laas" && words[1] == "job" && words[3] == host
}
