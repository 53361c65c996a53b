package dashboard

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
)

// States of a task.
const (
	New     = 0
	Current = 100
	Done    = 200
	Error   = 300
)

// Types of tasks that the dashboard treats specially.
const (
	hardwareType  = "hardware"
	networkType   = "network"
	accessType    = "access"
	softwareType  = "software"
	snapshotType  = "snapshot"
	analyticsType = "active users task"
)

// content is a task's object without lab_token.
type content map[string]json.RawMessage

func (c content) text(key string) string {
	var s string
	_ = json.Unmarshal(c[key], &s)
	return s
}

// job is a booking as the lab sees it.
type job struct {
	id    int
	tasks []*task
	// odd are the task types whose value is no object; they are delivered as they are.
	odd map[string]json.RawMessage
	// ended says that the clean-up was issued.
	ended bool
	// corrupt jobs cannot be written out, and take every list with them.
	corrupt bool
}

// state is what a lab can change about a task.
type state struct {
	Status         int
	Message, Token string
}

type task struct {
	id, typ string
	content content
	// everything holds what older deliveries of a hardware task said too; the dashboard of 2019 still shows it in a whole job.
	everything content
	// raw is the task itself when it is no object.
	raw json.RawMessage
	state
	// shown is what reads tell while a fault lies about it; nil while they tell the truth.
	shown   *state
	history []Update
}

// Update is one accepted write of a lab to a task; a nil field was not sent.
type Update struct {
	Status         *int
	Message, Token *string
}

func (t *task) read() state {
	if t.shown != nil {
		return *t.shown
	}
	return t.state
}

// hosts gives the host ids that a hardware or network task names.
func (t *task) hosts() (ids []string) {
	switch t.typ {
	case hardwareType:
		if id := t.content.text("id"); id != "" {
			ids = append(ids, id)
		}
	case networkType:
		for id := range t.content {
			ids = append(ids, id)
		}
	}
	return ids
}

func (t *task) isAccess(kind string) bool {
	return t.typ == accessType && strings.Contains(strings.ToLower(t.content.text("access_type")), kind)
}

// issue gives the task new content and makes it new. A token that the lab set is kept.
func (t *task) issue(c content, token string) {
	posted := false
	for _, u := range t.history {
		posted = posted || u.Token != nil
	}
	if !posted {
		t.Token = token
	}
	t.content = c
	if t.everything == nil || t.typ != hardwareType {
		t.everything = content{}
	}
	maps.Copy(t.everything, c)
	t.Status, t.shown = New, nil
}

// withToken writes an object with the token in it, as the dashboard does for all types but those that have none.
func (t *task) withToken(c content) json.RawMessage {
	if t.raw != nil {
		return t.raw
	}
	out := maps.Clone(c)
	if t.typ != snapshotType && t.typ != analyticsType {
		out["lab_token"], _ = json.Marshal(t.read().Token)
	}
	return object(out)
}

func object(c content) json.RawMessage {
	if c == nil {
		c = content{}
	}
	b, _ := json.Marshal(c)
	return b
}

// delta is the form in lists, in single tasks and in answers.
func (s *Server) delta(j *job, t *task) json.RawMessage { return t.withToken(s.live(j, t)) }

// live gives a task's content. Since 2020 hardware is computed from the host's present configuration: an old clean-up shows the
// image and hostname of the booking that has the host by now.
func (s *Server) live(j *job, t *task) content {
	id := t.content.text("id")
	h := s.hosts[id]
	if s.cfg.Mode == "2019" || t.typ != hardwareType || h == nil || h.job == 0 || h.job == j.id || t.content.text("power") != "off" {
		return t.content
	}
	c := maps.Clone(t.content)
	if now := s.job(h.job); now != nil {
		for _, other := range now.tasks {
			if other.typ == hardwareType && other.content.text("id") == id {
				c["image"], c["hostname"] = other.content["image"], other.content["hostname"]
			}
		}
	}
	return c
}

// full is the form in a whole job: mostly without tokens, and in 2019 with texts where lists have numbers and booleans.
func (s *Server) full(j *job, t *task) json.RawMessage {
	switch {
	case t.raw != nil:
		return t.raw
	case t.typ == softwareType, t.typ == hardwareType && s.cfg.Mode == "2022":
		return s.delta(j, t)
	case t.typ != hardwareType:
		return object(t.content)
	}
	c := maps.Clone(t.everything)
	if image, ok := c["image"]; ok {
		c["image"], _ = json.Marshal(strings.Trim(string(image), `"`))
	}
	if create, ok := c["ipmi_create"]; ok {
		yes, _ := strconv.ParseBool(strings.Trim(string(create), `"`))
		c["ipmi_create"] = json.RawMessage(`"False"`)
		if yes {
			c["ipmi_create"] = json.RawMessage(`"True"`)
		}
	}
	return object(c)
}
