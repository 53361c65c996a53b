package redfish

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"stackstorm-laas/internal/simlab/faults"
)

const (
	accountService = root + "/AccountService"
	accountsPath   = accountService + "/Accounts"
	rolesPath      = accountService + "/Roles"
	// slots is how many accounts the BMC can hold.
	slots = 12
	// maxPassword is what the BMC stores, as over IPMI; it takes longer ones and says no.
	maxPassword = 20
)

// account is a login, or a slot for one.
type account struct {
	id                   int
	name, password, role string
	on                   bool
}

// users are the accounts, by their ids.
type users struct {
	list   []*account
	posted bool
}

func newUsers(cfg Config) *users {
	u := &users{posted: cfg.Posted}
	if !cfg.Posted {
		for id := 1; id <= slots; id++ {
			u.list = append(u.list, &account{id: id, role: "None"})
		}
	} else {
		u.list = []*account{{id: 1}}
	}
	first := u.list[len(u.list)-1]
	if !cfg.Posted {
		first = u.list[1]
	}
	first.name, first.password, first.role, first.on = cfg.Admin, cfg.Password, "Administrator", true
	return u
}

func (u *users) clone() *users {
	c := &users{posted: u.posted}
	for _, a := range u.list {
		copied := *a
		c.list = append(c.list, &copied)
	}
	return c
}

func (u *users) get(id string) *account {
	for _, a := range u.list {
		if strconv.Itoa(a.id) == id {
			return a
		}
	}
	return nil
}

func (u *users) enabled(name string) *account {
	for _, a := range u.list {
		if a.on && name != "" && a.name == name {
			return a
		}
	}
	return nil
}

// login is the account that a name and a password open. A role without the right to log in opens nothing.
func (u *users) login(name, password string) *account {
	if a := u.enabled(name); a != nil && a.password == password && slices.Contains(rights[a.role], login) {
		return a
	}
	return nil
}

// add puts an account into the first free slot, or makes one.
func (u *users) add(a account) (id int, err error) {
	for _, slot := range u.list {
		if !u.posted && slot.name == "" && slot.id > 1 {
			a.id = slot.id
			*slot = a
			return a.id, nil
		}
	}
	if !u.posted || len(u.list) >= slots {
		return 0, errors.New("all slots are taken")
	}
	for a.id = 1; u.get(strconv.Itoa(a.id)) != nil; a.id++ {
		continue
	}
	u.list = append(u.list, &a)
	return a.id, nil
}

func (a *account) path() string { return accountsPath + "/" + strconv.Itoa(a.id) }

func (a *account) doc() doc {
	return doc{"@odata.id": a.path(), "@odata.type": "#ManagerAccount.v1_4_0.ManagerAccount", "Id": strconv.Itoa(a.id), "Name": "User Account",
		"UserName": a.name, "Password": nil, "RoleId": a.role, "Enabled": a.on, "Locked": false,
		"Links": doc{"Role": link(rolesPath + "/" + a.role)}}
}

// change sets what a request names.
func (a *account) change(body doc) (status int, message string) {
	next := *a
	for key, value := range body {
		text, isText := value.(string)
		switch {
		case key == "UserName" && isText:
			next.name = text
		case key == "Password" && isText:
			if text == "" || len(text) > maxPassword {
				return http.StatusBadRequest, "PropertyValueFormatError"
			}
			next.password = text
		case key == "RoleId" && isText:
			if _, known := rights[text]; !known && text != "None" {
				return http.StatusBadRequest, "PropertyValueNotInList"
			}
			next.role = text
		case key == "Enabled":
			on, isBool := value.(bool)
			if !isBool {
				return http.StatusBadRequest, "PropertyValueTypeError"
			}
			next.on = on
		default:
			return http.StatusBadRequest, "PropertyUnknown"
		}
	}
	*a = next
	return 0, ""
}

func (s *Server) accountRoutes(mux *http.ServeMux) {
	mux.Handle("GET "+accountService, s.on(login, func(w http.ResponseWriter, _ *http.Request, _ faults.Kind) {
		answer(w, http.StatusOK, doc{"@odata.id": accountService, "@odata.type": "#AccountService.v1_5_0.AccountService", "Id": "AccountService",
			"Name": "Account Service", "ServiceEnabled": true, "MaxPasswordLength": maxPassword, "Accounts": link(accountsPath), "Roles": link(rolesPath)})
	}))
	s.roleRoutes(mux)
	mux.Handle("GET "+accountsPath, s.on(login, s.listAccounts, "user.get"))
	mux.Handle("POST "+accountsPath, s.on(usersRight, s.postAccount, "user.set"))
	mux.Handle("GET "+accountsPath+"/{id}", s.on(login, s.getAccount, "user.get"))
	mux.Handle("PATCH "+accountsPath+"/{id}", s.on(usersRight, s.patchAccount, "user.set"))
	mux.Handle("DELETE "+accountsPath+"/{id}", s.on(usersRight, s.deleteAccount, "user.set"))
}

