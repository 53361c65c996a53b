package redfish

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
)

// wire is the HTTP below bmclib and below the calls of our own, which go through one session: it sees the token that the BMC gives at
// the login. It also does what bmclib leaves undone: every exchange ends with the caller's context, nothing goes to another server than
// this BMC whatever its links say, no redirect is followed, connections are kept, and what the BMC answers is classified here, because
// bmclib and gofish make text of it.
type wire struct {
	http   rest.Client
	host   string
	target bmc.Target

	mu sync.Mutex
	// ctx is that of the operation in progress, exchanges how many it has made, and err its first failure.
	ctx       context.Context
	exchanges int
	err       error
	// patience repeats the exchanges of the operation; nil never does. lost says that what only reads is repeated, too, when no answer came.
	patience *bmc.Patience
	lost     bool
	// token and session are the login's; empty before it and after its end.
	token, session string
}

// maxExchanges bounds one operation: gofish follows the pages of a list for as long as there are any. The health of a host with hundreds of
// sensors takes the most.
const maxExchanges = 2000

func newWire(t bmc.Target) *wire {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// BMCs are never behind a proxy, and their HTTP/2 is not to be trusted.
	transport.Proxy, transport.ForceAttemptHTTP2, transport.TLSNextProto = nil, false, map[string]func(string, *tls.Conn) http.RoundTripper{}
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if t.TLS != nil {
		transport.TLSClientConfig = t.TLS.Clone()
	}
	host := net.JoinHostPort(t.Address, strconv.Itoa(t.Port))
	return &wire{host: host, target: t, http: rest.Client{Base: "https://" + host, Timeout: t.Timeout, Transport: transport}}
}

// begin starts an operation; end gives its first failure.
func (w *wire) begin(ctx context.Context, patience *bmc.Patience, lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.exchanges, w.err, w.patience, w.lost = ctx, 0, nil, patience, lost
}

func (w *wire) end() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// RoundTrip implements http.RoundTripper for bmclib. An answer that is no success is an error here.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	if req.URL.Host != w.host || req.URL.User != nil {
		return nil, w.note(fault.New(fault.Failed, "the BMC points to another server"))
	}
	a, err := w.send(req.Method, req.URL.RequestURI(), body, req.Header.Get("If-Match"))
	if err != nil {
		return nil, err
	}
	return &http.Response{Status: http.StatusText(a.Status), StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: a.Header,
		Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: req}, nil
}

// CloseIdleConnections is what bmclib calls at the end.
func (w *wire) CloseIdleConnections() { w.http.Transport.(*http.Transport).CloseIdleConnections() }

// get reads a resource.
func (w *wire) get(path string) (gjson.Result, error) {
	a, err := w.send(http.MethodGet, path, nil, "")
	if err != nil {
		return gjson.Result{}, err
	}
	v, ok := a.JSON()
	if !ok || !v.IsObject() {
		return v, w.note(fault.New(fault.Failed, "the BMC answered something that is not Redfish"))
	}
	return v, nil
}

// change sends a change of the resource that current shows: the BMC takes it only if nobody else changed the resource meanwhile, where it
// looks after that.
func (w *wire) change(method string, current gjson.Result, body any) error {
	path := current.Get(`\@odata\.id`).String()
	_, err := w.submit(method, path, body, current.Get(`\@odata\.etag`).String())
	return err
}

// edit changes the resource at a path. When somebody else changes it at the same time, it is read and changed once more.
func (w *wire) edit(path string, body any) error {
	return fresh(func() error {
		current, err := w.get(path)
		if err != nil {
			return err
		}
		return w.change(http.MethodPatch, current, body)
	})
}

// fresh does a change that begins with reading, once more if what was read had changed by then.
func fresh(change func() error) error {
	err := change()
	if errors.Is(err, errChanged) {
		err = change()
	}
	return err
}

func (w *wire) submit(method, path string, body any, etag string) (rest.Answer, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return rest.Answer{}, fault.New(fault.Internal, "write the request: %w", err)
		}
	}
	return w.send(method, path, text, etag)
}

// send makes one exchange, again when the BMC is too busy for it. What fails has a kind.
func (w *wire) send(method, path string, body []byte, etag string) (a rest.Answer, err error) {
	again := func(err error) bool { return isBusy(err) || w.lost && method == http.MethodGet }
	err = w.patience.Do(w.ctx, again, func() (err error) {
		a, err = w.exchange(method, path, body, etag)
		return err
	})
	if err != nil {
		return a, w.note(err)
	}
	return a, nil
}

// isBusy says whether the BMC answered that it cannot do now what it was asked for, and so has not begun it (RFC 9110, RFC 6585).
func isBusy(err error) bool {
	status := rest.StatusOf(err)
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
}

