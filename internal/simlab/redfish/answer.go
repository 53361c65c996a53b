package redfish

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/peer"
	"stackstorm-laas/internal/simlab/web"
)

// doc is a resource or a request.
type doc = map[string]any

// maxRequest bounds what a client may send.
const maxRequest = 1 << 20

func link(path string) doc { return doc{"@odata.id": path} }

func collection(path, kind string, members []string) doc {
	list := []doc{}
	for _, m := range members {
		list = append(list, link(m))
	}
	return doc{"@odata.id": path, "@odata.type": fmt.Sprintf("#%sCollection.%[1]sCollection", kind), "Name": kind + " Collection",
		"Members": list, "Members@odata.count": len(list)}
}

// answer sends a resource, with the tag of its version.
func answer(w http.ResponseWriter, status int, body doc) {
	body["@odata.etag"] = tag(body)
	w.Header().Set("ETag", tag(body))
	w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// tag is the version of a resource.
func tag(body doc) string {
	body = maps.Clone(body)
	delete(body, "@odata.etag")
	text, _ := json.Marshal(body) // in the order of the keys
	return fmt.Sprintf(`W/"%08x"`, crc32.ChecksumIEEE(text))
}

// refuse answers with an error of the Base message registry.
func refuse(w http.ResponseWriter, status int, message string) {
	id := "Base.1.8." + message
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc{"error": doc{"code": id, "message": "See @Message.ExtendedInfo.",
		"@Message.ExtendedInfo": []doc{{"MessageId": id, "Message": message, "Severity": "Critical"}}}})
}

// read takes the request's JSON object, and answers one that is none.
func read(w http.ResponseWriter, r *http.Request) (doc, bool) {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	var body doc
	if err == nil {
		err = json.Unmarshal(text, &body)
	}
	if err != nil || body == nil {
		refuse(w, http.StatusBadRequest, "MalformedJSON")
		return nil, false
	}
	return body, true
}

// misbehave does what the faults of an operation say, and says whether the request is thereby answered. The kinds that are up to a write come back.
func (s *Server) misbehave(w http.ResponseWriter, r *http.Request, ops ...string) (kind faults.Kind, answered bool) {
	for _, op := range ops {
		if kind = s.faults.At(system, op, s.cfg.Host); kind != "" {
			break
		}
	}
	switch kind {
	case faults.Refuse:
		if ops[0] == "session" {
			refuse(w, http.StatusUnauthorized, "ResourceAtUriUnauthorized")
		} else {
			refuse(w, http.StatusBadRequest, "ActionNotSupported")
		}
		return kind, true
	case faults.Error500:
		if ops[0] == "session" {
			refuse(w, http.StatusServiceUnavailable, "SessionLimitExceeded")
		} else {
			refuse(w, http.StatusServiceUnavailable, "ServiceTemporarilyUnavailable")
		}
		return kind, true
	}
	return kind, web.Fault(kind, w, r)
}

// shown is what the BMC shows of a topic: power, boot, user or bios. The server is locked.
func (s *Server) shown(topic string) *side {
	if !peer.Lying(s.faults, system, s.cfg.Host) {
		clear(s.lies)
	}
	if lie := s.lies[topic]; lie != nil {
		return lie
	}
	return s.truth
}

// write makes a change, or says that it did. do answers the status of a refusal and its message, or 0. The server is locked while it runs, and
// not any more when onWrite is told.
func (s *Server) write(topic string, kind faults.Kind, do func(*side) (status int, message string)) (int, string) {
	status, message := s.locked(topic, kind, do)
	if status == 0 && kind != faults.Forget && kind != faults.Lie {
		s.faults.Wrote(system, topic+".set", s.cfg.Host)
	}
	return status, message
}

func (s *Server) locked(topic string, kind faults.Kind, do func(*side) (int, string)) (int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := s.shown(topic)
	switch kind {
	case faults.Forget:
		return 0, ""
	case faults.Lie:
		if shown == s.truth {
			shown = s.truth.double()
			s.lies[topic] = shown
		}
		return do(shown)
	}
	if shown != s.truth {
		_, _ = do(shown)
	}
	return do(s.truth)
}
