package booking_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// body reads a recorded body of jobs/new.
func body(t *testing.T, prefix string) (offers []booking.Offer) {
	t.Helper()
	names, err := filepath.Glob("payload/testdata/" + prefix + "*.json")
	require.NoError(t, err)
	require.Len(t, names, 1, prefix)
	text, err := os.ReadFile(names[0])
	require.NoError(t, err)
	var jobs []struct {
		ID      int             `json:"id"`
		Payload json.RawMessage `json:"payload"`
	}
	require.NoError(t, json.Unmarshal(text, &jobs))
	for _, j := range jobs {
		offers = append(offers, booking.Offer{Job: j.ID, Payload: j.Payload})
	}
	return offers
}

// merged is one job with the tasks of several recorded bodies.
func merged(t *testing.T, prefixes ...string) booking.Offer {
	t.Helper()
	all := map[string]map[string]json.RawMessage{}
	for _, prefix := range prefixes {
		var payload map[string]map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(body(t, prefix)[0].Payload, &payload))
		for typ, tasks := range payload {
			if all[typ] == nil {
				all[typ] = map[string]json.RawMessage{}
			}
			maps.Copy(all[typ], tasks)
		}
	}
	text, err := json.Marshal(all)
	require.NoError(t, err)
	return booking.Offer{Job: 1, Payload: text}
}

// sensor polls a dashboard whose list a test sets, with a journal that it keeps.
type sensor struct {
	t       *testing.T
	state   booking.State
	now     time.Time
	offers  []booking.Offer
	records map[string]*booking.TaskRecord
	jobs    map[int]*booking.JobRecord
	owners  []*booking.Owner
}

func newSensor(t *testing.T, offers []booking.Offer) *sensor {
	return &sensor{t: t, now: start, offers: offers, records: map[string]*booking.TaskRecord{}, jobs: map[int]*booking.JobRecord{}}
}

// poll asks once, a minute after the last time. The state goes through JSON, as it does in StackStorm.
func (s *sensor) poll() []*booking.Plan {
	s.t.Helper()
	s.now = s.now.Add(time.Minute)
	plans := booking.Decide(&s.state, booking.View{Began: s.now, Offers: s.offers, Records: s.records, Owners: s.owners, Jobs: s.jobs})
	text, err := json.Marshal(s.state)
	require.NoError(s.t, err)
	s.state = booking.State{}
	require.NoError(s.t, json.Unmarshal(text, &s.state))
	return plans
}

// settle polls until nothing new comes and gives all plans.
func (s *sensor) settle() (plans []*booking.Plan) {
	s.t.Helper()
	for range 4 {
		plans = append(plans, s.poll()...)
	}
	return plans
}

// work plays the journal of a run that took a plan and told the dashboard.
func (s *sensor) work(p *booking.Plan, status int, outcome booking.Outcome) {
	for _, t := range p.Tasks {
		s.records[booking.TaskKey(p.Job, t.ID)] = &booking.TaskRecord{Job: p.Job, Task: t.ID, Generation: t.Generation, Content: t.Content, Plan: p.Digest,
			Outcome: outcome, Acked: &booking.Ack{Status: status, At: s.now.Add(time.Second)}}
	}
	state := "running"
	if outcome != booking.Open {
		state = "done"
	}
	s.jobs[p.Job] = &booking.JobRecord{Job: p.Job, Plan: p.Digest, State: state}
}

func (s *sensor) owns(job int, host string) {
	s.owners = append(s.owners, &booking.Owner{Job: job, Host: host, LabID: host})
}

func modes(p *booking.Plan) map[string]booking.Mode {
	out := map[string]booking.Mode{}
	for _, w := range p.Work() {
		out[w.LabID] = w.Mode
	}
	return out
}

