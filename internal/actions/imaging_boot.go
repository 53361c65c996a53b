package actions

import (
	"context"
	"errors"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
)

var bootToNetwork = &action.Action{
	Name: "boot_to_network",
	Description: "Let the host boot from the network once, through its BMC: power off if it runs, one-time boot device PXE, power on. " +
		"A host that FOG is imaging already is left alone.",
	Params: []action.Param{hostParam, jobParam, epochParam},
	Budget: sum(records, restart, offAfter, starts(manyStarts), func(c *config.Config) time.Duration { return bmcSession(c) + fogCalls(c, 1) }),
	Run:    imaging("boot from the network", offIfFailed(bootNetwork)),
}

func bootNetwork(ctx context.Context, h *hostRun) (any, error) {
	if h.rec.Imaging == nil || h.rec.Imaging.TaskID == 0 {
		return nil, fault.New(fault.Refused, "nothing is scheduled in FOG")
	}
	if h.rec.Imaging.Complete != nil {
		return h.bootWritten(ctx)
	}
	f, err := h.fog()
	if err != nil {
		return nil, err
	}
	task, err := f.Task(ctx, h.rec.Imaging.TaskID)
	if err != nil {
		return nil, err
	}
	if task.State > fog.TaskQueued {
		// A run that was killed in the middle of a power cycle left it off.
		state, err := h.powerState(ctx)
		if err != nil {
			return nil, err
		}
		if state == bmc.On || !task.State.Active() {
			return h.result(false, "FOG task %d is %s already", task.ID, task.State), nil
		}
	}
	if err := h.awaitStart(ctx, manyStarts); err != nil {
		return nil, err
	}
	if err := h.restart(ctx, bmc.DevicePXE); err != nil {
		return nil, err
	}
	return h.result(true, "booting from the network, power is on"), nil
}

// bootWritten starts a host whose image was written, and which a run that failed or was killed left off.
func (h *hostRun) bootWritten(ctx context.Context) (any, error) {
	if h.rec.Written != nil {
		return h.result(false, "the image was written already"), nil
	}
	if state, err := h.powerState(ctx); err != nil || state == bmc.On {
		return h.result(false, "the image was written already, power is on"), err
	}
	if err := h.awaitStart(ctx, manyStarts); err != nil {
		return nil, err
	}
	return h.result(true, "the image was written already, power is on again"), h.restart(ctx, bmc.DeviceNone)
}

// After so many other hosts one is started whatever the rest do: in the beginning, and in the middle of a wait.
const (
	manyStarts = 400
	someStarts = 50
)

// restart is the budget of hostRun.restart.
func restart(c *config.Config) time.Duration { return bmcSession(c) + 2*power(c) }

// restart takes the host's power away if it has any, lets it boot from a device once, and gives it power. In this order, because some
// BMCs forget the device when the power goes. Nothing on the host's disk needs a soft end: it is about to be overwritten, or has just been.
func (h *hostRun) restart(ctx context.Context, device bmc.Device) error {
	d, err := h.bmc(ctx, h.host)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := h.still(ctx); err != nil {
		return err
	}
	state, err := d.PowerState(ctx)
	if err != nil {
		return err
	}
	if state == bmc.On {
		if err := h.powered(ctx, d, h.host, bmc.PowerOff, bmc.Off); err != nil {
			return err
		}
	}
	if device != bmc.DeviceNone {
		efi, err := h.efi(ctx, d)
		if err != nil {
			return err
		}
		if err := d.SetBootDevice(ctx, bmc.Boot{Device: device, EFI: efi}); err != nil {
			return err
		}
	}
	return h.powered(ctx, d, h.host, bmc.PowerOn, bmc.On)
}

// efi says whether the host boots the EFI way: as configured, or as its BMC shows.
func (h *hostRun) efi(ctx context.Context, d bmc.BootDevice) (bool, error) {
	if mode := h.Config.Imaging.BootMode; mode != "auto" {
		return mode == "efi", nil
	}
	now, err := d.BootDevice(ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		return false, nil
	}
	return now.EFI, err
}

func (h *hostRun) powerState(ctx context.Context) (bmc.PowerState, error) {
	d, err := h.bmc(ctx, h.host)
	if err != nil {
		return "", err
	}
	defer d.Close()
	return d.PowerState(ctx)
}
