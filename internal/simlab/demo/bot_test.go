package demo_test

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/faults"
)

// bot is a chat bot that keeps what it took.
type bot struct {
	*httptest.Server
	t *testing.T

	mu     sync.Mutex
	status int
	asked  int
	took   []alarm
}

type alarm struct {
	Job       int    `json:"job_id"`
	Execution string `json:"execution_id"`
	Message   string `json:"message"`
}

// newBot starts a bot that answers with status; one with status 0 never answers.
func newBot(t *testing.T, status int, start func(http.Handler) *httptest.Server) *bot {
	t.Helper()
	b := &bot{t: t, status: status}
	b.Server = start(b)
	t.Cleanup(b.Close)
	return b
}

// startTLS shows a certificate that the lab's CA has not signed.
func startTLS(h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	return s
}

func (b *bot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.asked++
	status := b.status
	b.mu.Unlock()
	text, err := io.ReadAll(r.Body)
	assert.NoError(b.t, err)
	if status == 0 {
		<-r.Context().Done()
		return
	}
	if status == http.StatusFound {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(status)
	if status != http.StatusOK {
		return
	}
	assert.Equal(b.t, "POST /hooks/failure application/json", r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type"))
	var a alarm
	assert.NoError(b.t, json.Unmarshal(text, &a), "%s", text)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.took = append(b.took, a)
}

func (b *bot) answer(status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status = status
}

func (b *bot) wasAsked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked > 0
}

// told is the messages that it took.
func (b *bot) told() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	messages := []string{}
	for _, a := range b.took {
		messages = append(messages, a.Message)
	}
	return messages
}

// in makes the configuration name the bot.
func (b *bot) in(all map[string]any) {
	settings := all["bot"].(map[string]any)
	settings["address"], settings["endpoints"] = b.URL+"/hooks", map[string]any{"failure": "failure"}
	settings["timeout"] = 0.2
	if b.status == http.StatusOK {
		settings["timeout"] = 8
	}
}

func TestTheChatBotIsToldOfEachFailureOnceAndOfNothingElse(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	chat := newBot(t, http.StatusOK, httptest.NewServer)
	p := open(t, demo.Options{Bodies: b, Slack: impatient, Config: chat.in})
	p.breakAt(stage{action: "schedule_imaging"}, faults.Fault{System: "fog", Kind: faults.Refuse})
	p.dispatch(b[0])
	p.starting(nil)
	first := []string{"job 1 failed: hardware of hpe13 at schedule imaging, network of hpe13 at schedule imaging, " +
		"access a30c20f0-f7f7-46b0-b61c-7a8acb168463 at schedule imaging, access a4234b9a-993e-4d32-97ee-a3f9c09561e6 at schedule imaging. Reasons: laas job show 1"}
	require.Equal(t, first, chat.told())
	assert.Equal(t, 1, chat.took[0].Job)
	assert.Equal(t, p.Engine.Executions()[0].ID, chat.took[0].Execution)
	assert.Equal(t, "laas.process_job", p.Engine.Executions()[0].Action)

	p.action("laas.report_job", map[string]any{"job_id": job, "epoch": 1})
	assert.Equal(t, first, chat.told(), "the same is reported again")
	p.action("laas.process_job", map[string]any{"job_id": job})
	assert.Equal(t, first, chat.told(), "the same failed again, by itself")
	p.action("laas.resume_job", map[string]any{"job_id": job})
	twice := append(first, first...)
	assert.Equal(t, twice, chat.told(), "what an operator had mended failed again")

	p.Lab.Faults().Heal()
	p.action("laas.resume_job", map[string]any{"job_id": job})
	p.asBooked()
	p.dispatch(b[1])
	p.asBefore()
	assert.Equal(t, twice, chat.told(), "nothing failed")
	for _, m := range chat.told() {
		for name, secret := range p.secrets() {
			assert.NotContains(t, m, secret, name)
		}
		assert.NotContains(t, m, "my-dev-box", "a text of the tenant's")
	}
}

