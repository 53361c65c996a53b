package bmc

import (
	"regexp"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// What drivers have in common is what they refuse before a BMC is asked for anything.

// MaxPassword is how many bytes IPMI 2.0 stores at most. Most BMCs share their accounts between IPMI and Redfish.
const MaxPassword = 20

// userName is what IPMI can store, and means nothing to any shell or page of a BMC.
var userName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,15}$`)

// Possible is nil for an account of a tenant's that can be on the BMC: Input for a name or a password that no BMC takes, Refused for the lab's own name.
func (t Target) Possible(name string, password secret.String) error {
	switch {
	case !userName.MatchString(name):
		return fault.New(fault.Input, "%q cannot be the name of a BMC account: up to 16 letters, digits, dots, underscores and hyphens", name)
	case name == t.User:
		return fault.New(fault.Refused, "%s is the lab's own account on the BMC of %s", name, t.Host)
	}
	return PossiblePassword(name, password)
}

// PossiblePassword is nil for a password that a BMC can store, and Input otherwise.
func PossiblePassword(name string, password secret.String) error {
	if size := len(password.Reveal()); size == 0 || size > MaxPassword {
		return fault.New(fault.Input, "the password of BMC account %s has %d bytes; 1 to %d are possible", name, size, MaxPassword)
	}
	return nil
}

// Administrator is the privilege that no tenant's account has.
const Administrator = "administrator"

// Tenants is nil for an account that has the name of the tenant's and may be made his; one with an administrator's rights is somebody else's.
func (a Account) Tenants() error {
	if a.Privilege == Administrator {
		return fault.New(fault.Refused, "%s in slot %d is an administrator, and no tenant", a.Name, a.Slot).
			WithHint("give that account another name or fewer rights on the BMC, or set bmc.tenant_user to another name")
	}
	return nil
}

// Needed says whether an action would change anything of a host whose power is this. Cycling and resetting a host without power is Refused.
func (a PowerAction) Needed(now PowerState) (bool, error) {
	switch a {
	case PowerOn:
		return now != On, nil
	case PowerOff, PowerSoft:
		return now == On, nil
	}
	if now != On {
		return false, fault.New(fault.Refused, "the host has no power").WithHint("power it on instead")
	}
	return true, nil
}
