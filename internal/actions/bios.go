package actions

import (
	"context"
	"fmt"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/secret"
)

// biosPassword is where the password that guards a host's BIOS is kept, nextBIOS where a new one waits until the BMC has taken it, and
// formerBIOS where the one before stays: many BIOSes look at a change when the host boots next, and nobody hears of it when they refuse it.
func biosPassword(host string) string { return "laas.secret.bios." + host }
func nextBIOS(host string) string     { return "laas.secret.bios_next." + host }
func formerBIOS(host string) string   { return "laas.secret.bios_former." + host }

// biosPasswordLength is what the BIOSes of all common vendors take.
const biosPasswordLength = 16

var setBIOSPassword = &action.Action{
	Name: "set_bios_password",
	Description: "Guard a host's BIOS set-up with a new random password through its BMC, or take the password away. It is kept encrypted; nobody is shown it. " +
		"Many hosts apply it when they boot next. Only over Redfish.",
	Params: []action.Param{hostParam, confirmParam,
		{Name: "remove", Type: action.Boolean, Description: "Take the password away instead."}},
	Budget: sum(records, bmcSession),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l, host, err := confirmed(ctx, c)
		if err != nil {
			return nil, err
		}
		d, err := l.bmc(ctx, host)
		if err != nil {
			return nil, err
		}
		defer d.Close()
		setter, err := biosSetter(d, host)
		if err != nil {
			return nil, err
		}
		known, waiting, err := l.biosPasswords(ctx, host)
		if err != nil {
			return nil, err
		}
		if c.Params.Bool("remove") {
			return l.removeBIOSPassword(ctx, setter, host, known, waiting)
		}
		return l.renewBIOSPassword(ctx, setter, host, known, waiting)
	},
}

func biosSetter(d bmc.Driver, host *inventory.Host) (bmc.BIOSPassword, error) {
	if l, ok := d.(leased); ok {
		d = l.Driver
	}
	setter, ok := d.(bmc.BIOSPassword)
	if !ok {
		return nil, fault.New(fault.Refused, "the pack sets no BIOS password over %s, which the BMC of %s speaks", host.BMC.Protocol, host.Name).
			WithHint("if the BMC speaks Redfish, too, say so in the inventory: \"protocol\": \"redfish\"")
	}
	return setter, nil
}

// biosPasswords are the one that was set last, empty for none, and one that a run which was broken off may have set.
func (l *lab) biosPasswords(ctx context.Context, host *inventory.Host) (known secret.String, waiting *secret.String, err error) {
	if known, _, err = l.ST2.GetSecret(ctx, biosPassword(host.Name)); err != nil {
		return known, nil, err
	}
	next, found, err := l.ST2.GetSecret(ctx, nextBIOS(host.Name))
	if found {
		waiting = &next
	}
	return known, waiting, err
}

func (l *lab) renewBIOSPassword(ctx context.Context, setter bmc.BIOSPassword, host *inventory.Host, known secret.String, waiting *secret.String) (any, error) {
	inForce := []secret.String{known}
	if waiting != nil {
		inForce = append(inForce, *waiting)
	} else {
		password, err := newPassword(biosPasswordLength)
		if err != nil {
			return nil, err
		}
		if err := l.ST2.PutSecret(ctx, nextBIOS(host.Name), password); err != nil {
			return nil, err
		}
		waiting = &password
	}
	if err := l.keepFormer(ctx, host, known); err != nil {
		return nil, err
	}
	if err := l.changeBIOSPassword(ctx, setter, host, inForce, *waiting); err != nil {
		return nil, err
	}
	if err := l.ST2.PutSecret(ctx, biosPassword(host.Name), *waiting); err != nil {
		return nil, err
	}
	return biosResult(host, true, "its BMC took a new BIOS password; %s holds it", biosPassword(host.Name)), l.ST2.Delete(ctx, nextBIOS(host.Name))
}

func (l *lab) removeBIOSPassword(ctx context.Context, setter bmc.BIOSPassword, host *inventory.Host, known secret.String, waiting *secret.String) (any, error) {
	switch {
	case waiting != nil:
		return nil, fault.New(fault.Refused, "%s: an earlier change of the BIOS password was broken off, so it is not known which one is in force", host.Name).
			WithHint("start the action once without remove, which ends that change")
	case known.Reveal() == "":
		return biosResult(host, false, "the pack has set no BIOS password"), nil
	}
	if err := l.keepFormer(ctx, host, known); err != nil {
		return nil, err
	}
	// A run that was broken off may have taken it away.
	if err := l.changeBIOSPassword(ctx, setter, host, []secret.String{known, {}}, secret.String{}); err != nil {
		return nil, err
	}
	return biosResult(host, true, "its BMC took the BIOS password away"), l.ST2.Delete(ctx, biosPassword(host.Name))
}

// keepFormer keeps the password that is in force before a change.
func (l *lab) keepFormer(ctx context.Context, host *inventory.Host, known secret.String) error {
	if known.Reveal() == "" {
		return nil
	}
	return l.ST2.PutSecret(ctx, formerBIOS(host.Name), known)
}

// changeBIOSPassword tries the passwords that may be in force, one after another: a BMC does not say which one is.
func (l *lab) changeBIOSPassword(ctx context.Context, setter bmc.BIOSPassword, host *inventory.Host, inForce []secret.String, password secret.String) error {
	var err error
	for _, old := range inForce {
		if err := l.Checkpoint(ctx); err != nil {
			return err
		}
		if err = setter.SetBIOSPassword(ctx, old, password); !fault.Is(err, fault.Failed) {
			return err
		}
	}
	return fault.New(fault.Failed, "%s: its BMC refuses every BIOS password that the pack knows: %w", host.Name, err).
		WithHint("store the one in force with: st2 key set --encrypt %s PASSWORD; then start the action again", biosPassword(host.Name))
}

func biosResult(host *inventory.Host, changed bool, text string, args ...any) action.Result {
	return action.Result{Host: host.Name, Changed: changed, Summary: host.Name + ": " + fmt.Sprintf(text, args...)}
}
