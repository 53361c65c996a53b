package fog

import (
	"net/http"
	"strconv"
	"time"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// imageObject gives an image as FOG tells it, or nil. The operating system is that of the partition layout, not of what is in it.
func (s *Server) imageObject(id int) map[string]any {
	for _, i := range s.world.Images() {
		if i.ID == id {
			return imageObject(i)
		}
	}
	return nil
}

func imageObject(i world.Image) map[string]any {
	protected := "0"
	if i.Protected {
		protected = "1"
	}
	text := strconv.Itoa
	return map[string]any{
		"id": text(i.ID), "name": i.Name, "description": i.OS + " " + i.Version, "path": i.Path, "createdTime": "2019-05-02 10:00:00", "createdBy": "fog",
		"building": "0", "size": partitions(i.DiskSize), "srvsize": strconv.FormatInt(i.Size, 10), "deployed": since(i.Captured),
		"imageTypeID": text(i.TypeID), "imagePartitionTypeID": text(i.PartitionsID), "osID": text(i.OSID),
		"isEnabled": "1", "toReplicate": "1", "compress": "6", "format": "5", "protected": protected,
		"os": map[string]any{"id": text(i.OSID), "name": "Linux", "description": ""}, "osname": "Linux",
	}
}

// partitions writes a size as FOG does: of each partition, with colons between.
func partitions(size int64) string {
	if size == 0 {
		return ""
	}
	return strconv.FormatInt(size/4, 10) + ".000000:" + strconv.FormatInt(size-size/4, 10) + ".000000:"
}

// since writes a time, or what MySQL has for none.
func since(t time.Time) string {
	if t.IsZero() {
		return "0000-00-00 00:00:00"
	}
	return stamp(t)
}

func (s *Server) image(q *request) {
	id := q.id(1)
	if id != 0 && s.imageObject(id) == nil {
		q.status(http.StatusNotFound)
		return
	}
	switch action := q.part(1); {
	case id != 0 && q.Method == http.MethodGet && q.part(2) == "":
		q.json(http.StatusOK, s.imageObject(id))
	case id != 0 && q.Method == http.MethodDelete && (q.part(2) == "" || q.part(2) == "delete"):
		s.deleteImage(q, id)
	case q.Method == http.MethodPost && (action == "" || action == "create" || action == "new"):
		s.createImage(q)
	case q.Method == http.MethodGet && (action == "" || action == "list" || action == "all"):
		var out []map[string]any
		for _, i := range s.world.Images() {
			out = append(out, imageObject(i))
		}
		s.list(q, "images", out)
	default:
		q.status(http.StatusNotImplemented)
	}
}

// createImage makes an empty definition. What FOG's record needs must be there, other than 0.
func (s *Server) createImage(q *request) {
	var i world.Image
	i.Name, _ = q.body["name"].(string)
	i.Path, _ = q.body["path"].(string)
	i.OSID, _ = number(q.body["osID"])
	i.TypeID, _ = number(q.body["imageTypeID"])
	i.PartitionsID, _ = number(q.body["imagePartitionTypeID"])
	for _, other := range s.world.Images() {
		if other.Name == i.Name {
			q.failed(http.StatusInternalServerError, "Already created")
			return
		}
	}
	if i.Name == "" || i.Path == "" || i.OSID == 0 || i.TypeID == 0 {
		q.failed(http.StatusExpectationFailed, "A required database field is empty")
		return
	}
	if q.fault == faults.Forget || q.fault == faults.Lie {
		i.ID = firstLie
		q.json(http.StatusOK, imageObject(i))
		return
	}
	id, err := s.world.CreateImage(i)
	if err != nil {
		q.failed(http.StatusInternalServerError, err.Error())
		return
	}
	s.faults.Wrote("fog", "image.create", i.Name)
	q.json(http.StatusOK, s.imageObject(id))
}

// deleteImage deletes the record, protected or not.
func (s *Server) deleteImage(q *request, id int) {
	if q.fault != faults.Forget && q.fault != faults.Lie && s.world.DeleteImage(id) == nil {
		s.faults.Wrote("fog", "image.delete", strconv.Itoa(id))
	}
	q.json(http.StatusOK, "")
}
