package fog

import (
	"net/http"
	"strconv"
)

// nodes answers the list of storage nodes: the one node of this FOG, its FTP password included, and one that is switched off.
func (s *Server) nodes(q *request) {
	if q.Method != http.MethodGet || q.part(1) != "" && q.part(1) != "list" && q.part(1) != "all" {
		q.status(http.StatusNotImplemented)
		return
	}
	node := func(id int, name, enabled string, clients int) map[string]any {
		return map[string]any{
			"id": strconv.Itoa(id), "name": name, "description": "", "isMaster": enabled, "storagegroupID": "1", "isEnabled": enabled, "isGraphEnabled": "1",
			"path": "/images", "ftppath": "/images", "bitrate": "", "ip": "192.0.2.10", "maxClients": strconv.Itoa(clients), "user": "fogproject", "pass": s.cfg.ADPassword,
			"interface": "eth0", "bandwidth": "", "webroot": "/fog",
		}
	}
	s.list(q, "storagenodes", []map[string]any{node(1, "DefaultMember", "1", s.world.Slots()), node(2, "spare", "0", 5)})
}
