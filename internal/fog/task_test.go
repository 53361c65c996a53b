package fog_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/retry"
)

const none = `{"count":0,"tasks":[]}`

func TestTasks(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want fog.Task
		ok   bool
	}{
		"numbers":              {`{"id":3,"name":"laas 1","hostID":7,"typeID":1,"imageID":23,"stateID":3,"percent":47,"createdBy":"fog"}`, fog.Task{ID: 3, Name: "laas 1", HostID: 7, TypeID: 1, ImageID: 23, State: fog.TaskInProgress, Percent: 47, CreatedBy: "fog"}, true},
		"texts":                {`{"id":"3","hostID":"7","typeID":"1","imageID":"23","stateID":"3","percent":"47.86%"}`, fog.Task{ID: 3, HostID: 7, TypeID: 1, ImageID: 23, State: fog.TaskInProgress, Percent: 47}, true},
		"nested objects":       {`{"id":3,"host":{"id":7},"type":{"id":"2"},"image":{"id":23},"state":{"id":2}}`, fog.Task{ID: 3, HostID: 7, TypeID: 2, ImageID: 23, State: fog.TaskCheckedIn}, true},
		"state 0 is queued":    {`{"id":3,"hostID":7,"stateID":0}`, fog.Task{ID: 3, HostID: 7, State: fog.TaskQueued}, true},
		"the other percentage": {`{"id":3,"hostID":7,"stateID":3,"percent":"","pct":"0000000012"}`, fog.Task{ID: 3, HostID: 7, State: fog.TaskInProgress, Percent: 12}, true},
		"more than all of it":  {`{"id":3,"hostID":7,"stateID":3,"percent":"101"}`, fog.Task{ID: 3, HostID: 7, State: fog.TaskInProgress, Percent: 100}, true},
		"a state nobody knows": {`{"id":3,"hostID":7,"stateID":9}`, fog.Task{ID: 3, HostID: 7, State: 9}, true},
		"when, how fast, how long": {`{"id":3,"hostID":7,"stateID":3,"checkInTime":"2026-11-21 04:12:33","bpm":" 5.12GB/min ","timeRemaining":"00:01:30"}`,
			fog.Task{ID: 3, HostID: 7, State: fog.TaskInProgress, CheckIn: time.Date(2026, 11, 21, 4, 12, 33, 0, time.UTC), Rate: "5.12GB/min", Left: "00:01:30"}, true},
		"no time that is one":  {`{"id":3,"hostID":7,"stateID":1,"checkInTime":"0000-00-00 00:00:00","bpm":null}`, fog.Task{ID: 3, HostID: 7, State: fog.TaskQueued}, true},
		"failed":               {`{"id":3,"hostID":7,"stateID":"6"}`, fog.Task{ID: 3, HostID: 7, State: fog.TaskFailed}, true},
		"no state":             {`{"id":3,"hostID":7}`, fog.Task{}, false},
		"a state that is text": {`{"id":3,"hostID":7,"stateID":"done"}`, fog.Task{}, false},
		"no host":              {`{"id":3,"stateID":4}`, fog.Task{}, false},
		"another task":         {`{"id":4,"hostID":7,"stateID":4}`, fog.Task{}, false},
		"an empty 200":         {``, fog.Task{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]any{"GET task/3": {tc.text}, "GET task/active": {`{"count":1,"tasks":[` + tc.text + `]}`}})
			got, err := s.client(t, retry.Policy{}).Task(t.Context(), 3)
			if !tc.ok {
				assert.Equal(t, fault.Failed, fault.KindOf(err), "what cannot be understood is a failure, not the end of a task")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
			tasks, err := s.client(t, retry.Policy{}).ActiveTasks(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []fog.Task{tc.want}, tasks)
		})
	}
	assert.Equal(t, "in progress", fog.TaskInProgress.String())
	assert.Equal(t, "state 9", fog.TaskState(9).String())
	assert.False(t, fog.TaskComplete.Active())
	assert.False(t, fog.TaskFailed.Active())
}

