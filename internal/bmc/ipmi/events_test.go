package ipmi

import (
	"context"
	"slices"
	"testing"

	"github.com/bougou/go-ipmi/pkg/types"
	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/fault"
)

// diary is an event log with these numbers, in this order.
type diary struct {
	ids   []uint16
	reads int
	// endless never says that an entry is the last one.
	endless bool
}

func (d *diary) get(_ context.Context, id uint16) (*types.SEL, uint16, error) {
	d.reads++
	i := slices.Index(d.ids, id)
	switch id {
	case 0:
		i = 0
	case lastRecord:
		i = len(d.ids) - 1
	}
	if i < 0 {
		return nil, 0, types.NewResponseError(types.CodeRequestedDataNotPresent, "no")
	}
	next := uint16(lastRecord)
	if i+1 < len(d.ids) {
		next = d.ids[i+1]
	} else if d.endless {
		next = d.ids[0]
	}
	return &types.SEL{RecordID: d.ids[i]}, next, nil
}

func TestTheLastEventsAreReadHoweverTheyAreNumbered(t *testing.T) {
	long := func(step uint16) (ids []uint16) {
		for i := range uint16(1000) {
			ids = append(ids, 1+i*step)
		}
		return ids
	}
	for name, c := range map[string]struct {
		ids  []uint16
		most int
		want []uint16
		// reads is how many at most.
		reads int
	}{
		"one":                       {[]uint16{7}, 5, []uint16{7}, 2},
		"fewer than asked for":      {[]uint16{1, 2, 3}, 5, []uint16{3, 2, 1}, 5},
		"one after the other":       {long(1), 3, []uint16{1000, 999, 998}, 5},
		"at a distance":             {long(20), 3, []uint16{19981, 19961, 19941}, 5},
		"with holes":                {slices.Delete(long(1), 990, 998), 3, []uint16{1000, 999, 990}, 20},
		"with a large hole":         {slices.Delete(long(1), 900, 998), 3, []uint16{1000, 999, 900}, 1000},
		"in no order":               {[]uint16{9, 2, 14, 3}, 3, []uint16{3, 14, 2}, 20},
		"after the numbers ran out": {[]uint16{65533, 65534, 1, 2}, 3, []uint16{2, 1, 65534}, 20},
	} {
		t.Run(name, func(t *testing.T) {
			d := &diary{ids: c.ids}
			l := &log{get: d.get}
			list, err := l.back(t.Context(), len(c.ids), min(c.most, len(c.ids)))
			if err == nil && list == nil {
				list, err = l.forward(t.Context(), len(c.ids), c.most)
			}
			assert.NoError(t, err)
			var ids []uint16
			for _, e := range list {
				ids = append(ids, e.RecordID)
			}
			assert.Equal(t, c.want, ids)
			assert.LessOrEqual(t, d.reads, c.reads)
		})
	}
	_, err := (&log{get: (&diary{ids: []uint16{5, 3, 9}, endless: true}).get}).forward(t.Context(), 3, 2)
	assert.Equal(t, fault.NotFound, fault.KindOf(err), "%v", err)
}
