package redfish

import (
	"context"
	"net/http"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

var (
	_ bmc.AdminPassword = (*driver)(nil)
	_ bmc.BIOSPassword  = (*driver)(nil)
)

// SetAdminPassword implements bmc.AdminPassword. The driver goes on in a new session, made with the new password.
func (d *driver) SetAdminPassword(ctx context.Context, password secret.String) error {
	if err := bmc.PossiblePassword(d.target.User, password); err != nil {
		return err
	}
	err := d.do(ctx, "set the password of "+d.target.User, func() error {
		all, err := d.users()
		if err != nil {
			return err
		}
		own := all.named(d.target.User)
		if own == nil {
			return fault.New(fault.Failed, "the BMC lists no account of that name, although it is logged in")
		}
		return d.wire.edit(own.path, map[string]any{"Password": password.Reveal()})
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.disconnect()
	before := d.target.Password
	d.target.Password = password
	if err := d.connect(ctx); err != nil {
		d.target.Password = before
		return fault.As(fault.Unproven, fault.Wrap(err, "the %s took a new password for %s, and the login with it", d.name(), d.target.User))
	}
	return nil
}

// biosNames are what vendors call the password that guards the firmware's set-up, most usual first.
var biosNames = []string{"AdministratorPassword", "AdminPassword", "SetupPassword", "SupervisorPassword", "SETUP001"}

// SetBIOSPassword implements bmc.BIOSPassword: by the action of the specification, or, where there is none, among the BIOS settings, with
// the old password in the setting that goes with it (HPE).
func (d *driver) SetBIOSPassword(ctx context.Context, old, password secret.String) error {
	return d.do(ctx, "set the BIOS password", func() error {
		system, err := d.system()
		if err != nil {
			return err
		}
		link := system.Get(`Bios.\@odata\.id`).String()
		if link == "" {
			return fault.New(fault.Refused, "the BMC does not manage the BIOS")
		}
		bios, err := d.wire.get(link)
		if err != nil {
			return err
		}
		if action := bios.Get(`Actions.\#Bios\.ChangePassword`); action.Get("target").Exists() {
			name := biosNames[0]
			if allowed := action.Get(`PasswordName\@Redfish\.AllowableValues`); allowed.Exists() {
				if name = first(biosNames, allowed); name == "" {
					return fault.New(fault.Refused, "the BIOS has no administrator's password that the pack knows")
				}
			}
			_, err := d.wire.submit(http.MethodPost, action.Get("target").String(),
				map[string]string{"PasswordName": name, "OldPassword": old.Reveal(), "NewPassword": password.Reveal()}, "")
			return err
		}
		name := ""
		for _, n := range biosNames {
			if name == "" && bios.Get("Attributes."+n).Exists() && bios.Get("Attributes.Old"+n).Exists() {
				name = n
			}
		}
		settings := bios.Get(`\@Redfish\.Settings.SettingsObject.\@odata\.id`).String()
		if name == "" || settings == "" {
			return fault.New(fault.Refused, "the BIOS has no administrator's password that the pack knows")
		}
		return d.wire.edit(settings, map[string]any{"Attributes": map[string]string{name: password.Reveal(), "Old" + name: old.Reveal()}})
	})
}
