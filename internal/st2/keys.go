package st2

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// pageSize is the greatest page that StackStorm gives with its default settings.
const pageSize = 100

// record is a key as the API shows it. Encrypted tells about the value in the answer, Secret about how it is stored.
type record struct {
	Name      string `json:"name"`
	Value     string `json:"value"`
	Secret    bool   `json:"secret"`
	Encrypted bool   `json:"encrypted"`
}

// Get reads a plain key. An encrypted one is a fault.Config: it has to be read with GetSecret.
func (c *Client) Get(ctx context.Context, key string) (value string, found bool, err error) {
	r, found, err := c.read(ctx, key, false)
	if err == nil && r.Encrypted {
		return "", true, fault.New(fault.Config, "datastore key %s is encrypted, a plain one was expected", key).
			WithHint("store it without encryption: st2 key set %s VALUE", key)
	}
	return r.Value, found, err
}

// GetSecret reads and decrypts a key. One that is stored in clear is refused with fault.Config: everybody can read it.
func (c *Client) GetSecret(ctx context.Context, key string) (v secret.String, found bool, err error) {
	v, encrypted, found, err := c.GetAny(ctx, key)
	if err == nil && found && !encrypted {
		return secret.String{}, true, fault.New(fault.Config, "datastore key %s holds a secret and is stored in clear", key).
			WithHint("store it encrypted: st2 key set %s VALUE --encrypt", key)
	}
	return v, found, err
}

// GetAny reads a key whichever way it is stored, and says whether it is stored encrypted.
func (c *Client) GetAny(ctx context.Context, key string) (v secret.String, encrypted, found bool, err error) {
	r, found, err := c.read(ctx, key, true)
	return secret.New(r.Value), r.Secret, found, err
}

func (c *Client) read(ctx context.Context, key string, decrypt bool) (r record, found bool, err error) {
	q := url.Values{"scope": {"system"}}
	if decrypt {
		q.Set("decrypt", "true")
	}
	err = c.do(ctx, call{method: http.MethodGet, path: keyPath(key), query: q, what: "read datastore key " + key}, &r)
	if fault.Is(err, fault.NotFound) {
		return record{}, false, nil
	}
	return r, err == nil, err
}

// Put stores a plain value.
func (c *Client) Put(ctx context.Context, key, value string) error {
	return c.do(ctx, call{method: http.MethodPut, path: keyPath(key), what: "write datastore key " + key,
		body: map[string]any{"name": key, "value": value, "scope": "system"}}, nil)
}

// PutSecret stores a value encrypted.
func (c *Client) PutSecret(ctx context.Context, key string, v secret.String) error {
	return c.do(ctx, call{method: http.MethodPut, path: keyPath(key), what: "write encrypted datastore key " + key, quiet: true,
		body: map[string]any{"name": key, "value": v.Reveal(), "scope": "system", "secret": true}}, nil)
}

// Delete removes a key; a missing one is fine.
func (c *Client) Delete(ctx context.Context, key string) error {
	err := c.do(ctx, call{method: http.MethodDelete, path: keyPath(key), query: url.Values{"scope": {"system"}}, what: "delete datastore key " + key}, nil)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// List reads all plain keys whose names begin with prefix; encrypted ones are left out. A key that is written or deleted
// while the pages are read may be missing.
func (c *Client) List(ctx context.Context, prefix string) (map[string]string, error) {
	out := map[string]string{}
	err := pages(func(q url.Values) (int, error) {
		q.Set("scope", "system")
		q.Set("prefix", prefix)
		var page []record
		err := c.do(ctx, call{method: http.MethodGet, path: "/keys", query: q, what: "list datastore keys " + prefix + "*"}, &page)
		for _, r := range page {
			if !r.Encrypted {
				out[r.Name] = r.Value
			}
		}
		return len(page), err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// pages calls get for one page after another until one is not full.
func pages(get func(q url.Values) (int, error)) error {
	for offset := 0; ; offset += pageSize {
		n, err := get(url.Values{"limit": {strconv.Itoa(pageSize)}, "offset": {strconv.Itoa(offset)}})
		if err != nil || n < pageSize {
			return err
		}
	}
}

func keyPath(key string) string { return "/keys/" + url.PathEscape(key) }
