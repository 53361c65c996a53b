package booking_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
)

// memory is a datastore.
type memory map[string]string

func (m memory) Get(_ context.Context, key string) (string, bool, error) {
	v, ok := m[key]
	return v, ok, nil
}
func (m memory) Put(_ context.Context, key, value string) error { m[key] = value; return nil }
func (m memory) Delete(_ context.Context, key string) error     { delete(m, key); return nil }
func (m memory) List(_ context.Context, prefix string) (map[string]string, error) {
	out := map[string]string{}
	for k, v := range m {
		if strings.HasPrefix(k, prefix) {
			out[k] = v
		}
	}
	return out, nil
}

func journal() (booking.Journal, memory) {
	m := memory{}
	return booking.Journal{Store: m, Now: func() time.Time { return start }}, m
}

func planOf(t *testing.T, prefix string) *booking.Plan {
	t.Helper()
	plans := newSensor(t, body(t, prefix)).settle()
	require.Len(t, plans, 1)
	return plans[0]
}

func TestThePlanThatWasStoredIsThePlanThatIsRead(t *testing.T) {
	j, m := journal()
	first, second := planOf(t, "01"), planOf(t, "06")
	second.Dispatched = first.Dispatched.Add(time.Hour)
	for _, p := range []*booking.Plan{first, second} {
		require.NoError(t, booking.SavePlan(t.Context(), j.Store, p))
	}
	got, err := booking.LoadPlan(t.Context(), j.Store, 1, first.Digest)
	require.NoError(t, err)
	assert.Equal(t, first, got)
	for _, task := range got.Tasks {
		assert.Equal(t, task.Content, task.Digest(), "a task keeps its digest when it is stored")
	}
	got, err = booking.LoadPlan(t.Context(), j.Store, 1, "")
	require.NoError(t, err)
	assert.Equal(t, second.Digest, got.Digest, "without a digest the newest is meant")
	_, err = booking.LoadPlan(t.Context(), j.Store, 2, "")
	assert.Equal(t, fault.NotFound, fault.KindOf(err))
	m[first.Key()] = "{"
	_, err = booking.LoadPlan(t.Context(), j.Store, 1, "")
	assert.Equal(t, fault.Config, fault.KindOf(err))
}

func TestANewGenerationStartsAFreshRecordThatKeepsTheAccounts(t *testing.T) {
	j, _ := journal()
	plan := planOf(t, "01")
	task := plan.Work()[0].Record()
	rec, err := j.Task(t.Context(), plan, task)
	require.NoError(t, err)
	rec.Outcome, rec.HandedOver, rec.BMC = booking.Done, &start, &booking.BMCAccount{User: "OPNFV", Secret: "laas.secret.bmc.1.hpe13"}
	require.NoError(t, j.Save(t.Context(), rec))
	again, err := j.Task(t.Context(), plan, task)
	require.NoError(t, err)
	assert.NotNil(t, again.HandedOver, "the same generation goes on where it was")

	next := *task
	next.Generation++
	fresh, err := j.Task(t.Context(), plan, &next)
	require.NoError(t, err)
	assert.Nil(t, fresh.HandedOver)
	assert.Equal(t, booking.Open, fresh.Outcome)
	assert.Equal(t, rec.BMC, fresh.BMC, "or nobody would know what to take back")
}

func TestTheFenceLetsOnlyTheOwnerInItsEpochThrough(t *testing.T) {
	for name, c := range map[string]struct {
		owner      *booking.Owner
		job, epoch int
		want       fault.Kind
	}{
		"the owner in its epoch":     {&booking.Owner{Job: 1, Epoch: 3, Host: "hpe13"}, 1, 3, ""},
		"a host nobody has claimed":  {nil, 1, 3, fault.Refused},
		"another job":                {&booking.Owner{Job: 2, Epoch: 3, Host: "hpe13"}, 1, 3, fault.Refused},
		"an execution of an old run": {&booking.Owner{Job: 1, Epoch: 4, Host: "hpe13"}, 1, 3, fault.Cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			j, _ := journal()
			if c.owner != nil {
				require.NoError(t, j.SaveOwner(t.Context(), c.owner))
			}
			err := j.Fence(t.Context(), "hpe13", c.job, c.epoch)
			if c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.Equal(t, c.want, fault.KindOf(err))
			}
		})
	}
}

