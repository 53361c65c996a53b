package redfish

import (
	"context"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// targets are the boot devices as Redfish calls them (DSP0268, BootSourceOverrideTarget).
var targets = map[bmc.Device]string{bmc.DevicePXE: "Pxe", bmc.DeviceDisk: "Hdd", bmc.DeviceBIOS: "BiosSetup", bmc.DeviceNone: "None"}

// BootDevice implements bmc.BootDevice. EFI is how the host boots, whether anything is overridden or not.
func (d *driver) BootDevice(ctx context.Context) (boot bmc.Boot, err error) {
	err = d.do(ctx, "read the boot device", func() error {
		system, err := d.system()
		if err == nil {
			boot, err = bootOf(system)
		}
		return err
	})
	return boot, err
}

// SetBootDevice implements bmc.BootDevice. EFI or legacy is sent only when it differs from what the BMC shows: many do not let it be written.
func (d *driver) SetBootDevice(ctx context.Context, want bmc.Boot) error {
	target, ok := targets[want.Device]
	if !ok {
		return fault.New(fault.Input, "%q is no boot device", want.Device)
	}
	return d.do(ctx, "set the boot device to "+string(want.Device), func() error {
		return fresh(func() error {
			system, err := d.system()
			if err != nil {
				return err
			}
			set := map[string]string{"BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": "Once"}
			switch {
			case want.Device == bmc.DeviceNone:
				set["BootSourceOverrideEnabled"] = "Disabled"
			case want.Persistent:
				set["BootSourceOverrideEnabled"] = "Continuous"
			}
			if mode := mode(want.EFI); want.Device != bmc.DeviceNone && mode != system.Get("Boot.BootSourceOverrideMode").String() {
				set["BootSourceOverrideMode"] = mode
			}
			if err := d.wire.change(http.MethodPatch, system, map[string]any{"Boot": set}); err != nil {
				return err
			}
			return d.showsBoot(want)
		})
	})
}

func mode(efi bool) string {
	if efi {
		return "UEFI"
	}
	return "Legacy"
}

// showsBoot reads back what was set.
func (d *driver) showsBoot(want bmc.Boot) error {
	system, err := d.system()
	if err != nil {
		return err
	}
	have, err := bootOf(system)
	if err != nil {
		return err
	}
	if have != want && (want.Device != bmc.DeviceNone || have.Device != want.Device) {
		return fault.New(fault.Unproven, "the BMC shows %s after it accepted %s", describe(have), describe(want)).
			WithHint("if this BMC cannot keep the flags efi or persistent, do without them")
	}
	return nil
}

// bootOf reads the boot override of a system. One that is not enabled is none.
func bootOf(system gjson.Result) (bmc.Boot, error) {
	boot := system.Get("Boot")
	b := bmc.Boot{Device: bmc.DeviceNone, EFI: boot.Get("BootSourceOverrideMode").String() == "UEFI"}
	target, enabled := boot.Get("BootSourceOverrideTarget").String(), boot.Get("BootSourceOverrideEnabled").String()
	if enabled == "Disabled" || target == "" || target == targets[bmc.DeviceNone] {
		return b, nil
	}
	for device, name := range targets {
		if name == target {
			b.Device, b.Persistent = device, enabled == "Continuous"
			return b, nil
		}
	}
	return b, fault.New(fault.Failed, "the boot device is one that the pack does not know")
}

func describe(b bmc.Boot) string {
	words := []string{string(b.Device)}
	if b.EFI {
		words = append(words, "efi")
	}
	if b.Persistent {
		words = append(words, "persistent")
	}
	return strings.Join(words, " ")
}
