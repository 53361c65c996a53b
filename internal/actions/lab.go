// Package actions is the pack's leaf actions: thin glue between the domain (internal/booking), the inventory and the drivers.
// One file holds one family; what is spoken on the wire is in the drivers.
package actions

import (
	"context"
	"crypto/tls"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/bmc/redfish"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/directory"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/netswitch/nxos"
	"stackstorm-laas/internal/netswitch/ovs"
	"stackstorm-laas/internal/remote"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/tlsconf"
)

// lab opens the lab's systems for one call.
type lab struct {
	*action.Call
	booking.Journal
	refused refusedLogins
}

func open(c *action.Call) *lab {
	return &lab{Call: c, Journal: booking.Journal{Store: c.ST2, Now: time.Now}}
}

func (l *lab) transport() (http.RoundTripper, error) { return tlsconf.Transport(l.Config.TLS.CAFile) }

func (l *lab) dashboard() (*dashboard.Client, error) {
	tr, err := l.transport()
	if err != nil {
		return nil, err
	}
	d := l.Config.Dashboard
	return dashboard.New(dashboard.Config{Address: d.Address, Lab: d.LabName, Token: d.Token, Timeout: d.Timeout.D(), Retry: action.Policy(d.Retry), Transport: tr})
}

func (l *lab) fog() (*fog.Client, error) {
	tr, err := l.transport()
	if err != nil {
		return nil, err
	}
	f := l.Config.FOG
	return fog.New(fog.Config{Address: f.Address, APIKey: f.APIKey, UserKey: f.UserKey, Timeout: f.Timeout.D(), Retry: action.Policy(f.Retry), Transport: tr})
}

// bmcProtocol is how the pack talks to BMCs of one kind.
type bmcProtocol struct {
	Open     func(context.Context, bmc.Target) (bmc.Driver, error)
	TryLogin func(context.Context, bmc.Target) error
	// TLS says that BMCs show certificates.
	TLS bool
}

// bmcProtocols are those that the pack speaks, by the names that the inventory may give (inventory.BMC.Protocol).
var bmcProtocols = map[string]bmcProtocol{
	"ipmi":    {Open: ipmi.Open, TryLogin: ipmi.TryLogin},
	"redfish": {Open: redfish.Open, TryLogin: redfish.TryLogin, TLS: true},
}

// protocol is how the pack talks to the host's BMC.
func protocol(h *inventory.Host) (bmcProtocol, error) {
	p, known := bmcProtocols[h.BMC.Protocol]
	if !known {
		return p, fault.New(fault.Config, "the BMC of %s speaks %q; this version of the pack speaks %s", h.Name, h.BMC.Protocol,
			strings.Join(slices.Sorted(maps.Keys(bmcProtocols)), ", "))
	}
	return p, nil
}

// bmcTarget says how the host's BMC is reached as the administrator.
func (l *lab) bmcTarget(ctx context.Context, h *inventory.Host) (bmc.Target, error) {
	if h.BMC == nil {
		return bmc.Target{}, fault.New(fault.Config, "%s has no BMC in the inventory: the pack can neither power it nor boot it", h.Name).
			WithHint("add \"bmc\" to the datastore entry %s (docs/datastore.md)", h.Name)
	}
	p, err := protocol(h)
	if err != nil {
		return bmc.Target{}, err
	}
	var trust *tls.Config
	if p.TLS {
		if trust, err = l.bmcTLS(); err != nil {
			return bmc.Target{}, err
		}
	}
	user, password, err := inventory.BMCCredentials(ctx, l.ST2, h)
	return bmc.Target{Host: h.Name, Address: h.BMC.Address, Port: h.BMC.Port, CipherSuite: h.BMC.CipherSuite, TLS: trust, User: user, Password: password,
		Timeout: l.Config.BMC.Timeout.D(), MinInterval: l.Config.BMC.MinInterval.D(), Retry: action.Policy(l.Config.BMC.Retry)}, err
}

// bmcTLS says which certificates BMCs may show: those of their own CA, or of the lab's.
func (l *lab) bmcTLS() (*tls.Config, error) {
	switch b := l.Config.BMC; {
	case !b.VerifyTLS:
		return tlsconf.Unverified(), nil
	case b.CA != "":
		return tlsconf.Named("bmc.ca", b.CA)
	}
	return tlsconf.Config(l.Config.TLS.CAFile)
}

