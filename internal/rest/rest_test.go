package rest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
)

func TestAddress(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"a host gets a slash":              {"http://fog", "http://fog/"},
		"a path keeps one slash":           {"https://lab.example/fog//", "https://lab.example/fog/"},
		"blanks around it are dropped":     {" http://fog:8080/fog ", "http://fog:8080/fog/"},
		"no scheme is refused":             {"fog.lab.example/fog", ""},
		"another scheme is refused":        {"ldap://fog", ""},
		"a login in it is refused":         {"http://user:hunter2@fog/", ""},
		"a query in it is refused":         {"http://fog/?token=hunter2", ""},
		"nothing at all is refused":        {"", ""},
		"text that is no URL is refused":   {"http://fog:hunter2\x7f/", ""},
		"a scheme without host is refused": {"http:///fog", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rest.Address("fog.address", tc.in)
			assert.Equal(t, tc.want, got)
			if tc.want == "" {
				require.Error(t, err)
				assert.Equal(t, fault.Config, fault.KindOf(err))
				assert.NotContains(t, err.Error()+fault.HintOf(err), "hunter2")
			}
		})
	}
}

func TestKindsOfStatuses(t *testing.T) {
	for status, want := range map[int]fault.Kind{
		301: fault.Config, 302: fault.Config, 400: fault.Failed, 401: fault.Credentials, 403: fault.Credentials, 404: fault.NotFound,
		408: fault.Transient, 409: fault.Failed, 429: fault.Transient, 500: fault.Transient, 501: fault.Failed, 502: fault.Transient, 503: fault.Transient,
	} {
		err := rest.StatusFault(status)
		assert.Equal(t, want, err.Kind, status)
		assert.Equal(t, status, rest.StatusOf(fault.Wrap(err, "read it")))
	}
	assert.Zero(t, rest.StatusOf(errors.New("other")))
}

func TestACallEndsWhenItsCallerDoes(t *testing.T) {
	asked := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	c := rest.Client{Base: server.URL + "/"}

	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-asked; cancel() }()
		_, err := c.Do(ctx, rest.Request{Method: "GET"})
		assert.Equal(t, fault.Cancelled, fault.KindOf(err))
	})
	t.Run("for a reason that has a kind", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { <-asked; cancel(fault.New(fault.Superseded, "a newer one")) }()
		_, err := c.Do(ctx, rest.Request{Method: "GET"})
		assert.Equal(t, fault.Superseded, fault.KindOf(err))
	})
	t.Run("because its time is up", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := c.Do(ctx, rest.Request{Method: "GET"})
		assert.Equal(t, fault.Deadline, fault.KindOf(err))
	})
}

func TestACallThatGetsNoAnswer(t *testing.T) {
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hangs.Close()
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = discard
	tls.StartTLS()
	defer tls.Close()
	garbage := raw(t, "+OK hunter2 ready\r\nhunter2\r\n")
	badHeader := raw(t, "HTTP/1.1 200 OK\r\nhunter2 without a colon\r\n\r\n")
	cut := raw(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhunter2")

	for name, tc := range map[string]struct {
		base string
		want fault.Kind
		text string
	}{
		"the server hangs":               {hangs.URL, fault.Transient, "no answer within 50ms"},
		"the server is down":             {"http://127.0.0.1:1", fault.Transient, "connection refused"},
		"its certificate is unknown":     {tls.URL, fault.Config, "not trusted"},
		"it answers something else":      {garbage, fault.Transient, "not HTTP"},
		"its header is broken":           {badHeader, fault.Transient, "not HTTP"},
		"its answer is cut off":          {cut, fault.Transient, "middle of the answer"},
		"it is asked for TLS it has not": {"https" + hangs.URL[len("http"):], fault.Config, "does not speak TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			c := rest.Client{Base: tc.base + "/", Timeout: 5 * time.Second}
			if tc.base == hangs.URL {
				c.Timeout = 50 * time.Millisecond
			}
			_, err := c.Do(t.Context(), rest.Request{Method: "GET"})
			require.Error(t, err)
			assert.Equal(t, tc.want, fault.KindOf(err), err)
			assert.Contains(t, err.Error(), tc.text)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}
