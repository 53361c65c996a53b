package ipmi

import (
	"context"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

var selectors = map[bmc.Device]types.BootDeviceSelector{
	bmc.DevicePXE:  types.BootDeviceSelectorForcePXE,
	bmc.DeviceDisk: types.BootDeviceSelectorForceHardDrive,
	bmc.DeviceBIOS: types.BootDeviceSelectorForceBIOSSetup,
	bmc.DeviceNone: types.BootDeviceSelectorNoOverride,
}

// BootDevice implements bmc.BootDevice. A device that is noted but not valid any more, since it was booted, is none; EFI is what was noted with it, which
// is all that IPMI knows of how the host boots.
func (d *driver) BootDevice(ctx context.Context) (boot bmc.Boot, err error) {
	err = d.do(ctx, "read the boot device", always, func(c *client.Client) error {
		b, valid, err := bootDevice(ctx, c)
		if boot = b; !valid {
			boot.Device, boot.Persistent = bmc.DeviceNone, false
		}
		return err
	})
	return boot, err
}

// SetBootDevice implements bmc.BootDevice.
func (d *driver) SetBootDevice(ctx context.Context, want bmc.Boot) error {
	selector, ok := selectors[want.Device]
	if !ok {
		return fault.New(fault.Input, "%q is no boot device", want.Device)
	}
	return d.do(ctx, "set the boot device to "+string(want.Device), always, func(c *client.Client) error {
		// A BMC forgets the device when no power action follows within a minute, unless it is told not to. Not all
		// know this.
		keep := &types.BootOptionParam_BMCBootFlagValidBitClear{DontClearOnCommandReceivedTimeout: true}
		if err := c.SetSystemBootOptionsParamFor(ctx, keep); err != nil && !declined(err) {
			return err
		}
		if err := c.SetBootDevice(ctx, selector, types.BIOSBootType(want.EFI), want.Persistent); err != nil {
			return err
		}
		// Some BMCs never call their boot flags valid, so that is not insisted on: what booted will show.
		have, _, err := bootDevice(ctx, c)
		if err != nil {
			return err
		}
		if have != want && (want.Device != bmc.DeviceNone || have.Device != want.Device) {
			return fault.New(fault.Unproven, "the BMC shows %s after it accepted %s", describe(have), describe(want)).
				WithHint("if this BMC cannot keep the flags efi or persistent, do without them")
		}
		return nil
	})
}

func bootDevice(ctx context.Context, c *client.Client) (b bmc.Boot, valid bool, err error) {
	var flags types.BootOptionParam_BootFlags
	if err := c.GetSystemBootOptionsParamFor(ctx, &flags); err != nil {
		return b, false, err
	}
	for device, selector := range selectors {
		if selector == flags.BootDeviceSelector {
			return bmc.Boot{Device: device, Persistent: flags.Persist, EFI: bool(flags.BIOSBootType)}, flags.BootFlagsValid, nil
		}
	}
	if !flags.BootFlagsValid {
		return bmc.Boot{Device: bmc.DeviceNone, EFI: bool(flags.BIOSBootType)}, false, nil
	}
	return b, false, fault.New(fault.Failed, "the boot device is one that the pack does not know: %s", flags.BootDeviceSelector)
}

func describe(b bmc.Boot) string {
	text := string(b.Device)
	if b.EFI {
		text += " efi"
	}
	if b.Persistent {
		text += " persistent"
	}
	return text
}
