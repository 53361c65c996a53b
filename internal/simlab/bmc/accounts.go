package bmc

import (
	"errors"

	ipmi "github.com/bougou/go-ipmi/pkg/bmc"
)

const (
	// slots is how many accounts the BMC can hold; common ones have 10 to 16.
	slots = 12
	// lan is the channel that sessions come in on.
	lan = 1
)

// Account is one account that has a name or may log in.
type Account struct {
	Slot    int
	Name    string
	Enabled bool
	// Privilege is the highest level it may have over the network: user, operator, administrator, or none.
	Privilege string
}

var privileges = map[ipmi.PrivilegeLevel]string{
	ipmi.PrivilegeLevelUser: "user", ipmi.PrivilegeLevelOperator: "operator", ipmi.PrivilegeLevelAdministrator: "administrator",
}

// Accounts lists the accounts that are really there, by slot.
func (s *Server) Accounts() []Account {
	out := []Account{}
	for id := uint8(1); id <= slots; id++ {
		u, err := s.bmc.Users.Get(id)
		if err != nil {
			continue
		}
		a := Account{Slot: int(id), Name: u.Name, Enabled: u.Enabled, Privilege: "none"}
		if access := u.ChannelAccess[lan]; access.Enabled && privileges[access.MaxPrivilege] != "" {
			a.Privilege = privileges[access.MaxPrivilege]
		}
		if a.Name != "" || a.Privilege != "none" {
			out = append(out, a)
		}
	}
	return out
}

// Users lists the names of the accounts that may really log in, by slot.
func (s *Server) Users() []string {
	out := []string{}
	for _, a := range s.Accounts() {
		if a.Enabled && a.Privilege != "none" {
			out = append(out, a.Name)
		}
	}
	return out
}

// Login says whether an account really opens with a password.
func (s *Server) Login(name, password string) bool {
	u, err := s.bmc.Users.FindEnabledByNameOnChannel(name, lan)
	return err == nil && u.VerifyPassword([]byte(password)) && privileges[u.ChannelAccess[lan].MaxPrivilege] != ""
}

// AddUser makes an administrator in the first free slot, as a tenant with root on the host can over the system interface.
func (s *Server) AddUser(name, password string) (slot int, err error) {
	for id := uint8(2); id <= slots; id++ {
		if u, err := s.bmc.Users.Get(id); err == nil && u.Name != "" {
			continue
		}
		return int(id), s.put(id, name, password)
	}
	return 0, errors.New("all slots are taken")
}

func (s *Server) put(slot uint8, name, password string) error {
	return s.bmc.Users.Upsert(slot, func(u *ipmi.User) error {
		u.Name, u.Enabled = name, true
		u.SetPassword([]byte(password))
		u.ChannelAccess[lan] = ipmi.UserChannelAccess{MaxPrivilege: ipmi.PrivilegeLevelAdministrator, Enabled: true}
		return nil
	})
}
