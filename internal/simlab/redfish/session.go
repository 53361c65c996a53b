package redfish

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"

	"stackstorm-laas/internal/simlab/faults"
)

const root = "/redfish/v1"

const sessionsPath = root + "/SessionService/Sessions"

// session is a login that has not ended. It outlives its account and the account's rights, as it does on BMCs that look only once.
type session struct {
	id         int
	user, role string
}

func (s session) path() string { return fmt.Sprintf("%s/%d", sessionsPath, s.id) }

func (s *Server) rootRoutes(mux *http.ServeMux) {
	public := func(path string, body func() doc) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, body()) })
	}
	public("/redfish", func() doc { return doc{"v1": root + "/"} })
	public(root, func() doc {
		return doc{"@odata.id": root + "/", "@odata.type": "#ServiceRoot.v1_5_0.ServiceRoot", "Id": "RootService", "Name": "Root Service", "RedfishVersion": "1.8.0",
			"Systems": link(root + "/Systems"), "Chassis": link(root + "/Chassis"), "Managers": link(root + "/Managers"), "AccountService": link(accountService),
			"SessionService": link(root + "/SessionService"), "Links": doc{"Sessions": link(sessionsPath)}}
	})
	mux.Handle("GET "+root+"/SessionService", s.on(login, func(w http.ResponseWriter, _ *http.Request, _ faults.Kind) {
		answer(w, http.StatusOK, doc{"@odata.id": root + "/SessionService", "@odata.type": "#SessionService.v1_1_6.SessionService", "Id": "SessionService",
			"Name": "Session Service", "ServiceEnabled": true, "SessionTimeout": 1800, "Sessions": link(sessionsPath)})
	}))
	mux.Handle("GET "+sessionsPath, s.on(login, s.listSessions))
	mux.HandleFunc("POST "+sessionsPath, s.logIn)
	mux.Handle("GET "+sessionsPath+"/{id}", s.on(login, s.getSession))
	mux.Handle("DELETE "+sessionsPath+"/{id}", s.on(login, s.logOut))
	mux.Handle("GET "+root+"/Managers", s.on(login, func(w http.ResponseWriter, _ *http.Request, _ faults.Kind) {
		answer(w, http.StatusOK, collection(root+"/Managers", "Manager", []string{managerPath}))
	}))
	mux.Handle("GET "+managerPath, s.on(login, func(w http.ResponseWriter, _ *http.Request, _ faults.Kind) {
		answer(w, http.StatusOK, doc{"@odata.id": managerPath, "@odata.type": "#Manager.v1_5_1.Manager", "Id": "1", "Name": "Manager", "ManagerType": "BMC",
			"FirmwareVersion": "1.00", "Status": doc{"State": "Enabled", "Health": "OK"}, "Links": doc{"ManagerForServers": []doc{link(systemPath)}}})
	}))
}

const managerPath = root + "/Managers/1"

// logIn opens a session. A name and a password that do not belong together are answered as one that does not exist.
func (s *Server) logIn(w http.ResponseWriter, r *http.Request) {
	body, ok := read(w, r)
	if !ok {
		return
	}
	if _, answered := s.misbehave(w, r, "session"); answered {
		return
	}
	name, _ := body["UserName"].(string)
	password, _ := body["Password"].(string)
	s.mu.Lock()
	defer s.mu.Unlock()
	user := s.truth.users.login(name, password)
	switch {
	case user == nil:
		refuse(w, http.StatusUnauthorized, "ResourceAtUriUnauthorized")
		return
	case len(s.sessions) >= s.cfg.Sessions:
		s.turnedAway++
		refuse(w, http.StatusServiceUnavailable, "SessionLimitExceeded")
		return
	}
	s.opened++
	opened, token := session{s.opened, user.name, user.role}, rand.Text()
	s.sessions[token] = opened
	w.Header().Set("X-Auth-Token", token)
	w.Header().Set("Location", opened.path())
	answer(w, http.StatusCreated, opened.doc())
}

func (s session) doc() doc {
	return doc{"@odata.id": s.path(), "@odata.type": "#Session.v1_2_1.Session", "Id": fmt.Sprint(s.id), "Name": "User Session", "UserName": s.user}
}

func (s *Server) listSessions(w http.ResponseWriter, _ *http.Request, _ faults.Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	paths := []string{}
	for _, one := range s.sessions {
		paths = append(paths, one.path())
	}
	slices.Sort(paths)
	answer(w, http.StatusOK, collection(sessionsPath, "Session", paths))
}

// find gives the token of the session that a request names.
func (s *Server) find(r *http.Request) (token string, found bool) {
	for token, one := range s.sessions {
		if fmt.Sprint(one.id) == r.PathValue("id") {
			return token, true
		}
	}
	return "", false
}

func (s *Server) getSession(w http.ResponseWriter, r *http.Request, _ faults.Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token, found := s.find(r); found {
		answer(w, http.StatusOK, s.sessions[token].doc())
		return
	}
	refuse(w, http.StatusNotFound, "ResourceMissingAtURI")
}

func (s *Server) logOut(w http.ResponseWriter, r *http.Request, _ faults.Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token, found := s.find(r)
	if !found {
		refuse(w, http.StatusNotFound, "ResourceMissingAtURI")
		return
	}
	delete(s.sessions, token)
	w.WriteHeader(http.StatusNoContent)
}

// Sessions counts the logins that have not ended.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Opened counts the sessions that there ever were.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// TurnedAway counts the logins for which there was no session.
func (s *Server) TurnedAway() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.turnedAway
}

// Crowd is others who take all the sessions that there are, until they leave.
func (s *Server) Crowd() (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var theirs []string
	for len(s.sessions) < s.cfg.Sessions {
		s.opened++
		token := rand.Text()
		s.sessions[token] = session{s.opened, s.cfg.Admin, "Administrator"}
		theirs = append(theirs, token)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, token := range theirs {
			delete(s.sessions, token)
		}
	}
}

// EndSessions forgets all sessions, as a BMC does when they rested for too long or when it restarts.
func (s *Server) EndSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}