// listAccounts shows whoever may not manage accounts what Config.Accounts says.
func (s *Server) listAccounts(w http.ResponseWriter, r *http.Request, _ faults.Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Accounts == Hidden && !s.manages(r) {
		refuse(w, http.StatusForbidden, "InsufficientPrivilege")
		return
	}
	paths := []string{}
	for _, a := range s.shown("user").users.list {
		if s.cfg.Accounts == Listed || s.sees(r, a) {
			paths = append(paths, a.path())
		}
	}
	answer(w, http.StatusOK, collection(accountsPath, "ManagerAccount", paths))
}

// sees says whether a request comes from somebody who may look at the account. The server is locked.
func (s *Server) sees(r *http.Request, a *account) bool {
	name, _, known := s.who(r)
	return known && (s.manages(r) || s.cfg.Accounts != Hidden && a.name == name)
}

// manages says whether a request comes from somebody who may manage accounts. The server is locked.
func (s *Server) manages(r *http.Request) bool {
	_, role, known := s.who(r)
	return known && slices.Contains(rights[role], usersRight)
}

func (s *Server) getAccount(w http.ResponseWriter, r *http.Request, _ faults.Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.shown("user").users.get(r.PathValue("id"))
	switch {
	case a == nil:
		refuse(w, http.StatusNotFound, "ResourceMissingAtURI")
	case !s.sees(r, a):
		refuse(w, http.StatusForbidden, "InsufficientPrivilege")
	default:
		answer(w, http.StatusOK, a.doc())
	}
}

func (s *Server) patchAccount(w http.ResponseWriter, r *http.Request, kind faults.Kind) {
	body, ok := read(w, r)
	if !ok {
		return
	}
	id := r.PathValue("id")
	s.mu.Lock()
	a := s.shown("user").users.get(id)
	var current doc
	if a != nil {
		current = a.doc()
	}
	s.mu.Unlock()
	if a == nil {
		refuse(w, http.StatusNotFound, "ResourceMissingAtURI")
		return
	}
	if !s.matches(w, r, current) {
		return
	}
	status, message := s.write("user", kind, func(on *side) (int, string) {
		if name, given := body["UserName"]; given && s.cfg.Posted && name == "" {
			return http.StatusBadRequest, "PropertyValueFormatError"
		}
		return on.users.get(id).change(body)
	})
	s.finish(w, status, message)
}

func (s *Server) postAccount(w http.ResponseWriter, r *http.Request, kind faults.Kind) {
	body, ok := read(w, r)
	if !ok {
		return
	}
	if !s.cfg.Posted {
		refuse(w, http.StatusMethodNotAllowed, "OperationNotAllowed")
		return
	}
	made := account{on: true, role: "ReadOnly"}
	status, message := s.write("user", kind, func(on *side) (int, string) {
		if status, message := made.change(body); status != 0 {
			return status, message
		}
		switch {
		case made.name == "" || made.password == "":
			return http.StatusBadRequest, "CreateFailedMissingReqProperties"
		case on.users.enabled(made.name) != nil:
			return http.StatusBadRequest, "ResourceAlreadyExists"
		}
		id, err := on.users.add(made)
		if err != nil {
			return http.StatusBadRequest, "CreateLimitReachedForResource"
		}
		made.id = id
		return 0, ""
	})
	if status != 0 {
		refuse(w, status, message)
		return
	}
	w.Header().Set("Location", made.path())
	answer(w, http.StatusCreated, made.doc())
}

func (s *Server) deleteAccount(w http.ResponseWriter, r *http.Request, kind faults.Kind) {
	if !s.cfg.Posted {
		refuse(w, http.StatusMethodNotAllowed, "OperationNotAllowed")
		return
	}
	status, message := s.write("user", kind, func(on *side) (int, string) {
		a := on.users.get(r.PathValue("id"))
		if a == nil {
			return http.StatusNotFound, "ResourceMissingAtURI"
		}
		on.users.list = slices.DeleteFunc(on.users.list, func(other *account) bool { return other == a })
		return 0, ""
	})
	s.finish(w, status, message)
}
