package bmc

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/bougou/go-ipmi/pkg/hal"
	"github.com/bougou/go-ipmi/pkg/hal/mock"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/simlab/world"
)

// hardware is what the BMC is wired to: a chassis, a serial port, and what it has to tell of its health.
type hardware struct {
	*mock.HAL
	chassis hal.ChassisHAL
	storage hal.StorageHAL
}

func newHardware(w *world.World, host string, c *console) *hardware {
	h := &hardware{HAL: mock.New(), chassis: &chassis{world: w, host: host}, storage: &registry{world: w, host: host}}
	h.SetConsole(c)
	return h
}

func (h *hardware) Chassis() hal.ChassisHAL { return h.chassis }

func (h *hardware) Storage() hal.StorageHAL { return h.storage }

// chassis is a host of the world. The bit that says EFI stays when the device for one boot is used up, as on BMCs that clear no more than that the flags
// are valid.
type chassis struct {
	world *world.World
	host  string
	efi   atomic.Bool
}

func (c *chassis) PowerState(context.Context) (bool, error) { return c.world.Power(c.host), nil }

func (c *chassis) SetPower(_ context.Context, on bool) error {
	if on {
		return c.world.PowerOn(c.host)
	}
	return c.world.PowerOff(c.host)
}

func (c *chassis) PowerCycle(context.Context) error { return present(c.world.Cycle(c.host)) }

func (c *chassis) ColdReset(context.Context) error { return present(c.world.Reset(c.host)) }

// WarmReset is what the server calls for "soft shutdown".
func (c *chassis) WarmReset(context.Context) error { return present(c.world.SoftOff(c.host)) }

func (c *chassis) Identify(context.Context, uint8) error { return nil }

func (c *chassis) IntrusionState(context.Context) (bool, error) { return false, hal.ErrNotSupported }

// present turns the world's refusal into "not in the present state".
func present(err error) error {
	if errors.Is(err, world.ErrOff) {
		return types.CodeNotSupported
	}
	return err
}

var devices = map[types.BootDeviceSelector]string{
	types.BootDeviceSelectorNoOverride:     "none",
	types.BootDeviceSelectorForcePXE:       "pxe",
	types.BootDeviceSelectorForceHardDrive: "disk",
	types.BootDeviceSelectorForceBIOSSetup: "bios",
}

func (c *chassis) SetBootFlags(_ context.Context, f *types.BootOptionParam_BootFlags) error {
	device, ok := devices[f.BootDeviceSelector]
	if ok {
		c.efi.Store(f.BIOSBootType == types.BIOSBootTypeEFI)
	}
	switch {
	case !ok:
		return types.CodeRequestDataFieldInvalid
	case !f.BootFlagsValid || device == "none":
		return c.world.SetBoot(c.host, world.Boot{Device: "none"})
	}
	return c.world.SetBoot(c.host, world.Boot{Device: device, Persistent: f.Persist, EFI: f.BIOSBootType == types.BIOSBootTypeEFI})
}

func (c *chassis) GetBootFlags(context.Context) (*types.BootOptionParam_BootFlags, error) {
	b := c.world.GetBoot(c.host)
	f := &types.BootOptionParam_BootFlags{BootFlagsValid: b.Device != "none", Persist: b.Persistent}
	if b.EFI || b.Device == "none" && c.efi.Load() {
		f.BIOSBootType = types.BIOSBootTypeEFI
	}
	for selector, device := range devices {
		if device == b.Device {
			f.BootDeviceSelector = selector
		}
	}
	return f, nil
}

func (c *chassis) SetBootInfoAcknowledge(context.Context, *types.BootOptionParam_BootInfoAcknowledge) error {
	return nil
}

func (c *chassis) GetBootInfoAcknowledge(context.Context) (*types.BootOptionParam_BootInfoAcknowledge, error) {
	return &types.BootOptionParam_BootInfoAcknowledge{}, nil
}
