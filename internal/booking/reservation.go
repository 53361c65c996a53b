package booking

import (
	"context"
	"fmt"
	"slices"
	"time"

	"stackstorm-laas/internal/fault"
)

// Reservation is a host that an operator has taken out of the pool for somebody, with what its interfaces are connected to. The host's owner
// record says the same of the host as a whole. Its writers are laas.take_host, laas.attach_nic and laas.give_back.
type Reservation struct {
	Host  string    `json:"host"`
	By    string    `json:"by"`
	Job   int       `json:"job"`
	Since time.Time `json:"since"`
	// Apart is when the host was proven to be off and on no network, which is where a reservation begins.
	Apart *time.Time   `json:"apart,omitempty"`
	NICs  []Attachment `json:"nics,omitempty"`
}

// Attachment is one of the lab's networks on one interface.
type Attachment struct {
	MAC     string `json:"mac"`
	Network string `json:"network"`
	VLAN    int    `json:"vlan"`
	// Tagged frames; otherwise the network is the port's native VLAN.
	Tagged bool `json:"tagged,omitempty"`
	// Leaving says that it is to be taken off and that the port was not yet proven without it.
	Leaving bool `json:"leaving,omitempty"`
}

// Connect adds an attachment. What is there already is fine; a second native network on an interface, or the same network both ways, is
// Refused.
func (r *Reservation) Connect(a Attachment) (changed bool, err error) {
	for i, have := range r.NICs {
		switch {
		case have.Leaving && have.MAC == a.MAC && have.Network == a.Network:
			r.NICs[i] = a
			return true, nil
		case have == a:
			return false, nil
		case have.MAC == a.MAC && have.Network == a.Network:
			return false, fault.New(fault.Refused, "network %s is on %s of %s already, the other way (tagged or native)", a.Network, a.MAC, r.Host).
				WithHint("disconnect it first")
		case have.MAC == a.MAC && !have.Tagged && !a.Tagged:
			return false, fault.New(fault.Refused, "%s of %s has network %s as its native one already", a.MAC, r.Host, have.Network).
				WithHint("disconnect that first, or connect this one tagged")
		}
	}
	r.NICs = append(r.NICs, a)
	return true, nil
}

// Disconnect notes that a network is to be taken off an interface. It counts until Settle.
func (r *Reservation) Disconnect(mac, network string) (changed bool) {
	for i, a := range r.NICs {
		if a.MAC == mac && a.Network == network && !a.Leaving {
			r.NICs[i].Leaving, changed = true, true
		}
	}
	return changed
}

// Settle forgets what was to be taken off, now that the ports are proven without it.
func (r *Reservation) Settle() {
	r.NICs = slices.DeleteFunc(r.NICs, func(a Attachment) bool { return a.Leaving })
}

// VLANs are what the reservation's ports may carry.
func (r *Reservation) VLANs() (out []int) {
	for _, a := range r.NICs {
		out = append(out, a.VLAN)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

const reservationPrefix = "laas.reservation."

// Reservation reads the reservation of a host, or nil.
func (j Journal) Reservation(ctx context.Context, host string) (*Reservation, error) {
	r := &Reservation{}
	found, err := get(ctx, j.Store, reservationPrefix+host, r)
	if err != nil || !found {
		return nil, err
	}
	if r.Apart == nil && len(r.NICs) > 0 { // it was made before this was noted, and has begun: nothing is connected before
		r.Apart = &r.Since
	}
	return r, nil
}

// Reservations reads all reservations, by host.
func (j Journal) Reservations(ctx context.Context) ([]*Reservation, error) {
	return records[Reservation](ctx, j.Store, reservationPrefix)
}

// SaveReservation writes a reservation.
func (j Journal) SaveReservation(ctx context.Context, r *Reservation) error {
	return put(ctx, j.Store, reservationPrefix+r.Host, r)
}

// EndReservation removes the record of a host's reservation.
func (j Journal) EndReservation(ctx context.Context, host string) error {
	return j.Store.Delete(ctx, reservationPrefix+host)
}

// LabNetwork is an isolated network of the lab's own. laas.network_create and laas.network_delete write it.
type LabNetwork struct {
	Name    string    `json:"name"`
	VLAN    int       `json:"vlan"`
	Created time.Time `json:"created"`
}

const networkPrefix = "laas.network."

// LabNetworks reads all networks of the lab's own, by name.
func (j Journal) LabNetworks(ctx context.Context) ([]*LabNetwork, error) {
	return records[LabNetwork](ctx, j.Store, networkPrefix)
}

// LabNetwork reads one network; NotFound names those there are.
func (j Journal) LabNetwork(ctx context.Context, name string) (*LabNetwork, error) {
	n := &LabNetwork{}
	found, err := get(ctx, j.Store, networkPrefix+name, n)
	if err != nil || found {
		return n, err
	}
	all, err := j.LabNetworks(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, n := range all {
		names = append(names, n.Name)
	}
	return nil, fault.New(fault.NotFound, "the lab has no network %q", name).WithHint("it has %v; laas.network_create makes one", names)
}

// SaveLabNetwork writes a network.
func (j Journal) SaveLabNetwork(ctx context.Context, n *LabNetwork) error {
	return put(ctx, j.Store, networkPrefix+n.Name, n)
}

// DeleteLabNetwork removes a network; one that is not there is fine.
func (j Journal) DeleteLabNetwork(ctx context.Context, name string) error {
	return j.Store.Delete(ctx, networkPrefix+name)
}

// FreeVLAN picks the first VLAN of the lab's range that no network has, and no host of a booking from before the range was what it is.
func FreeVLAN(pool []int, networks []*LabNetwork, owners []*Owner) (int, error) {
	taken := map[int]string{}
	for _, o := range owners {
		for _, v := range o.VLANs {
			taken[v] = o.Host
		}
	}
	for _, n := range networks {
		taken[n.VLAN] = n.Name
	}
	for _, id := range pool {
		if taken[id] == "" {
			return id, nil
		}
	}
	if len(pool) == 0 {
		return 0, fault.New(fault.Config, "network.lab_vlans is empty: the lab has no VLANs for networks of its own").WithHint("set network.lab_vlans, e.g. 2000-2099")
	}
	return 0, fault.New(fault.Refused, "all %d VLANs of network.lab_vlans are taken", len(pool)).WithHint("delete a network that nobody needs: laas.network_delete")
}

// Usable refuses a network whose VLAN is not the lab's own now, or that a host carries which nobody reserved: the range may have been changed since the network was made.
func (n *LabNetwork) Usable(pool []int, owners []*Owner) error {
	if !slices.Contains(pool, n.VLAN) {
		return fault.New(fault.Refused, "network %s is VLAN %d, which is not in network.lab_vlans", n.Name, n.VLAN).
			WithHint("a booking may have it; delete the network and make it anew: laas.network_create picks a free VLAN")
	}
	for _, o := range owners {
		if o.Reservation == "" && slices.Contains(o.VLANs, n.VLAN) {
			return fault.New(fault.Refused, "VLAN %d of network %s is on the ports of %s, which belongs to %s", n.VLAN, n.Name, o.Host, o.Whose()).
				WithHint("wait for the end of that, or delete the network and make it anew: laas.network_create picks a free VLAN")
		}
	}
	return nil
}

// Attached lists where a network is, as "host mac".
func Attached(name string, all []*Reservation) (out []string) {
	for _, r := range all {
		for _, a := range r.NICs {
			if a.Network == name {
				out = append(out, fmt.Sprintf("%s %s", r.Host, a.MAC))
			}
		}
	}
	return out
}
