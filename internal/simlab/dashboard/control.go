package dashboard

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Book makes new bookings from a body of jobs/new, as users do: a host that is booked, or not working, or a job that exists
// already, is refused, and then nothing is booked.
func (s *Server) Book(body []byte) error {
	jobs, _, err := parse(body)
	if err != nil {
		return err
	}
	s.mu.Lock()
	for _, j := range jobs {
		if s.job(j.id) != nil {
			s.mu.Unlock()
			return fmt.Errorf("there is a job %d already", j.id)
		}
		for _, id := range j.hosts() {
			if h := s.host(id); h.job != 0 || !h.working {
				s.mu.Unlock()
				return fmt.Errorf("host %s cannot be booked: it is in job %d, working: %t", id, h.job, h.working)
			}
		}
	}
	s.mu.Unlock()
	return s.Deliver(body)
}

// Deliver takes a body of jobs/new as what the dashboard has issued: tasks it did not know are made, tasks it knew become new
// again with this content. A job whose hardware is all to be off is ended; the hosts of others are theirs from now on.
func (s *Server) Deliver(body []byte) error {
	jobs, odd, err := parse(body)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.odd = odd
	for _, in := range jobs {
		j := s.job(in.id)
		if j == nil {
			j = &job{id: in.id}
			s.jobs = append(s.jobs, j)
		}
		j.odd = in.odd
		for _, t := range in.tasks {
			i := slices.IndexFunc(j.tasks, func(have *task) bool { return have.id == t.id && have.typ == t.typ })
			if i < 0 {
				j.tasks = append(j.tasks, t)
				i = len(j.tasks) - 1
			}
			j.tasks[i].raw = t.raw
			s.meet(t)
			j.tasks[i].issue(t.content, t.Token)
		}
		s.assign(j, in)
	}
	return nil
}

// meet makes up the user of an access task if the dashboard has none of that id.
func (s *Server) meet(t *task) {
	var id int
	if t.typ != accessType || json.Unmarshal(t.content["user"], &id) != nil || slices.ContainsFunc(s.known, func(u User) bool { return u.ID == id }) {
		return
	}
	name := "user" + strconv.Itoa(id)
	s.known = append(s.known, User{ID: id, Username: name, Email: name + "@example.org"})
}

// assign books the hosts that a delivery of the job names.
func (s *Server) assign(j, delivered *job) {
	hardware, off := 0, 0
	for _, t := range delivered.tasks {
		if t.typ == hardwareType {
			hardware++
			// A half-made task is off too, and no clean-up.
			if t.content.text("power") == "off" && t.content.text("image") != "defimage" {
				off++
			}
		}
	}
	if hardware > 0 {
		j.ended = off == hardware
	}
	for _, id := range delivered.hosts() {
		if h := s.host(id); !j.ended || h.job == 0 {
			h.job = j.id
		}
	}
}

// hosts gives the ids that the job's hardware tasks name.
func (j *job) hosts() (ids []string) {
	for _, t := range j.tasks {
		if t.typ == hardwareType {
			ids = append(ids, t.hosts()...)
		}
	}
	return ids
}

// Reimage is what a user's reset of a host does: its hardware and network tasks and all ssh tasks of the job are new again.
func (s *Server) Reimage(jobID int, hostID, image string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.job(jobID)
	if j == nil || j.ended || !slices.Contains(j.hosts(), hostID) {
		return fmt.Errorf("job %d has no host %s to image", jobID, hostID)
	}
	value, _ := json.Marshal(image)
	if n, err := strconv.Atoi(image); err == nil && s.cfg.Mode == "2019" {
		value, _ = json.Marshal(n)
	}
	for _, t := range j.tasks {
		switch {
		case t.typ == hardwareType && slices.Contains(t.hosts(), hostID):
			t.content["image"] = value
		case t.typ == networkType && slices.Contains(t.hosts(), hostID), t.isAccess("ssh"):
		default:
			continue
		}
		t.issue(t.content, t.Token)
	}
	return nil
}

// End is the end of a booking: whatever state hardware, network, software and vpn tasks are in, they become new clean-up work.
func (s *Server) End(jobID int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.job(jobID)
	if j == nil || j.ended {
		return fmt.Errorf("there is no job %d to end", jobID)
	}
	j.ended = true
	for _, t := range j.tasks {
		if c := s.cleanUp(t); c != nil {
			t.issue(c, t.Token)
		}
	}
	return nil
}

// cleanUp gives what a task says at the end of its booking; nil if it is left as it is.
func (s *Server) cleanUp(t *task) content {
	c := content{}
	switch {
	case t.typ == hardwareType && s.cfg.Mode == "2019":
		c["id"], c["power"] = t.content["id"], json.RawMessage(`"off"`)
	case t.typ == hardwareType:
		for k, v := range t.content {
			c[k] = v
		}
		c["power"], c["ipmi_create"] = json.RawMessage(`"off"`), json.RawMessage(`"False"`)
	case t.typ == networkType:
		for id, nics := range t.content {
			var macs map[string]json.RawMessage
			_ = json.Unmarshal(nics, &macs)
			for mac := range macs {
				macs[mac] = json.RawMessage(`[]`)
			}
			c[id], _ = json.Marshal(macs)
		}
	case t.typ == softwareType:
		c["opnfv"] = json.RawMessage(`{}`)
	case t.isAccess("vpn"):
		for k, v := range t.content {
			c[k] = v
		}
		c["revoke"] = json.RawMessage(`true`)
	default:
		return nil
	}
	return c
}

// Delete removes a booking: its job is gone without a clean-up, its hosts are free.
func (s *Server) Delete(jobID int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs = slices.DeleteFunc(s.jobs, func(j *job) bool { return j.id == jobID })
	s.free(jobID)
}

// Corrupt makes a job unreadable, and with it every list; false makes it readable again.
func (s *Server) Corrupt(jobID int, corrupt bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.job(jobID); j != nil {
		j.corrupt = corrupt
	}
}

// Tick is the dashboard's minute: the hosts of an ended job are free as soon as all its network tasks or all its hardware tasks
// are done, whichever comes first.
func (s *Server) Tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.ended && (j.done(networkType) || j.done(hardwareType)) {
			s.free(j.id)
		}
	}
}

func (j *job) done(typ string) bool {
	return !slices.ContainsFunc(j.tasks, func(t *task) bool { return t.typ == typ && t.Status != Done })
}

func (s *Server) free(jobID int) {
	for _, h := range s.hosts {
		if h.job == jobID {
			h.job = 0
		}
	}
}
