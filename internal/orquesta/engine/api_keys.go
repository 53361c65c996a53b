package engine

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// keyDocument is a key as the API shows it: a secret's value is ciphertext unless it was decrypted.
func (e *Engine) keyDocument(k entry, decrypt bool) map[string]any {
	doc := map[string]any{"uid": "key_value_pair:st2kv.system:" + k.Name, "scope": "st2kv.system", "name": k.Name, "value": k.Value,
		"secret": k.Secret, "encrypted": k.Secret, "id": k.ID}
	if clear, err := e.keys.clear(k); decrypt && err == nil {
		doc["value"], doc["encrypted"] = clear, false
	}
	if !k.Expires.IsZero() {
		doc["expire_timestamp"] = k.Expires.UTC().Format(stamp)
	}
	return doc
}

func missingKey(name string) *problem {
	return &problem{http.StatusNotFound, fmt.Sprintf("The key \"%s\" does not exist in the StackStorm datastore.", name)}
}

func decrypting(r *http.Request) bool { return r.URL.Query().Get("decrypt") == "true" }

// system says whether a request is about the system scope, the only one that exists here.
func system(r *http.Request) bool {
	switch r.URL.Query().Get("scope") {
	case "", "system", "st2kv.system", "all":
		return true
	}
	return false
}

func (e *Engine) listKeys(r *http.Request) (int, any, *problem) {
	docs := []map[string]any{}
	if system(r) {
		keys, _ := page(r, e.keys.entries(r.URL.Query().Get("prefix")))
		for _, k := range keys {
			docs = append(docs, e.keyDocument(k, decrypting(r)))
		}
	}
	return http.StatusOK, docs, nil
}

func (e *Engine) getKey(r *http.Request) (int, any, *problem) {
	k, ok := e.keys.entry(r.PathValue("name"))
	if !ok || !system(r) {
		return 0, nil, missingKey(r.PathValue("name"))
	}
	return http.StatusOK, e.keyDocument(k, decrypting(r)), nil
}

func (e *Engine) putKey(r *http.Request) (int, any, *problem) {
	var body struct {
		Value  json.RawMessage `json:"value"`
		Scope  string          `json:"scope"`
		Secret bool            `json:"secret"`
		TTL    int             `json:"ttl"`
	}
	if p := decode(r, &body); p != nil {
		return 0, nil, p
	}
	given := jsonable(body.Value)
	value, ok := given.(string)
	if !ok {
		return 0, nil, &problem{http.StatusBadRequest, repr(given) + " is not of type 'string'"}
	}
	if body.Scope != "" && body.Scope != "system" && body.Scope != "st2kv.system" {
		return 0, nil, &problem{http.StatusBadRequest, "only the system scope is supported here"}
	}
	k := e.keys.put(r.PathValue("name"), value, body.Secret, time.Duration(body.TTL)*time.Second)
	return http.StatusOK, e.keyDocument(k, false), nil
}

func (e *Engine) deleteKey(r *http.Request) (int, any, *problem) {
	if !system(r) || !e.keys.Delete(r.PathValue("name")) {
		return 0, nil, missingKey(r.PathValue("name"))
	}
	return http.StatusNoContent, nil, nil
}
