// Package st2 is a client of StackStorm's API: keys of the datastore and executions. An action reaches the API with its
// execution's own token, which dies with the execution.
package st2

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
)

// maxAnswer bounds what is read of one answer; StackStorm's own documents end at 16 MB, and a page has up to 100 of them.
const maxAnswer = 64 << 20

// Config says where the API is and how patient to be.
type Config struct {
	// URL is the base with the version, e.g. http://127.0.0.1:9101/v1, as ST2_ACTION_API_URL has it.
	URL   string
	Token secret.String
	// Timeout bounds one call; zero leaves it to ctx.
	Timeout time.Duration
	// Retry repeats calls that may be repeated: all but Start.
	Retry retry.Policy
}

// Client talks to one API with one token. It is safe for concurrent use.
type Client struct {
	cfg  Config
	http *http.Client
}

// New makes a client; nothing is sent.
func New(cfg Config) *Client {
	cfg.URL = strings.TrimRight(cfg.URL, "/")
	return &Client{cfg: cfg, http: &http.Client{
		// A redirect would carry the token to wherever it points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// call is one request, and what it is about in words.
type call struct {
	method, path string
	query        url.Values
	body         any
	what         string
	// quiet keeps StackStorm's own words out of errors: they may quote what was sent.
	quiet bool
}

// do sends a call, repeated as the configuration allows, and decodes the answer into out unless out is nil.
func (c *Client) do(ctx context.Context, r call, out any) error {
	_, err := retry.Do(ctx, c.cfg.Retry, func() (struct{}, error) { return struct{}{}, c.once(ctx, r, out) })
	return fault.Wrap(err, "%s in StackStorm at %s", r.what, c.cfg.URL)
}

// once sends a call a single time.
func (c *Client) once(ctx context.Context, r call, out any) error {
	if c.cfg.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.cfg.Timeout)
		defer cancel()
	}
	req, err := c.request(ctx, r)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return noAnswer(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return noAnswer(err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return refusal(resp, text, r.quiet)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fault.New(fault.Failed, "the answer (HTTP %d) is not what StackStorm's API sends", resp.StatusCode).
			WithHint("check that %s is StackStorm's API", c.cfg.URL)
	}
	return nil
}

func (c *Client) request(ctx context.Context, r call) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, fault.New(fault.Input, "the request cannot be written as JSON: %w", err)
		}
		body = bytes.NewReader(b)
	}
	u := c.cfg.URL + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, body)
	if err != nil {
		return nil, fault.New(fault.Config, "%q is no usable address", c.cfg.URL)
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("X-Auth-Token", c.cfg.Token.Reveal())
	return req, nil
}

// noAnswer gives its kind to a call that got no answer: the caller's own end is Cancelled, everything else passes.
func noAnswer(err error) error {
	if errors.Is(err, context.Canceled) {
		return fault.As(fault.Cancelled, err)
	}
	return fault.As(fault.Transient, err)
}

// refusal turns an answer that is no success into a fault.
func refusal(resp *http.Response, text []byte, quiet bool) error {
	var told struct {
		Fault string `json:"faultstring"`
	}
	if json.Unmarshal(text, &told) != nil || told.Fault == "" || quiet {
		told.Fault = http.StatusText(resp.StatusCode)
	}
	code := resp.StatusCode
	say := func(k fault.Kind) *fault.Error { return fault.New(k, "HTTP %d: %s", code, told.Fault) }
	switch {
	case code == http.StatusUnauthorized:
		return say(fault.Credentials).WithHint("the token is wrong or no longer valid; StackStorm revokes an action's token when its execution ends")
	case code == http.StatusForbidden:
		return say(fault.Refused).WithHint("the user who started this lacks the right; see StackStorm's RBAC roles")
	case code == http.StatusNotFound:
		return say(fault.NotFound)
	case code >= 500, code == http.StatusTooManyRequests:
		return say(fault.Transient)
	case code >= 300 && code < 400:
		return say(fault.Config).WithHint("check the address of StackStorm's API: it redirects, and redirects are not followed")
	}
	return say(fault.Input)
}
