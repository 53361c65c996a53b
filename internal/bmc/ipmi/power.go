package ipmi

import (
	"context"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/command/chassis"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

var controls = map[bmc.PowerAction]chassis.ChassisControl{
	bmc.PowerOn:    chassis.ChassisControlPowerUp,
	bmc.PowerOff:   chassis.ChassisControlPowerDown,
	bmc.PowerSoft:  chassis.ChassisControlSoftShutdown,
	bmc.PowerCycle: chassis.ChassisControlPowerCycle,
	bmc.PowerReset: chassis.ChassisControlHardReset,
}

// PowerState implements bmc.Power.
func (d *driver) PowerState(ctx context.Context) (state bmc.PowerState, err error) {
	err = d.do(ctx, "read the power state", always, func(c *client.Client) error {
		state, err = powerState(ctx, c)
		return err
	})
	return state, err
}

// SetPower implements bmc.Power.
func (d *driver) SetPower(ctx context.Context, action bmc.PowerAction) error {
	control, ok := controls[action]
	if !ok {
		return fault.New(fault.Input, "%q is no power action", action)
	}
	again := always
	if action == bmc.PowerCycle || action == bmc.PowerReset {
		again = untouched
	}
	return d.do(ctx, "power "+string(action), again, func(c *client.Client) error {
		state, err := powerState(ctx, c)
		if err != nil {
			return err
		}
		if needed, err := action.Needed(state); err != nil || !needed {
			return err
		}
		_, err = c.ChassisControl(ctx, control)
		return err
	})
}

func powerState(ctx context.Context, c *client.Client) (bmc.PowerState, error) {
	status, err := c.GetChassisStatus(ctx)
	switch {
	case err != nil:
		return "", err
	case status.PowerIsOn:
		return bmc.On, nil
	}
	return bmc.Off, nil
}