func TestSchedule(t *testing.T) {
	task := func(id, typ, name string) string {
		return `{"count":2,"tasks":[{"id":1,"hostID":6,"typeID":1,"stateID":3},{"id":"` + id + `","hostID":"7","typeID":"` + typ + `","stateID":"1","name":"` + name + `"}]}`
	}
	ours, theirs := task("3", "1", "laas"), task("3", "1", "by hand")
	memberError := reply{500, `{"error":"Host is already a member of an active task"}`}
	for name, tc := range map[string]struct {
		post, active []any
		policy       retry.Policy
		kind         fault.Kind
		posts        int
		text         string
	}{
		"1.5 answers null":                                          {[]any{`null`}, []any{none, ours}, patient, "", 1, ""},
		"1.6 answers an empty text":                                 {[]any{`""`}, []any{none, ours}, patient, "", 1, ""},
		"an empty body":                                             {[]any{``}, []any{none, ours}, patient, "", 1, ""},
		"the task shows up a little later":                          {[]any{`null`}, []any{none, none, none, ours}, patient, "", 1, ""},
		"the list has trouble after it":                             {[]any{`null`}, []any{none, 500, ours}, patient, "", 1, ""},
		"the name comes back changed":                               {[]any{`null`}, []any{none, theirs}, patient, "", 1, ""},
		"a 500 that did nothing is tried again":                     {[]any{500, `null`}, []any{none, ours}, patient, "", 2, ""},
		"a 500 after it was made: FOG's refusal says so":            {[]any{500, memberError}, []any{none, 500, ours}, patient, "", 3, ""},
		"someone else was quicker after a 500":                      {[]any{500, memberError}, []any{none, theirs}, patient, fault.Refused, 2, "task 3, queued"},
		"no answer, and it was not made":                            {[]any{time.Duration(0), `null`}, []any{none, none, ours}, patient, "", 2, ""},
		"no answer, and it was made":                                {[]any{time.Duration(0)}, []any{none, 500, ours}, patient, "", 1, ""},
		"no answer, and someone else was quicker":                   {[]any{time.Duration(0)}, []any{none, theirs}, patient, fault.Refused, 1, "task 3, queued"},
		"every other call fails":                                    {[]any{500, `null`}, []any{500, none, 500, ours}, patient, "", 2, ""},
		"the host has a task before":                                {[]any{`null`}, []any{ours}, patient, fault.Refused, 0, "task 3, queued"},
		"the host has a capture before":                             {[]any{`null`}, []any{task("3", "2", "laas")}, patient, fault.Refused, 0, "active task already"},
		"FOG says that it has a task":                               {[]any{memberError}, []any{none}, patient, fault.Refused, 1, "active task already"},
		"FOG makes another type of task":                            {[]any{`null`}, []any{none, task("3", "2", "laas")}, patient, fault.Refused, 1, "active task already"},
		"it never shows up":                                         {[]any{`null`}, []any{none}, impatient, fault.Unproven, 1, "shows no active task"},
		"it never shows up, and nothing is repeated":                {[]any{`null`}, []any{none}, retry.Policy{}, fault.Unproven, 1, "shows no active task"},
		"the host is unknown":                                       {[]any{reply{404, ""}}, []any{none}, patient, fault.NotFound, 1, ""},
		"the type of task is not known":                             {[]any{reply{501, `{"error":"Invalid tasking type passed"}`}}, []any{none}, patient, fault.Failed, 1, ""},
		"a server that stays broken":                                {[]any{500}, []any{none}, retry.Policy{}, fault.Transient, 1, ""},
		"the list of tasks cannot be understood: nothing is queued": {[]any{`null`}, []any{`{}`}, patient, fault.Failed, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]any{"POST host/7/task": tc.post, "GET task/active": tc.active})
			got, err := s.client(t, tc.policy).Schedule(t.Context(), host, fog.Deploy, "laas")
			assert.Equal(t, tc.posts, s.count("POST host/7/task"))
			if tc.kind == "" {
				require.NoError(t, err)
				assert.Equal(t, 3, got.ID)
				assert.Contains(t, s.bodies["POST host/7/task"], `"taskName":"laas","taskTypeID":1`)
				return
			}
			silent(t, err)
			assert.Equal(t, tc.kind, fault.KindOf(err), err)
			assert.Contains(t, err.Error(), "schedule a deployment of host hpe13")
			assert.Contains(t, err.Error(), tc.text)
		})
	}
}

func TestCancelTask(t *testing.T) {
	state := func(n string) []any { return []any{`{"id":3,"hostID":7,"stateID":` + n + `}`} }
	for name, tc := range map[string]struct {
		answer any
		state  []any
		kind   fault.Kind
	}{
		"it is cancelled":                     {`""`, state("5"), ""},
		"it was complete before":              {`""`, state("4"), ""},
		"409 to one that ended":               {reply{409, `{"msg":"` + password + `"}`}, state("5"), ""},
		"500 to one that ended":               {reply{500, ""}, state("5"), ""},
		"ok, but it runs on":                  {`""`, state("3"), fault.Unproven},
		"409, and it runs on":                 {reply{409, ""}, state("3"), fault.Failed},
		"500, and it is still queued":         {500, state("1"), fault.Transient},
		"FOG does not know it":                {reply{404, ""}, nil, fault.NotFound},
		"FOG accepts it and then cannot tell": {`""`, []any{502}, fault.Transient},
		"the user of the key may not":         {reply{403, ""}, state("3"), fault.Credentials},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]any{"DELETE task/3/cancel": {tc.answer}, "GET task/3": tc.state})
			err := s.client(t, impatient).CancelTask(t.Context(), 3)
			if tc.kind == "" {
				require.NoError(t, err)
				return
			}
			silent(t, err)
			assert.Equal(t, tc.kind, fault.KindOf(err), err)
		})
	}
}

