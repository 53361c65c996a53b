package fog

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

// hostName gives the host of an id: its place in the rack. Empty if there is none.
func (s *Server) hostName(id int) string {
	if names := s.world.Hosts(); id >= 1 && id <= len(names) {
		return names[id-1]
	}
	return ""
}

func (s *Server) hostID(name string) int { return slices.Index(s.world.Hosts(), name) + 1 }

// Rename gives a host of the world another name in FOG, which then does not know the old one. Two hosts may be made to have one name.
func (s *Server) Rename(host, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[host] = name
}

// shown is FOG's name of a host.
func (s *Server) shown(host string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name := s.names[host]; name != "" {
		return name
	}
	return host
}

// hostObject is a host with all that FOG tells about it, secrets included. Numbers are texts, as PHP reads them from its database.
func (s *Server) hostObject(name string) map[string]any {
	image := s.world.AssignedImage(name)
	s.mu.Lock()
	if lie, ok := s.lies.image[name]; ok {
		image = lie
	}
	s.mu.Unlock()
	var macs []string
	for _, n := range s.world.NICs(name) {
		macs = append(macs, n.MAC)
	}
	o := map[string]any{
		"id": strconv.Itoa(s.hostID(name)), "name": s.shown(name), "description": "", "ip": "", "imageID": strconv.Itoa(image), "building": "0",
		"createdTime": "2019-05-02 10:00:00", "deployed": "0000-00-00 00:00:00", "createdBy": "fog", "useAD": "1",
		"ADDomain": "lab.example", "ADOU": "", "ADUser": "join", "ADPass": s.cfg.ADPassword, "ADPassLegacy": "",
		"productKey": "", "printerLevel": "", "kernelArgs": "", "kernel": "", "kernelDevice": "", "init": "", "pending": "",
		"biosexit": "", "efiexit": "", "enforce": "", "inventory": s.inventory(name),
		"primac": "", "macs": macs, "imagename": "", "image": map[string]any{},
	}
	if len(macs) > 0 {
		o["primac"] = macs[0]
	}
	if img := s.imageObject(image); img != nil {
		o["image"], o["imagename"] = img, img["name"]
	}
	return o
}

// inventory is the hardware that the host had when it was registered. FOG has room for one disk.
func (s *Server) inventory(name string) map[string]any {
	now := s.world.Snapshot(name)
	return map[string]any{"hostID": strconv.Itoa(s.hostID(name)), "hdmodel": now.DiskModel, "hdserial": now.DiskSerial, "hdfirmware": "1.0", "sysserial": "SYS-" + name}
}

func (s *Server) host(q *request) {
	switch name := s.hostName(q.id(1)); {
	case q.id(1) == 0:
		s.hosts(q)
	case name == "":
		q.status(http.StatusNotFound)
	case q.part(2) == "task" && q.Method == http.MethodPost:
		s.queue(q, name)
	case q.part(2) == "cancel" && q.Method == http.MethodDelete:
		for _, t := range s.tasks() {
			if t.Host == name && t.State < world.TaskComplete {
				s.cancel(q, t)
			}
		}
		q.json(http.StatusOK, "")
	case slices.Contains([]string{"", "update", "edit"}, q.part(2)) && q.Method == http.MethodPut:
		s.edit(q, name)
	case q.part(2) == "" && q.Method == http.MethodGet:
		q.json(http.StatusOK, s.hostObject(name))
	default:
		q.status(http.StatusNotImplemented)
	}
}

// hosts answers the lists: all, by search, and by the value of a field, which 1.6 takes from the path and 1.5 from the body; it has no other
// route. Like its database, FOG compares regardless of case. 1.6 also has a list of names alone (1.5 got one in its last years; this is not
// one of those).
func (s *Server) hosts(q *request) {
	filter, keep := map[string]string{}, func(string) bool { return true }
	switch action := q.part(1); {
	case q.Method != http.MethodGet, action != "search" && q.part(2) != "" && !s.v16():
		q.status(http.StatusNotImplemented)
		return
	case action == "search":
		keep = func(name string) bool { return strings.Contains(strings.ToLower(name), strings.ToLower(q.part(2))) }
	case !slices.Contains([]string{"", "list", "all", "names"}, action), action == "names" && !s.v16():
		q.status(http.StatusNotImplemented)
		return
	case s.v16():
		if key, value, ok := strings.Cut(q.part(2), "="); ok {
			filter[key] = value
		}
	default:
		for key, value := range q.body {
			filter[key] = fmt.Sprint(value)
		}
	}
	rows, names := []map[string]any{}, []map[string]string{}
	for _, name := range s.world.Hosts() {
		shown, row := s.shown(name), s.hostRow(name)
		fits := keep(shown)
		for key, value := range filter {
			fits = fits && strings.EqualFold(fmt.Sprint(row[key]), value)
		}
		if fits {
			rows, names = append(rows, row), append(names, map[string]string{"id": strconv.Itoa(s.hostID(name)), "name": shown})
		}
	}
	if q.part(1) == "names" {
		q.json(http.StatusOK, names)
		return
	}
	s.list(q, "hosts", rows)
}

// hostRow is a host in a list: in 1.5 all that there is, in 1.6 a row of a table without the domain join (Route::listem).
func (s *Server) hostRow(name string) map[string]any {
	o := s.hostObject(name)
	if s.v16() {
		for _, key := range []string{"useAD", "ADDomain", "ADOU", "ADUser", "ADPass", "ADPassLegacy", "inventory", "image", "macs"} {
			delete(o, key)
		}
	}
	return o
}

// edit changes the image of a host. Hosts keep their names here. FOG compares a name that it is sent with the host's in lower case.
func (s *Server) edit(q *request, name string) {
	other, _ := q.body["name"].(string)
	taken := slices.ContainsFunc(s.world.Hosts(), func(h string) bool { return strings.EqualFold(s.shown(h), other) })
	switch {
	case taken && strings.ToLower(s.shown(name)) != other:
		q.failed(http.StatusInternalServerError, "Already created")
		return
	case other != "" && other != s.shown(name):
		q.status(http.StatusNotImplemented)
		return
	}
	image, given := number(q.body["imageID"])
	if !given {
		q.json(http.StatusOK, s.hostObject(name))
		return
	}
	switch q.fault {
	case faults.Forget:
		o := s.hostObject(name)
		o["imageID"] = strconv.Itoa(image)
		q.json(http.StatusOK, o)
		return
	case faults.Lie:
		s.mu.Lock()
		s.lies.image[name] = image
		s.mu.Unlock()
	default:
		s.mu.Lock()
		delete(s.lies.image, name)
		s.mu.Unlock()
		if err := s.world.AssignImage(name, image); err != nil {
			q.failed(http.StatusInternalServerError, err.Error())
			return
		}
		s.faults.Wrote("fog", "host.put", name)
	}
	q.json(http.StatusOK, s.hostObject(name))
}

// number reads a number that may be a text.
func number(v any) (int, bool) {
	switch v := v.(type) {
	case float64:
		return int(v), true
	case string:
		n, err := strconv.Atoi(v)
		return n, err == nil
	}
	return 0, false
}

func stamp(t time.Time) string { return t.Format(time.DateTime) }
