package ipmi

import (
	"context"
	"encoding/binary"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/command/storage"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/fault"
)

const (
	// lastRecord ends a list of records; in a request it is the last one.
	lastRecord = 0xffff
	// whole asks for all of a record at once.
	whole = 0xff
	// mostRecords is more than any BMC has.
	mostRecords = 2000
	// restarts is how often a record is read again whose reservation was lost to another reader.
	restarts = 5
)

// recordStore gives records piece by piece. A piece that does not begin with the record needs a reservation.
type recordStore interface {
	get(ctx context.Context, reservation, id uint16, offset, count uint8) (data []byte, next uint16, err error)
	reserve(ctx context.Context) (uint16, error)
}

// mainStore is the BMC's repository (IPMI 2.0 section 33), deviceStore the sensor device itself, of a BMC that has no repository (35.3).
type (
	mainStore   struct{ *client.Client }
	deviceStore struct{ *client.Client }
)

func (c mainStore) get(ctx context.Context, reservation, id uint16, offset, count uint8) ([]byte, uint16, error) {
	res := &storage.GetSDRResponse{}
	err := c.Exchange(ctx, &storage.GetSDRRequest{ReservationID: reservation, RecordID: id, ReadOffset: offset, ReadBytes: count}, res)
	return res.RecordData, res.NextRecordID, err
}

func (c mainStore) reserve(ctx context.Context) (uint16, error) {
	res, err := c.ReserveSDRRepo(ctx)
	if err != nil {
		return 0, err
	}
	return res.ReservationID, nil
}

func (c deviceStore) get(ctx context.Context, reservation, id uint16, offset, count uint8) ([]byte, uint16, error) {
	res := &storage.GetDeviceSDRResponse{}
	err := c.Exchange(ctx, &storage.GetDeviceSDRRequest{ReservationID: reservation, RecordID: id, ReadOffset: offset, ReadBytes: count}, res)
	return res.RecordData, res.NextRecordID, err
}

func (c deviceStore) reserve(ctx context.Context) (uint16, error) {
	res, err := c.ReserveDeviceSDRRepo(ctx)
	if err != nil {
		return 0, err
	}
	return res.ReservationID, nil
}

// repository reads the records of what the BMC has on board.
type repository struct {
	store recordStore
	// chunk is how many bytes the BMC gives at a time; whole, until it shows that it does not.
	chunk       uint8
	reservation uint16
}

// each calls use for every record that can be read as one, and counts the others.
func (r *repository) each(ctx context.Context, use func(*types.SDR) error) (damaged int, err error) {
	r.chunk, r.reservation = whole, 0
	id, seen := uint16(0), map[uint16]bool{}
	for range mostRecords {
		data, next, err := r.record(ctx, id)
		if code, ok := completion(err); ok && id == 0 && code == types.CodeRequestedDataNotPresent {
			return 0, fault.New(fault.NotFound, "the BMC has none")
		}
		if err != nil {
			return damaged, err
		}
		if sdr, err := types.ParseSDR(data, next); err != nil {
			damaged++
		} else if err := use(sdr); err != nil {
			return damaged, err
		}
		seen[binary.LittleEndian.Uint16(data)] = true
		if next == lastRecord || seen[next] { // some lists go in circles
			return damaged, nil
		}
		id = next
	}
	return damaged, fault.New(fault.NotFound, "the list of records does not end")
}

// record reads one record, in pieces if it must: some BMCs refuse to give it whole, some give its beginning without a word.
func (r *repository) record(ctx context.Context, id uint16) (data []byte, next uint16, err error) {
	if r.chunk == whole {
		data, next, err = r.store.get(ctx, 0, id, 0, whole)
		if err != nil && !tooMuch(err) || err == nil && len(data) >= recordSize(data) {
			return data, next, err
		}
		r.chunk = 32
	}
	data = nil
	for again := 0; len(data) < recordSize(data); {
		piece, after, err := r.store.get(ctx, r.reservation, id, uint8(len(data)), min(r.chunk, uint8(recordSize(data)-len(data))))
		code, _ := completion(err)
		switch {
		case code == types.CodeReservationCanceled && again < restarts:
			again++
			data = nil
			if r.reservation, err = r.store.reserve(ctx); err != nil {
				return nil, 0, err
			}
			continue
		case tooMuch(err) && r.chunk > 4:
			r.chunk /= 2
			continue
		case err != nil:
			return nil, 0, err
		case len(piece) == 0:
			return nil, 0, fault.New(fault.Transient, "an empty piece of record %d", id)
		}
		data, next = append(data, piece...), after
	}
	return data, next, nil
}

// recordSize is how long a record is, as its header says; before that was read, as long as the header.
func recordSize(data []byte) int {
	if len(data) < types.SDRRecordHeaderSize {
		return types.SDRRecordHeaderSize
	}
	return min(types.SDRRecordHeaderSize+int(data[types.SDRRecordHeaderSize-1]), whole)
}

// tooMuch is the answer to a request for more bytes than the BMC puts into one message.
func tooMuch(err error) bool {
	code, ok := completion(err)
	return ok && storage.ReadFRUDataLength2Big(code)
}
