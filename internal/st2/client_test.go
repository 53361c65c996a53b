package st2

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
)

var ctx = context.Background()

// recording is one request and StackStorm's answer to it.
type recording struct {
	Request struct {
		Method, Path string
		Body         any
	}
	Status int
	Body   json.RawMessage
}

func load(t *testing.T, name string) recording {
	t.Helper()
	files, _ := filepath.Glob("testdata/" + name + "_*.json")
	require.Len(t, files, 1)
	b, err := os.ReadFile(files[0])
	require.NoError(t, err)
	var r recording
	require.NoError(t, json.Unmarshal(b, &r))
	return r
}

// replay answers every request with the recording, whatever is asked, and keeps the last request.
func replay(t *testing.T, name string) (*Client, *recording) {
	rec, got := load(t, name), &recording{}
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		*got = recording{}
		got.Request.Method, got.Request.Path = r.Method, r.URL.RequestURI()
		if b, _ := io.ReadAll(r.Body); len(b) > 0 {
			_ = json.Unmarshal(b, &got.Request.Body)
		}
		w.WriteHeader(rec.Status)
		if rec.Status != http.StatusNoContent {
			_, _ = w.Write(rec.Body)
		}
	}), got
}

func serve(t *testing.T, h http.HandlerFunc) *Client {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return New(Config{URL: s.URL + "/v1", Token: secret.New("t0ken"), Timeout: 5 * time.Second})
}

// sameRequest holds what was sent against what was recorded; the order of query parameters does not matter.
func sameRequest(t *testing.T, name string, got *recording) {
	t.Helper()
	want := load(t, name).Request
	assert.Equal(t, want.Method, got.Request.Method)
	w, _ := url.Parse(want.Path)
	g, _ := url.Parse(got.Request.Path)
	assert.Equal(t, w.Path, g.Path)
	assert.Equal(t, w.Query(), g.Query())
	assert.Equal(t, want.Body, got.Request.Body)
}

func TestKeysAsRecorded(t *testing.T) {
	t.Run("a missing key is not found and no error", func(t *testing.T) {
		c, got := replay(t, "01")
		_, found, err := c.Get(ctx, "laas.nothing")
		require.NoError(t, err)
		assert.False(t, found)
		sameRequest(t, "01", got)
	})
	t.Run("a plain key is written as text", func(t *testing.T) {
		c, got := replay(t, "02")
		require.NoError(t, c.Put(ctx, "laas.a", `{"x":1}`))
		sameRequest(t, "02", got)
	})
	t.Run("a plain key is read", func(t *testing.T) {
		c, _ := replay(t, "02")
		v, found, err := c.Get(ctx, "laas.a")
		require.NoError(t, err)
		assert.True(t, found)
		assert.Equal(t, `{"x":1}`, v)
	})
	t.Run("a secret is written encrypted", func(t *testing.T) {
		c, got := replay(t, "03")
		require.NoError(t, c.PutSecret(ctx, "laas.s", secret.New("geheim")))
		sameRequest(t, "03", got)
	})
	t.Run("an encrypted key cannot be taken for a plain one", func(t *testing.T) {
		c, _ := replay(t, "04")
		_, _, err := c.Get(ctx, "laas.s")
		assert.True(t, fault.Is(err, fault.Config))
	})
	t.Run("a secret is read decrypted", func(t *testing.T) {
		c, got := replay(t, "05")
		v, found, err := c.GetSecret(ctx, "laas.s")
		require.NoError(t, err)
		assert.True(t, found)
		assert.Equal(t, "geheim", v.Reveal())
		sameRequest(t, "05", got)
	})
	t.Run("a secret that is stored in clear is refused and the hint says how to store it", func(t *testing.T) {
		c, _ := replay(t, "02")
		_, _, err := c.GetSecret(ctx, "laas.a")
		assert.True(t, fault.Is(err, fault.Config))
		assert.Contains(t, fault.HintOf(err), "st2 key set laas.a VALUE --encrypt")
		v, encrypted, found, err := c.GetAny(ctx, "laas.a")
		require.NoError(t, err)
		assert.True(t, found)
		assert.False(t, encrypted)
		assert.Equal(t, `{"x":1}`, v.Reveal())
	})
	t.Run("a list leaves encrypted keys out", func(t *testing.T) {
		c, _ := replay(t, "07")
		keys, err := c.List(ctx, "laas.")
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"laas.a": `{"x":1}`}, keys)
	})
	t.Run("deleting works, also a missing key", func(t *testing.T) {
		c, got := replay(t, "09")
		require.NoError(t, c.Delete(ctx, "laas.a"))
		sameRequest(t, "09", got)
		c, _ = replay(t, "10")
		require.NoError(t, c.Delete(ctx, "laas.a"))
	})
}

func TestAListReadsAllPages(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		page := []map[string]any{}
		for i := offset; i < min(offset+limit, 250); i++ {
			page = append(page, map[string]any{"name": fmt.Sprintf("laas.%03d", i), "value": "v"})
		}
		_ = json.NewEncoder(w).Encode(page)
	})
	keys, err := c.List(ctx, "laas.")
	require.NoError(t, err)
	assert.Len(t, keys, 250)
}

