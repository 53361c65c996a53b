package dashboard_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/dashboard"
	"stackstorm-laas/internal/simlab/faults"
)

func (s *site) done(job string, tasks ...string) {
	s.t.Helper()
	for _, task := range tasks {
		status, _ := s.post("jobs/"+job+"/"+task, url.Values{"status": {"200"}})
		require.Equal(s.t, 200, status)
	}
}

func TestTheEndOfABookingIssuesTheCleanUp(t *testing.T) {
	t.Run("in 2019", func(t *testing.T) {
		s := serve(t, "2019", "01")
		_, _ = s.post("jobs/1/"+hw, url.Values{"status": {"200"}, "lab_token": {"ipmiuser_hpe13"}})
		_, _ = s.post("jobs/1/"+vpn, url.Values{"status": {"300"}, "lab_token": {"vpn_frodo"}})
		_, _ = s.post("jobs/1/c0f4cdf0-eea5-4a26-9130-9b55fd26d096", url.Values{"status": {"200"}, "lab_token": {"vpn_samwise"}})
		s.done("1", netw, ssh, "a4234b9a-993e-4d32-97ee-a3f9c09561e6")
		require.NoError(t, s.End(1))
		_, got := s.get("jobs/new")
		assert.JSONEq(t, string(body(t, "06")), got)
		require.Error(t, s.End(1))
	})
	t.Run("in 2022", func(t *testing.T) {
		s := serve(t, "2022", "10_")
		s.done("1", "e3b7b127-dc6f-453d-8323-2695cf95c7a1", "a56d9f96-4f00-46c4-ae6f-a78ec2d0f006")
		require.NoError(t, s.End(1))
		_, got := s.get("jobs/new")
		assert.JSONEq(t, string(body(t, "11")), got)
	})
}

func TestAResetMakesTheHostsTasksAndAllSSHTasksNew(t *testing.T) {
	s := serve(t, "2019", "01")
	_, _ = s.post("jobs/1/"+hw, url.Values{"lab_token": {"ipmiuser_hpe13"}})
	for _, j := range s.Jobs() {
		for _, task := range j.Tasks {
			s.done("1", task.ID)
		}
	}
	require.NoError(t, s.Reimage(1, "hpe13", "25"))
	_, got := s.get("jobs/new")
	assert.JSONEq(t, string(body(t, "05")), got)
	require.Error(t, s.Reimage(1, "hpe14", "25"))
}

func TestHostsAreFreeAsSoonAsEitherGroupIsDone(t *testing.T) {
	for name, c := range map[string]struct {
		done []string
		free bool
	}{
		"nothing is done":              {nil, false},
		"the network tasks are done":   {[]string{netw}, true},
		"the hardware tasks are done":  {[]string{hw}, true},
		"both are done":                {[]string{hw, netw}, true},
		"only the access task is done": {[]string{vpn}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "2019", "01")
			s.done("1", hw, netw)
			s.Tick()
			assert.True(t, s.HostBooked("hpe13"), "a booking that goes on keeps its hosts")
			require.NoError(t, s.End(1))
			s.done("1", c.done...)
			s.Tick()
			assert.Equal(t, c.free, !s.HostBooked("hpe13"))
		})
	}
	t.Run("one of two hosts does not make a group", func(t *testing.T) {
		s := serve(t, "2019", "02")
		require.NoError(t, s.End(2))
		s.done("2", "756c3553-6b4a-42b7-bcfa-2e08de475df9", "5f99dde7-5f26-4ddf-880b-f32ba7c04869")
		s.Tick()
		assert.True(t, s.HostBooked("hpe13"))
		assert.True(t, s.HostBooked("hpe14"))
		s.done("2", "341234da-db84-4665-8554-e4e856a0d17c")
		s.Tick()
		assert.False(t, s.HostBooked("hpe13"))
		assert.False(t, s.HostBooked("hpe14"))
	})
	t.Run("an error in both groups never frees", func(t *testing.T) {
		s := serve(t, "2019", "01", "06")
		for _, task := range []string{hw, netw} {
			_, _ = s.post("jobs/1/"+task, url.Values{"status": {"300"}})
		}
		s.Tick()
		assert.True(t, s.HostBooked("hpe13"))
	})
	t.Run("a delivered clean-up counts as an end", func(t *testing.T) {
		s := serve(t, "2022", "10_", "11")
		s.done("1", "8bb6f14a-714e-4fdc-89f6-05418818a00b")
		s.Tick()
		assert.False(t, s.HostBooked("hpe13"))
	})
	t.Run("a half-made job is no end", func(t *testing.T) {
		s := serve(t, "2019", "08")
		assert.False(t, s.Jobs()[0].Ended)
		assert.True(t, s.HostBooked("hpe15"))
	})
}

