package fog

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// firstLie is the id of the first task that there is not.
const firstLie = 100000

var stateNames = []string{"", "Queued", "Checked In", "In-Progress", "Complete", "Cancelled", "Failed"}

var typeNames = map[int]string{world.Deploy: "Deploy", world.Capture: "Capture", world.FastWipe: "Fast Wipe", world.NormalWipe: "Normal Wipe", world.FullWipe: "Full Wipe"}

// tasks gives all tasks as reads tell them.
func (s *Server) tasks() []world.Task {
	out := s.world.Tasks()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range out {
		if s.lies.cancelled[out[i].ID] {
			out[i].State = world.TaskCancelled
		}
	}
	for _, t := range s.lies.queued {
		out = append(out, t)
	}
	return out
}

func (s *Server) taskObject(t world.Task) map[string]any {
	image := s.imageObject(t.Image)
	text := strconv.Itoa
	var bpm, left string
	if t.State == world.TaskInProgress && t.Percent > 0 {
		bpm, left = "5.12GB/min", "00:01:30"
	}
	return map[string]any{
		"id": text(t.ID), "name": t.Name, "checkInTime": since(t.CheckedIn), "hostID": text(s.hostID(t.Host)), "stateID": text(t.State),
		"createdTime": stamp(t.Created), "createdBy": t.CreatedBy, "isForced": "0", "scheduledStartTime": "", "typeID": text(t.Type),
		"pct": text(t.Percent), "bpm": bpm, "timeElapsed": "", "timeRemaining": left, "dataCopied": "", "percent": text(t.Percent), "dataTotal": "",
		"storagegroupID": "1", "storagenodeID": "1", "NFSFailures": "", "NFSLastMemberID": "0", "shutdown": "", "passreset": "", "isDebug": "0",
		"imageID": text(t.Image), "wol": "0", "image": image, "host": s.hostObject(t.Host),
		"type":        map[string]any{"id": text(t.Type), "name": typeNames[t.Type]},
		"state":       map[string]any{"id": text(t.State), "name": stateNames[t.State]},
		"storagenode": map[string]any{"id": "1"}, "storagegroup": map[string]any{"id": "1"},
	}
}

// taskRow is a task in a list: in 1.5 all that there is, in 1.6 a row of a table (Route::active, listem).
func (s *Server) taskRow(t world.Task) map[string]any {
	o := s.taskObject(t)
	if s.v16() {
		for _, key := range []string{"image", "host", "type", "state", "storagenode", "storagegroup"} {
			delete(o, key)
		}
		if t.CheckedIn.IsZero() {
			o["checkInTime"] = "No Data"
		}
	}
	return o
}

func (s *Server) task(q *request) {
	switch action := q.part(1); {
	case q.id(1) != 0:
		s.oneTask(q)
	case q.Method == http.MethodGet && (action == "active" || action == "current" || action == "" || action == "list" || action == "all"):
		var out []map[string]any
		for _, t := range s.tasks() {
			if t.State < world.TaskComplete || (action != "active" && action != "current") {
				out = append(out, s.taskRow(t))
			}
		}
		s.list(q, "tasks", out)
	default:
		q.status(http.StatusNotImplemented)
	}
}

func (s *Server) oneTask(q *request) {
	for _, t := range s.tasks() {
		if t.ID != q.id(1) {
			continue
		}
		switch {
		case q.part(2) == "" && q.Method == http.MethodGet:
			q.json(http.StatusOK, s.taskObject(t))
		case q.part(2) == "cancel" && q.Method == http.MethodDelete:
			s.cancel(q, t)
			q.json(http.StatusOK, "")
		default:
			q.status(http.StatusNotImplemented)
		}
		return
	}
	q.status(http.StatusNotFound)
}

// cancel ends a task; what has ended already stays so, and the answer does not tell.
func (s *Server) cancel(q *request, t world.Task) {
	switch q.fault {
	case faults.Forget:
	case faults.Lie:
		s.mu.Lock()
		s.lies.cancelled[t.ID] = true
		s.mu.Unlock()
	default:
		if s.world.CancelTask(t.ID) == nil {
			s.faults.Wrote("fog", "task.cancel", t.Host)
		}
	}
}

// queue queues a task. The answer never tells which. FOG writes the host, and 1.6 the time, behind its name.
func (s *Server) queue(q *request, host string) {
	typ, _ := number(q.body["taskTypeID"])
	name, _ := q.body["taskName"].(string)
	name += " - " + s.shown(host)
	if s.v16() {
		name += " " + stamp(time.Now())
	}
	switch q.fault {
	case faults.Forget:
	case faults.Lie:
		s.mu.Lock()
		id := firstLie + len(s.lies.queued)
		s.lies.queued[id] = world.Task{ID: id, Host: host, Type: typ, Image: s.world.AssignedImage(host), State: world.TaskQueued, Name: name, CreatedBy: "fog", Created: time.Now()}
		s.mu.Unlock()
	default:
		if s.beside(host, typ) {
			break
		}
		t, err := s.world.QueueTask(host, typ, name, "fog")
		if off, _ := q.body["shutdown"].(bool); off && err == nil {
			s.world.ShutDownAfter(t.ID)
		}
		switch {
		case errors.Is(err, world.ErrTaskType) && !s.v16():
			q.failed(http.StatusNotImplemented, err.Error())
			return
		case err != nil:
			q.failed(http.StatusInternalServerError, err.Error())
			return
		}
		s.faults.Wrote("fog", "task.post", host)
	}
	if s.v16() {
		q.json(http.StatusOK, "")
		return
	}
	q.json(http.StatusOK, nil)
}

// beside is what FOG does with a task for a host that has one: it makes room where a wipe runs, and 1.6 says ok to a wipe and makes none.
// Deployments and captures refuse each other, and in 1.5 everything.
func (s *Server) beside(host string, typ int) (ignored bool) {
	for _, t := range s.world.Tasks() {
		if t.Host != host || t.State >= world.TaskComplete {
			continue
		}
		imaging := typ == world.Deploy || typ == world.Capture
		if !imaging && s.v16() {
			return true
		}
		if t.Type != world.Deploy && t.Type != world.Capture {
			_ = s.world.CancelTask(t.ID)
		}
	}
	return false
}
