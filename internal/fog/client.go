// Package fog is a client of the FOG imaging server's REST API, versions 1.5 and 1.6.
//
// FOG's host objects hold the password of the Active Directory join in clear, so no object of FOG's is ever logged, returned or put
// into an error as it is. Numbers may come as texts, lists as objects, and lists under "data" instead of their name.
package fog

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
)

// Config says where FOG is and how patient to be.
type Config struct {
	// Address is FOG's base URL, e.g. https://fog.lab.example/fog/
	Address string
	// APIKey and UserKey are the tokens as FOG shows them (base64), or what they stand for.
	APIKey, UserKey secret.String
	Timeout         time.Duration
	// Retry repeats calls after time-outs and HTTP 5xx. A task is never scheduled twice by that.
	Retry retry.Policy
	// Transport is http.DefaultTransport if nil.
	Transport http.RoundTripper
}

// Client talks to one FOG server. It is safe for concurrent use.
type Client struct {
	rest  rest.Client
	retry retry.Policy
}

// New makes a client; nothing is sent.
func New(cfg Config) (*Client, error) {
	base, err := rest.Address("fog.address", cfg.Address)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Accept": {"application/json"}}
	for _, token := range []struct {
		header, setting string
		value           secret.String
	}{
		{"fog-api-token", "fog.api_key", cfg.APIKey},
		{"fog-user-token", "fog.user_key", cfg.UserKey},
	} {
		value := strings.TrimSpace(token.value.Reveal())
		if value == "" {
			return nil, fault.New(fault.Config, "%s is empty", token.setting).
				WithHint("FOG shows it under FOG Configuration, FOG Settings, API System, and for the user under Users")
		}
		header.Set(token.header, encoded(value))
	}
	return &Client{
		rest:  rest.Client{Base: base, Header: header, Timeout: cfg.Timeout, Transport: cfg.Transport},
		retry: cfg.Retry,
	}, nil
}

// encoded gives a token the form that FOG wants. FOG's pages show it in that form already; some labs keep the plain one.
func encoded(token string) string {
	plain, err := base64.StdEncoding.DecodeString(token)
	if err == nil && len(plain) > 0 && !strings.ContainsFunc(string(plain), func(r rune) bool { return r < ' ' || r > '~' }) {
		return token
	}
	return base64.StdEncoding.EncodeToString([]byte(token))
}

// get reads a JSON document, repeated as configured.
func (c *Client) get(ctx context.Context, path, what string) (gjson.Result, error) {
	v, err := retry.Do(ctx, c.retry, func() (gjson.Result, error) { return c.once(ctx, http.MethodGet, path, nil) })
	return v, c.wrap(err, what)
}

// wrap says what was attempted, and where.
func (c *Client) wrap(err error, what string) error {
	return fault.Wrap(err, "%s in FOG at %s", what, c.rest.Base)
}

// once sends a call a single time. An empty body is a null.
func (c *Client) once(ctx context.Context, method, path string, body any) (gjson.Result, error) {
	req := rest.Request{Method: method, Path: path}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return gjson.Result{}, fault.New(fault.Internal, "the request cannot be written as JSON: %w", err)
		}
		req.Body, req.ContentType = text, "application/json"
	}
	answer, err := c.rest.Do(ctx, req)
	if err != nil {
		return gjson.Result{}, err
	}
	if !answer.OK() {
		return gjson.Result{}, refusal(answer, oneObject.MatchString(path))
	}
	if len(answer.Body) == 0 {
		return gjson.Result{}, nil
	}
	v, ok := answer.JSON()
	if !ok {
		return v, unreadable("the answer (HTTP %d) is not JSON", answer.Status).
			WithHint("look at the logs of FOG's web server: PHP or a proxy may have answered in its place; check that fog.address is FOG's own base URL, usually ending in /fog/")
	}
	return v, nil
}

// garbled is why an answer cannot be read.
type garbled string

func (g garbled) Error() string { return string(g) }

