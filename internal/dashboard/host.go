package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
	"stackstorm-laas/internal/secret"
)

// Host is a host as the dashboard sees it.
type Host struct {
	Booked bool
	// Working is false for a host that no new booking gets.
	Working bool
	// Type is the name of the host's profile.
	Type string
}

// Host reads a host by its id on the dashboard. An unknown one is NotFound in 2019; since then the dashboard answers 500, which is
// Transient like any other.
func (c *Client) Host(ctx context.Context, id string) (Host, error) {
	return c.host(ctx, id, nil, fmt.Sprintf("read host %s", id))
}

// SetWorking says whether new bookings may get the host. It is read back; Unproven when it did not change.
func (c *Client) SetWorking(ctx context.Context, id string, working bool) (Host, error) {
	// Only this very text means true; everything else, also "True", means false.
	form := url.Values{"working": {strconv.FormatBool(working)}}
	what := fmt.Sprintf("set working=%t for host %s", working, id)
	if _, err := c.host(ctx, id, form, what); err != nil {
		return Host{}, err
	}
	h, err := c.Host(ctx, id)
	if err != nil {
		return Host{}, fault.Wrap(err, "%s: it was accepted, but cannot be read back", what)
	}
	if h.Working != working {
		return h, fault.New(fault.Unproven, "%s on the dashboard at %s: it was accepted, but reads working=%t", what, c.rest.Base, h.Working)
	}
	return h, nil
}

func (c *Client) host(ctx context.Context, id string, form url.Values, what string) (Host, error) {
	if err := checkID("host", id); err != nil {
		return Host{}, err
	}
	v, err := c.do(ctx, call{path: "hosts/" + id, form: form, what: what})
	if serverError(err) {
		// Not taken for NotFound: a host is asked about when its safety depends on it.
		return Host{}, fault.New(fault.Transient, "%w", err).
			WithHint("the dashboard is out of order, or does not know the host: check dashboard_id (versions since 2020 answer 500 to an unknown one)")
	}
	if err != nil {
		return Host{}, err
	}
	booked, ok1 := boolean(v.Get("booked"))
	working, ok2 := boolean(v.Get("working"))
	if !ok1 || !ok2 {
		return Host{}, c.wrap(fault.New(fault.Failed, "the answer is not a host: it does not say booked and working"), what)
	}
	return Host{Booked: booked, Working: working, Type: v.Get("type").String()}, nil
}

// BMCInfo is how a tenant reaches the BMC of a booked host.
type BMCInfo struct {
	// Address is IPv4: the dashboard has room for no more.
	Address   string
	MAC, User string
	Password  secret.String
}

// PostBMC puts the BMC into the host's booking and so into its PDF. Do it while the host is booked: for one that is in no booking the
// dashboard saves it and then answers 500, which is Failed.
func (c *Client) PostBMC(ctx context.Context, host string, info BMCInfo) error {
	if err := checkID("host", host); err != nil {
		return err
	}
	what := fmt.Sprintf("post the BMC of host %s", host)
	if err := info.check(); err != nil {
		return fault.Wrap(err, "%s", what)
	}
	v, err := c.do(ctx, call{path: "hosts/" + host + "/bmc", what: what, form: url.Values{
		"address": {info.Address}, "mac_address": {info.MAC}, "user": {info.User}, "password": {info.Password.Reveal()},
		"type": {"ipmi"}, "versions": {"2.0"},
	}, missing: func(ctx context.Context) bool {
		v, err := c.once(ctx, call{path: "hosts/" + host})
		return err == nil && v.Get("booked").Type == gjson.False
	}})
	if fault.Is(err, fault.NotFound) || serverError(err) {
		return fault.New(fault.Failed, "%s on the dashboard at %s: HTTP 500; it may have been saved", what, c.rest.Base).
			WithHint("the dashboard answers so when the host is in no booking; nothing else depends on this")
	}
	if err == nil && v.Get("status").String() != "success" {
		err = c.wrap(fault.New(fault.Failed, "the answer does not say success"), what)
	}
	return err
}

// check tells all that the dashboard could not store.
func (b BMCInfo) check() error {
	var problems []fault.Problem
	add := func(path, text string) { problems = append(problems, fault.Problem{Path: path, Text: text}) }
	if a, err := netip.ParseAddr(b.Address); err != nil || !a.Is4() {
		add("address", "not an IPv4 address")
	}
	if b.MAC == "" || len(b.MAC) > 17 {
		add("mac_address", "must have 1 to 17 characters")
	}
	if b.User == "" || len(b.User) > 100 {
		add("user", "must have 1 to 100 characters")
	}
	if p := b.Password.Reveal(); p == "" || len(p) > 100 {
		add("password", "must have 1 to 100 characters")
	}
	return fault.FromProblems(fault.Input, "BMC", problems)
}

// serverError says whether the last answer to a call was the dashboard's own HTTP 500, not a proxy's 502 to 504.
func serverError(err error) bool {
	return fault.Is(err, fault.Transient) && rest.StatusOf(err) == http.StatusInternalServerError
}

func boolean(v gjson.Result) (b, ok bool) {
	switch {
	case v.IsBool():
		return v.Bool(), true
	case v.Type == gjson.String:
		b, err := strconv.ParseBool(v.Str)
		return b, err == nil
	}
	return false, false
}
