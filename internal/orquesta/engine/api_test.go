package engine

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recording is one request and StackStorm's answer to it.
type recording struct {
	Request struct {
		Method, Path string
		Body         json.RawMessage
	}
	Status  int
	Headers map[string]string
	Body    any
}

func recorded(t *testing.T, number string) (r recording) {
	t.Helper()
	files, _ := filepath.Glob("testdata/st2-api/" + number + "_*.json")
	require.Len(t, files, 1)
	b, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &r))
	return r
}

// ask sends a recorded request, with ids replaced, and gives the answer.
func ask(t *testing.T, e *Engine, r recording, token string, replace ...string) (int, http.Header, any) {
	t.Helper()
	path := strings.NewReplacer(replace...).Replace(r.Request.Path)
	req, err := http.NewRequest(r.Request.Method, strings.TrimSuffix(e.URL(), "/v1")+path, bytes.NewReader(r.Request.Body))
	require.NoError(t, err)
	if token != "" {
		req.Header.Set("X-Auth-Token", token)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var body any = ""
	if len(text) > 0 {
		require.NoError(t, json.Unmarshal(text, &body), "%s", text)
	}
	return resp.StatusCode, resp.Header, body
}

// volatile are attributes whose values differ from run to run.
var volatile = map[string]bool{"id": true, "timestamp": true, "start_timestamp": true, "end_timestamp": true, "elapsed_seconds": true, "web_url": true,
	"execution_id": true, "workflow_execution": true, "workflow_execution_id": true, "task_execution": true, "task_execution_id": true,
	"hostname": true, "pid": true, "children": true, "parent": true, "result_size": true}

// shape replaces what differs from run to run by its type, so that the rest can be compared.
func shape(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			nested, isObject := e.(map[string]any)
			switch {
			case isObject && k == "runner": // StackStorm's description of the runner, of which clients need the name
				out[k] = nested["name"]
			case isObject:
				out[k] = shape(nested)
			case volatile[k]:
				out[k] = map[bool]string{true: "text", false: "value"}[isText(e)]
			default:
				out[k] = shape(e)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = shape(x[i])
		}
		return out
	case string:
		if len(x) >= 64 && strings.Trim(x, "0123456789ABCDEF") == "" {
			return "ciphertext"
		}
	}
	return v
}

func isText(v any) bool { _, ok := v.(string); return ok }

// replay holds the answer to a recorded request against the recorded answer.
func replay(t *testing.T, e *Engine, number string, replace ...string) any {
	t.Helper()
	r := recorded(t, number)
	status, header, body := ask(t, e, r, e.Token(), replace...)
	assert.Equal(t, r.Status, status, "status of %s", number)
	assert.Equal(t, r.Headers["Content-Type"], header.Get("Content-Type"), "content type of %s", number)
	assert.Equal(t, r.Headers["X-Limit"], header.Get("X-Limit"), "limit of %s", number)
	assert.Equal(t, shape(r.Body), shape(body), "body of %s", number)
	return body
}

func TestRecordedKeys(t *testing.T) {
	e := start(t)
	for _, number := range []string{"01", "02", "03", "04", "05", "06", "07", "08", "09", "10"} {
		replay(t, e, number)
	}
	stored, _ := e.Keys().Get("laas.s")
	assert.NotContains(t, stored, "geheim", "a secret is encrypted at rest")
	r := recorded(t, "11")
	status, _, body := ask(t, e, r, "")
	assert.Equal(t, r.Status, status)
	assert.Equal(t, r.Body, body)
	r = recorded(t, "12")
	status, _, body = ask(t, e, r, "wrong")
	assert.Equal(t, r.Status, status)
	assert.Equal(t, r.Body, body)
}

func TestAKeyWithATTLExpires(t *testing.T) {
	e := start(t)
	r := recording{}
	r.Request.Method, r.Request.Path, r.Request.Body = "PUT", "/v1/keys/laas.t", json.RawMessage(`{"value":"x","ttl":3600}`)
	_, _, body := ask(t, e, r, e.Token())
	assert.NotEmpty(t, body.(map[string]any)["expire_timestamp"])
	e.keys.put("laas.t", "x", false, 1)
	_, ok := e.Keys().Get("laas.t")
	assert.False(t, ok)
}

func id(body any) string { s, _ := body.(map[string]any)["id"].(string); return s }

func TestRecordedExecutions(t *testing.T) {
	e := start(t)
	for _, number := range []string{"13", "14", "15", "27", "28", "29", "30"} {
		replay(t, e, number)
	}
	started := id(replay(t, e, "16"))
	_, err := e.Wait(ctx, started)
	require.NoError(t, err)
	replay(t, e, "17", "6b00e7a95c135140993a7274", started)

	x := finished(t, e, "laasx.probe", map[string]any{"host": "bad"})
	replay(t, e, "18", "6b00e7ad5c135140993a7277", x.ID)
	r := recorded(t, "23")
	_, header, body := ask(t, e, r, e.Token())
	assert.Equal(t, "2", header.Get("X-Total-Count"), "an unknown filter is ignored")
	assert.Equal(t, map[string]any{"status": "failed", "id": x.ID}, body.([]any)[0], "the newest comes first")
}

func TestRecordedCancel(t *testing.T) {
	e, g := start(t), newGate(t)
	running, err := e.Start("laasx.wait", map[string]any{"dir": g.dir}, "")
	require.NoError(t, err)
	g.began()
	list := recorded(t, "24")
	_, _, body := ask(t, e, list, e.Token(), "laasx.probe", "laasx.wait")
	require.Len(t, body, 1)
	assert.Equal(t, running, id(body.([]any)[0]))

	cancel, after := recorded(t, "25"), recorded(t, "26")
	status, _, body := ask(t, e, cancel, e.Token(), "6b00e7d45c135140993a727d", running)
	assert.Equal(t, cancel.Status, status)
	state := func(v any) any {
		doc := v.(map[string]any)
		return []any{doc["status"], doc["result"], doc["context"], doc["end_timestamp"] == nil}
	}
	assert.Equal(t, state(cancel.Body), state(body))
	_, err = e.Wait(ctx, running)
	require.NoError(t, err)
	_, _, body = ask(t, e, after, e.Token(), "6b00e7d45c135140993a727d", running)
	assert.Equal(t, state(after.Body), state(body))
	g.release()
}

func TestAttributesAreSelected(t *testing.T) {
	e := start(t)
	x := finished(t, e, "laasx.probe", map[string]any{"host": "a"})
	r := recording{}
	r.Request.Method, r.Request.Path = "GET", "/v1/executions/"+x.ID+"?include_attributes=status,parent,action.ref"
	_, _, body := ask(t, e, r, e.Token())
	assert.Equal(t, map[string]any{"id": x.ID, "status": "succeeded", "action": map[string]any{"ref": "laasx.probe"}}, body)
}

func TestSecretParametersAreMasked(t *testing.T) {
	e := start(t)
	x := finished(t, e, "laasx.args", map[string]any{"hush": "password"})
	r := recording{}
	r.Request.Method, r.Request.Path = "GET", "/v1/executions/"+x.ID+"?include_attributes=parameters"
	_, _, body := ask(t, e, r, e.Token())
	assert.Equal(t, "********", body.(map[string]any)["parameters"].(map[string]any)["hush"])
}
