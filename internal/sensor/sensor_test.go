package sensor_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/sensor"
)

const token = "t0ps3cret"

// dash serves jobs/new; a test changes what it says.
type dash struct {
	status int
	body   []byte
	url    string
}

func serve(t *testing.T) *dash {
	text, err := os.ReadFile("../booking/payload/testdata/01_single_host_ssh_vpn.json")
	require.NoError(t, err)
	d := &dash{status: http.StatusOK, body: text}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("auth-token") != token {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(d.status)
		_, _ = w.Write(d.body)
	}))
	t.Cleanup(srv.Close)
	d.url = srv.URL
	return d
}

// shim keeps the state between polls, as the Python side does.
type shim struct {
	t     *testing.T
	dash  *dash
	token string
	state *string
	keys  map[string]string
	now   time.Time
	raw   strings.Builder
}

func (s *shim) document() []byte {
	cfg := map[string]any{
		"fog":       map[string]any{"address": "http://f/", "api_key": "f0gs3cret", "user_key": "us3rs3cret"},
		"dashboard": map[string]any{"address": s.dash.url, "lab_name": "lab", "token": s.token, "timeout": 2},
		"network":   map[string]any{"provisioning_vlan": 98, "public_vlans": []int{100}, "dark_vlan": 96},
	}
	text, err := json.Marshal(map[string]any{"config": cfg, "state": s.state, "keys": s.keys})
	require.NoError(s.t, err)
	return text
}

func (s *shim) poll() (lines []sensor.Line) {
	s.t.Helper()
	s.now = s.now.Add(time.Minute)
	var out bytes.Buffer
	require.NoError(s.t, sensor.Poll(s.t.Context(), bytes.NewReader(s.document()), &out, func() time.Time { return s.now }))
	s.raw.Write(out.Bytes())
	dec := json.NewDecoder(&out)
	for dec.More() {
		var l sensor.Line
		require.NoError(s.t, dec.Decode(&l))
		if l.State != nil {
			s.state = l.State
		}
		lines = append(lines, l)
	}
	return lines
}

func logs(lines []sensor.Line) (out []string) {
	for _, l := range lines {
		if l.Log != nil {
			out = append(out, l.Log.Level+": "+l.Log.Message)
		}
	}
	return out
}

func newShim(t *testing.T) *shim {
	return &shim{t: t, dash: serve(t), token: token, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
}

func TestAJobIsStoredThenDispatchedThenRemembered(t *testing.T) {
	s := newShim(t)
	first := s.poll()
	require.Len(t, first, 2)
	assert.Contains(t, logs(first)[0], "info: job 1 is held: seen for the first time")
	lines := s.poll()
	require.Len(t, lines, 4)
	require.NotNil(t, lines[0].Store)
	assert.Equal(t, "laas.plan.1."+lines[1].Payload.Digest, lines[0].Store.Name)
	assert.Equal(t, "laas.job", lines[1].Trigger)
	assert.Equal(t, "booking-1", lines[1].TraceTag)
	assert.Equal(t, 1, lines[1].Payload.Job)
	assert.Contains(t, lines[2].Log.Message, "dispatched job 1")
	assert.NotNil(t, lines[3].State, "the state comes last")
	assert.Len(t, s.poll(), 1, "nothing is new")
}

func TestATroubleIsToldOnceAndTheLastGoodStateIsKept(t *testing.T) {
	s := newShim(t)
	s.poll()
	s.poll()
	s.dash.status, s.dash.body = http.StatusInternalServerError, []byte("<html>secret stack trace</html>")
	var told []string
	for range 6 {
		told = append(told, logs(s.poll())...)
	}
	require.Len(t, told, 1)
	assert.Contains(t, told[0], "error: the dashboard cannot be polled")
	assert.NotContains(t, told[0], "stack trace")
	s.dash.status, s.dash.body = http.StatusOK, []byte("[]")
	s.now = s.now.Add(time.Hour)
	assert.Equal(t, []string{"info: the dashboard answers again"}, logs(s.poll()))
	assert.Contains(t, *s.state, `"generation":1`, "what was dispatched is still known")
}

func TestTheSensorWaitsLongerAfterEachFailure(t *testing.T) {
	s := newShim(t)
	s.dash.status = http.StatusInternalServerError
	asked := 0
	for range 60 {
		if len(s.poll()) > 0 { // a poll that waits says nothing
			asked++
		}
	}
	assert.Greater(t, asked, 4)
	assert.Less(t, asked, 12)
}

func TestAWrongTokenIsNamedAsSuch(t *testing.T) {
	s := newShim(t)
	s.token = "wr0ngt0ken"
	told := logs(s.poll())
	require.Len(t, told, 1)
	assert.Contains(t, told[0], "token")
}

func TestNoSecretIsEverWritten(t *testing.T) {
	s := newShim(t)
	s.poll()
	s.poll()
	s.dash.status = http.StatusForbidden
	s.poll()
	s.dash.status = http.StatusInternalServerError
	s.poll()
	for _, secret := range []string{token, "f0gs3cret", "us3rs3cret"} {
		assert.NotContains(t, s.raw.String(), secret)
	}
}

func TestADocumentThatCannotBeUsedIsAnError(t *testing.T) {
	s := newShim(t)
	bad := "{"
	for name, c := range map[string]struct {
		text []byte
		kind fault.Kind
	}{
		"no JSON":               {[]byte("x"), fault.Input},
		"no configuration":      {[]byte(`{"config": {}}`), fault.Config},
		"an unreadable state":   {func() []byte { s.state = &bad; defer func() { s.state = nil }(); return s.document() }(), fault.Input},
		"an unreadable journal": {func() []byte { s.keys = map[string]string{"laas.task.1.x": "{"}; return s.document() }(), fault.Config},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := sensor.Poll(t.Context(), bytes.NewReader(c.text), &out, time.Now)
			assert.Equal(t, c.kind, fault.KindOf(err))
			assert.Empty(t, out.String())
		})
	}
}
