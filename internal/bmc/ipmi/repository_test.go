package ipmi

import (
	"context"
	"testing"

	"github.com/bougou/go-ipmi/pkg/types"
	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/fault"
)

// shelf gives records as BMCs do it.
type shelf struct {
	records [][]byte
	// most is how many bytes it gives at once: it refuses more, or cuts without a word.
	most int
	cuts bool
	// thief makes every so many reads with a reservation lose it.
	thief       int
	reads       int
	reservation uint16
	circular    bool
}

func (s *shelf) reserve(context.Context) (uint16, error) {
	s.reservation++
	return s.reservation, nil
}

func answer(code types.CompletionCode) error { return types.NewResponseError(code, "no") }

func (s *shelf) get(_ context.Context, reservation, id uint16, offset, count uint8) ([]byte, uint16, error) {
	s.reads++
	i := int(max(id, 1)) - 1
	if i >= len(s.records) {
		return nil, 0, answer(types.CodeRequestedDataNotPresent)
	}
	if s.thief > 0 && s.reads%s.thief == 0 {
		s.reservation++
	}
	if offset > 0 && reservation != s.reservation {
		return nil, 0, answer(types.CodeReservationCanceled)
	}
	record := s.records[i]
	end := min(len(record), int(offset)+int(count))
	if size := end - int(offset); size > s.most {
		if !s.cuts {
			return nil, 0, answer(types.CodeCannotReturnRequestedDataBytes)
		}
		end = int(offset) + s.most
	}
	next := uint16(i + 2)
	if i+1 == len(s.records) {
		next = lastRecord
		if s.circular {
			next = 1
		}
	}
	return record[offset:end], next, nil
}

func TestRecordsAreReadHoweverABMCGivesThem(t *testing.T) {
	var records [][]byte
	for i, name := range []string{"FAN1", "a rather long one", "X"} {
		records = append(records, (&types.SDRCompact{SensorNumber: types.SensorNumber(i), IDStringTypeLength: types.TypeLength(0xc0 | len(name)), IDStringBytes: []byte(name)}).Pack(uint16(i+1)))
	}
	broken := [][]byte{records[0], {2, 0, 0x51, 0x02, 3, 0xff, 0xff, 0xff}, records[2]}
	for name, c := range map[string]struct {
		shelf   shelf
		names   []string
		damaged int
		kind    fault.Kind
	}{
		"whole":                                {shelf{records: records, most: 255}, []string{"FAN1", "a rather long one", "X"}, 0, ""},
		"in pieces of 16":                      {shelf{records: records, most: 16}, []string{"FAN1", "a rather long one", "X"}, 0, ""},
		"in pieces of 5":                       {shelf{records: records, most: 5}, []string{"FAN1", "a rather long one", "X"}, 0, ""},
		"cut without a word":                   {shelf{records: records, most: 20, cuts: true}, []string{"FAN1", "a rather long one", "X"}, 0, ""},
		"while somebody else reads them, too":  {shelf{records: records, most: 16, thief: 5}, []string{"FAN1", "a rather long one", "X"}, 0, ""},
		"while somebody else never lets it":    {shelf{records: records, most: 16, thief: 1}, nil, 0, fault.Failed},
		"one of them is damaged":               {shelf{records: broken, most: 255}, []string{"FAN1", "X"}, 1, ""},
		"nothing at all":                       {shelf{most: 255}, nil, 0, fault.NotFound},
		"in circles":                           {shelf{records: records[:1], most: 255, circular: true}, []string{"FAN1"}, 0, ""},
		"in larger circles":                    {shelf{records: records, most: 255, circular: true}, []string{"FAN1", "a rather long one", "X"}, 0, ""},
		"nothing, although it says that it is": {shelf{records: [][]byte{{}}, most: 255}, nil, 0, fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			var names []string
			damaged, err := (&repository{store: &c.shelf}).each(t.Context(), func(sdr *types.SDR) error {
				names = append(names, sdr.SensorName())
				return nil
			})
			assert.Equal(t, c.damaged, damaged)
			if c.kind != "" {
				assert.Equal(t, c.kind, fault.KindOf(classify(err)), "%v", err)
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, c.names, names)
		})
	}
}
