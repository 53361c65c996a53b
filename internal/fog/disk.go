package fog

import (
	"context"
	"fmt"
	"strings"
)

// Disk is a disk of a host.
type Disk struct{ Model, Serial string }

// Disks tells the disk of the host's hardware inventory: what the host had when it last ran FOG's inventory task or was registered, which
// may be long ago. FOG keeps one disk, the first one (hdmodel and hdserial of inventory.class.php), and takes it from "hdparm -i", which
// tells nothing of NVMe disks. So what is not listed may well be in the host.
func (c *Client) Disks(ctx context.Context, h Host) ([]Disk, error) {
	what := fmt.Sprintf("read the hardware inventory of host %s", h.Name)
	v, err := c.get(ctx, path("host/%d", h.ID), what)
	if err != nil {
		return nil, err
	}
	if got, ok := decodeHost(v); !ok || got.ID != h.ID {
		return nil, c.wrap(notThatHost(), what)
	}
	text := func(key string) string { return strings.TrimSpace(v.Get("inventory." + key).String()) }
	d := Disk{Model: text("hdmodel"), Serial: text("hdserial")}
	if d == (Disk{}) {
		return nil, nil
	}
	return []Disk{d}, nil
}
