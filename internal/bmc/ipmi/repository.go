package ipmi

import (
	"context"

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
	// mostRecords is more than any BMC has; a list that goes in circles ends there.
	mostRecords = 2000
	// restarts is how often a record is read again whose reservation was lost to another reader.
	restarts = 5
)

// repository is the list of what the BMC has on board (IPMI 2.0 section 33).
type repository struct {
	c *client.Client
	// chunk is how many bytes the BMC gives at a time; whole, until it refuses.
	chunk       uint8
	reservation uint16
	// device is a BMC without a repository, whose records come from the sensor device itself.
	device bool
}

// each calls use for every record that can be read as one.
func (r *repository) each(ctx context.Context, use func(*types.SDR) error) error {
	r.chunk = whole
	id := uint16(0)
	for range mostRecords {
		data, next, err := r.record(ctx, id)
		if id == 0 && !r.device && isAnswer(err) {
			r.device = true
			var device error
			if data, next, device = r.record(ctx, id); device == nil {
				err = nil
			}
		}
		if code, ok := completion(err); ok && id == 0 && code == types.CodeRequestedDataNotPresent {
			return fault.New(fault.NotFound, "the BMC has none")
		}
		if err != nil {
			return err
		}
		if sdr, err := types.ParseSDR(data, next); err == nil {
			if err := use(sdr); err != nil {
				return err
			}
		}
		if next == lastRecord || next == id {
			return nil
		}
		id = next
	}
	return fault.New(fault.NotFound, "the list of records does not end")
}

// record reads one record, in pieces if it must.
func (r *repository) record(ctx context.Context, id uint16) (data []byte, next uint16, err error) {
	if r.chunk == whole {
		if data, next, err = r.get(ctx, 0, id, 0, whole); !tooMuch(err) {
			return data, next, err
		}
		r.chunk = 32
	}
	size := types.SDRRecordHeaderSize
	for again := 0; len(data) < size; {
		piece, after, err := r.get(ctx, r.reservation, id, uint8(len(data)), min(r.chunk, uint8(size-len(data))))
		code, _ := completion(err)
		switch {
		case code == types.CodeReservationCanceled && again < restarts:
			again++
			data, size = nil, types.SDRRecordHeaderSize
			if err := r.reserve(ctx); err != nil {
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
		if len(data) >= types.SDRRecordHeaderSize {
			size = min(types.SDRRecordHeaderSize+int(data[types.SDRRecordHeaderSize-1]), whole)
		}
	}
	return data, next, nil
}

func (r *repository) get(ctx context.Context, reservation, id uint16, offset, count uint8) ([]byte, uint16, error) {
	if r.device {
		res := &storage.GetDeviceSDRResponse{}
		err := r.c.Exchange(ctx, &storage.GetDeviceSDRRequest{ReservationID: reservation, RecordID: id, ReadOffset: offset, ReadBytes: count}, res)
		return res.RecordData, res.NextRecordID, err
	}
	res := &storage.GetSDRResponse{}
	err := r.c.Exchange(ctx, &storage.GetSDRRequest{ReservationID: reservation, RecordID: id, ReadOffset: offset, ReadBytes: count}, res)
	return res.RecordData, res.NextRecordID, err
}

func (r *repository) reserve(ctx context.Context) error {
	if r.device {
		res, err := r.c.ReserveDeviceSDRRepo(ctx)
		if err == nil {
			r.reservation = res.ReservationID
		}
		return err
	}
	res, err := r.c.ReserveSDRRepo(ctx)
	if err == nil {
		r.reservation = res.ReservationID
	}
	return err
}

// tooMuch is the answer to a request for more bytes than the BMC puts into one message.
func tooMuch(err error) bool {
	code, ok := completion(err)
	return ok && storage.ReadFRUDataLength2Big(code)
}
