package actions

import (
	"net"
	"net/netip"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/testreal"
)

func TestAHostIsWhereItsNameLeadsTo(t *testing.T) {
	ips := func(texts ...string) (out []netip.Addr) {
		for _, text := range texts {
			out = append(out, netip.MustParseAddr(text))
		}
		return out
	}
	const shown = "2: eno1    inet 10.0.0.5/24 brd 10.0.0.255 scope global dynamic eno1\\       valid_lft 3599sec preferred_lft 3599sec\n" +
		"2: eno1    inet6 2001:db8::5/64 scope global \\       valid_lft forever preferred_lft forever\n" +
		"3: inet    inet 192.0.2.7/32 scope global inet\n" +
		"garbage {{ ctx() }} inet\n"
	own := ownAddresses(shown)
	assert.Equal(t, ips("10.0.0.5", "2001:db8::5", "192.0.2.7"), own)
	for name, c := range map[string]struct {
		own, known []netip.Addr
		note       string
	}{
		"the same":                      {own, ips("10.0.0.5"), ""},
		"one of several is the same":    {own, ips("10.0.0.9", "2001:db8::5"), ""},
		"the same, written as IPv6":     {own, ips("::ffff:10.0.0.5"), ""},
		"another":                       {own, ips("10.0.0.6"), "Its own address is 10.0.0.5, 2001:db8::5, 192.0.2.7; the name hpe13.lab.example leads to 10.0.0.6."},
		"the host shows no address":     {nil, ips("10.0.0.6"), "Its own address is none; the name hpe13.lab.example leads to 10.0.0.6."},
		"the name leads nowhere at all": {own, nil, "Its own address is 10.0.0.5, 2001:db8::5, 192.0.2.7; the name hpe13.lab.example leads to none."},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.note, differ("hpe13.lab.example", c.own, c.known)) })
	}
}

func TestRealIpShowsTheAddressesThatAreRead(t *testing.T) {
	program := testreal.Need(t, "ip")[0]
	out, err := exec.Command(program, "-o", "address", "show", "scope", "global").Output()
	require.NoError(t, err)
	var want []netip.Addr
	all, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
			want = append(want, p.Addr())
		}
	}
	if len(want) == 0 {
		t.Skip("this machine has no address")
	}
	assert.ElementsMatch(t, want, ownAddresses(string(out)))
}
