package actions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/inventory"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
	simfog "stackstorm-laas/internal/simlab/fog"
	"stackstorm-laas/internal/simlab/world"
)

// memory is a datastore.
type memory struct {
	mu   sync.Mutex
	keys map[string]string
}

func (m *memory) Get(_ context.Context, key string) (string, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, found := m.keys[key]
	return v, found, nil
}

func (m *memory) Put(_ context.Context, key, value string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys = map[string]string{}
	}
	m.keys[key] = value
	return nil
}

func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.keys, key)
	return nil
}

func (m *memory) List(_ context.Context, prefix string) (map[string]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := maps.Clone(m.keys)
	maps.DeleteFunc(out, func(k, _ string) bool { return !strings.HasPrefix(k, prefix) })
	return out, nil
}

func TestOneListInAnIntervalServesAllFollowers(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "lock")
	synctest.Test(t, func(t *testing.T) {
		var fetched atomic.Int64
		store := &memory{}
		fetch := func(context.Context) ([]fog.Task, error) {
			time.Sleep(time.Second) // FOG takes its time
			n := fetched.Add(1)
			return []fog.Task{{ID: 3, HostID: 7, State: fog.TaskInProgress, Percent: int(n), Name: "laas job 1", CreatedBy: "somebody"}, {ID: 4, Name: "by hand"}}, nil
		}
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				r := &roll{store: store, fetch: fetch, now: time.Now, interval: 15 * time.Second, lock: lock}
				time.Sleep(time.Duration(i) * 150 * time.Millisecond)
				for range 20 {
					tasks, err := r.tasks(t.Context())
					assert.NoError(t, err)
					assert.Len(t, tasks, 2)
					time.Sleep(15 * time.Second)
				}
			})
		}
		wg.Wait()
		assert.LessOrEqual(t, fetched.Load(), int64(22), "in five minutes of 100 followers")
		text, _, _ := store.Get(t.Context(), rollKey)
		assert.Contains(t, text, "laas job 1")
		assert.NotContains(t, text, "by hand", "what people write in FOG is nothing for the datastore")
		assert.NotContains(t, text, "somebody")
	})
}

func TestAListThatCannotBeFetchedIsNobodysList(t *testing.T) {
	store := &memory{}
	down := fmt.Errorf("FOG is down")
	r := &roll{store: store, now: time.Now, interval: time.Minute, lock: filepath.Join(t.TempDir(), "lock"),
		fetch: func(context.Context) ([]fog.Task, error) { return nil, down }}
	_, err := r.tasks(t.Context())
	assert.ErrorIs(t, err, down)
	require.NoError(t, store.Put(t.Context(), rollKey, "no list"))
	r.fetch = func(context.Context) ([]fog.Task, error) { return []fog.Task{{ID: 5}}, nil }
	tasks, err := r.tasks(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 5, tasks[0].ID)
	r.now = func() time.Time { return time.Now().Add(-time.Hour) }
	r.fetch = func(context.Context) ([]fog.Task, error) { return nil, down }
	_, err = r.tasks(t.Context())
	assert.ErrorIs(t, err, down, "a list from the future is too old as well: a clock is wrong")
}

func TestWhoeverWaitsForAListThatNobodyGetsIsToldSo(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "lock")
	unlock, locked := (&roll{lock: lock}).tryLock()
	require.True(t, locked)
	defer unlock()
	synctest.Test(t, func(t *testing.T) {
		r := &roll{store: &memory{}, now: time.Now, interval: time.Minute, lock: lock}
		_, err := r.tasks(t.Context())
		assert.Equal(t, fault.Transient, fault.KindOf(err))
		assert.ErrorContains(t, err, "another action has been asking")
	})
}

func TestHostsAreSwitchedOnOneAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, began := &memory{}, time.Now()
		var mu sync.Mutex
		var at []time.Duration
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				assert.NoError(t, awaitStart(t.Context(), store, time.Now, fmt.Sprintf("node%02d", i), 5*time.Second, 400))
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Since(began))
			})
		}
		wg.Wait()
		for i := 1; i < len(at); i++ {
			assert.GreaterOrEqual(t, at[i]-at[i-1], 5*time.Second)
		}
		assert.Equal(t, 95*time.Second, at[19].Round(time.Second), "and no longer than needed")
	})
}

func TestAStartIsNotWaitedForLongerThanForSoManyOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, began := &memory{}, time.Now()
		require.NoError(t, store.Put(t.Context(), startPrefix+"other", `{"host":"other","at":"`+began.Add(time.Hour).Format(time.RFC3339)+`"}`))
		require.NoError(t, awaitStart(t.Context(), store, time.Now, "hpe13", 2*time.Hour, 1), "it waits its gap")
		assert.LessOrEqual(t, time.Since(began), 3*time.Hour+time.Second)
		require.NoError(t, awaitStart(t.Context(), store, time.Now, "hpe14", 0, 400), "no stagger, no wait")
	})
}

// counting counts requests.
type counting struct{ n atomic.Int64 }

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return http.DefaultTransport.RoundTrip(r)
}