func TestAJobIsDispatchedOnceWhenTwoPollsShowTheSame(t *testing.T) {
	s := newSensor(t, body(t, "01"))
	assert.Empty(t, s.poll())
	assert.True(t, s.state.Held[1].Expected)
	plans := s.poll()
	require.Len(t, plans, 1)
	assert.Len(t, plans[0].Tasks, 6)
	assert.Empty(t, s.settle(), "it stays NEW until an execution has claimed it")
	assert.Empty(t, s.state.Held)
}

func TestAJobThatStillGrowsIsHeld(t *testing.T) {
	s := newSensor(t, body(t, "16_")) // without its hardware task, as a poll in the middle may see it
	assert.Empty(t, s.poll())
	s.offers = body(t, "01")
	assert.Empty(t, s.poll(), "it changed since the last poll")
	require.Len(t, s.poll(), 1)
}

func TestGenerations(t *testing.T) {
	for name, c := range map[string]struct {
		then       string // the dashboard's next list
		status     int    // what it had acknowledged before
		wantTasks  int    // in the new plan; 0 for none
		generation int
		mode       booking.Mode
	}{
		"a reset to another image is new work":                      {"05", booking.StatusDone, 4, 2, booking.Provision},
		"a reset to the same image is new work":                     {"01", booking.StatusDone, 6, 2, booking.Provision},
		"a reset while we are at work is new work":                  {"05", booking.StatusCurrent, 4, 2, booking.Provision},
		"a reset after an error is new work":                        {"05", booking.StatusError, 4, 2, booking.Provision},
		"the end of the booking is new work":                        {"06", booking.StatusDone, 4, 2, booking.Release},
		"the end of the booking while we are at work is new work":   {"06", booking.StatusCurrent, 4, 2, booking.Release},
		"an empty list is nothing":                                  {"07a", booking.StatusDone, 0, 0, ""},
		"what the dashboard does to other jobs is no work for this": {"13", booking.StatusDone, 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSensor(t, body(t, "01"))
			first := s.settle()
			require.Len(t, first, 1)
			outcome := booking.Done
			if c.status == booking.StatusCurrent {
				outcome = booking.Open
			}
			s.work(first[0], c.status, outcome)
			s.owns(1, "hpe13")
			s.offers = nil
			assert.Empty(t, s.settle())
			s.offers = body(t, c.then)
			plans := s.settle()
			if c.wantTasks == 0 {
				assert.Empty(t, plans)
				return
			}
			require.Len(t, plans, 1)
			assert.Len(t, plans[0].Tasks, c.wantTasks)
			for _, task := range plans[0].Tasks {
				assert.Equal(t, c.generation, task.Generation)
			}
			assert.Equal(t, c.mode, modes(plans[0])["hpe13"])
		})
	}
}

func TestALostStateDispatchesNothingTwice(t *testing.T) {
	s := newSensor(t, body(t, "01"))
	plans := s.settle()
	require.Len(t, plans, 1)
	s.work(plans[0], booking.StatusCurrent, booking.Open)
	for _, r := range s.records { // claimed, and the dashboard not yet told
		r.Acked = nil
	}
	s.state = booking.State{}
	assert.Empty(t, s.settle())
}