func TestFaultsHaveTheirKind(t *testing.T) {
	for _, tc := range []struct {
		name, recording string
		kind            fault.Kind
		text            string
	}{
		{"without a token", "11", fault.Credentials, "One of Token or API key required"},
		{"with a dead token", "12", fault.Credentials, "Unauthorized"},
		{"for an action that is not registered", "13", fault.Input, `Action "laasx.nothing" cannot be found.`},
		{"for a missing parameter", "14", fault.Input, "'host' is a required property"},
		{"for an execution nobody knows", "27", fault.NotFound, "Unable to identify resource"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := replay(t, tc.recording)
			_, err := c.Start(ctx, "laasx.probe", nil, "")
			require.Error(t, err)
			assert.Equal(t, tc.kind, fault.KindOf(err))
			assert.ErrorContains(t, err, tc.text)
			assert.NotContains(t, err.Error(), "t0ken")
		})
	}
}

func TestExecutionsAsRecorded(t *testing.T) {
	t.Run("an execution is started with parameters and a trace tag", func(t *testing.T) {
		c, got := replay(t, "16")
		e, err := c.Start(ctx, "laasx.probe", map[string]any{"host": "a"}, "booking-1")
		require.NoError(t, err)
		sameRequest(t, "16", got)
		assert.Equal(t, "6b00e7a95c135140993a7274", e.ID)
		assert.Equal(t, "requested", e.Status)
	})
	t.Run("an execution is read with its result", func(t *testing.T) {
		c, got := replay(t, "17")
		e, err := c.Execution(ctx, "6b00e7a95c135140993a7274")
		require.NoError(t, err)
		sameRequest(t, "17", got)
		assert.Equal(t, "succeeded", e.Status)
		assert.Equal(t, "laasx.probe", e.Action)
		assert.Equal(t, map[string]any{"host": "a"}, e.Parameters)
		assert.Equal(t, 2026, e.StartedAt.Year())
		assert.Contains(t, string(e.Result), "return_code")
	})
	t.Run("a cancel is a DELETE", func(t *testing.T) {
		c, got := replay(t, "25")
		require.NoError(t, c.Cancel(ctx, "6b00e7d45c135140993a727d"))
		sameRequest(t, "25", got)
	})
	t.Run("what a list answers without the reference asked for is not believed", func(t *testing.T) {
		c, _ := replay(t, "24")
		found, err := c.Executions(ctx, "laasx.probe", "running")
		require.NoError(t, err)
		assert.Empty(t, found)
	})
}

func TestExecutionsChecksWhatStackStormAnswers(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[{"id":"1","status":"running","action":{"ref":"laas.a"}},{"id":"2","status":"running","action":{"ref":"laas.b"}},{"id":"3","status":"failed","action":{"ref":"laas.a"}}]`)
	})
	found, err := c.Executions(ctx, "laas.a", "scheduled", "running")
	require.NoError(t, err)
	require.Len(t, found, 1, "a filter that is ignored gives others, and the second status gives the same again")
	assert.Equal(t, "1", found[0].ID)
}

func TestChainFollowsParents(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/executions/leaf":
			fmt.Fprint(w, `{"id":"leaf","status":"running","parent":"wf"}`)
		case "/v1/executions/wf":
			fmt.Fprint(w, `{"id":"wf","status":"canceling"}`)
		}
	})
	chain, err := c.Chain(ctx, "leaf")
	require.NoError(t, err)
	require.Len(t, chain, 2)
	assert.Equal(t, "running", chain[0].Status)
	assert.Equal(t, "canceling", chain[1].Status)
}

func TestRetries(t *testing.T) {
	policy := retry.Policy{Initial: time.Microsecond, Max: time.Microsecond, Elapsed: time.Minute}
	failing := func(t *testing.T, failures int) (*Client, *int) {
		calls := 0
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if calls++; calls <= failures {
				w.WriteHeader(http.StatusBadGateway)
				fmt.Fprint(w, "<html>secret page</html>")
				return
			}
			fmt.Fprint(w, `{}`)
		})
		c.cfg.Retry = policy
		return c, &calls
	}
	t.Run("a write of a key is repeated after HTTP 5xx", func(t *testing.T) {
		c, calls := failing(t, 2)
		require.NoError(t, c.Put(ctx, "a", "b"))
		assert.Equal(t, 3, *calls)
	})
	t.Run("a start is never repeated", func(t *testing.T) {
		c, calls := failing(t, 2)
		_, err := c.Start(ctx, "laas.a", nil, "")
		assert.True(t, fault.Is(err, fault.Transient))
		assert.NotContains(t, err.Error(), "html")
		assert.Equal(t, 1, *calls)
	})
	t.Run("a server that hangs is transient", func(t *testing.T) {
		stop := make(chan struct{})
		c := serve(t, func(http.ResponseWriter, *http.Request) { <-stop })
		defer close(stop)
		c.cfg.Timeout = 10 * time.Millisecond
		_, _, err := c.Get(ctx, "a")
		assert.True(t, fault.Is(err, fault.Transient))
	})
	t.Run("what a refused secret was is not in the error", func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"faultstring":"hunter2 is not nice"}`)
		})
		err := c.PutSecret(ctx, "a", secret.New("hunter2"))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "hunter2")
	})
	t.Run("a redirect is not followed with the token", func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) })
		_, _, err := c.Get(ctx, "a")
		assert.True(t, fault.Is(err, fault.Config))
	})
}