func TestTheChatBotIsToldOfAHostThatGoesIntoQuarantineOnce(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	chat := newBot(t, http.StatusOK, httptest.NewServer)
	p := open(t, demo.Options{Bodies: b, Slack: impatient, Config: chat.in})
	p.dispatch(b[0])
	require.Empty(t, chat.told())
	p.breakAt(stage{action: "release_step", which: "wipe"}, faults.Fault{System: "fog", Kind: faults.Refuse})
	p.dispatch(b[1])
	p.starting(nil)
	require.True(t, p.host().Quarantined)
	quarantined := []string{"job 1 failed: hardware of hpe13 at proof of the release, hpe13 is in quarantine. Reasons: laas job show 1"}
	assert.Equal(t, quarantined, chat.told())
	p.Lab.Faults().Heal()
	p.works("laas.return_host", map[string]any{"host": host, "confirm": host})
	p.asBefore()
	assert.Equal(t, quarantined, chat.told())
}

func TestTheChatBotIsToldOfTheLabsOwnJobsToo(t *testing.T) {
	t.Parallel()
	chat := newBot(t, http.StatusOK, httptest.NewServer)
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: impatient, Config: chat.in})
	p.breakAt(stage{action: "deploy_image"}, faults.Fault{System: "fog", Kind: faults.Refuse})
	p.refused("laas.image_host", map[string]any{"host": host, "image": "23"}, "FOG")
	require.Len(t, chat.told(), 1)
	assert.Contains(t, chat.told()[0], "job 1000000000 failed: image of hpe13")
}

func TestTheChatBotIsToldWhenTheDashboardCannotBe(t *testing.T) {
	t.Parallel()
	chat := newBot(t, http.StatusOK, httptest.NewServer)
	p := open(t, demo.Options{Bodies: bodies(t, "01"), Slack: impatient, Config: chat.in})
	p.breakAt(stage{action: "report_job"}, faults.Fault{System: "dashboard", Kind: faults.Refuse})
	p.dispatch(bodies(t, "01")[0])
	p.starting(nil)
	silent := []string{"job 1 failed: the report to the dashboard. Reasons: laas job show 1"}
	assert.Equal(t, silent, chat.told())
	p.Lab.Faults().Heal()
	require.Equal(t, "succeeded", p.action("laas.reconcile", nil).Status)
	p.settle()
	p.asBooked()
	assert.Equal(t, silent, chat.told())
}

// What becomes of the bot is not what becomes of a booking.
func TestAChatBotThatDoesNotTakeItChangesNothing(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01")
	for name, c := range map[string]struct {
		status int
		start  func(http.Handler) *httptest.Server
		log    string
		// asked says that the message goes out although nothing comes of it.
		asked bool
	}{
		"it is not there":                    {http.StatusOK, func(h http.Handler) *httptest.Server { s := httptest.NewServer(h); s.Close(); return s }, "connection refused", false},
		"it answers 500":                     {http.StatusInternalServerError, httptest.NewServer, "HTTP 500", true},
		"it never answers":                   {0, httptest.NewServer, "no answer within 200ms", true},
		"it redirects":                       {http.StatusFound, httptest.NewServer, "redirects are not followed", true},
		"nobody vouches for its certificate": {http.StatusOK, startTLS, "certificate is not trusted", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chat := newBot(t, c.status, c.start)
			p := open(t, demo.Options{Bodies: b, Slack: impatient, Config: chat.in})
			p.breakAt(stage{action: "schedule_imaging"}, faults.Fault{System: "fog", Kind: faults.Refuse})
			p.dispatch(b[0])
			p.starting(nil)
			p.tells(p.tasks("hardware")[0], booking.StatusError, host, "FOG")
			p.allAre(booking.StatusError, "network")
			report := p.Engine.Executions()[len(p.Engine.Executions())-1]
			require.Equal(t, "laas.report_job", report.Action)
			assert.Equal(t, "succeeded", report.Status)
			assert.Contains(t, report.Result.(map[string]any)["stderr"], "info: the chat bot could not be told that job 1 failed: chat bot: ")
			assert.Contains(t, report.Result.(map[string]any)["stderr"], c.log)
			assert.Equal(t, c.asked, chat.wasAsked())
			assert.Empty(t, chat.told())

			if c.asked {
				chat.answer(http.StatusOK)
				p.action("laas.report_job", map[string]any{"job_id": job, "epoch": 1})
				assert.Len(t, chat.told(), 1, "the next report tells it")
			}
		})
	}
}