func TestWhatIsHeld(t *testing.T) {
	for name, c := range map[string]struct {
		body     string
		prepare  func(*sensor)
		expected bool
		reason   string
	}{
		"a half-made job":                          {"08", nil, false, "half made"},
		"the bug of mid-2020":                      {"14", nil, false, "its network still carries VLANs"},
		"a host that still belongs to another job": {"01", func(s *sensor) { s.owns(7, "hpe13") }, true, "host hpe13 still belongs to job 7"},
		"a host in quarantine":                     {"01", func(s *sensor) { s.owns(7, "hpe13"); s.owners[0].Quarantine = "power_off: no" }, false, "quarantine since job 7"},
		"a private VLAN of a booking that is ending": {"02", func(s *sensor) {
			s.owns(7, "other")
			s.owners[0].VLANs, s.owners[0].Ending = []int{200}, true
		}, true, "VLAN 200 is still held by job 7"},
		"networks that cannot be read":              {"01", func(s *sensor) { s.edit(`"tagged": false`, `"tagged": "perhaps"`) }, false, "network task 3ec08013-291c-4824-bf42-9a2ef045fc44 cannot be used"},
		"a host to be imaged without networks":      {"01", func(s *sensor) { s.edit(`"network": {`, `"unheard of": {`) }, false, "host hpe13 has no network task"},
		"a machine nothing is known of":             {"16_", nil, false, "has no hardware task"},
		"a host whose clean-up is in the same list": {"01", func(s *sensor) { s.offers[0].Job = 2; s.offers = append(s.offers, body(s.t, "06")...) }, true, "is being taken back from job 1 first"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSensor(t, body(t, c.body))
			if c.prepare != nil {
				c.prepare(s)
			}
			job := s.offers[0].Job
			for _, p := range s.settle() {
				assert.NotEqual(t, job, p.Job)
			}
			assert.Contains(t, s.state.Held[job].Reason, c.reason)
			assert.Equal(t, c.expected, s.state.Held[job].Expected)
		})
	}
}

// edit changes the text of what the dashboard offers.
func (s *sensor) edit(from, to string) {
	s.t.Helper()
	for i := range s.offers {
		text := string(s.offers[i].Payload)
		require.Contains(s.t, text, from)
		s.offers[i].Payload = []byte(strings.Replace(text, from, to, 1))
	}
}

func TestANewImageTakesTheNetworksAndKeysAlongThatNobodyHasBegunWith(t *testing.T) {
	s := newSensor(t, body(t, "01"))
	require.Len(t, s.settle(), 1)
	s.edit(`"image": 23`, `"image": 24`) // before anybody claimed the job
	plans := s.settle()
	require.Len(t, plans, 1)
	work := plans[0].Work()
	require.Len(t, work, 1)
	assert.Equal(t, booking.Provision, work[0].Mode)
	assert.Equal(t, "24", work[0].Hardware.Hardware.Image)
	assert.Equal(t, 2, work[0].Hardware.Generation)
	assert.Equal(t, []int{100}, work[0].VLANs())
	assert.Equal(t, 1, work[0].Network.Generation)
	assert.Len(t, work[0].Keys(), 2)
	assert.Len(t, plans[0].Tasks, 4, "VPN accounts are not the host's")
	assert.Empty(t, s.settle())
}

func TestOneBadJobNeverStopsTheOthers(t *testing.T) {
	s := newSensor(t, append([]booking.Offer{
		{Job: 90, Payload: []byte(`{"hardware": "stuff"}`)}, {Job: 91, Payload: []byte(`[]`)}, {Job: 92, Payload: []byte(`{"unheard of": {"x": {}}}`)},
	}, append(body(t, "08"), body(t, "01")...)...))
	plans := s.settle()
	require.Len(t, plans, 1)
	assert.Equal(t, 1, plans[0].Job)
}

func TestALaterPartOfAJobWaitsForItsRunUnlessItReplacesIt(t *testing.T) {
	s := newSensor(t, body(t, "01"))
	first := s.settle()
	require.Len(t, first, 1)
	s.work(first[0], booking.StatusCurrent, booking.Open)
	s.owns(1, "hpe13")
	s.offers = body(t, "04") // a snapshot of the same job
	assert.Empty(t, s.settle())
	assert.Contains(t, s.state.Held[1].Reason, "earlier part of the job")
	s.work(first[0], booking.StatusDone, booking.Done)
	require.Len(t, s.settle(), 1)
}

func TestTheStateForgetsJobsThatAreLongGone(t *testing.T) {
	s := newSensor(t, body(t, "01"))
	s.settle()
	require.Contains(t, s.state.Jobs, 1)
	s.offers, s.now = nil, s.now.Add(401*24*time.Hour)
	s.poll()
	assert.NotContains(t, s.state.Jobs, 1)
}
