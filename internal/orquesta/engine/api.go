package engine

import (
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"time"
)

// api serves the part of StackStorm's API that actions, the sensor and the operator's command line use, with the answers that
// were recorded from it.
type api struct {
	url    string
	server *http.Server
}

// problem is an answer that is none.
type problem struct {
	status int
	text   string
}

func serveAPI(e *Engine, listen string) (*api, error) {
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	a := &api{url: "http://" + l.Addr().String() + "/v1", server: &http.Server{Handler: e.routes(), ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = a.server.Serve(l) }() // ends with close
	return a, nil
}

func (a *api) close() { _ = a.server.Close() }

func (e *Engine) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, handler := range map[string]func(*http.Request) (int, any, *problem){
		"GET /v1/keys":                     e.listKeys,
		"GET /v1/keys/{name}":              e.getKey,
		"PUT /v1/keys/{name}":              e.putKey,
		"DELETE /v1/keys/{name}":           e.deleteKey,
		"GET /v1/executions/{id}":          e.getExecution,
		"GET /v1/executions/{id}/children": e.getChildren,
		"POST /v1/executions":              e.postExecution,
		"DELETE /v1/executions/{id}":       e.deleteExecution,
		"GET /v1/configs/{pack}":           e.getConfig,
		"POST /v1/webhooks/{hook}":         e.postWebhook,
		"/": func(*http.Request) (int, any, *problem) {
			return 0, nil, &problem{http.StatusNotFound, "The resource could not be found."}
		},
	} {
		mux.HandleFunc(pattern, e.authenticated(func(w http.ResponseWriter, r *http.Request) {
			status, body, p := handler(r)
			answer(w, status, body, p)
		}))
	}
	mux.HandleFunc("GET /v1/executions", e.authenticated(e.listExecutions))
	return mux
}

// authenticated lets requests with a live token through.
func (e *Engine) authenticated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("X-Auth-Token")
		e.mu.Lock()
		known := e.tokens[token]
		e.mu.Unlock()
		switch {
		case token == "":
			answer(w, 0, nil, &problem{http.StatusUnauthorized, "Unauthorized - One of Token or API key required."})
		case !known:
			answer(w, 0, nil, &problem{http.StatusUnauthorized, "Unauthorized"})
		default:
			next(w, r)
		}
	}
}

func answer(w http.ResponseWriter, status int, body any, p *problem) {
	if p != nil {
		status, body = p.status, map[string]string{"faultstring": p.text}
	}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // the client may be gone
}

// page cuts a list as limit and offset ask; a page has at most 100.
func page[T any](r *http.Request, list []T) ([]T, int) {
	limit, offset := 100, 0
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && n > 0 {
		limit = min(n, limit)
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("offset")); err == nil {
		offset = min(max(n, 0), len(list))
	}
	return list[offset:min(offset+limit, len(list))], limit
}

// decode reads a JSON body.
func decode(r *http.Request, into any) *problem {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		return &problem{http.StatusBadRequest, "the body is not the JSON object that was expected: " + err.Error()}
	}
	return nil
}

func (e *Engine) getConfig(r *http.Request) (int, any, *problem) {
	name := r.PathValue("pack")
	if name != e.pack.Ref {
		return 0, nil, &problem{http.StatusNotFound, "Unable to identify resource with pack_ref \"" + name + "\"."}
	}
	show := r.URL.Query().Get("show_secrets") == "true"
	return http.StatusOK, map[string]any{"pack": name, "values": maskedConfig(e.pack.config, e.cfg.PackConfig, show), "id": e.token[:24]}, nil
}

// postWebhook is the generic webhook "st2", which dispatches any trigger; no other is registered.
func (e *Engine) postWebhook(r *http.Request) (int, any, *problem) {
	hook := r.PathValue("hook")
	if hook != "st2" {
		return 0, nil, &problem{http.StatusNotFound, "Webhook " + hook + " not registered with st2"}
	}
	var body struct {
		Trigger string          `json:"trigger"`
		Payload json.RawMessage `json:"payload"`
	}
	if p := decode(r, &body); p != nil {
		return 0, nil, p
	}
	payload, err := e.payload(body.Trigger, body.Payload)
	if err != nil {
		return 0, nil, &problem{http.StatusBadRequest, err.Error()}
	}
	_ = e.fire(body.Trigger, payload, r.Header.Get("St2-Trace-Tag"), nil) // logged: the rules engine is another service
	return http.StatusAccepted, body, nil
}
