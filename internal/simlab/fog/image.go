package fog

import (
	"net/http"
	"strconv"
)

// imageObject gives an image as FOG tells it, or nil. The operating system is that of the partition layout, not of what is in it.
func (s *Server) imageObject(id int) map[string]any {
	for _, i := range s.world.Images() {
		if i.ID == id {
			n := strconv.Itoa(i.ID)
			return map[string]any{
				"id": n, "name": i.Name, "description": i.OS + " " + i.Version, "path": i.Name, "createdTime": "2019-05-02 10:00:00", "createdBy": "fog",
				"building": "0", "size": "1048576.000000:9437184.000000:", "imageTypeID": "1", "imagePartitionTypeID": "1", "osID": "50",
				"isEnabled": "1", "toReplicate": "1", "compress": "6", "format": "5", "protected": "0",
				"os": map[string]any{"id": "50", "name": "Linux", "description": ""}, "osname": "Linux",
			}
		}
	}
	return nil
}

func (s *Server) image(q *request) {
	if q.Method != http.MethodGet {
		q.status(http.StatusNotImplemented)
		return
	}
	switch action := q.part(1); {
	case q.id(1) != 0:
		if o := s.imageObject(q.id(1)); o != nil {
			q.json(http.StatusOK, o)
			return
		}
		q.status(http.StatusNotFound)
	case action == "" || action == "list" || action == "all":
		var out []map[string]any
		for _, i := range s.world.Images() {
			out = append(out, s.imageObject(i.ID))
		}
		s.list(q, "images", out)
	default:
		q.status(http.StatusNotImplemented)
	}
}
