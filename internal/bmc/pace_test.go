package bmc_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/bmc"
)

// paced is a BMC of the test's own.
func paced(t *testing.T, interval time.Duration) bmc.Target {
	return bmc.Target{Address: t.Name(), Port: 623, MinInterval: interval}
}

func TestCommandsToOneBMCKeepTheirDistance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target, began := paced(t, time.Second), time.Now()
		var mu sync.Mutex
		var sent []time.Duration
		var wg sync.WaitGroup
		for range 4 { // whichever session they come from
			wg.Go(func() {
				target.Turn(nil)
				mu.Lock()
				defer mu.Unlock()
				sent = append(sent, time.Since(began))
			})
		}
		wg.Wait()
		assert.Equal(t, []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second}, sent)

		other := paced(t, time.Second)
		other.Port = 624
		other.Turn(nil)
		assert.Equal(t, 3*time.Second, time.Since(began), "another BMC waits for nobody")

		time.Sleep(400 * time.Millisecond)
		target.Turn(nil)
		assert.Equal(t, 4*time.Second, time.Since(began), "time that passed counts")
		time.Sleep(time.Minute)
		target.Turn(nil)
		assert.Equal(t, 64*time.Second, time.Since(began), "after a rest there is no wait")
	})
}

func TestWithoutAnIntervalNothingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target, began := paced(t, 0), time.Now()
		for range 100 {
			target.Turn(nil)
		}
		assert.Equal(t, began, time.Now())
	})
}

func TestAWaitForATurnEndsWhenItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target, began, stop := paced(t, time.Hour), time.Now(), make(chan struct{})
		target.Turn(stop)
		time.AfterFunc(time.Second, func() { close(stop) })
		target.Turn(stop)
		assert.Equal(t, time.Second, time.Since(began))
	})
}

func TestWhatAnotherProcessSaidLastCounts(t *testing.T) {
	for name, c := range map[string]struct {
		ago, wait time.Duration
	}{
		"just now":                   {0, time.Second},
		"a while ago":                {300 * time.Millisecond, 700 * time.Millisecond},
		"long ago":                   {time.Hour, 0},
		"by a clock that runs ahead": {-time.Hour, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				target, began := paced(t, time.Second), time.Now()
				bmc.Spoke(target.Endpoint(), began.Add(-c.ago))
				target.Turn(nil)
				assert.Equal(t, c.wait, time.Since(began))
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		target := paced(t, time.Second)
		target.Turn(nil)
		began := time.Now()
		bmc.Spoke(target.Endpoint(), began.Add(-time.Hour))
		target.Turn(nil)
		assert.Equal(t, time.Second, time.Since(began), "what this process said later counts more")
	})
}