// unreadable makes an error of an answer that is none to what was asked, although its status is a success.
func unreadable(format string, args ...any) *fault.Error {
	return fault.New(fault.Failed, "%w", garbled(fmt.Sprintf(format, args...))).
		WithHint("look at the logs of FOG's web server, and at what its API answers there")
}

// Unreadable says that FOG, or whatever is in its place, answered with something that is none to what was asked: a warning of PHP's, a page,
// half a list, an exception. It says no more of what was asked about than no answer does.
func Unreadable(err error) bool {
	var g garbled
	return errors.As(err, &g)
}

// oneObject are the paths of calls about one object, which may not be there.
var oneObject = regexp.MustCompile(`^[a-z]+/[0-9]+(/|$)`)

// busy is what FOG says when a host has a task already.
const busy = "already a member of an active task"

// refusal tells what a status means. one says that the call was about one object; a list is always there.
func refusal(answer rest.Answer, one bool) error {
	switch f := rest.StatusFault(answer.Status); {
	case answer.Status == http.StatusUnauthorized:
		return f.WithHint("FOG does not accept the user: check fog.user_key, and that the API is enabled for that user")
	case answer.Status == http.StatusForbidden:
		return f.WithHint("FOG does not accept the token: check fog.api_key, and that the user of fog.user_key is an administrator")
	case answer.Status >= 300 && answer.Status < 400:
		return fault.New(fault.Credentials, "%w: it redirects, as it does to its login page while the API is disabled", rest.Status(answer.Status)).
			WithHint("enable FOG's API (FOG Configuration, FOG Settings, API System) and check fog.address: scheme, host name, path")
	case answer.Status == http.StatusNotAcceptable: // 1.6, of any exception of its own, as when its database is away (route.class.php)
		return fault.New(fault.Failed, "%w: %w", garbled("FOG failed in the middle of it"), rest.Status(answer.Status)).
			WithHint("look at the logs of FOG's web server and at its database")
	case f.Kind == fault.NotFound && !one:
		return fault.New(fault.Config, "%w", rest.Status(answer.Status)).
			WithHint("check fog.address: it is FOG's base URL, usually ending in /fog/")
	case f.Kind == fault.Transient:
		if v, ok := answer.JSON(); ok && strings.Contains(strings.ToLower(v.Get("error").String()), busy) {
			return fault.New(fault.Refused, "the host has an active task already").
				WithHint("look at FOG's active tasks; cancel the one of this host if nobody needs it")
		}
		return f
	default:
		return f
	}
}

// list gives the elements of a list: {"count": n, "<name>": [...]} in 1.5, {"data": [...]} in 1.6. PHP writes lists with gaps as objects. A
// list that is shorter than FOG says it is counts as an error, since what is missing in it proves nothing: unasked, FOG sends all in one
// page, but recent builds of 1.6 not more than 10000 rows (FOGManagerController::limit).
func list(v gjson.Result, name string) ([]gjson.Result, error) {
	if !v.IsObject() {
		return nil, unreadable("the answer is not a list of %s", name)
	}
	elements := v.Get(name)
	if !elements.Exists() {
		elements = v.Get("data")
	}
	var out []gjson.Result
	switch {
	case elements.IsArray(), elements.IsObject():
		elements.ForEach(func(_, e gjson.Result) bool {
			out = append(out, e)
			return true
		})
	case elements.Type == gjson.Null && v.Get("count").Exists() && v.Get("count").Int() == 0:
	default:
		return nil, unreadable("the answer is not a list of %s", name)
	}
	for _, total := range []string{"count", "recordsFiltered"} {
		if n := v.Get(total).Int(); n > int64(len(out)) {
			return nil, unreadable("FOG has %d %s and shows %d", n, name, len(out))
		}
	}
	return out, nil
}

// number reads a whole number, also one that PHP wrote as text; not ok for anything else.
func number(v gjson.Result) (int, bool) {
	if v.Type != gjson.Number && v.Type != gjson.String {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(v.String()))
	return n, err == nil
}

func path(format string, args ...any) string { return fmt.Sprintf(format, args...) }
