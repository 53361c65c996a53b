package booking

import (
	"context"
)

// Group is the group of the dashboard's tasks that a release step is the proof of.
type Group string

const (
	// HardwareGroup steps prove that the machine holds nothing of the tenant's.
	HardwareGroup Group = "hardware"
	// NetworkGroup steps prove that the machine reaches nothing.
	NetworkGroup Group = "network"
)

// StepInfo describes a step of a release.
type StepInfo struct {
	Name  string
	Group Group
	// Required steps must be proven before the host counts as clean. The others are done as long as the host obeys.
	Required bool
	// Apart steps are applied for all hosts of a switch at once (laas.set_ports), not host by host.
	Apart bool
	// Rewired steps come after all hosts of the job have been through the others: the host's ports are made fit for them first.
	Rewired bool
}

// ReleaseSteps is how a host is taken back, in this order. The machine is off before its BMC accounts are looked at, because a
// tenant with root can make some as long as it runs, and both are proven before its ports leave the tenant's networks for FOG's. What comes new goes
// into this list, a Step, and workflows/release_host.yaml.
var ReleaseSteps = []StepInfo{
	{Name: "keys", Group: HardwareGroup},
	{Name: "power_off", Group: HardwareGroup, Required: true},
	{Name: "imaging", Group: HardwareGroup, Required: true},
	{Name: "bmc_accounts", Group: HardwareGroup, Required: true},
	{Name: "wipe", Group: HardwareGroup, Required: true, Rewired: true},
	{Name: "ports", Group: NetworkGroup, Required: true, Apart: true},
}

// Step is one part of taking a host back.
type Step interface {
	// Check says whether there is nothing left to do. It changes nothing.
	Check(ctx context.Context) (clean bool, err error)
	// Apply does what there is to do. It may be called again after a crash in its middle.
	Apply(ctx context.Context) error
	// Prove asks the other side, after the fact, and gives the evidence in one sentence without secrets. An error means that
	// the step is not proven; fault.Unproven that it is proven not to be so.
	Prove(ctx context.Context) (evidence string, err error)
}

// RunStep checks, applies and proves.
func RunStep(ctx context.Context, s Step) (changed bool, evidence string, err error) {
	clean, err := s.Check(ctx)
	if err != nil {
		return false, "", err
	}
	if !clean {
		if err := s.Apply(ctx); err != nil {
			return false, "", err
		}
	}
	evidence, err = s.Prove(ctx)
	return !clean, evidence, err
}

// Verdict is what the proofs of a host's release allow to report.
type Verdict struct {
	Hardware, Network Outcome
	// Reason is empty when everything is proven.
	Reason string
}

// Judge applies the rule of the dashboard, which frees the hosts of a job as soon as all its network tasks or all its hardware
// tasks are DONE. With ports proven and the machine not, the network task is done and the hardware task in error, so that the
// other hosts of the booking come free; with ports unproven neither is done, and the booking stays held. failed holds the
// steps without proof.
func Judge(failed map[string]error) Verdict {
	v := Verdict{Hardware: Done, Network: Done}
	for _, s := range ReleaseSteps {
		err := failed[s.Name]
		if err == nil || !s.Required {
			continue
		}
		if v.Reason != "" {
			v.Reason += "; "
		}
		v.Reason += err.Error()
		v.Hardware = Error
		if s.Group == NetworkGroup {
			v.Network = Error
		}
	}
	return v
}
