package dashboard

import (
	"net/http"

	"stackstorm-laas/internal/simlab/faults"
)

// host is a server as the dashboard knows it.
type host struct {
	// job is the id of the job that has the host; 0 while it is free.
	job     int
	working bool
	// shown is what reads tell about working while a fault lies about it.
	shown *bool
	bmc   *BMC
}

// BMC is what a lab reported about a host's BMC.
type BMC struct {
	Address, MAC, User, Password, Type, Versions string
}

// host gives a host, and makes it if there is none.
func (s *Server) host(id string) *host {
	if s.hosts[id] == nil {
		s.hosts[id] = &host{working: true}
	}
	return s.hosts[id]
}

// named gives the host that a request names, or answers that there is none.
func (s *Server) named(q *request) *host {
	h := s.hosts[q.vars[0]]
	switch {
	case h != nil:
		return h
	case s.cfg.Mode == "2019":
		q.page(http.StatusNotFound)
	default:
		q.page(http.StatusInternalServerError)
	}
	return nil
}

// oneHost tells about a host. Only the text "true" makes it work; any other makes it not.
func (s *Server) oneHost(q *request) {
	form := q.form()
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.named(q)
	if h == nil {
		return
	}
	working := h.working
	if h.shown != nil {
		working = *h.shown
	}
	switch q.Method {
	case http.MethodGet:
	case http.MethodPost:
		if v := form["working"]; v != nil {
			working = v[len(v)-1] == "true"
			if h.setWorking(working, q.fault) {
				s.wrote("host.post", q.vars[0])
			}
		}
	default:
		q.page(http.StatusInternalServerError)
		return
	}
	q.json(map[string]any{"booked": h.job != 0, "working": working, "type": s.cfg.HostType})
}

// wrote tells about a write, with the server unlocked meanwhile.
func (s *Server) wrote(op, target string) {
	s.mu.Unlock()
	defer s.mu.Lock()
	s.faults.Wrote("dashboard", op, target)
}

func (h *host) setWorking(working bool, fault faults.Kind) (wrote bool) {
	switch fault {
	case faults.Forget:
		return false
	case faults.Lie:
		h.shown = &working
		return false
	}
	h.working, h.shown = working, nil
	return true
}

// bmc stores a BMC's data. What is missing is an error with status 200; a host without a booking is a 500 after all was saved.
func (s *Server) bmc(q *request) {
	form := q.form()
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.Method != http.MethodPost {
		q.page(http.StatusInternalServerError)
		return
	}
	h := s.named(q)
	if h == nil {
		return
	}
	var fields []string
	for _, name := range []string{"address", "mac_address", "password", "user", "type", "versions"} {
		v := form[name]
		if v == nil {
			q.json(map[string]string{"error": "invalid arguement: '" + name + "'"})
			return
		}
		fields = append(fields, v[len(v)-1])
	}
	b := BMC{Address: fields[0], MAC: fields[1], Password: fields[2], User: fields[3], Type: fields[4], Versions: fields[5]}
	if len(b.Address) > 15 || len(b.MAC) > 17 || len(b.User) > 100 || len(b.Password) > 100 {
		q.page(http.StatusInternalServerError)
		return
	}
	if q.fault != faults.Forget && q.fault != faults.Lie {
		h.bmc = &b
		s.wrote("bmc", q.vars[0])
	}
	if h.job == 0 {
		q.page(http.StatusInternalServerError)
		return
	}
	q.json(map[string]string{"status": "success"})
}
