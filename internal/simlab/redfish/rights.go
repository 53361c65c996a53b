package redfish

import (
	"maps"
	"net/http"
	"slices"

	"stackstorm-laas/internal/simlab/faults"
)

// A privilege is what an account needs for an operation (DSP0266, roles).
type privilege int

const (
	login privilege = iota
	components
	usersRight
)

// rights are the privileges that the roles of the specification have.
var rights = map[string][]privilege{
	"Administrator": {login, components, usersRight}, "Operator": {login, components}, "ReadOnly": {login},
}

// called are the privileges as the specification calls them.
var called = map[privilege]string{login: "Login", components: "ConfigureComponents", usersRight: "ConfigureUsers"}

func (s *Server) roleRoutes(mux *http.ServeMux) {
	var paths []string
	for _, role := range slices.Sorted(maps.Keys(rights)) {
		path, names := rolesPath+"/"+role, []string{"ConfigureSelf"}
		for _, p := range rights[role] {
			names = append(names, called[p])
		}
		paths = append(paths, path)
		mux.Handle("GET "+path, s.on(login, func(w http.ResponseWriter, _ *http.Request, _ faults.Kind) {
			answer(w, http.StatusOK, doc{"@odata.id": path, "@odata.type": "#Role.v1_2_4.Role", "Id": role, "Name": "User Role", "RoleId": role,
				"IsPredefined": true, "AssignedPrivileges": names})
		}))
	}
	mux.Handle("GET "+rolesPath, s.on(login, func(w http.ResponseWriter, _ *http.Request, _ faults.Kind) {
		answer(w, http.StatusOK, collection(rolesPath, "Role", paths))
	}))
}

// who is the name and the role that a request comes with, by its session or by HTTP Basic. The server is locked.
func (s *Server) who(r *http.Request) (name, role string, known bool) {
	if token := r.Header.Get("X-Auth-Token"); token != "" {
		one, open := s.sessions[token]
		return one.user, one.role, open
	}
	name, password, _ := r.BasicAuth()
	if a := s.truth.users.login(name, password); a != nil {
		return a.name, a.role, true
	}
	return "", "", false
}

// on guards a resource: with a login, with the privilege, and with the faults of the operations.
func (s *Server) on(need privilege, handle func(http.ResponseWriter, *http.Request, faults.Kind), ops ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		_, role, known := s.who(r)
		s.mu.Unlock()
		switch {
		case !known:
			w.Header().Set("WWW-Authenticate", `Basic realm="BMC"`)
			refuse(w, http.StatusUnauthorized, "NoValidSession")
			return
		case !slices.Contains(rights[role], need):
			refuse(w, http.StatusForbidden, "InsufficientPrivilege")
			return
		}
		kind := faults.Kind("")
		if len(ops) > 0 {
			var answered bool
			if kind, answered = s.misbehave(w, r, ops...); answered {
				return
			}
		}
		handle(w, r, kind)
	})
}
