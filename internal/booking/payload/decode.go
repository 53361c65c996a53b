package payload

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
)

// slug is what the dashboard itself accepts as a task's id in a URL.
var slug = regexp.MustCompile(`^[-A-Za-z0-9_]+$`)

// DecodeJob reads the payload of a job, {type: {task id: {...}}}. Tasks are sorted by kind, then by id. Problems tell of parts
// that are not even tasks; a payload that is no object at all has no tasks and one problem.
func DecodeJob(id int, payload []byte) (tasks []Task, problems []fault.Problem) {
	path := fmt.Sprintf("job %d", id)
	if !gjson.ValidBytes(payload) || !gjson.ParseBytes(payload).IsObject() {
		return nil, []fault.Problem{{Path: path, Text: "the payload is not a JSON object"}}
	}
	byID := map[Kind]map[string]Task{}
	gjson.ParseBytes(payload).ForEach(func(name, group gjson.Result) bool {
		at := path + "." + printable(name.Str)
		if !group.IsObject() {
			problems = append(problems, fault.Problem{Path: at, Text: "not an object of tasks by id"})
			return true
		}
		kind, known := typeNames[name.Str]
		if !known {
			kind = KindUnknown
		}
		group.ForEach(func(key, value gjson.Result) bool {
			if len(key.Str) > 64 || !slug.MatchString(key.Str) {
				problems = append(problems, fault.Problem{Path: at, Text: fmt.Sprintf("%q is no id of a task", printable(key.Str))})
				return true
			}
			if byID[kind] == nil {
				byID[kind] = map[string]Task{}
			}
			byID[kind][key.Str] = decodeTask(kind, key.Str, printable(name.Str), value)
			return true
		})
		return true
	})
	for _, kind := range kinds {
		var group []Task
		for _, t := range byID[kind] {
			group = append(group, t)
		}
		slices.SortFunc(group, func(a, b Task) int { return cmp.Compare(a.ID, b.ID) })
		tasks = append(tasks, group...)
	}
	return tasks, problems
}

// trouble is why a task has no typed content. Either field may be set.
type trouble struct{ halfMade, problem string }

func halfMade(format string, args ...any) *trouble {
	return &trouble{halfMade: fmt.Sprintf(format, args...)}
}

func problem(format string, args ...any) *trouble {
	return &trouble{problem: fmt.Sprintf(format, args...)}
}

func decodeTask(kind Kind, id, typeName string, v gjson.Result) Task {
	t := Task{ID: id, Kind: kind}
	if kind == KindUnknown {
		t.Problem = fmt.Sprintf("unknown type of task %q", typeName)
		return t
	}
	if !v.IsObject() {
		t.Problem = "the task is not an object"
		return t
	}
	o := object(v)
	t.LabToken = labToken(o["lab_token"])
	delete(o, "lab_token")
	var bad *trouble
	switch kind {
	case KindHardware:
		t.Host, t.Hardware, bad = decodeHardware(o)
	case KindNetwork:
		t.Host, t.Network, bad = decodeNetwork(o)
	case KindAccess:
		t.Access, bad = decodeAccess(o)
	case KindSoftware:
		t.Software, bad = decodeSoftware(o)
	case KindSnapshot:
		t.Snapshot, bad = decodeSnapshot(o)
		if t.Snapshot != nil {
			t.Host = t.Snapshot.Host
		}
	}
	if bad != nil {
		t.HalfMade, t.Problem = bad.halfMade, bad.problem
	}
	return t
}

func decodeHardware(o map[string]gjson.Result) (host string, hw *Hardware, bad *trouble) {
	host, ok := text(o["id"])
	if !ok {
		return "", nil, problem("the host's id is neither text nor a number")
	}
	if host == "" {
		return "", nil, halfMade("names no host yet")
	}
	hw = &Hardware{}
	if hw.Image, ok = text(o["image"]); !ok {
		return host, nil, problem("the image is neither text nor a number")
	}
	if hw.Hostname, ok = text(o["hostname"]); !ok {
		return host, nil, problem("the host name is not text")
	}
	if hw.Power, ok = power(o["power"]); !ok {
		return host, nil, problem(`the power is neither "on" nor "off"`)
	}
	if hw.CreateBMC, ok = boolean(o["ipmi_create"]); !ok {
		return host, nil, problem("ipmi_create is neither true nor false")
	}
	switch {
	case hw.Image == "defimage" && hw.Hostname == "hostname":
		return host, nil, halfMade("image and host name are still the dashboard's placeholders")
	case *hw == Hardware{}:
		return host, nil, halfMade("says nothing to do yet")
	}
	return host, hw, nil
}

func decodeSoftware(o map[string]gjson.Result) (*Software, *trouble) {
	opnfv, sent := o["opnfv"]
	switch {
	case !sent || opnfv.Type == gjson.Null:
		if len(o) > 1 || (!sent && len(o) > 0) {
			return &Software{Content: canonical(o)}, nil
		}
		return nil, halfMade("has no content yet")
	case !opnfv.IsObject():
		return nil, problem("the software's description is not an object")
	}
	empty := len(object(opnfv)) == 0 && len(o) == 1
	if empty {
		return &Software{Empty: true}, nil
	}
	installer, _ := text(object(opnfv)["installer"])
	return &Software{Installer: printable(installer), Content: canonical(o)}, nil
}

func decodeSnapshot(o map[string]gjson.Result) (*Snapshot, *trouble) {
	host, hostOK := text(o["host"])
	id, idOK := integer(o["dashboard_id"])
	image, imageOK := text(o["image"])
	switch {
	case host == "" && hostOK, !o["dashboard_id"].Exists():
		return nil, halfMade("names no host or no image yet")
	case !hostOK:
		return nil, problem("the host is neither text nor a number")
	case !idOK:
		return nil, problem("dashboard_id is no number")
	case !imageOK:
		return nil, problem("the image is neither text nor a number")
	}
	return &Snapshot{DashboardID: id, Host: host, Image: image}, nil
}
