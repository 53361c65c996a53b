// Package rest makes single HTTP calls to the lab's web services and gives each failure its kind.
//
// Nothing that a server sends gets into an error but its status: error pages show tokens, settings and whole environments.
// Redirects are answers like any other: following one would carry a token to wherever it points, and turn a POST into a GET.
package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
)

// maxAnswer bounds what is read of one answer: the dashboard's list of done jobs holds all jobs ever.
const maxAnswer = 64 << 20

// Client calls one server.
type Client struct {
	// Base is the address that paths are put behind; it ends with a slash. See Base.
	Base string
	// Header goes with each request. It may hold secrets.
	Header http.Header
	// Timeout bounds one call; zero leaves it to ctx.
	Timeout time.Duration
	// Transport is http.DefaultTransport if nil.
	Transport http.RoundTripper
}

// Request is one call.
type Request struct {
	Method, Path string
	// Body and its ContentType; nil for none.
	Body        []byte
	ContentType string
}

// Answer is what came back, whatever the status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// OK says whether the status is a success.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status <= 299 }

// JSON reads the body; not ok if it is anything else than one JSON value.
func (a Answer) JSON() (v gjson.Result, ok bool) {
	if !gjson.ValidBytes(a.Body) {
		return gjson.Result{}, false
	}
	return gjson.ParseBytes(a.Body), true
}

// Address checks the address of a server and ends it with a slash. name is what the setting is called.
func Address(name, address string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return "", fault.New(fault.Config, "%s is no URL of a server", name).
			WithHint("set %s to something like https://server.example/", name)
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return "", fault.New(fault.Config, "%s must not hold a login, a query or a fragment", name).
			WithHint("set %s to scheme, host and path alone", name)
	}
	return strings.TrimRight(u.String(), "/") + "/", nil
}

// Do sends a request once. An error means that there was no complete answer.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	caller := ctx
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, c.Base+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, fault.New(fault.Internal, "the request cannot be made")
	}
	if c.Header != nil {
		req.Header = c.Header.Clone()
	}
	if r.ContentType != "" {
		req.Header.Set("Content-Type", r.ContentType)
	}
	transport := c.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	// The transport itself, not http.Client: no redirects, no cookies, no server's words in the error of a bad Location.
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return Answer{}, c.noAnswer(caller, ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return Answer{}, c.noAnswer(caller, ctx, err)
	case len(body) > maxAnswer:
		return Answer{}, fault.New(fault.Failed, "the answer is larger than %d MB", maxAnswer>>20)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// noAnswer says why there was no answer. Only errors that are known to hold no word of the server are told as they are.
func (c *Client) noAnswer(caller, call context.Context, err error) error {
	if caller.Err() != nil {
		return callerEnded(caller)
	}
	if call.Err() != nil {
		return fault.New(fault.Transient, "no answer within %s", c.Timeout)
	}
	var (
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		dns         *net.DNSError
		op          *net.OpError
	)
	switch {
	case errors.As(err, &certificate):
		return fault.New(fault.Config, "its certificate is not trusted: %w", certificate.Err).
			WithHint("put the CA that signed it into the file that tls.ca_file names")
	case errors.As(err, &record):
		return fault.New(fault.Config, "it does not speak TLS").WithHint("check scheme and port of the address")
	case errors.As(err, &dns):
		return fault.New(fault.Transient, "its name cannot be resolved: %s", dns.Err)
	case errors.As(err, &op):
		return fault.New(fault.Transient, "%w", op.Err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(fault.Transient, "the connection was closed in the middle of the answer")
	}
	return fault.New(fault.Transient, "the connection broke, or the answer is not HTTP")
}

func callerEnded(ctx context.Context) error {
	cause := context.Cause(ctx)
	var f *fault.Error
	switch {
	case errors.As(cause, &f):
		return cause
	case errors.Is(cause, context.DeadlineExceeded):
		return fault.New(fault.Deadline, "time is up")
	}
	return fault.New(fault.Cancelled, "stopped: %w", cause)
}

// Status is an HTTP status as an error: the cause of every fault that StatusFault makes.
type Status int

func (s Status) Error() string {
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", int(s), http.StatusText(int(s))))
}

// StatusFault is the fault of an answer whose status is no success, for servers that use statuses as everybody does.
func StatusFault(status int) *fault.Error {
	kind := fault.Failed
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		kind = fault.Credentials
	case status == http.StatusNotFound:
		kind = fault.NotFound
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests:
		kind = fault.Transient
	case status >= 500 && status != http.StatusNotImplemented:
		kind = fault.Transient
	case status >= 300 && status < 400:
		return fault.New(fault.Config, "%w: it redirects, and redirects are not followed", Status(status)).
			WithHint("check the address: scheme, host name and path")
	}
	return fault.New(kind, "%w", Status(status))
}

// StatusOf gives the HTTP status that is behind an error, or 0.
func StatusOf(err error) int {
	var s Status
	errors.As(err, &s)
	return int(s)
}
