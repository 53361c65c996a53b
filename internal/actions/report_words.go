package actions

import (
	"context"

	"stackstorm-laas/internal/booking"
)

// goodNews writes what the user gets.
func (r *run) goodNews(ctx context.Context, f *final, h *hostRun, ready []string) error {
	t := f.task
	switch {
	case h != nil && h.work.Mode == booking.Release:
		f.message = booking.ReleasedMessage(h.rec.Host, h.rec.Proofs)
	case t.Snapshot != nil:
		s, err := r.Snapshot(ctx, f.rec.Capture.ImageID)
		if err != nil {
			return err
		}
		if s != nil { // it may be deleted by now
			f.message = booking.SnapshotMessage(s)
		}
	case t.Hardware != nil && h.rec.BMC != nil && t.Hardware.CreateBMC:
		password, _, err := r.ST2.GetSecret(ctx, h.rec.BMC.Secret)
		if err != nil {
			return err
		}
		f.message = booking.BMCMessage(h.host.Name, h.host.BMC.Address, h.rec.BMC.User, password, r.Config.BMC.HelpURL)
		f.token = "ipmiuser_" + h.host.Name
	case t.Hardware != nil:
		f.message = booking.HostMessage(h.host.Name)
	case t.Network != nil:
		f.message = booking.NetworkMessage(h.host.Name, hostID(h.host), h.rec.Addresses, h.rec.Note)
	case t.Access != nil && t.Access.Revoke:
		f.message = "Your access has ended."
	case t.Access != nil && t.Access.Type == "vpn":
		password, _, err := r.ST2.GetSecret(ctx, vpnSecret(f.rec.Account))
		if err != nil {
			return err
		}
		f.message, f.token = booking.VPNMessage(f.rec.Account, password, r.Config.VPN.HelpURL), "vpn_"+f.rec.Account
	case t.Access != nil:
		f.message = booking.SSHMessage(r.Config.SSH.TenantUser, ready)
	default:
		f.message = "There was nothing to do."
	}
	return nil
}

// ready are the addresses of the hosts that have the keys of an SSH task.
func (r *run) ready(t *booking.Planned, hosts map[string]*hostRun) (out []string) {
	if t.Access == nil || t.Access.Type != "ssh" {
		return nil
	}
	for _, id := range t.Access.Hosts {
		if h := hosts[id]; h != nil && h.host != nil && h.rec.HandedOver != nil && h.work.Mode != booking.Release {
			out = append(out, hostID(h.host))
		}
	}
	return out
}
