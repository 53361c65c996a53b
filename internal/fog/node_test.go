package fog_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/retry"
)

func TestSlots(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want int
		ok   bool
	}{
		"1.5":                      {`{"count":2,"storagenodes":[{"id":"1","isEnabled":"1","maxClients":"10","pass":"` + password + `"},{"id":"2","isEnabled":"1","maxClients":"5"}]}`, 15, true},
		"1.6":                      {`{"recordsFiltered":1,"data":[{"id":1,"isEnabled":true,"maxClients":4}]}`, 4, true},
		"one is off":               {`{"count":3,"storagenodes":[{"isEnabled":"0","maxClients":"10"},{"isEnabled":false,"maxClients":3},{"isEnabled":"1","maxClients":"5"}]}`, 5, true},
		"a node without slots":     {`{"count":2,"storagenodes":[{"isEnabled":"1","maxClients":"0"},{"isEnabled":"1","maxClients":"-1"}]}`, 0, true},
		"on unless said otherwise": {`{"count":1,"storagenodes":[{"maxClients":"2"}]}`, 2, true},
		"no node":                  {`{"count":0,"storagenodes":null}`, 0, true},
		"no number":                {`{"count":1,"storagenodes":[{"isEnabled":"1","pass":"` + password + `"}]}`, 0, false},
		"no list":                  {`{"error":"` + password + `"}`, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := serve(t, map[string][]any{"GET storagenode": {tc.text}}).client(t, retry.Policy{}).Slots(t.Context())
			if !tc.ok {
				silent(t, err)
				assert.Equal(t, fault.Failed, fault.KindOf(err))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestDisks(t *testing.T) {
	for name, tc := range map[string]struct {
		inventory string
		want      []fog.Disk
	}{
		"a disk":              {`{"hdmodel":"INTEL SSDSC2KB480G8 ","hdserial":" PHYF0123"}`, []fog.Disk{{Model: "INTEL SSDSC2KB480G8", Serial: "PHYF0123"}}},
		"no serial":           {`{"hdmodel":"INTEL","hdserial":""}`, []fog.Disk{{Model: "INTEL"}}},
		"NVMe: nothing known": {`{"hdmodel":"","hdserial":null}`, nil},
		"never inventoried":   {`null`, nil},
		"an empty list":       {`[]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]any{"GET host/7": {`{"id":7,"name":"hpe13","ADPass":"` + password + `","inventory":` + tc.inventory + `}`}})
			got, err := s.client(t, retry.Policy{}).Disks(t.Context(), host)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}
