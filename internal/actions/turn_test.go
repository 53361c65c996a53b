package actions

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
)

// depot is a FOG of which only the list of active tasks matters.
type depot struct {
	mu    sync.Mutex
	tasks []fog.Task
	most  int
}

func (d *depot) list(context.Context) ([]fog.Task, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]fog.Task{}, d.tasks...), nil
}

func (d *depot) add(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tasks = append(d.tasks, fog.Task{Name: name, State: fog.TaskQueued})
	d.most = max(d.most, len(d.tasks))
}

func (d *depot) end(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, t := range d.tasks {
		if t.Name == name {
			d.tasks = append(d.tasks[:i], d.tasks[i+1:]...)
			return
		}
	}
}

func queueAt(store *memory, d *depot, limit int) *queue {
	return &queue{store: store, now: time.Now, limit: limit, counts: ours, shared: d.list, fresh: d.list, interval: 15 * time.Second, dead: 10 * time.Minute, waits: func(int) {}, still: func(context.Context) error { return nil }}
}

func TestHostsPassInTheOrderInWhichTheyCameAndNoMoreThanTheLimitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, d := &memory{}, &depot{}
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Second)
				host := fmt.Sprintf("node%02d", 20-i)
				leave, err := queueAt(store, d, 3).pass(t.Context(), ticket{Host: host, Job: 1}, 10*time.Hour)
				if !assert.NoError(t, err) {
					return
				}
				mu.Lock()
				order = append(order, host)
				mu.Unlock()
				d.add("laas " + host)
				leave()
				time.Sleep(time.Hour)
				d.end("laas " + host)
			})
		}
		wg.Wait()
		assert.Equal(t, 3, d.most)
		var want []string
		for i := range 12 {
			want = append(want, fmt.Sprintf("node%02d", 20-i))
		}
		assert.Equal(t, want, order)
		left, _ := store.List(t.Context(), turnPrefix)
		assert.Empty(t, left)
	})
}

func TestATicketOfAKilledExecutionHoldsNobodyUpForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, d := &memory{}, &depot{}
		killed := queueAt(store, d, 1)
		require.NoError(t, killed.write(t.Context(), &ticket{Host: "node01", Job: 1, Since: time.Now()}))
		time.Sleep(time.Second)
		began := time.Now()
		_, err := queueAt(store, d, 1).pass(t.Context(), ticket{Host: "node02", Job: 2}, time.Hour)
		require.NoError(t, err)
		assert.InDelta(t, 10, time.Since(began).Minutes(), 1)
	})
}

func TestARunThatIsResumedKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, d := &memory{}, &depot{}
		q := queueAt(store, d, 1)
		first := ticket{Host: "node01", Job: 1, Since: time.Now()}
		require.NoError(t, q.write(t.Context(), &first))
		time.Sleep(time.Minute)
		again := ticket{Host: "node01", Job: 1, Since: time.Now()}
		require.NoError(t, q.keepPlace(t.Context(), &again))
		assert.True(t, first.Since.Equal(again.Since))
		other := ticket{Host: "node01", Job: 2, Since: time.Now()}
		require.NoError(t, q.keepPlace(t.Context(), &other))
		assert.False(t, first.Since.Equal(other.Since), "another booking of the host is another matter")
	})
}

func TestAWaitForATurnHasAnEndAndLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, d := &memory{}, &depot{}
		d.add("laas other")
		told := 0
		q := queueAt(store, d, 1)
		q.waits = func(n int) { told = n }
		_, err := q.pass(t.Context(), ticket{Host: "node01", Job: 1}, 2*time.Hour)
		assert.Equal(t, fault.Failed, fault.KindOf(err))
		assert.ErrorContains(t, err, "not its turn at FOG within 2h0m0s")
		assert.Equal(t, 1, told)
		left, _ := store.List(t.Context(), turnPrefix)
		assert.Empty(t, left)
	})
}

func TestAWaitThatEndsWhileFOGIsDownSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueAt(&memory{}, &depot{}, 1)
		q.shared = func(context.Context) ([]fog.Task, error) {
			return nil, fault.New(fault.Transient, "FOG does not answer")
		}
		_, err := q.pass(t.Context(), ticket{Host: "node01", Job: 1}, time.Hour)
		assert.Equal(t, fault.Failed, fault.KindOf(err))
		assert.ErrorContains(t, err, "FOG does not answer")
	})
}

func TestAWaitEndsWhenTheHostIsSomebodyElses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, d := &memory{}, &depot{}
		d.add("laas other")
		q := queueAt(store, d, 1)
		q.still = func(context.Context) error { return fault.New(fault.Cancelled, "a newer run took over") }
		began := time.Now()
		_, err := q.pass(t.Context(), ticket{Host: "node01", Job: 1}, 2*time.Hour)
		assert.Equal(t, fault.Cancelled, fault.KindOf(err))
		assert.Less(t, time.Since(began), 5*time.Minute)
		left, _ := store.List(t.Context(), turnPrefix)
		assert.Empty(t, left)
	})
}