func TestJudgeFollowsTheDashboardsRule(t *testing.T) {
	bad := errors.New("no")
	for name, c := range map[string]struct {
		failed            map[string]error
		hardware, network booking.Outcome
	}{
		"everything proven":                  {nil, booking.Done, booking.Done},
		"the power unproven":                 {map[string]error{"power_off": bad}, booking.Error, booking.Done},
		"an account unproven":                {map[string]error{"bmc_accounts": bad}, booking.Error, booking.Done},
		"the ports unproven":                 {map[string]error{"ports": bad}, booking.Error, booking.Error},
		"nothing proven":                     {map[string]error{"ports": bad, "power_off": bad, "bmc_accounts": bad}, booking.Error, booking.Error},
		"keys on a host that would not obey": {map[string]error{"keys": bad}, booking.Done, booking.Done},
	} {
		t.Run(name, func(t *testing.T) {
			v := booking.Judge(c.failed)
			assert.Equal(t, c.hardware, v.Hardware)
			assert.Equal(t, c.network, v.Network)
			assert.Equal(t, v.Hardware == booking.Done, v.Reason == "")
		})
	}
}

// step is a release step that a test scripts.
type step struct {
	clean               bool
	check, apply, proof error
	applied             bool
}

func (s *step) Check(context.Context) (bool, error)   { return s.clean, s.check }
func (s *step) Apply(context.Context) error           { s.applied = true; return s.apply }
func (s *step) Prove(context.Context) (string, error) { return "seen", s.proof }

func TestRunStep(t *testing.T) {
	bad := errors.New("no")
	for name, c := range map[string]struct {
		step             step
		applied, changed bool
		err              error
	}{
		"what is clean is only proven":          {step{clean: true}, false, false, nil},
		"what is not is done and proven":        {step{}, true, true, nil},
		"nothing is done when nothing is known": {step{check: bad}, false, false, bad},
		"a failure is not proven away":          {step{apply: bad}, true, false, bad},
		"what was done may still be unproven":   {step{proof: bad}, true, true, bad},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.step
			changed, _, err := booking.RunStep(t.Context(), &s)
			assert.Equal(t, c.applied, s.applied)
			assert.Equal(t, c.changed, changed)
			assert.ErrorIs(t, err, c.err)
		})
	}
}

func TestWhatAPlanDoesWithAHost(t *testing.T) {
	for name, c := range map[string]struct {
		body    string
		host    string
		mode    booking.Mode
		refused string
		keys    int
	}{
		"a booking is provisioned":                          {"01", "hpe13", booking.Provision, "", 2},
		"the end releases, though image and name are there": {"11", "hpe13", booking.Release, "", 0},
		"a snapshot without a number is the lab's to find":  {"15a", "hpe13", booking.Provision, "", 2},
		"a host that stays as it is is captured":            {"04", "hpe13", booking.CaptureDisk, "", 0},
		"a key that is none leaves the host alone":          {"15c", "pod1", booking.Provision, "", 0},
		"a user without a key has no SSH task":              {"03", "hpe14", booking.Provision, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := planOf(t, c.body).Host(c.host)
			require.NoError(t, err)
			assert.Equal(t, c.mode, w.Mode)
			assert.Contains(t, w.Refused, c.refused)
			assert.Equal(t, c.refused == "", w.Refused == "")
			assert.Len(t, w.Keys(), c.keys)
		})
	}
}

func TestHostNames(t *testing.T) {
	for given, want := range map[string]string{
		"my-dev-box": "", "opnfv_host": "", "a.b.example": "", "UPPER": "", "1host": "",
		"": "not one", "-x": "not one", "x-": "not one", "a..b": "not one", "a b": "not one", "x;reboot": "not one", "$(id)": "not one", "a\nb": "not one",
		"{{ 1 }}": "not one", strings.Repeat("a", 64): "not one", strings.Repeat("a.", 127) + "toolong": "not one",
	} {
		p := planOf(t, "01")
		hw := p.Work()[0].Hardware
		hw.Hardware.Hostname = given
		w := p.Work()[0]
		assert.Equal(t, want == "", w.Refused == "", "%q: %s", given, w.Refused)
	}
}
