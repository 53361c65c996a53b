package redfish

import (
	"errors"

	"stackstorm-laas/internal/simlab/world"
)

// side is all that a BMC can show and change. There is one that is true, and one for each lie.
type side struct {
	hardware hardware
	users    *users
	bios     *bios
}

// double copies a side onto hardware that is not there.
func (s *side) double() *side {
	b := *s.bios
	return &side{hardware: &pretence{on: s.hardware.power(), override: s.hardware.boot()}, users: s.users.clone(), bios: &b}
}

// hardware is what the BMC is wired to.
type hardware interface {
	power() bool
	// reset does what a ResetType says.
	reset(kind string) error
	boot() world.Boot
	setBoot(world.Boot) error
}

// resetTypes are those that the BMC knows.
var resetTypes = []string{"On", "ForceOff", "GracefulShutdown", "ForceRestart", "PowerCycle"}

var errState = errors.New("not in the present state")

// chassis is a host of the world. How it boots (EFI or legacy) stays when the override for one boot is used up.
type chassis struct {
	world *world.World
	host  string
	efi   bool
}

func (c *chassis) power() bool { return c.world.Power(c.host) }

func (c *chassis) reset(kind string) error {
	switch on := c.power(); {
	case kind == "On" && !on:
		return c.world.PowerOn(c.host)
	case kind == "ForceOff" && on:
		return c.world.PowerOff(c.host)
	case kind == "GracefulShutdown" && on:
		return c.world.SoftOff(c.host)
	case kind == "ForceRestart" && on:
		return c.world.Reset(c.host)
	case kind == "PowerCycle" && on:
		return c.world.Cycle(c.host)
	}
	return errState
}

func (c *chassis) boot() world.Boot {
	b := c.world.GetBoot(c.host)
	if b.Device == "none" {
		b.EFI = c.efi
	}
	return b
}

func (c *chassis) setBoot(b world.Boot) error {
	c.efi = b.EFI
	return c.world.SetBoot(c.host, b)
}

// pretence shows what was asked of it.
type pretence struct {
	on       bool
	override world.Boot
}

func (p *pretence) power() bool { return p.on }

func (p *pretence) reset(kind string) error {
	p.on = kind != "ForceOff" && kind != "GracefulShutdown"
	return nil
}

func (p *pretence) boot() world.Boot { return p.override }

func (p *pretence) setBoot(b world.Boot) error {
	p.override = b
	return nil
}
