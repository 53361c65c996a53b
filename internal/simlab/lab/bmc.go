package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"time"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/bmc/redfish"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/secret"
	simbmc "stackstorm-laas/internal/simlab/bmc"
	simredfish "stackstorm-laas/internal/simlab/redfish"
)

// controller is a simulated BMC, whatever it speaks.
type controller interface {
	Port() int
	Users() []string
	Close() error
}

func (l *Lab) serveBMC(h *HostSpec, addr string) (controller, error) {
	password := l.secrets.bmcs[h.Name]
	if h.Redfish {
		return simredfish.Serve(l.world, l.faults, simredfish.Config{Addr: addr, Host: h.Name, Admin: bmcAdmin, Password: password, TLS: l.secrets.tls})
	}
	return simbmc.Serve(l.world, l.faults, simbmc.Config{Addr: addr, Host: h.Name, Admin: bmcAdmin, Password: password})
}

// BMC is the BMC of a host, or nil if that does not speak IPMI.
func (l *Lab) BMC(host string) *simbmc.Server {
	s, _ := l.bmcs[host].(*simbmc.Server)
	return s
}

// Redfish is the BMC of a host, or nil if that does not speak Redfish.
func (l *Lab) Redfish(host string) *simredfish.Server {
	s, _ := l.bmcs[host].(*simredfish.Server)
	return s
}

// bmcEntry is what the inventory says of a host's BMC.
func (l *Lab) bmcEntry(h *HostSpec) map[string]any {
	e := map[string]any{
		"protocol": "ipmi", "address": "127.0.0.1", "port": l.bmcs[h.Name].Port(), "cipher_suite": 17,
		"mac": madeUpMAC(h.Name, 255), "credentials": bmcKey(h.Name),
	}
	if h.Redfish {
		e["protocol"] = "redfish"
		delete(e, "cipher_suite")
	}
	return e
}

// baseline is what laas.adopt_host records of a host's BMC, read with the pack's own driver; empty if the BMC does not answer.
func (l *Lab) baseline(h *HostSpec) []booking.BaselineAccount {
	out := []booking.BaselineAccount{}
	ctx := context.Background()
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(l.secrets.caPEM)
	open := ipmi.Open
	if h.Redfish {
		open = redfish.Open
	}
	d, err := open(ctx, bmc.Target{Host: h.Name, Address: "127.0.0.1", Port: l.bmcs[h.Name].Port(), CipherSuite: 3, TLS: &tls.Config{RootCAs: trusted},
		User: bmcAdmin, Password: secret.New(l.secrets.bmcs[h.Name]), Timeout: 5 * time.Second})
	if err != nil {
		return out
	}
	defer d.Close()
	accounts, err := d.Accounts(ctx)
	if err != nil {
		return out
	}
	for _, a := range accounts {
		if a.Enabled {
			out = append(out, booking.BaselineAccount{Slot: a.Slot, Name: a.Name, Privilege: a.Privilege})
		}
	}
	return out
}
