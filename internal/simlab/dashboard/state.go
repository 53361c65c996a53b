package dashboard

import (
	"cmp"
	"slices"
)

// JobState is a job as it stands.
type JobState struct {
	ID    int
	Ended bool
	Hosts []string
	Tasks []TaskState // by type and id
}

// TaskState is a task as it stands; Status is the dashboard's number.
type TaskState struct {
	ID, Type       string
	Status         int
	Message, Token string
}

// Jobs tells all jobs in the order they came.
func (s *Server) Jobs() []JobState {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []JobState
	for _, j := range s.jobs {
		js := JobState{ID: j.id, Ended: j.ended, Hosts: j.hosts()}
		slices.Sort(js.Hosts)
		for _, t := range j.tasks {
			js.Tasks = append(js.Tasks, TaskState{ID: t.id, Type: t.typ, Status: t.Status, Message: t.Message, Token: t.Token})
		}
		slices.SortFunc(js.Tasks, func(a, b TaskState) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID)) })
		out = append(out, js)
	}
	return out
}

// TaskState tells what was saved for a task; a status of -1 means that there is no such task.
func (s *Server) TaskState(jobID int, id string) (status int, message, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, t := s.task(jobID, id); t != nil {
		return t.Status, t.Message, t.Token
	}
	return -1, "", ""
}

// History tells every update of a task that was saved, oldest first.
func (s *Server) History(jobID int, id string) []Update {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, t := s.task(jobID, id); t != nil {
		return slices.Clone(t.history)
	}
	return nil
}

// HostBooked says whether a booking has the host.
func (s *Server) HostBooked(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[id]
	return h != nil && h.job != 0
}

// HostWorking says whether the host may be booked as far as the lab is concerned.
func (s *Server) HostWorking(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[id]
	return h != nil && h.working
}

// HostBMC tells what a lab reported about the host's BMC; false if nothing.
func (s *Server) HostBMC(id string) (BMC, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.hosts[id]; h != nil && h.bmc != nil {
		return *h.bmc, true
	}
	return BMC{}, false
}
