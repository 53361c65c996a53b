// Package dashboard is a client of the LaaS dashboard's REST API for labs, in all of its versions since 2019.
//
// The API has its own ways. Statuses: 403 for everything about the login, 500 for whatever is not there. A success is a 2xx whose
// body has no "error" key. Writes are forms and plain assignments, so that repeating one is always safe. Bodies of error pages
// are never read.
package dashboard

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
)

// Config says where the dashboard is and how patient to be.
type Config struct {
	// Address is the dashboard's URL, without /api.
	Address string
	// Lab is this lab's name on the dashboard.
	Lab     string
	Token   secret.String
	Timeout time.Duration
	// Retry repeats reads and writes alike after time-outs and HTTP 5xx.
	Retry retry.Policy
	// Transport is http.DefaultTransport if nil.
	Transport http.RoundTripper
}

// Client talks to one dashboard as one lab. It is safe for concurrent use.
type Client struct {
	rest  rest.Client
	lab   string
	retry retry.Policy
}

// slug is what the dashboard can route: a lab, host or task named otherwise cannot be asked about.
var slug = regexp.MustCompile(`^[-A-Za-z0-9_]+$`)

// New makes a client; nothing is sent.
func New(cfg Config) (*Client, error) {
	base, err := rest.Address("dashboard.address", cfg.Address)
	if err != nil {
		return nil, err
	}
	token := strings.TrimSpace(cfg.Token.Reveal())
	switch {
	case !slug.MatchString(cfg.Lab):
		return nil, fault.New(fault.Config, "dashboard.lab_name is empty or has characters other than letters, digits, - and _").
			WithHint("set dashboard.lab_name to the lab's name as the dashboard's URLs show it")
	case token == "":
		return nil, fault.New(fault.Config, "dashboard.token is empty").
			WithHint("store the lab's API token with: st2 key set lab_auth_token TOKEN --encrypt")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, fault.New(fault.Config, "dashboard.token holds characters that no token has")
	}
	return &Client{
		rest: rest.Client{
			Base: base, Header: http.Header{"Auth-Token": {token}, "Accept": {"application/json"}},
			Timeout: cfg.Timeout, Transport: cfg.Transport,
		},
		lab: cfg.Lab, retry: cfg.Retry,
	}, nil
}

// call is one request below the lab's address; form makes it a POST.
type call struct {
	path string
	form url.Values
	// what is attempted, for errors.
	what string
	// missing is asked after a 500, from the second one in a row on, whether that means that the thing does not exist. It must
	// be sure: nil never is.
	missing func(context.Context) bool
}

// do sends a call, repeated as configured, and gives the JSON of a success.
func (c *Client) do(ctx context.Context, r call) (gjson.Result, error) {
	failures := 0
	answer, err := retry.Do(ctx, c.retry, func() (gjson.Result, error) {
		v, err := c.once(ctx, r)
		if serverError(err) {
			if failures++; failures > 1 && r.missing != nil && r.missing(ctx) {
				return v, notThere()
			}
		}
		return v, err
	})
	if failures == 1 && serverError(err) && r.missing != nil && r.missing(ctx) {
		err = notThere()
	}
	return answer, c.wrap(err, r.what)
}

// wrap says what was attempted, and where.
func (c *Client) wrap(err error, what string) error {
	return fault.Wrap(err, "%s on the dashboard at %s", what, c.rest.Base)
}

func notThere() error {
	return fault.New(fault.NotFound, "the dashboard does not have it (it answers HTTP 500 to that alone)")
}

// once sends a call a single time.
func (c *Client) once(ctx context.Context, r call) (v gjson.Result, err error) {
	req := rest.Request{Method: http.MethodGet, Path: "api/labs/" + c.lab + "/" + r.path}
	if r.form != nil {
		req.Method, req.Body, req.ContentType = http.MethodPost, []byte(r.form.Encode()), "application/x-www-form-urlencoded"
	}
	answer, err := c.rest.Do(ctx, req)
	if err != nil {
		return v, err
	}
	if !answer.OK() {
		return v, c.refusal(r, answer.Status)
	}
	v, ok := answer.JSON()
	switch {
	case !ok:
		return v, fault.New(fault.Failed, "the answer (HTTP %d) is not JSON", answer.Status).
			WithHint("check that dashboard.address is the dashboard's own, not that of a proxy or a login page")
	case v.IsObject() && v.Get("error").Exists():
		return v, fault.New(fault.Failed, "the dashboard answers HTTP %d with an error in it", answer.Status)
	}
	return v, nil
}

func (c *Client) refusal(r call, status int) error {
	f := rest.StatusFault(status)
	switch {
	case f.Kind == fault.Credentials:
		return f.WithHint("the dashboard does not accept the lab's token: check dashboard.token and dashboard.lab_name (%s)", c.lab)
	case f.Kind == fault.NotFound && strings.HasPrefix(r.path, "jobs/"):
		// The dashboard has no 404 for jobs and tasks, not even for deleted ones: whoever said this is not the dashboard.
		return fault.New(fault.Config, "%w", rest.Status(status)).
			WithHint("check dashboard.address: it is the dashboard's URL without /api")
	}
	return f
}

// answers says whether the dashboard as a whole is in order, which makes a 500 to one thing a statement about that thing.
func (c *Client) answers(ctx context.Context) bool {
	_, err := c.once(ctx, call{path: "jobs/" + string(ListNew)})
	return err == nil
}

func checkID(what, id string) error {
	if slug.MatchString(id) {
		return nil
	}
	return fault.New(fault.Input, "the dashboard cannot be asked about %s %q: only letters, digits, - and _ can be in its URLs", what, id)
}
