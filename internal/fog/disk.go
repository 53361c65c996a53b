package fog

import (
	"context"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// Disk is a disk of a host.
type Disk struct{ Model, Serial string }

// Disks tells the disks of the host's hardware inventory: what the host had when it last ran FOG's inventory task or was registered,
// which may be long ago. FOG keeps fields for one disk (hdmodel and hdserial of inventory.class.php); hosts that were never inventoried
// have none.
func (c *Client) Disks(ctx context.Context, h Host) ([]Disk, error) {
	what := fmt.Sprintf("read the hardware inventory of host %s", h.Name)
	v, err := c.get(ctx, path("host/%d", h.ID), what)
	if err != nil {
		return nil, err
	}
	if got, ok := decodeHost(v); !ok || got.ID != h.ID {
		return nil, c.wrap(notThatHost(), what)
	}
	return decodeDisks(v.Get("inventory")), nil
}

// decodeDisks reads one or, separated by commas, several disks. A text without a serial is no disk that a certificate could name.
func decodeDisks(inventory gjson.Result) []Disk {
	models, serials := fields(inventory.Get("hdmodel")), fields(inventory.Get("hdserial"))
	var disks []Disk
	for i, serial := range serials {
		d := Disk{Serial: serial}
		if i < len(models) {
			d.Model = models[i]
		}
		disks = append(disks, d)
	}
	if len(serials) == 0 {
		for _, m := range models {
			disks = append(disks, Disk{Model: m})
		}
	}
	return disks
}

func fields(v gjson.Result) (out []string) {
	for part := range strings.SplitSeq(v.String(), ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