const next = `[{"id":7,"payload":{"hardware":{"t7":{"id":"hpe13","image":"debian11","hostname":"other","power":"on","ipmi_create":"True","lab_token":"null"}}}}]`

func TestAnOldCleanUpShowsTheNextBookingIn2022(t *testing.T) {
	s := serve(t, "2022", "10_", "11")
	require.NoError(t, s.Deliver([]byte(next)))
	_, got := s.get("jobs/1/8bb6f14a-714e-4fdc-89f6-05418818a00b")
	assert.JSONEq(t, `{"id":"hpe13","image":"debian11","hostname":"other","power":"off","ipmi_create":"False","lab_token":"null"}`, got)
	s.done("1", "8bb6f14a-714e-4fdc-89f6-05418818a00b")
	s.Tick()
	assert.True(t, s.HostBooked("hpe13"), "it is the next booking's by now")
}

func TestOnlyFreeAndWorkingHostsCanBeBooked(t *testing.T) {
	s := serve(t, "2022", "10_")
	require.ErrorContains(t, s.Book([]byte(next)), "hpe13")
	s.Delete(1)
	status, _ := s.get("jobs/1")
	assert.Equal(t, 500, status)
	require.NoError(t, s.Book([]byte(next)))
	require.ErrorContains(t, s.Book([]byte(next)), "job 7")
	s.Delete(7)
	_, _ = s.post("hosts/hpe13", url.Values{"working": {"false"}})
	require.ErrorContains(t, s.Book([]byte(next)), "working: false")
}

func TestOneCorruptJobBreaksEveryList(t *testing.T) {
	s := serve(t, "2019", "01", "02")
	s.Corrupt(2, true)
	for path, want := range map[string]int{"jobs/new": 500, "jobs/done": 500, "jobs/2": 500, "jobs/1": 200} {
		status, _ := s.get(path)
		assert.Equal(t, want, status, path)
	}
	s.Corrupt(2, false)
	status, _ := s.get("jobs/new")
	assert.Equal(t, 200, status)
}

func TestFaultsOfWrites(t *testing.T) {
	for name, c := range map[string]struct {
		kind         faults.Kind
		shown, saved int
	}{
		"none":   {"", 200, 200},
		"forget": {faults.Forget, 0, 0},
		"lie":    {faults.Lie, 200, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "2019", "01")
			var wrote []string
			s.faults.OnWrite(func(_, op, target string) {
				status, _, _ := s.TaskState(1, hw)
				assert.Equal(t, c.saved, status, "the write has taken effect")
				wrote = append(wrote, op+target)
			})
			s.faults.Add(faults.Fault{System: "dashboard", Op: "task.post", Kind: c.kind})
			status, answer := s.post("jobs/1/"+hw, url.Values{"status": {"200"}})
			assert.Equal(t, 200, status)
			assert.Contains(t, answer, `"status":"200"`)
			saved, _, _ := s.TaskState(1, hw)
			assert.Equal(t, c.saved, saved)
			_, done := s.get("jobs/done")
			assert.Equal(t, c.shown == dashboard.Done, done != "[]\n")
			assert.Equal(t, c.saved == 200, len(wrote) == 1)
		})
	}
	t.Run("a lie about a host", func(t *testing.T) {
		s := serve(t, "2019", "01")
		s.faults.Add(faults.Fault{System: "dashboard", Op: "host.post", Target: "hpe13", Kind: faults.Lie})
		_, _ = s.post("hosts/hpe13", url.Values{"working": {"false"}})
		_, shown := s.get("hosts/hpe13")
		assert.Contains(t, shown, `"working":false`)
		assert.True(t, s.HostWorking("hpe13"))
	})
}

func TestFaultsOfTheConnection(t *testing.T) {
	s := serve(t, "2019", "01")
	s.faults.Add(faults.Fault{System: "dashboard", Op: "jobs", Kind: faults.Error500})
	status, _ := s.get("jobs/new")
	assert.Equal(t, 500, status)
	status, _ = s.get("jobs/1/" + hw)
	assert.Equal(t, 200, status)
}
