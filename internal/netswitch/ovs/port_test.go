package ovs

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/netswitch"
)

// portRow is a row of the table Port as the server sends it.
func portRow(t *testing.T, tag, trunks, mode string) row {
	t.Helper()
	var r row
	text := fmt.Sprintf(`{"name":"p1","tag":%s,"trunks":%s,"vlan_mode":%s,"external_ids":["map",[["description","rack 1"],["other","x"]]],"interfaces":["uuid","i1"]}`, tag, trunks, mode)
	require.NoError(t, json.Unmarshal([]byte(text), &r))
	return r
}

func allBut(ids ...int) (out []int) {
	without := map[int]bool{}
	for _, id := range ids {
		without[id] = true
	}
	for id := range 4095 {
		if !without[id] {
			out = append(out, id)
		}
	}
	return out
}

func TestAPortIsReadAsOpenVSwitchTakesIt(t *testing.T) {
	const none = `["set",[]]`
	for _, c := range []struct {
		name, tag, trunks, mode string
		want                    netswitch.Port
	}{
		{"access", `10`, none, `"access"`, netswitch.Port{Mode: "access", Native: 10}},
		{"a tag alone means access", `10`, none, none, netswitch.Port{Mode: "access", Native: 10}},
		{"a set of one, written as a set", `["set",[10]]`, none, `["set",["access"]]`, netswitch.Port{Mode: "access", Native: 10}},
		{"access without a tag joins the untagged frames of trunks", none, none, `"access"`, netswitch.Port{Mode: "access", Native: untagged}},
		{"trunk", none, `["set",[20,10]]`, `"trunk"`, netswitch.Port{Mode: "trunk", Tagged: []int{10, 20}}},
		{"trunk of one", none, `10`, none, netswitch.Port{Mode: "trunk", Tagged: []int{10}}},
		{"trunk with VLAN 0 carries untagged frames", none, `["set",[0,10]]`, `"trunk"`, netswitch.Port{Mode: "trunk", Native: untagged, Tagged: []int{10}}},
		{"an empty list of trunks is all, untagged frames included", none, none, none, netswitch.Port{Mode: "trunk", Native: untagged, Tagged: allBut(0)}},
		{"native, and tagged", `10`, `["set",[10,20]]`, `"native-untagged"`, netswitch.Port{Mode: "trunk", Native: 10, Tagged: []int{20}}},
		{"native only", `10`, `10`, `"native-untagged"`, netswitch.Port{Mode: "trunk", Native: 10}},
		{"native, which is a trunk even where it is not listed", `10`, `20`, `"native-untagged"`, netswitch.Port{Mode: "trunk", Native: 10, Tagged: []int{20}}},
		{"native, and all others", `10`, none, `"native-untagged"`, netswitch.Port{Mode: "trunk", Native: 10, Tagged: allBut(10)}},
		{"the unusable VLAN is none", none, `4095`, `"trunk"`, netswitch.Port{Mode: "trunk"}},
		{"a mode of others", `10`, `20`, `"native-tagged"`, netswitch.Port{Mode: "native-tagged", Native: 10}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := vlans(portRow(t, c.tag, c.trunks, c.mode))
			require.NoError(t, err)
			c.want.Description = "rack 1"
			assert.Equal(t, c.want, p)
			if c.want.Mode != "native-tagged" { // what was read can be put back
				back := sent(t, columns(p))
				again, err := vlans(back)
				require.NoError(t, err)
				again.Description = p.Description
				assert.Equal(t, p, again)
			}
		})
	}
}

// sent turns the columns of a write into a row as it is read.
func sent(t *testing.T, columns map[string]any) row {
	t.Helper()
	columns["external_ids"] = dict(nil)
	text, err := json.Marshal(columns)
	require.NoError(t, err)
	var r row
	require.NoError(t, json.Unmarshal(text, &r))
	return r
}

func TestNoWantedPortIsEverWrittenAsATrunkOfEverything(t *testing.T) {
	for _, p := range []netswitch.Port{{}, {Shutdown: true}, {Native: 10}, {Native: 10, Mode: "trunk"}, {Tagged: []int{10}}, {Native: 10, Tagged: []int{20}}} {
		r := sent(t, columns(p))
		trunks, err := list[int](r, "trunks")
		require.NoError(t, err)
		mode, err := list[string](r, "vlan_mode")
		require.NoError(t, err)
		assert.True(t, len(trunks) > 0 || mode[0] == "access", "%+v: %v", p, r)
	}
}

func TestAColumnThatCannotBeUnderstoodIsAFailure(t *testing.T) {
	const none = `["set",[]]`
	good := portRow(t, none, none, none)
	for column, text := range map[string]string{"tag": `"x"`, "trunks": `["set",["x"]]`, "vlan_mode": `7`, "external_ids": `["set",[]]`} {
		r := row{}
		for k, v := range good {
			r[k] = v
		}
		r[column] = json.RawMessage(text)
		_, err := vlans(r)
		assert.Error(t, err, column)
		delete(r, column)
		_, err = vlans(r)
		assert.Error(t, err, "no "+column)
	}
}
