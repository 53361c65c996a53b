package fog

import (
	"context"

	"github.com/tidwall/gjson"
)

// Slots tells how many hosts FOG deploys to at once: the sum of "maxClients" over the enabled storage nodes (storagenode.class.php).
// FOG itself lets a host that is one too many wait, checked in. It counts per node and only the task types of its setting
// FOG_USED_TASKS, deployments by default: captures and wipes take no slot. 0 means that FOG has no enabled node with a slot.
//
// Node objects hold the node's FTP password in clear: they are not logged either.
func (c *Client) Slots(ctx context.Context) (int, error) {
	const what = "list the storage nodes"
	v, err := c.get(ctx, "storagenode", what)
	if err != nil {
		return 0, err
	}
	nodes, err := list(v, "storagenodes")
	if err != nil {
		return 0, c.wrap(err, what)
	}
	var sum int
	for _, n := range nodes {
		slots, ok := number(n.Get("maxClients"))
		enabled, told := number(n.Get("isEnabled"))
		if !ok {
			return 0, c.wrap(unreadable("an entry of FOG's list of storage nodes has no number of clients"), what)
		}
		if off := told && enabled == 0 || n.Get("isEnabled").Type == gjson.False; !off {
			sum += max(slots, 0)
		}
	}
	return sum, nil
}