func TestEachTypeIsScheduledByItsNumber(t *testing.T) {
	for typ, number := range map[fog.TaskType]string{fog.Deploy: "1", fog.Capture: "2", fog.FastWipe: "18", fog.NormalWipe: "19", fog.FullWipe: "20"} {
		t.Run(typ.String(), func(t *testing.T) {
			made := func(typ string) string {
				return `{"count":1,"tasks":[{"id":3,"hostID":7,"typeID":"` + typ + `","stateID":1,"name":"laas"}]}`
			}
			image := map[string][]any{"GET host/7": {full}, "GET image/23": {`{"id":23,"name":"snapshot"}`}}
			s := serve(t, map[string][]any{"POST host/7/task": {`null`}, "GET task/active": {none, made(number)}})
			maps.Copy(s.answers, image)
			got, err := s.client(t, patient).Schedule(t.Context(), host, typ, "laas")
			require.NoError(t, err)
			assert.Equal(t, int(typ), got.TypeID)
			assert.Contains(t, s.bodies["POST host/7/task"], `"taskTypeID":`+number+`,`)

			s = serve(t, map[string][]any{"POST host/7/task": {`null`}, "GET task/active": {none, made("14")}})
			maps.Copy(s.answers, image)
			_, err = s.client(t, patient).Schedule(t.Context(), host, typ, "laas")
			assert.Equal(t, fault.Refused, fault.KindOf(err), "another type is not ours, whatever its name")
			assert.ErrorContains(t, err, "schedule a "+typ.String()+" of host hpe13")
		})
	}
	s := serve(t, nil)
	_, err := s.client(t, patient).Schedule(t.Context(), host, 14, "laas")
	assert.Equal(t, fault.Internal, fault.KindOf(err))
	assert.Empty(t, s.seen, "nothing is sent")
	assert.Equal(t, "task of type 14", fog.TaskType(14).String())
}

func TestACaptureGoesIntoAnImageThatMayBeOverwritten(t *testing.T) {
	for name, tc := range map[string]struct {
		host, image any
		kind        fault.Kind
	}{
		"protected":           {full, `{"id":23,"name":"golden","protected":"1"}`, fault.Refused},
		"none is assigned":    {`{"id":7,"name":"hpe13","imageID":"0"}`, nil, fault.Refused},
		"the image is gone":   {full, nil, fault.NotFound},
		"the host is gone":    {nil, nil, fault.NotFound},
		"another image":       {full, `{"id":24,"name":"other"}`, fault.Failed},
		"FOG cannot tell now": {full, 500, fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			answers := map[string][]any{"POST host/7/task": {`null`}, "GET task/active": {none}}
			for key, a := range map[string]any{"GET host/7": tc.host, "GET image/23": tc.image} {
				if a != nil {
					answers[key] = []any{a}
				}
			}
			s := serve(t, answers)
			_, err := s.client(t, impatient).Schedule(t.Context(), host, fog.Capture, "laas")
			silent(t, err)
			assert.Equal(t, tc.kind, fault.KindOf(err), err)
			assert.ErrorContains(t, err, "schedule a capture of host hpe13")
			assert.Zero(t, s.count("POST host/7/task"))
		})
	}
}

func TestATaskHasTheNameThatItWasGiven(t *testing.T) {
	for text, want := range map[string]string{
		`{"name":"laas job 1 hpe13 generation 2","host":{"name":"hpe13"}}`:                             "laas job 1 hpe13 generation 2",
		`{"name":"laas job 1 hpe13 generation 2 - hpe13","host":{"name":"hpe13"}}`:                     "laas job 1 hpe13 generation 2",
		`{"name":"laas job 1 hpe13 generation 2 - hpe13 2026-11-21 04:12:33","host":{"name":"hpe13"}}`: "laas job 1 hpe13 generation 2",
		`{"name":"laas job 1 hpe13 generation 2 - hpe13"}`:                                             "laas job 1 hpe13 generation 2",
		`{"name":"by hand - for alice","host":{"name":"hpe13"}}`:                                       "by hand - for alice",
		`{"name":"by hand - hpe130","host":{"name":"hpe13"}}`:                                          "by hand - hpe130",
		`{"name":" - hpe13","host":{"name":"hpe13"}}`:                                                  "",
		`{"name":null}`: "",
	} {
		s := serve(t, map[string][]any{"GET task/3": {`{"id":3,"hostID":7,"stateID":1,` + text[1:]}})
		got, err := s.client(t, retry.Policy{}).Task(t.Context(), 3)
		require.NoError(t, err)
		assert.Equal(t, want, got.Name, text)
	}
}
