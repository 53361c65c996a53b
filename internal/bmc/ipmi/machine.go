package ipmi

import (
	"cmp"
	"context"
	"fmt"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// mainFRU is the inventory of the machine itself (IPMI 2.0 section 34); others are of its parts.
const mainFRU = 0

// readMachine reads what the machine says of itself. IPMI knows neither processors nor memory nor the host's network interfaces.
func readMachine(ctx context.Context, c *client.Client, m *bmc.Machine) error {
	*m = bmc.Machine{}
	id, err := c.GetDeviceID(ctx)
	if err != nil {
		return err
	}
	m.Firmware = fmt.Sprintf("%d.%02x", id.MajorFirmwareRevision, id.MinorFirmwareRevision) // the minor one is decimal digits
	f := &inventory{c: c, chunk: 32}
	head, err := f.bytes(ctx, 0, 8)
	if err != nil {
		return err
	}
	var header types.FRUCommonHeader
	if err := header.Unpack(head); err != nil || !header.Valid() {
		return fault.New(fault.NotFound, "the inventory is empty or damaged")
	}
	var product types.FRUProductInfoArea
	var board types.FRUBoardInfoArea
	if err := f.area(ctx, header.ProductOffset8B, product.Unpack); err != nil {
		return err
	}
	if err := f.area(ctx, header.BoardOffset8B, board.Unpack); err != nil {
		return err
	}
	m.Manufacturer = cmp.Or(label(product.ManufacturerTypeLength, product.Manufacturer), label(board.ManufacturerTypeLength, board.Manufacturer))
	m.Model = cmp.Or(label(product.NameTypeLength, product.Name), label(board.ProductNameTypeLength, board.ProductName))
	m.Serial = cmp.Or(label(product.SerialNumberTypeLength, product.SerialNumber), label(board.SerialNumberTypeLength, board.SerialNumber))
	if m.Manufacturer+m.Model+m.Serial == "" {
		return fault.New(fault.NotFound, "the inventory names no product")
	}
	return nil
}

// inventory reads the storage of a FRU in pieces that the BMC gives.
type inventory struct {
	c     *client.Client
	chunk uint8
}

// area reads one area, whose length stands in its second byte, in units of 8 bytes. An offset of 0 is an area that is not there; one that
// cannot be read as such is left out.
func (f *inventory) area(ctx context.Context, offset8 uint8, unpack func([]byte) error) error {
	if offset8 == 0 {
		return nil
	}
	at := uint16(offset8) * 8
	head, err := f.bytes(ctx, at, 8)
	if err != nil {
		return err
	}
	all, err := f.bytes(ctx, at, int(head[1])*8)
	if err != nil {
		return err
	}
	_ = unpack(all) // what is before the damage is kept
	return nil
}

func (f *inventory) bytes(ctx context.Context, at uint16, count int) ([]byte, error) {
	var data []byte
	for len(data) < count {
		res, err := f.c.ReadFRUData(ctx, mainFRU, at+uint16(len(data)), uint8(min(count-len(data), int(f.chunk))))
		switch {
		case tooMuch(err) && f.chunk > 8:
			f.chunk /= 2
			continue
		case err != nil:
			return nil, err
		case len(res.Data) == 0:
			return nil, fault.New(fault.NotFound, "the inventory ends in the middle")
		}
		data = append(data, res.Data...)
	}
	return data[:count], nil
}
