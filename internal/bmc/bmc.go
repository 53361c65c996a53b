// Package bmc is what the pack wants of a host's baseboard management controller. Drivers are in the packages below.
package bmc

import (
	"context"
	"crypto/tls"
	"time"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
)

// PowerState is whether the host has power.
type PowerState string

// The power states.
const (
	On  PowerState = "on"
	Off PowerState = "off"
)

// PowerAction is what can be done to the host's power.
type PowerAction string

// The power actions. PowerOff takes the power away, PowerSoft asks the operating system.
const (
	PowerOn    PowerAction = "on"
	PowerOff   PowerAction = "off"
	PowerSoft  PowerAction = "soft"
	PowerCycle PowerAction = "cycle"
	PowerReset PowerAction = "reset"
)

// Power reads and changes the host's power.
type Power interface {
	PowerState(ctx context.Context) (PowerState, error)
	// SetPower returns when the BMC accepted the action, not when its effect is reached; see Reach. That of a cycle or a reset may never be seen. On does nothing to a
	// running host, off and soft nothing to one without power; cycle and reset of a host without power are Refused.
	SetPower(ctx context.Context, action PowerAction) error
}

// Device is what the host boots from.
type Device string

// The boot devices. DeviceNone leaves the choice to the host's firmware.
const (
	DevicePXE  Device = "pxe"
	DeviceDisk Device = "disk"
	DeviceBIOS Device = "bios"
	DeviceNone Device = "none"
)

// Boot is what the host boots from, once or always, and how.
type Boot struct {
	Device          Device
	Persistent, EFI bool
}

// BootDevice reads and changes what the host boots from.
type BootDevice interface {
	// SetBootDevice changes it and reads it back; a BMC that shows something else afterwards is Unproven.
	SetBootDevice(ctx context.Context, boot Boot) error
	BootDevice(ctx context.Context) (Boot, error)
}

// Account is one of the BMC's fixed number of user slots.
type Account struct {
	Slot int
	// Name is empty for a free slot.
	Name    string
	Enabled bool
	// Privilege is callback, user, operator, administrator, oem or none.
	Privilege string
}

// Accounts reads and changes the BMC's users.
type Accounts interface {
	// Accounts lists all slots, free ones too.
	Accounts(ctx context.Context) ([]Account, error)
	// PutAccount makes name an enabled account with operator's rights in the slot that has the name already, or in a free one above 2. It never
	// touches an account of an administrator. No free slot is Refused.
	PutAccount(ctx context.Context, name string, password secret.String) (slot int, err error)
	// ClearAccount makes a slot useless: disabled, without rights, with a random password, and without name where the BMC permits
	// that. Clearing a free slot is fine; the lab's own is Refused, and over IPMI the slots 1 and 2 are, too.
	ClearAccount(ctx context.Context, slot int) error
	// EndSessions ends the sessions of an account, whether that is still there or not; ClearAccount does it, too. A session may outlive its account, with
	// all its rights. One that goes on, and that the BMC does not end, is Unproven. A BMC that tells of no sessions is believed to have none.
	EndSessions(ctx context.Context, account Account) error
}

// AdminPassword changes the password of the very login that the driver uses, and proves the new one with a login of its own. After an error
// either password may be in force; trying the login tells. Not every driver has it.
type AdminPassword interface {
	SetAdminPassword(ctx context.Context, password secret.String) error
}

// BIOSPassword changes the password that guards the firmware's set-up; an empty one is none. A BMC never shows it, so what is returned is that
// the BMC accepted it, and many apply it only when the host boots next. Not every driver has it.
type BIOSPassword interface {
	SetBIOSPassword(ctx context.Context, old, password secret.String) error
}

// Driver is a session on a BMC. A failed call can be repeated: a lost session is made anew.
type Driver interface {
	Power
	BootDevice
	Accounts
	Close() error
}

// Target is a BMC and a login on it.
type Target struct {
	// Host is what errors call it.
	Host    string
	Address string
	Port    int
	// CipherSuite of IPMI 2.0; -1 tries the good ones in order.
	CipherSuite int
	// TLS says which certificates a BMC that speaks Redfish may show; nil trusts the system's.
	TLS      *tls.Config
	User     string
	Password secret.String
	// Timeout bounds each exchange with the BMC.
	Timeout time.Duration
	// MinInterval is the least time from one command to the next, in whatever session of the pack; see Turn. 0 is none.
	MinInterval time.Duration
	// Retry repeats what fails for a reason that passes: the login, for as long as it says, and after that the calls of the session, for as long again, all
	// of them taken together. What the BMC says that it did not begin is repeated; what it was silent on only if doing it twice is doing it once: a
	// cycle or a reset is not.
	Retry retry.Policy
}

// Reach reads the power state at every interval until it is the wanted one. Failures that pass are overlooked until ctx ends; what
// comes out then is Deadline, with the last state or failure seen.
func Reach(ctx context.Context, p Power, want PowerState, interval time.Duration) error {
	var last PowerState
	err := retry.Until(ctx, interval, func(ctx context.Context) (bool, error) {
		state, err := p.PowerState(ctx)
		if err == nil {
			last = state
		}
		return state == want, err
	})
	if last == "" {
		return fault.Wrap(err, "wait for power %s", want)
	}
	return fault.Wrap(err, "wait for power %s (it was last seen %s)", want, last)
}

// SoftOff asks the operating system to shut down, waits for as long as grace, and then takes the power away: forced says that it had to.
// It returns when the host has no power, or Deadline when ctx ends before.
func SoftOff(ctx context.Context, p Power, grace, interval time.Duration) (forced bool, err error) {
	if err := p.SetPower(ctx, PowerSoft); err != nil {
		return false, err
	}
	wait, stop := context.WithTimeout(ctx, grace)
	defer stop()
	if err := Reach(wait, p, Off, interval); err == nil || wait.Err() == nil || ctx.Err() != nil {
		return false, err
	}
	if err := p.SetPower(ctx, PowerOff); err != nil {
		return true, err
	}
	return true, Reach(ctx, p, Off, interval)
}
