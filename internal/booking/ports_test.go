package booking_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/booking"
)

func TestAVLANIsUnusedWhenThePackMadeItAndNoPortIsToCarryIt(t *testing.T) {
	in := &booking.Intent{Created: []int{200, 300, 400}, Ports: map[string]booking.PortIntent{
		"e1": {Native: 200}, "e2": {Native: 98, Tagged: []int{300}},
	}}
	assert.Equal(t, []int{400}, in.Unused())
	assert.Equal(t, []int{200, 300, 400}, in.Created, "what is asked changes nothing")
}

func TestAReservationHoldsWhatIsConnectedUntilItIsSettled(t *testing.T) {
	r := &booking.Reservation{Host: "h1"}
	native := booking.Attachment{MAC: "m1", Network: "a", VLAN: 2000}
	tagged := booking.Attachment{MAC: "m1", Network: "b", VLAN: 2001, Tagged: true}
	for _, a := range []booking.Attachment{native, tagged} {
		changed, err := r.Connect(a)
		assert.NoError(t, err)
		assert.True(t, changed)
	}
	changed, err := r.Connect(native)
	assert.NoError(t, err)
	assert.False(t, changed)
	for name, a := range map[string]booking.Attachment{
		"a second native network":         {MAC: "m1", Network: "c", VLAN: 2002},
		"the same network, the other way": {MAC: "m1", Network: "b", VLAN: 2001},
	} {
		_, err := r.Connect(a)
		assert.Error(t, err, name)
	}
	assert.True(t, r.Disconnect("m1", "a"))
	assert.False(t, r.Disconnect("m1", "a"), "it is leaving already")
	assert.Equal(t, []int{2000, 2001}, r.VLANs(), "it counts until it is proven gone")
	assert.Equal(t, []string{"h1 m1"}, booking.Attached("a", []*booking.Reservation{r}))
	r.Settle()
	assert.Equal(t, []int{2001}, r.VLANs())
	assert.Empty(t, booking.Attached("a", []*booking.Reservation{r}))
}

func TestAVLANIsPickedFromTheLabsRange(t *testing.T) {
	have := []*booking.LabNetwork{{Name: "a", VLAN: 2000}}
	id, err := booking.FreeVLAN([]int{2000, 2001, 2002}, have, []*booking.Owner{{Host: "hpe14", VLANs: []int{2001}}})
	assert.NoError(t, err)
	assert.Equal(t, 2002, id)
	_, err = booking.FreeVLAN([]int{2000}, have, nil)
	assert.ErrorContains(t, err, "all 1 VLANs of network.lab_vlans are taken")
	_, err = booking.FreeVLAN(nil, have, nil)
	assert.ErrorContains(t, err, "network.lab_vlans")
}
