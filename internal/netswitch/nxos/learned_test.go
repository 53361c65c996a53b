package nxos_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/simlab/world"
)

// addresses is the answer to "show mac address-table", in the shape of a Nexus 9000.
func addresses(body string) string {
	return envelope(`{"input":"show mac address-table","msg":"Success","code":"200","body":` + body + `}`)
}

func TestWhereASwitchSawAddresses(t *testing.T) {
	const one = `{"disp_mac_addr":"48df.371d.1300","disp_type":"* ","disp_vlan":"100","disp_is_static":"disabled","disp_age":"0","disp_is_secure":"F","disp_is_ntfy":"F","disp_port":"Ethernet1/1"}`
	const own = `{"disp_mac_addr":"00de.fb00.0001","disp_type":"G ","disp_vlan":"-","disp_is_static":"enabled","disp_age":"-","disp_is_secure":"F","disp_is_ntfy":"F","disp_port":"sup-eth1(R)"}`
	const peer = `{"disp_mac_addr":"48DF.371D.1301","disp_type":"+ ","disp_vlan":"200","disp_is_static":"disabled","disp_age":"12","disp_is_secure":"F","disp_is_ntfy":"F","disp_port":"port-channel10"}`
	first := netswitch.Learned{MAC: "48:df:37:1d:13:00", Port: "Ethernet1/1", VLAN: 100}
	for name, c := range map[string]struct {
		body string
		want []netswitch.Learned
		kind fault.Kind
	}{
		"several, the switch's own among them": {`{"TABLE_mac_address":{"ROW_mac_address":[` + own + `,` + one + `,` + peer + `]}}`,
			[]netswitch.Learned{first, {MAC: "48:df:37:1d:13:01", Port: "port-channel10", VLAN: 200}}, ""},
		"one, which is no list":                {`{"TABLE_mac_address":{"ROW_mac_address":` + one + `}}`, []netswitch.Learned{first}, ""},
		"none":                                 {`{}`, nil, ""},
		"none, as text":                        {`""`, nil, ""},
		"an address that cannot be understood": {`{"TABLE_mac_address":{"ROW_mac_address":{"disp_mac_addr":"somewhere","disp_vlan":"100","disp_port":"Ethernet1/1"}}}`, nil, fault.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := serve(t, nil, status(200, addresses(c.body)))
			got, err := d.(netswitch.Learner).Learned(t.Context())
			if c.kind != "" {
				assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestTheSimulatedSwitchHasSeenWhoRuns(t *testing.T) {
	_, d, w, _ := lab(t)
	w.AddHost(world.HostSpec{Name: "hpe1", NICs: []world.NIC{{MAC: "48:df:37:1d:13:00", Name: "eth0", Switch: "sw1", Port: "Ethernet1/1"}}})
	require.NoError(t, w.SetPort("sw1", "Ethernet1/1", world.Port{Native: 100}))
	w.AddImage(world.Image{ID: 1, Name: "ubuntu", OS: "ubuntu", Version: "22.04"})
	require.NoError(t, w.Install("hpe1", 1))
	seen := func() []netswitch.Learned {
		got, err := d.(netswitch.Learner).Learned(t.Context())
		require.NoError(t, err)
		return got
	}
	assert.Empty(t, seen(), "it is off")
	up := make(chan struct{}, 100)
	w.OnChange(func() { up <- struct{}{} })
	require.NoError(t, w.PowerOn("hpe1"))
	for !w.Up("hpe1") {
		<-up
	}
	assert.Equal(t, []netswitch.Learned{{MAC: "48:df:37:1d:13:00", Port: "Ethernet1/1", VLAN: 100}}, seen())
	require.NoError(t, w.SetPort("sw1", "Ethernet1/1", world.Port{Native: 100, Shutdown: true}))
	assert.Empty(t, seen(), "its port is shut")
}
