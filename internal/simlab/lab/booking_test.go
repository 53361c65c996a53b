package lab_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/directory"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/hostnet"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/netswitch/nxos"
	"stackstorm-laas/internal/remote"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/simlab/lab"
	"stackstorm-laas/internal/simlab/world"
)

// await waits until something is true in the world.
func await(t *testing.T, w *world.World, what string, is func() bool) {
	t.Helper()
	changed := make(chan struct{}, 1)
	w.OnChange(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	for !is() {
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatal("it never became true: " + what)
		}
	}
}

// hands does by hand what the pack does, with the pack's own drivers and with nothing but the lab's files to find their way.
type hands struct {
	t    *testing.T
	lab  *lab.Lab
	cfg  *config.Config
	host *inventory.Host
	keys map[string]string
	inv  *inventory.Inventory
}

func (h *hands) ctx() context.Context { return h.t.Context() }

func (h *hands) port(p netswitch.Port) {
	h.t.Helper()
	nic := h.host.NICs[0]
	sw := h.inv.Switches[nic.Switch]
	var login struct{ User, Password string }
	require.NoError(h.t, json.Unmarshal([]byte(h.keys[sw.Credentials]), &login))
	d, err := nxos.New(nxos.Config{
		Switch: sw.Name, Address: sw.Address, User: login.User, Password: secret.New(login.Password), DarkVLAN: h.cfg.Network.DarkVLAN,
		Timeout: h.cfg.Network.Timeout.D(), Transport: &http.Transport{TLSClientConfig: trust(h.t, h.cfg)},
	})
	require.NoError(h.t, err)
	p.Name = nic.Port
	_, err = netswitch.Set(h.ctx(), d, []netswitch.Port{p})
	require.NoError(h.t, err)
}

func (h *hands) bmc() bmc.Driver {
	h.t.Helper()
	b := h.host.BMC
	var login struct{ User, Password string }
	require.NoError(h.t, json.Unmarshal([]byte(h.keys[b.Credentials]), &login))
	d, err := ipmi.Open(h.ctx(), bmc.Target{
		Host: h.host.Name, Address: b.Address, Port: b.Port, CipherSuite: b.CipherSuite, User: login.User, Password: secret.New(login.Password), Timeout: h.cfg.BMC.Timeout.D(),
	})
	require.NoError(h.t, err)
	h.t.Cleanup(func() { d.Close() })
	return d
}

func (h *hands) dial() (*remote.Conn, error) {
	return remote.Dial(h.ctx(), remote.Config{
		User: h.cfg.SSH.User, Key: secret.New(h.keys[h.cfg.SSH.PrivateKeyName]), ConnectTimeout: h.cfg.SSH.ConnectTimeout.D(), CommandTimeout: h.cfg.SSH.CommandTimeout.D(),
	}, remote.Target{Host: h.host.Name, Address: h.host.Hostname, Port: h.host.SSHPort})
}

// image deploys the image with FOG and waits until the system is up.
func (h *hands) image(ref string) {
	h.t.Helper()
	c, err := fog.New(fog.Config{Address: h.cfg.FOG.Address, APIKey: h.cfg.FOG.APIKey, UserKey: h.cfg.FOG.UserKey, Timeout: h.cfg.FOG.Timeout.D()})
	require.NoError(h.t, err)
	known, err := c.Host(h.ctx(), h.host.FOGName)
	require.NoError(h.t, err)
	img, err := c.Image(h.ctx(), ref)
	require.NoError(h.t, err)
	require.NoError(h.t, c.AssignImage(h.ctx(), known, img.ID))
	task, err := c.Schedule(h.ctx(), known, fog.Deploy, "by hand")
	require.NoError(h.t, err)
	d := h.bmc()
	require.NoError(h.t, d.SetBootDevice(h.ctx(), bmc.Boot{Device: bmc.DevicePXE}))
	require.NoError(h.t, d.SetPower(h.ctx(), bmc.PowerOn))
	w := h.lab.World()
	await(h.t, w, "the task is complete and the host is up", func() bool {
		now, _ := w.Task(task.ID)
		return now.State == world.TaskComplete && w.Up(h.host.Name)
	})
}

// network writes the NIC's configuration and shuts the host down; it counts from the next boot.
func (h *hands) network(nic hostnet.NIC) {
	h.t.Helper()
	conn, err := h.dial()
	require.NoError(h.t, err)
	defer conn.Close()
	r, _, err := hostnet.Detect(looked{h.ctx(), conn})
	require.NoError(h.t, err)
	nic.MAC, nic.Name = string(h.host.NICs[0].MAC), h.host.NICs[0].Name
	files, err := r.Files([]hostnet.NIC{nic})
	require.NoError(h.t, err)
	for _, f := range files {
		require.NoError(h.t, conn.WriteFile(h.ctx(), f.Path, f.Data, f.Mode))
	}
	for _, stale := range r.Stale() {
		names, err := conn.List(h.ctx(), parent(stale))
		if err != nil {
			continue
		}
		for _, name := range names {
			if path := parent(stale) + "/" + name; matches(stale, path) && !wrote(files, path) {
				require.NoError(h.t, conn.Remove(h.ctx(), path))
			}
		}
	}
	_, err = conn.Run(h.ctx(), "sync")
	require.NoError(h.t, err)
	require.NoError(h.t, h.bmc().SetPower(h.ctx(), bmc.PowerSoft))
	await(h.t, h.lab.World(), "the host is off", func() bool { return !h.lab.World().Power(h.host.Name) })
}

