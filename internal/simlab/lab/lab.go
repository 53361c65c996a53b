// Package lab puts a whole simulated lab together: the world, a server for each of its systems, credentials and certificates for
// all of them, and the files that tell the pack where they are.
package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"stackstorm-laas/internal/simlab/dashboard"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/fog"
	"stackstorm-laas/internal/simlab/ldap"
	"stackstorm-laas/internal/simlab/nxapi"
	"stackstorm-laas/internal/simlab/sshd"
	"stackstorm-laas/internal/simlab/world"
)

// Options say what lab to build. The zero value is an empty one.
type Options struct {
	// Hosts are in the lab beside those that the bodies and the file name.
	Hosts []HostSpec
	// HostsFile is an inventory (datastore/hosts.json) to build the lab from; addresses in it are replaced.
	HostsFile []byte
	// JobsBodies are bodies of jobs/new. The lab has their hosts, MACs, images and users. They are not delivered.
	JobsBodies [][]byte
	// DashboardMode is 2019 or 2022, by default what the bodies look like; FOGVersion is 1.5 or 1.6, by default 1.5.
	DashboardMode, FOGVersion string
	Pace                      world.Pace
	// Slack is how much longer than the lab needs the pack waits before it gives up; 20 seconds unless given.
	Slack time.Duration
	// HostsPerSwitch is 16 unless given. SpreadNICs cables each host to as many switches as it has NICs.
	HostsPerSwitch int
	SpreadNICs     bool
	// Redfish are the hosts whose BMCs speak Redfish, beside those of which the file says so; the others speak IPMI.
	Redfish []string
	// Switches changes what the switches are like, before they start.
	Switches func(*nxapi.Config)
	// Ports are fixed ports to listen on; a zero is a free port.
	Ports Ports
	// Dir is where ca.pem is written; a temporary directory unless given.
	Dir string
}

// HostSpec is a host of the lab. Name is needed, the rest has defaults.
type HostSpec struct {
	Name string
	// DashboardID and FOGName are the name unless given.
	DashboardID, FOGName string
	// NICs without a switch are cabled by the lab. Without NICs it gets two.
	NICs []world.NIC
	// Image is what is on the disk from the start, by name or id; empty for nothing.
	Image string
	// Redfish says that its BMC speaks Redfish.
	Redfish bool
	// entry is what the inventory said of the host; kept where the lab does not know better.
	entry map[string]any
}

// Ports are fixed ports of 127.0.0.1. Of those that there are several of, the first one is given and the others follow.
type Ports struct {
	Dashboard, FOG, LDAP, Switch, BMC, SSH int
}

// Lab is a running lab.
type Lab struct {
	opts    Options
	plan    *plan
	world   *world.World
	faults  *faults.Set
	secrets secrets
	dir     string
	ownDir  bool

	dashboard *dashboard.Server
	fog       *fog.Server
	ldap      *ldap.Server
	bmcs      map[string]controller
	switches  map[string]*nxapi.Server
	sshds     map[string]*sshd.Server
	closers   []func()
}

// Start builds the lab and starts everything in it, with all hosts off and all ports shut.
func Start(opts Options) (_ *Lab, err error) {
	opts.defaults()
	l := &Lab{opts: opts, faults: &faults.Set{}, world: world.New(opts.Pace), bmcs: map[string]controller{}, switches: map[string]*nxapi.Server{}, sshds: map[string]*sshd.Server{}}
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	if l.plan, err = makePlan(opts); err != nil {
		return nil, err
	}
	if l.secrets, err = makeSecrets(l.plan); err != nil {
		return nil, err
	}
	if err := l.prepareDir(); err != nil {
		return nil, err
	}
	if err := l.furnish(); err != nil {
		return nil, err
	}
	return l, l.serve()
}

func (o *Options) defaults() {
	if o.DashboardMode == "" {
		o.DashboardMode = shape(o.JobsBodies)
	}
	if o.FOGVersion == "" {
		o.FOGVersion = "1.5"
	}
	if o.Slack == 0 {
		o.Slack = 20 * time.Second
	}
	if o.HostsPerSwitch == 0 {
		o.HostsPerSwitch = 16
	}
}

func (l *Lab) prepareDir() (err error) {
	if l.dir = l.opts.Dir; l.dir == "" {
		l.ownDir = true
		if l.dir, err = os.MkdirTemp("", "laas-lab-"); err != nil {
			return err
		}
	}
	return os.WriteFile(l.caFile(), l.secrets.caPEM, 0o644)
}

func (l *Lab) caFile() string { return filepath.Join(l.dir, "ca.pem") }