// bmc logs in to the host's BMC, when no other action has a session there. The caller closes it.
func (l *lab) bmc(ctx context.Context, h *inventory.Host) (bmc.Driver, error) {
	release, err := l.lease(ctx, h)
	if err != nil {
		return nil, err
	}
	d, err := l.login(ctx, h)
	if err != nil {
		release()
		return nil, err
	}
	return leased{d, release}, nil
}

// login opens a session for somebody who has the lease.
func (l *lab) login(ctx context.Context, h *inventory.Host) (bmc.Driver, error) {
	target, err := l.bmcTarget(ctx, h)
	if err != nil {
		return nil, err
	}
	return l.openBMC(ctx, h, target)
}

// openBMC opens a session with a login of the caller's choice, which tryLogin only tries: nil means accepted, Credentials refused, anything
// else proves nothing. Both are for somebody who has the lease.
func (l *lab) openBMC(ctx context.Context, h *inventory.Host, target bmc.Target) (bmc.Driver, error) {
	p, err := protocol(h)
	if err != nil {
		return nil, err
	}
	return l.refused.once(target, func() (bmc.Driver, error) { return p.Open(ctx, target) })
}

func (l *lab) tryLogin(ctx context.Context, h *inventory.Host, target bmc.Target) error {
	p, err := protocol(h)
	if err != nil {
		return err
	}
	return p.TryLogin(ctx, target)
}

// powered brings the host to a power state and proves that it got there.
func (l *lab) powered(ctx context.Context, d bmc.Driver, h *inventory.Host, do bmc.PowerAction, want bmc.PowerState) error {
	if err := d.SetPower(ctx, do); err != nil {
		return err
	}
	ctx, stop := l.powerDeadline(ctx, h, do, want, 0)
	defer stop()
	return bmc.Reach(ctx, d, want, l.Config.BMC.PollInterval.D())
}

// powerDeadline bounds a change of power, after a grace.
func (l *lab) powerDeadline(ctx context.Context, h *inventory.Host, do bmc.PowerAction, want bmc.PowerState, grace time.Duration) (context.Context, context.CancelFunc) {
	limit := grace + l.Config.BMC.PowerTimeout.D()
	return context.WithTimeoutCause(ctx, limit,
		fault.New(fault.Unproven, "%s: its BMC accepted power %s, but after %s the power is not %s", h.Name, do, limit, want).
			WithHint("look at the machine; its BMC may hang"))
}

// softOff lets the operating system end by itself, and takes the power away if it does not.
func (l *lab) softOff(ctx context.Context, d bmc.Driver, h *inventory.Host) (forced bool, err error) {
	grace := l.Config.BMC.SoftGrace.D()
	ctx, stop := l.powerDeadline(ctx, h, bmc.PowerOff, bmc.Off, grace)
	defer stop()
	return bmc.SoftOff(ctx, d, grace, l.Config.BMC.PollInterval.D())
}

// switchTarget is a switch, and what a driver needs to reach it.
type switchTarget struct {
	*inventory.Switch
	Network config.Network
	CAFile  string
	// Login reads user and password, and Certificate the certificate that the pack shows; a driver asks for what its switch asks for.
	Login       func() (user string, password secret.String, err error)
	Certificate func() (certificate string, key secret.String, err error)
}

// switchDrivers are the kinds of switches that the pack can drive, by the names that the inventory may give (inventory.Drivers).
var switchDrivers = map[string]func(switchTarget) (netswitch.Driver, error){
	"nxos": func(t switchTarget) (netswitch.Driver, error) {
		user, password, err := t.Login()
		if err != nil {
			return nil, err
		}
		tr, err := tlsconf.Transport(t.CAFile)
		if err != nil {
			return nil, err
		}
		return nxos.New(nxos.Config{Switch: t.Name, Address: t.Address, User: user, Password: password, DarkVLAN: t.Network.DarkVLAN,
			Timeout: t.Network.Timeout.D(), Retry: action.Policy(t.Network.Retry), Transport: tr})
	},
	"ovs": func(t switchTarget) (netswitch.Driver, error) {
		certificate, key, err := t.Certificate()
		if err != nil {
			return nil, err
		}
		trust, err := tlsconf.WithCertificate(t.CAFile, certificate, key)
		if err != nil {
			return nil, fault.Wrap(err, "switch %s", t.Name)
		}
		return ovs.New(ovs.Config{Switch: t.Name, Address: t.Address, TLS: trust, Timeout: t.Network.Timeout.D(), Retry: action.Policy(t.Network.Retry)})
	},
}

