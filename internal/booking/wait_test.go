package booking_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/booking/payload"
)

func TestAPrivateVLANOfAnotherBooking(t *testing.T) {
	for name, c := range map[string]struct {
		public []int
		owner  booking.Owner
		held   bool
		expect bool
		reason string
	}{
		"in a booking that goes on, is for the claim to refuse": {nil, booking.Owner{VLANs: []int{100}}, false, false, ""},
		"in a booking that ends, is waited for":                 {nil, booking.Owner{VLANs: []int{100}, Ending: true}, true, true, "VLAN 100 is still held by job 7"},
		"on a host in quarantine, is an operator's business":    {nil, booking.Owner{VLANs: []int{100}, Ending: true, Quarantine: "ports"}, true, false, "VLAN 100 may still be on the ports of hpe20"},
		"that is off the ports of a host in quarantine is free": {nil, booking.Owner{Ending: true, Quarantine: "power_off"}, false, false, ""},
		"that is public is nobody's":                            {[]int{100}, booking.Owner{VLANs: []int{100}, Ending: true}, false, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSensor(t, body(t, "01"))
			c.owner.Job, c.owner.Host, c.owner.LabID = 7, "hpe20", "hpe20"
			s.owners = []*booking.Owner{&c.owner}
			var plans []*booking.Plan
			for range 3 {
				plans = append(plans, booking.Decide(&s.state, booking.View{Began: s.now, Offers: s.offers, Owners: s.owners, PublicVLANs: c.public})...)
			}
			assert.Len(t, plans, map[bool]int{false: 1, true: 0}[c.held])
			assert.Equal(t, c.expect, s.state.Held[1].Expected)
			assert.Contains(t, s.state.Held[1].Reason, c.reason)
		})
	}
}

func TestWhetherABookingHasEnded(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want bool
	}{
		"a clean-up of 2019":                       {"06", true},
		"a clean-up of 2022":                       {"11", true},
		"a booking that goes on":                   {"09", false},
		"one that goes on, in 2022":                {"10b", false},
		"a new booking that comes as switched off": {"14", false},
		"a job without tasks":                      {"07b", false},
		"a snapshot":                               {"04", false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, o := range whole(t, c.body) {
				tasks, _ := payload.DecodeJob(o.Job, o.Payload)
				assert.Equal(t, c.want, booking.Ended(tasks))
			}
		})
	}
}

func TestWhoSeesOnlyWholeJobsTakesNothingButTheirEndFromThem(t *testing.T) {
	s := newSensor(t, body(t, "01"))
	first := s.settle()
	require.Len(t, first, 1)
	s.work(first[0], booking.StatusDone, booking.Done)
	s.owns(1, "hpe13")
	s.state.Held = map[int]booking.Held{9: {Job: 9, Reason: "as before"}}
	blind := func(offers []booking.Offer) (plans []*booking.Plan) {
		for range 3 {
			s.now = s.now.Add(1)
			plans = append(plans, booking.Decide(&s.state, booking.View{Began: s.now, Offers: offers, Records: s.records, Owners: s.owners, Jobs: s.jobs, Blind: true})...)
		}
		return plans
	}
	plans := blind(body(t, "06"))
	require.Len(t, plans, 1)
	assert.Equal(t, booking.Release, modes(plans[0])["hpe13"])
	assert.True(t, plans[0].Releases())
	s.work(plans[0], booking.StatusDone, booking.Done)
	assert.Empty(t, blind(body(t, "06")), "it shows the same when it is done")
	assert.Equal(t, "as before", s.state.Held[9].Reason, "what is not seen stays as it was")
}

func TestTheEndOfAJobThatTheDashboardNoLongerKnows(t *testing.T) {
	s := newSensor(t, body(t, "02"))
	plans := s.settle()
	require.Len(t, plans, 1)
	var records []*booking.TaskRecord
	for i := range plans[0].Tasks {
		task := &plans[0].Tasks[i]
		records = append(records, &booking.TaskRecord{Job: 2, Task: task.ID, Kind: task.Kind, Generation: task.Generation, Host: task.Host, Content: task.Content})
	}
	owners := []*booking.Owner{
		{Job: 2, Host: "hpe13", LabID: "hpe13"}, {Job: 2, Host: "hpe14", LabID: "hpe14", Quarantine: "power_off"},
		{Job: 2, Host: "odd", LabID: "odd"}, {Job: 3, Host: "other", LabID: "other"},
	}
	p := booking.Ending(2, owners, records, start)
	assert.True(t, p.Releases())
	assert.True(t, p.Vanished)
	assert.Equal(t, map[string]booking.Mode{"hpe13": booking.Release, "odd": booking.Release}, modes(p))
	w, err := p.Host("hpe13")
	require.NoError(t, err)
	assert.Equal(t, 2, w.Hardware.Generation)
	assert.Equal(t, 2, w.Network.Generation)
	w, err = p.Host("odd")
	require.NoError(t, err)
	assert.Equal(t, "end-odd", w.Hardware.ID, "a host that the journal has no task of is taken back too")
}

func TestReadingABodyOfJobs(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		jobs int
		err  string
	}{
		"a list":            {`[{"id": 1, "payload": {}}, {"id": 2, "payload": {}}]`, 2, ""},
		"one job":           {` {"id": 1, "payload": {}}`, 1, ""},
		"an empty list":     {`[]`, 0, ""},
		"a job without id":  {`[{"payload": {}}]`, 0, "has no id"},
		"text":              {`stuff`, 0, "not a JSON list of jobs"},
		"a list of numbers": {`[1]`, 0, "not a JSON list of jobs"},
	} {
		t.Run(name, func(t *testing.T) {
			offers, err := booking.ReadOffers([]byte(c.text))
			assert.Len(t, offers, c.jobs)
			if c.err != "" {
				assert.ErrorContains(t, err, c.err)
			}
		})
	}
}

func read(t *testing.T, prefix string) []byte {
	t.Helper()
	names, err := filepath.Glob("payload/testdata/" + prefix + "*.json")
	require.NoError(t, err)
	require.Len(t, names, 1, prefix)
	text, err := os.ReadFile(names[0])
	require.NoError(t, err)
	return text
}

// whole reads a recorded list of jobs, or a single job.
func whole(t *testing.T, prefix string) []booking.Offer {
	t.Helper()
	offers, err := booking.ReadOffers(read(t, prefix))
	require.NoError(t, err)
	return offers
}

func TestEachHostThatOnlyGetsKeysHasARecordOfItsOwn(t *testing.T) {
	p := &booking.Plan{Job: 1}
	for _, o := range body(t, "02") {
		tasks, _ := payload.DecodeJob(o.Job, o.Payload)
		for _, task := range tasks {
			if task.Kind == payload.KindAccess {
				p.Tasks = append(p.Tasks, booking.Planned{Task: task, Generation: 1})
			}
		}
	}
	seen := map[string]bool{}
	for _, w := range p.Work() {
		assert.Equal(t, booking.Configure, w.Mode)
		assert.True(t, strings.HasSuffix(w.Record().ID, w.LabID))
		seen[w.Record().ID] = true
	}
	assert.Len(t, seen, 2)
}