// furnish puts hosts and images into the world.
func (l *Lab) furnish() error {
	l.world.SetNetwork(provisioningVLAN, append([]int{provisioningVLAN}, publicVLANs...))
	l.world.SetLabKey(l.secrets.sshPublic)
	for _, i := range l.plan.images {
		l.world.AddImage(i.Image)
	}
	for _, h := range l.plan.hosts {
		l.world.AddHost(world.HostSpec{Name: h.Name, NICs: h.NICs})
		if h.Image == "" {
			continue
		}
		id, ok := l.plan.imageID(h.Image)
		if !ok {
			return fmt.Errorf("host %s: the lab has no image %q", h.Name, h.Image)
		}
		if err := l.world.Install(h.Name, id); err != nil {
			return err
		}
	}
	return nil
}

// serve starts all servers.
func (l *Lab) serve() (err error) {
	p, s := l.opts.Ports, &l.secrets
	names, ids := map[string]string{}, []string{}
	for _, h := range l.plan.hosts {
		names[h.Name] = h.FOGName
		ids = append(ids, h.DashboardID)
	}
	l.dashboard, err = dashboard.Serve(l.world, l.faults, dashboard.Config{
		Mode: l.opts.DashboardMode, Lab: LabName, Token: s.dashboard, Addr: addr(p.Dashboard, 0), Hosts: ids, HostType: "hpe", Users: recordedUsers,
	})
	if err != nil {
		return err
	}
	l.closers = append(l.closers, l.dashboard.Close)
	l.fog, err = fog.Serve(l.world, l.faults, fog.Config{
		Version: l.opts.FOGVersion, APIKey: s.fogAPI, UserKey: s.fogUser, ADPassword: s.domainJoin, Names: names, Addr: addr(p.FOG, 0),
	})
	if err != nil {
		return err
	}
	l.closers = append(l.closers, l.fog.Close)
	l.ldap, err = ldap.Serve(l.world, l.faults, ldap.Config{
		Addr: addr(p.LDAP, 0), Base: ldapBase, Branch: ldapBranch, AdminDN: ldapAdmin, AdminPassword: s.ldap, TLS: s.tls, RequireTLS: true,
	})
	if err != nil {
		return err
	}
	l.onClose(l.ldap.Close)
	for i, name := range l.world.Switches() {
		cfg := nxapi.Config{Addr: addr(p.Switch, i), Switch: name, User: admin, Password: s.switches[name], TLS: s.tls, VLANs: labVLANs()}
		if l.opts.Switches != nil {
			l.opts.Switches(&cfg)
		}
		sw, err := nxapi.Serve(l.world, l.faults, cfg)
		if err != nil {
			return err
		}
		l.switches[name] = sw
		l.onClose(sw.Close)
	}
	for i, h := range l.plan.hosts {
		if err := l.serveHost(h, i); err != nil {
			return err
		}
	}
	return nil
}

// serveHost starts what answers for one host: its BMC and its SSH.
func (l *Lab) serveHost(h *HostSpec, i int) error {
	b, err := l.serveBMC(h, addr(l.opts.Ports.BMC, i))
	if err != nil {
		return err
	}
	l.bmcs[h.Name] = b
	l.onClose(b.Close)
	s, err := sshd.Serve(l.world, l.faults, sshd.Config{Addr: addr(l.opts.Ports.SSH, i), Host: h.Name})
	if err != nil {
		return err
	}
	l.sshds[h.Name] = s
	l.onClose(s.Close)
	return nil
}

// addr is where to listen: the i-th port from a given one, or any free one.
func addr(first, i int) string {
	if first == 0 {
		return ""
	}
	return fmt.Sprintf("127.0.0.1:%d", first+i)
}

func (l *Lab) onClose(f func() error) { l.closers = append(l.closers, func() { _ = f() }) }

// Close stops everything and removes the directory if the lab made it.
func (l *Lab) Close() {
	for i := len(l.closers) - 1; i >= 0; i-- {
		l.closers[i]()
	}
	l.closers = nil
	if l.ownDir {
		_ = os.RemoveAll(l.dir)
	}
}

// World is the lab's world.
func (l *Lab) World() *world.World { return l.world }

// Dashboard is the lab's dashboard.
func (l *Lab) Dashboard() *dashboard.Server { return l.dashboard }

// FOG is the lab's imaging server.
func (l *Lab) FOG() *fog.Server { return l.fog }

// LDAP is the lab's directory.
func (l *Lab) LDAP() *ldap.Server { return l.ldap }

// Switch is a switch, or nil.
func (l *Lab) Switch(name string) *nxapi.Server { return l.switches[name] }

// SSH is the SSH server of a host, or nil.
func (l *Lab) SSH(host string) *sshd.Server { return l.sshds[host] }

// Faults are the lab's faults.
func (l *Lab) Faults() *faults.Set { return l.faults }

// Deliver hands a body of jobs/new to the dashboard. Its hosts, MACs and images must be in the lab's from the start.
func (l *Lab) Deliver(body []byte) error { return l.dashboard.Deliver(body) }
