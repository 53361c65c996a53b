package ipmi

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/command/storage"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// clockSet is where real time begins: a smaller time stamp counts seconds since the BMC started (IPMI 2.0 section 37.1).
const clockSet = 0x20000000

// holes is how many numbers in vain are tried between two entries: entries that somebody deleted leave holes.
const holes = 32

// readEvents reads the last entries of the event log, the newest first. The standard has "the last one" and "the one after this", and no
// "the one before"; the entries of nearly all BMCs have numbers at equal distances, and where they do not, the whole log is read.
func readEvents(ctx context.Context, c *client.Client, most int, names map[source]string) ([]bmc.Event, error) {
	if most <= 0 {
		return nil, nil
	}
	info, err := c.GetSELInfo(ctx)
	if err != nil {
		return nil, err
	}
	count := int(info.Entries)
	if count == 0 {
		return nil, nil
	}
	l := &log{get: entryOf(c)}
	records, err := l.back(ctx, count, min(most, count))
	if err == nil && records == nil {
		records, err = l.forward(ctx, count, most)
	}
	if err != nil {
		return nil, err
	}
	return describeEvents(records, names), nil
}

// log is the event log (IPMI 2.0 section 31).
type log struct {
	get func(ctx context.Context, id uint16) (entry *types.SEL, next uint16, err error)
}

func entryOf(c *client.Client) func(context.Context, uint16) (*types.SEL, uint16, error) {
	return func(ctx context.Context, id uint16) (*types.SEL, uint16, error) {
		res := &storage.GetSELEntryResponse{}
		if err := c.Exchange(ctx, &storage.GetSELEntryRequest{RecordID: id, ReadBytes: whole}, res); err != nil {
			return nil, 0, err
		}
		one, err := types.ParseSEL(res.Data)
		return one, res.NextRecordID, err
	}
}

// back reads from the end. It gives nil when it does not find an entry's predecessor.
func (l *log) back(ctx context.Context, count, most int) ([]*types.SEL, error) {
	last, _, err := l.get(ctx, lastRecord)
	if err != nil {
		return nil, err
	}
	list := []*types.SEL{last}
	if most == 1 {
		return list, nil
	}
	first, _, err := l.get(ctx, 0)
	if err != nil {
		return nil, err
	}
	step := 1
	if span := int(last.RecordID) - int(first.RecordID); span > 0 && span%(count-1) == 0 {
		step = span / (count - 1)
	}
	missed := 0
	for id := int(last.RecordID) - step; len(list) < most; id -= step {
		if id <= 0 || missed > holes {
			return nil, nil
		}
		one, next, err := l.get(ctx, uint16(id))
		switch {
		case declined(err):
			missed++
			continue
		case err != nil:
			return nil, err
		case int(one.RecordID) != id || next != list[len(list)-1].RecordID:
			return nil, nil
		}
		list, missed = append(list, one), 0
	}
	return list, nil
}

// forward reads the whole log, which may have grown meanwhile, and keeps its end.
func (l *log) forward(ctx context.Context, count, most int) ([]*types.SEL, error) {
	var list []*types.SEL
	for id, n := uint16(0), 0; id != lastRecord; n++ {
		if n > count+holes {
			return nil, fault.New(fault.NotFound, "the event log does not end")
		}
		one, next, err := l.get(ctx, id)
		if err != nil {
			return nil, err
		}
		if list = append(list, one); len(list) > most {
			list = list[1:]
		}
		id = next
	}
	slices.Reverse(list)
	return list, nil
}

// cause is what an event and its end have in common.
type cause struct {
	source
	reading types.EventReadingType
	offset  uint8
}

// describeEvents puts entries, the newest first, into words.
func describeEvents(records []*types.SEL, names map[source]string) []bmc.Event {
	var out []bmc.Event
	ended := map[cause]bool{}
	for _, r := range records {
		e := bmc.Event{ID: int(r.RecordID)}
		switch {
		case r.Standard != nil:
			s := r.Standard
			from := cause{source{s.GeneratorID.OwnerID(), uint8(s.SensorNumber)}, s.EventReadingType, s.EventData.EventReadingOffset()}
			e.At, e.Sensor, e.Text = moment(s.Timestamp), names[from.source], stateName(s.SensorType, from.reading, from.offset)
			if e.Sensor == "" {
				e.Sensor = fmt.Sprintf("%s %02xh", kind(s.SensorType), from.number)
			}
			if s.EventDir { // the end of it
				ended[from] = true
				e.Text += " (ended)"
			} else {
				e.Critical = meaning(s.SensorType, from.reading, from.offset) == bmc.SensorCritical && !ended[from]
			}
		case r.OEMTimestamped != nil:
			e.At, e.Text = moment(r.OEMTimestamped.Timestamp), fmt.Sprintf("the vendor's own, type %02xh, data %x", uint8(r.RecordType), r.OEMTimestamped.OEMDefined)
		case r.OEMNonTimestamped != nil:
			e.Text = fmt.Sprintf("the vendor's own, type %02xh, data %x", uint8(r.RecordType), r.OEMNonTimestamped.OEM)
		}
		out = append(out, e)
	}
	return out
}

func moment(t time.Time) time.Time {
	if s := t.Unix(); s < clockSet || s == 0xffffffff {
		return time.Time{}
	}
	return t.UTC()
}
