package redfish

// Account is one account that has a name or may log in.
type Account struct {
	Slot    int
	Name    string
	Enabled bool
	// Role is as Redfish calls it.
	Role string
}

// Accounts lists the accounts that are really there, by slot.
func (s *Server) Accounts() []Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Account{}
	for _, a := range s.truth.users.list {
		if a.name != "" || a.role != "None" {
			out = append(out, Account{a.id, a.name, a.on, a.role})
		}
	}
	return out
}

// Users lists the names of the accounts that may really log in, by slot.
func (s *Server) Users() []string {
	out := []string{}
	for _, a := range s.Accounts() {
		if a.Enabled && rights[a.Role] != nil {
			out = append(out, a.Name)
		}
	}
	return out
}

// Login says whether an account really opens with a password.
func (s *Server) Login(name, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.truth.users.login(name, password) != nil
}

// AddUser makes an administrator, as a tenant with root on the host can over the system interface.
func (s *Server) AddUser(name, password string) (slot int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.truth.users.add(account{name: name, password: password, role: "Administrator", on: true})
}

// BIOSPassword is the password that really guards the BIOS; empty for none.
func (s *Server) BIOSPassword() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.truth.bios.password
}

// Demote leaves an account only the right to look.
func (s *Server) Demote(slot int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.truth.users.list {
		if a.id == slot {
			a.role = "ReadOnly"
		}
	}
}

// SetBIOSPassword is somebody who changes it at the host itself.
func (s *Server) SetBIOSPassword(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.truth.bios.password = password
}
