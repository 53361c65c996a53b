package netswitch_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/netswitch/nxos"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/simlab/nxapi"
	"stackstorm-laas/internal/simlab/world"
)

// latency is what a request to a switch takes at least. Real ones take longer, which makes the number of requests count even more.
const latency = 50 * time.Millisecond

// rack is switches of the simulated lab, each with as many ports.
type rack struct {
	drivers  []netswitch.Driver
	ports    int
	requests atomic.Int64
	round    int
}

func newRack(t testing.TB, switches, ports int, latency time.Duration) *rack {
	t.Helper()
	r := &rack{ports: ports}
	w := world.New(world.Pace{})
	for i := range switches {
		name := fmt.Sprintf("sw%d", i)
		for n := range ports {
			w.AddPort(name, portName(n))
		}
		s, err := nxapi.Serve(w, nil, nxapi.Config{Switch: name, User: "admin", Password: "secret", Latency: latency})
		require.NoError(t, err)
		t.Cleanup(func() { _ = s.Close() })
		s.OnRequest(func(string) { r.requests.Add(1) })
		d, err := nxos.New(nxos.Config{Switch: name, Address: s.URL(), User: "admin", Password: secret.New("secret"), DarkVLAN: 999, Timeout: time.Minute})
		require.NoError(t, err)
		r.drivers = append(r.drivers, d)
	}
	return r
}

func portName(n int) string { return fmt.Sprintf("Ethernet%d/%d", n/48+1, n%48+1) }

// set changes every port of every switch, the switches side by side as the workflows do it.
func (r *rack) set(t testing.TB) {
	r.round++
	want := make([]netswitch.Port, r.ports)
	for n := range want {
		want[n] = netswitch.Port{Name: portName(n), Native: 100 + r.round%2, Tagged: []int{200, 201, 300}, Description: "laas benchmark"}
	}
	var wg sync.WaitGroup
	for _, d := range r.drivers {
		wg.Go(func() {
			changes, err := netswitch.Set(t.Context(), d, want)
			assert.NoError(t, err)
			assert.Len(t, changes, r.ports)
		})
	}
	wg.Wait()
}

func TestASwitchGetsAsManyRequestsForManyPortsAsForOne(t *testing.T) {
	for _, c := range []struct{ switches, ports int }{{1, 1}, {1, 48}, {1, 480}, {3, 48}} {
		r := newRack(t, c.switches, c.ports, 0)
		r.set(t)
		assert.EqualValues(t, 4*c.switches, r.requests.Load(), "%d switches with %d ports: a read, a write, a read back, a save", c.switches, c.ports)
	}
}

// BenchmarkSet changes all ports of switches and reports ratios, all within one run: what ten times the ports and ten times the
// switches cost. One that asked port by port or switch by switch would show 10.
func BenchmarkSet(b *testing.B) {
	type size struct{ switches, ports int }
	took, requests := map[size]time.Duration{}, map[size]float64{}
	racks := map[size]*rack{}
	sizes := []size{{1, 48}, {1, 480}, {10, 48}, {10, 480}}
	for _, s := range sizes {
		racks[s] = newRack(b, s.switches, s.ports, latency)
	}
	rounds := 0
	for b.Loop() {
		rounds++
		for _, s := range sizes {
			start := time.Now()
			racks[s].set(b)
			took[s] += time.Since(start)
		}
	}
	for _, s := range sizes {
		requests[s] = float64(racks[s].requests.Load()) / float64(rounds*s.switches)
		b.ReportMetric(requests[s], fmt.Sprintf("requests/switch:%dx%d", s.switches, s.ports))
		b.ReportMetric(float64(took[s].Milliseconds())/float64(rounds), fmt.Sprintf("ms:%dx%d", s.switches, s.ports))
	}
	b.ReportMetric(float64(took[size{1, 480}])/float64(took[size{1, 48}]), "x-for-480-vs-48-ports")
	b.ReportMetric(float64(took[size{10, 48}])/float64(took[size{1, 48}]), "x-for-10-vs-1-switches")
}
