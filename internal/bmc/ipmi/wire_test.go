package ipmi

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
)

// The first bytes of datagrams: RMCP, class IPMI, RMCP+, and what they carry.
var (
	handshakeStep = []byte{0x06, 0x00, 0xff, 0x07, 0x06, 0x10}
	command       = []byte{0x06, 0x00, 0xff, 0x07, 0x06, 0xc0}
	toConsole     = []byte{0x06, 0x00, 0xff, 0x07, 0x06, 0xc1}
)

// sink takes datagrams and notes when they came.
func sink(t *testing.T, target bmc.Target) (*wire, <-chan time.Time) {
	ours, theirs := net.Pipe()
	w, came := newWire(ours, target), make(chan time.Time, 10)
	go func() {
		for buf := make([]byte, 100); ; {
			if _, err := theirs.Read(buf); err != nil {
				return
			}
			came <- time.Now()
		}
	}()
	t.Cleanup(w.abort)
	return w, came
}

func TestDatagramsToOneBMCKeepTheirDistanceThroughAllSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target, began := bmc.Target{Address: t.Name(), Port: 623, MinInterval: time.Second}, time.Now()
		first, came := sink(t, target)
		send := func(w *wire, came <-chan time.Time, p []byte, want time.Duration) {
			t.Helper()
			_, err := w.Write(p)
			require.NoError(t, err)
			assert.Equal(t, want, (<-came).Sub(began))
		}
		send(first, came, handshakeStep, 0)
		send(first, came, command, time.Second)
		send(first, came, command, 2*time.Second) // the same one again, for instance
		send(first, came, toConsole, 2*time.Second)
		first.abort()
		second, came := sink(t, target)
		send(second, came, handshakeStep, 3*time.Second)
		second.abort()
	})
}

func TestASessionThatIsGivenUpSendsNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, came := sink(t, bmc.Target{Address: t.Name(), Port: 623, MinInterval: time.Hour})
		_, err := w.Write(command)
		require.NoError(t, err)
		began := <-came
		time.AfterFunc(time.Second, w.abort)
		_, err = w.Write(command)
		assert.Error(t, err)
		assert.Equal(t, time.Second, time.Since(began))
		assert.Empty(t, came)
	})
}
