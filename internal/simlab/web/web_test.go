package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/web"
)

func serve(t *testing.T, kind faults.Kind, reached chan<- struct{}) *web.Server {
	t.Helper()
	s, err := web.Serve("", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reached != nil {
			close(reached)
		}
		if !web.Fault(kind, w, r) {
			_, _ = io.WriteString(w, "answer")
		}
	}))
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func post(ctx context.Context, t *testing.T, s *web.Server) (status int, body string, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL(), strings.NewReader("question"))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestAServerAnswersAsItsFaultSays(t *testing.T) {
	for kind, want := range map[faults.Kind]struct {
		status int
		body   string
	}{
		"":              {200, "answer"},
		faults.Slow:     {200, "answer"},
		faults.Forget:   {200, "answer"},
		faults.Error500: {500, "<h1>Internal Server Error</h1>"},
		faults.Garbage:  {200, "<html>"},
	} {
		t.Run(string(kind), func(t *testing.T) {
			status, body, err := post(t.Context(), t, serve(t, kind, nil))
			require.NoError(t, err)
			assert.Equal(t, want.status, status)
			assert.Contains(t, body, want.body)
		})
	}
}

func TestAServerThatRefusesResetsTheConnection(t *testing.T) {
	_, _, err := post(t.Context(), t, serve(t, faults.Refuse, nil))
	require.Error(t, err)
	assert.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF), err)
}

func TestAServerThatHangsHangsUntilTheClientIsGoneOrTheServerIsClosed(t *testing.T) {
	t.Run("the client goes", func(t *testing.T) {
		reached := make(chan struct{})
		s := serve(t, faults.Hang, reached)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-reached
			cancel()
		}()
		_, _, err := post(ctx, t, s)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("the server is closed", func(t *testing.T) {
		reached := make(chan struct{})
		s := serve(t, faults.Hang, reached)
		go func() {
			<-reached
			s.Close()
		}()
		_, _, err := post(t.Context(), t, s)
		require.Error(t, err)
	})
}
