package dashboard

import (
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
)

// pod finds the job of a booking, or answers that there is none. Both have the same number here.
func (s *Server) pod(q *request) *job {
	j := s.job(q.id())
	if j == nil {
		q.page(http.StatusNotFound)
		return nil
	}
	q.ResponseWriter.Header().Set("Content-Type", "text/plain")
	return j
}

// pdf describes a booking's hosts in YAML, with their BMCs as far as the lab reported them, escaped as if it were HTML.
func (s *Server) pdf(q *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.pod(q)
	if j == nil {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "---\nversion: 1.0\ndetails:\n  lab: %s\n  type: baremetal\nnodes:\n", s.cfg.Lab)
	ids := j.hosts()
	slices.Sort(ids)
	for _, id := range ids {
		fmt.Fprintf(&b, "  - name: %s\n", id)
		if m := s.hosts[id].bmc; m != nil {
			fmt.Fprintf(&b, "    remote_management:\n      type: ipmi\n      address: %s\n      mac_address: %q\n      user: %s\n      pass: %s\n      versions:\n        - \"%s\"\n",
				m.Address, m.MAC, html.EscapeString(m.User), html.EscapeString(m.Password), html.EscapeString(m.Versions))
		}
	}
	_, _ = q.ResponseWriter.Write([]byte(b.String()))
}

// idf is empty until the BMC of one of the booking's hosts was reported.
func (s *Server) idf(q *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.pod(q)
	if j == nil || !slices.ContainsFunc(j.hosts(), func(id string) bool { return s.hosts[id].bmc != nil }) {
		return
	}
	_, _ = q.ResponseWriter.Write([]byte("---\nidf:\n  version: 0.1\n  net_config:\n    oob:\n    admin:\n    mgmt:\n    private:\n    public:\n"))
}