func (w *wire) exchange(method, path string, body []byte, etag string) (rest.Answer, error) {
	// What a BMC names is a path on itself, and nothing that makes another server of the address it is put behind.
	if u, err := url.Parse(path); err != nil || u.Host != "" || u.User != nil || !strings.HasPrefix(path, "/") {
		return rest.Answer{}, fault.New(fault.Failed, "the BMC names a resource that is no path")
	}
	w.mu.Lock()
	ctx, token := w.ctx, w.token
	w.exchanges++
	endless := w.exchanges > maxExchanges
	w.mu.Unlock()
	if endless {
		return rest.Answer{}, fault.New(fault.Failed, "the BMC leads from one resource to the next without end")
	}
	call := w.http
	call.Header = http.Header{"Accept": {"application/json"}, "Odata-Version": {"4.0"}}
	if token != "" {
		call.Header.Set("X-Auth-Token", token)
	}
	if etag != "" {
		call.Header.Set("If-Match", etag)
	}
	req := rest.Request{Method: method, Path: path, Body: body}
	if body != nil {
		req.ContentType = "application/json"
	}
	w.target.Turn(ctx.Done())
	a, err := call.Do(ctx, req)
	switch {
	case err != nil:
		var f *fault.Error
		if fault.Is(err, fault.Config) && errors.As(err, &f) {
			f.Hint = "the BMC's certificate has to be signed by the CA in bmc.ca and to name the address in the inventory; " +
				"only with bmc.verify_tls: false does the pack talk to a BMC that it cannot identify"
		}
		return a, err
	case !a.OK():
		return a, refusal(a, token == "" && method == http.MethodPost)
	}
	if given := a.Header.Get("X-Auth-Token"); token == "" && given != "" && method == http.MethodPost {
		w.logged(given, a.Header.Get("Location"))
	}
	return a, nil
}

func (w *wire) logged(token, location string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.token, w.session = token, location
}

func (w *wire) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.token, w.session = "", ""
}

func (w *wire) note(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	return err
}

// message is an id of a message registry, e.g. Base.1.8.SessionLimitExceeded: the one text of a BMC that errors show.
var message = regexp.MustCompile(`^[A-Za-z0-9]{1,40}(\.[A-Za-z0-9]{1,60}){1,6}$`)

// refusal is the fault of an answer that is no success. login says that the answer is to a login.
func refusal(a rest.Answer, login bool) error {
	var ids []string
	if v, ok := a.JSON(); ok {
		for _, id := range append(v.Get(`error.\@Message\.ExtendedInfo.#.MessageId`).Array(), v.Get("error.code")) {
			if message.MatchString(id.String()) {
				ids = append(ids, id.String())
			}
		}
	}
	says := func(part string) bool { return strings.Contains(strings.Join(ids, " "), part) }
	answer := error(rest.Status(a.Status))
	if len(ids) > 0 {
		answer = told{rest.Status(a.Status), ids[0]}
	}
	switch {
	case says("SessionLimitExceeded"), login && says("CreateLimitReached"):
		return fault.New(fault.Transient, "the BMC has no session to give: %w", answer).
			WithHint("other logins use up its sessions; it ends them after a while without requests")
	case login && (a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden || says("Unauthorized")):
		return fault.New(fault.Credentials, "the BMC refused the login: %w", answer).
			WithHint("check the credentials in the inventory; the pack tries a refused login only once, so that the account is not locked")
	case a.Status == http.StatusUnauthorized:
		return fault.New(fault.Credentials, "%w: %w", errSession, answer)
	case a.Status == http.StatusForbidden && !says("InsufficientPrivilege"):
		return fault.New(fault.Refused, "the BMC does not permit that: %w", answer)
	case a.Status == http.StatusForbidden:
		return fault.New(fault.Credentials, "the account has not enough rights on the BMC: %w", answer)
	case a.Status == http.StatusPreconditionFailed, a.Status == http.StatusPreconditionRequired:
		return fault.New(fault.Failed, "%w: %w", errChanged, answer)
	}
	f := rest.StatusFault(a.Status)
	return fault.New(f.Kind, "the BMC answered %w", answer).WithHint("%s", f.Hint)
}

var (
	errSession = errors.New("the BMC does not know the session")
	errChanged = errors.New("the BMC says that somebody else changed it meanwhile")
)

// told is a status with the BMC's own word for it.
type told struct {
	rest.Status
	id string
}

func (t told) Error() string { return t.Status.Error() + " (" + t.id + ")" }

func (t told) Unwrap() error { return t.Status }