// following makes the follower of a FOG task as follow_imaging does, for a host that there is nothing else of. It is told to info.
func following(f *fog.Client, store booking.Store, interval time.Duration, task int, info func(string, ...any)) *follower {
	c := &config.Config{}
	c.Imaging.PollInterval, c.Imaging.CheckIn, c.Imaging.Stall, c.Imaging.Deadline = config.Duration(interval), config.Duration(time.Hour), config.Duration(time.Hour), config.Duration(time.Hour)
	l := &lab{Call: &action.Call{Config: c, Info: info}, Journal: booking.Journal{Store: store, Now: time.Now}}
	h := &hostRun{run: &run{lab: l}, host: &inventory.Host{Name: "hpe13"}, rec: &booking.TaskRecord{Imaging: &booking.Imaging{TaskID: task}}}
	return &follower{hostRun: h, fog: f, roll: h.roll(f), limits: c.Imaging}
}

func TestWhoFollowsATaskIsToldHowFarItIs(t *testing.T) {
	states := []string{
		`"stateID":"1","percent":""`,
		`"stateID":"2","percent":"0"`,
		`"stateID":"3","percent":"0","bpm":"","timeRemaining":""`,
		`"stateID":"3","percent":"4","bpm":"5.12GB/min","timeRemaining":"00:20:00"`,
		`"stateID":"3","percent":"13","bpm":"5.12GB/min","timeRemaining":"00:17:30"`,
		`"stateID":"3","percent":"19","bpm":"5.12GB/min","timeRemaining":"00:16:00"`,
		`"stateID":"3","percent":"20","bpm":"4.80GB/min","timeRemaining":""`,
		`"stateID":"3","percent":"95","bpm":"{{ config_context.fog }}","timeRemaining":"00:00:10"`,
	}
	next := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch one := strings.HasSuffix(r.URL.Path, "/task/9"); {
		case one:
			_, _ = io.WriteString(w, `{"id":"9","hostID":"1","stateID":"4","percent":"100"}`)
		case next < len(states):
			_, _ = io.WriteString(w, `{"count":1,"tasks":[{"id":"9","hostID":"1",`+states[next]+`}]}`)
			next++
		default:
			_, _ = io.WriteString(w, `{"count":0,"tasks":[]}`)
		}
	}))
	t.Cleanup(server.Close)
	f, err := fog.New(fog.Config{Address: server.URL, APIKey: secret.New("api"), UserKey: secret.New("user"), Timeout: time.Minute})
	require.NoError(t, err)
	var told []string
	w := following(f, &memory{}, time.Millisecond, 9, func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) })
	stalled, err := w.follow(t.Context())
	require.NoError(t, err)
	require.NoError(t, stalled)
	assert.Equal(t, []string{
		"hpe13: imaging 0%",
		"hpe13: imaging 13%, 5.12GB/min, 00:17:30 left",
		"hpe13: imaging 20%, 4.80GB/min",
		"hpe13: imaging 95%, 00:00:10 left",
	}, told, "every ten percent, and nothing that could be a template")
}

// BenchmarkFollowingAHundredTasks counts what FOG is asked in a minute at the default interval of 15 s while 100 tasks are followed: by the
// followers as they are, which share a list, against followers that each ask for their own task. The interval is shortened, which changes neither.
func BenchmarkFollowingAHundredTasks(b *testing.B) {
	const hosts, interval, rounds, perMinute = 100, 100 * time.Millisecond, 20, 4
	w := world.New(world.Pace{POST: time.Hour})
	w.AddImage(world.Image{ID: 23, Name: "ubuntu2004", OS: "ubuntu", Version: "20.04"})
	for i := range hosts {
		name := fmt.Sprintf("node%03d", i)
		w.AddHost(world.HostSpec{Name: name})
		require.NoError(b, w.AssignImage(name, 23))
		_, err := w.QueueTask(name, world.Deploy, "laas job 1", "fog")
		require.NoError(b, err)
	}
	server, err := simfog.Serve(w, nil, simfog.Config{Version: "1.5", APIKey: "api", UserKey: "user"})
	require.NoError(b, err)
	b.Cleanup(server.Close)

	done := errors.New("the time of the measurement is up")
	measure := func(follow func(context.Context, *follower) error) float64 {
		count := &counting{}
		c, err := fog.New(fog.Config{Address: server.BaseURL(), APIKey: secret.New("api"), UserKey: secret.New("user"), Timeout: time.Minute, Transport: count})
		require.NoError(b, err)
		ctx, stop := context.WithTimeoutCause(b.Context(), rounds*interval, fault.New(fault.Cancelled, "%w", done))
		defer stop()
		store := &memory{}
		var wg sync.WaitGroup
		for i := range hosts {
			f := following(c, store, interval, i+1, func(string, ...any) {})
			wg.Go(func() {
				time.Sleep(time.Duration(i) * interval / hosts)
				assert.ErrorIs(b, follow(ctx, f), done)
			})
		}
		wg.Wait()
		return float64(count.n.Load()) / rounds * perMinute
	}
	for b.Loop() {
		shared := measure(func(ctx context.Context, f *follower) error { _, err := f.follow(ctx); return err })
		alone := measure(func(ctx context.Context, f *follower) error {
			return retry.Until(ctx, interval, func(ctx context.Context) (bool, error) { _, err := f.look(ctx, f.asked); return false, err })
		})
		b.ReportMetric(shared, "requests/min")
		b.ReportMetric(alone, "requests/min-alone")
		b.ReportMetric(alone/shared, "times-fewer")
	}
}