func (l *lab) netswitch(ctx context.Context, name string) (netswitch.Driver, error) {
	s, err := inventory.LoadSwitch(ctx, l.ST2, name)
	if err != nil {
		return nil, err
	}
	open, known := switchDrivers[s.Driver]
	if !known {
		return nil, fault.New(fault.Config, "switch %s has driver %q; this version of the pack knows %s", name, s.Driver, strings.Join(inventory.Drivers, ", "))
	}
	return open(switchTarget{Switch: s, Network: l.Config.Network, CAFile: l.Config.TLS.CAFile,
		Login:       func() (string, secret.String, error) { return inventory.SwitchCredentials(ctx, l.ST2, s) },
		Certificate: func() (string, secret.String, error) { return inventory.SwitchCertificate(ctx, l.ST2, s) }})
}

// ssh logs in to the host as the lab. hostKey pins its host key; empty accepts any.
func (l *lab) ssh(ctx context.Context, h *inventory.Host, hostKey string) (*remote.Conn, error) {
	return l.sshFor(ctx, h, hostKey, l.Config.SSH.CommandTimeout.D())
}

// sshFor is ssh for commands that may take so long.
func (l *lab) sshFor(ctx context.Context, h *inventory.Host, hostKey string, command time.Duration) (*remote.Conn, error) {
	key, err := l.privateKey(ctx)
	if err != nil {
		return nil, err
	}
	s := l.Config.SSH
	return remote.Dial(ctx, remote.Config{User: s.User, Key: key, ConnectTimeout: s.ConnectTimeout.D(), CommandTimeout: command},
		remote.Target{Host: h.Name, Address: h.Hostname, Port: h.SSHPort, HostKey: hostKey})
}

func (l *lab) privateKey(ctx context.Context) (secret.String, error) {
	s := l.Config.SSH
	if s.PrivateKeyFile != "" {
		pem, err := os.ReadFile(s.PrivateKeyFile)
		if err != nil {
			return secret.String{}, fault.New(fault.Config, "ssh.private_key_file: %w", err).
				WithHint("actions run as StackStorm's system user, on every worker; an encrypted datastore key (ssh.private_key_name) has no such trouble")
		}
		return secret.New(string(pem)), nil
	}
	key, found, err := l.ST2.GetSecret(ctx, s.PrivateKeyName)
	if err == nil && !found {
		err = fault.New(fault.Config, "the lab's SSH private key is missing: datastore key %s", s.PrivateKeyName).
			WithHint("store it with: st2 key set --encrypt %s \"$(cat FILE)\", or set ssh.private_key_file", s.PrivateKeyName)
	}
	return key, err
}

// directory logs in to the VPN directory. The caller closes it.
func (l *lab) directory(ctx context.Context) (*directory.Directory, error) {
	v := l.Config.VPN
	if v.Server == "" {
		return nil, fault.New(fault.Config, "this lab has no VPN").WithHint("set vpn.server in the pack's configuration")
	}
	t, err := tlsconf.Config(l.Config.TLS.CAFile)
	if err != nil {
		return nil, err
	}
	return directory.Open(ctx, directory.Config{Server: v.Server, Security: v.Security, BindDN: v.Authentication.User, Password: v.Authentication.Pass,
		Base: v.Directory.Root, Branch: v.Directory.User, Objects: v.User.Objects, Timeout: v.Timeout.D(), Retry: action.Policy(v.Retry), TLS: t})
}

// hostID is what a person reaches the host by.
func hostID(h *inventory.Host) string {
	if h.Hostname == "" {
		return h.Name
	}
	return strings.TrimSuffix(h.Hostname, ".")
}