func TestABookingCanBePlayedWithThePacksOwnDrivers(t *testing.T) {
	for name, c := range map[string]struct {
		image string
		nic   hostnet.NIC
		port  netswitch.Port
	}{
		"ubuntu, untagged": {"23", hostnet.NIC{DHCP: true, Untagged: true}, netswitch.Port{Native: 100}},
		"ubuntu, tagged":   {"23", hostnet.NIC{VLANs: []hostnet.VLAN{{ID: 100, DHCP: true}}}, netswitch.Port{Tagged: []int{100, 200}}},
		"centos, untagged": {"25", hostnet.NIC{DHCP: true, Untagged: true}, netswitch.Port{Native: 100}},
		"centos, tagged":   {"25", hostnet.NIC{VLANs: []hostnet.VLAN{{ID: 100, DHCP: true}}}, netswitch.Port{Tagged: []int{100, 200}}},
	} {
		t.Run(name, func(t *testing.T) {
			l := start(t, lab.Options{Hosts: []lab.HostSpec{{Name: "hpe13"}}})
			inv := hosts(t, l)
			values, _ := keys(t, l)
			h := &hands{t: t, lab: l, cfg: resolved(t, l), inv: inv, host: inv.Hosts["hpe13"], keys: values}

			h.port(netswitch.Port{Native: h.cfg.Network.ProvisioningVLAN})
			h.image(c.image)
			h.network(c.nic)
			h.port(c.port)
			require.NoError(t, h.bmc().SetPower(t.Context(), bmc.PowerOn))
			await(t, l.World(), "the host is up", func() bool { return l.World().Up("hpe13") })
			conn, err := h.dial()
			require.NoError(t, err, l.World().ReachReason("hpe13"))
			require.NoError(t, conn.Close())
			assert.True(t, l.Report().Hosts[0].Reachable)

			h.port(netswitch.Port{Shutdown: true})
			_, err = h.dial()
			require.Error(t, err)
		})
	}
}

func TestTheReportTellsWhoHasWhat(t *testing.T) {
	l := start(t, lab.Options{}, "01")
	require.NoError(t, l.Deliver(body(t, "01")))
	inv := hosts(t, l)
	values, _ := keys(t, l)
	h := &hands{t: t, lab: l, cfg: resolved(t, l), inv: inv, host: inv.Hosts["hpe13"], keys: values}
	h.port(netswitch.Port{Native: h.cfg.Network.ProvisioningVLAN})
	h.image("23")
	h.port(netswitch.Port{Native: 100})
	_, err := h.bmc().PutAccount(h.ctx(), "OPNFV", secret.New("Tenant-123"))
	require.NoError(t, err)
	v := h.cfg.VPN
	d, err := directory.Open(h.ctx(), directory.Config{
		Server: v.Server, Security: v.Security, BindDN: v.Authentication.User, Password: v.Authentication.Pass, Base: v.Directory.Root, Branch: v.Directory.User,
		Objects: v.User.Objects, Timeout: v.Timeout.D(), TLS: trust(t, h.cfg),
	})
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, d.Put(h.ctx(), directory.Account{UID: "laas-1-2", CommonName: "alice", Surname: "alice", Password: secret.New("Vpn-123456")}))
	dash, err := dashboard.New(dashboard.Config{Address: h.cfg.Dashboard.Address, Lab: h.cfg.Dashboard.LabName, Token: h.cfg.Dashboard.Token, Timeout: time.Minute})
	require.NoError(t, err)
	jobs, problems, err := dash.Jobs(h.ctx(), dashboard.ListNew)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.Len(t, jobs, 1)
	_, err = dash.SetWorking(h.ctx(), "hpe13", false)
	require.NoError(t, err)

	got, err := json.Marshal(l.Report())
	require.NoError(t, err)
	assert.JSONEq(t, `{"hosts":[{"name":"hpe13","power":"on","image":23,"hostname":"localhost","reachable":true,"quarantined":true,
		"ports":[{"mac":"48:df:37:1d:13:00","switch":"sw1","port":"Ethernet1/1","native":100,"tagged":[],"shutdown":false},
		         {"mac":"48:df:37:1d:13:01","switch":"sw1","port":"Ethernet1/2","native":null,"tagged":[],"shutdown":true}],
		"ssh_keys":{},"bmc_users":["OPNFV"]}],"vpn_users":["laas-1-2"]}`, string(got))
}
