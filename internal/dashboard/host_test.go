package dashboard_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
)

func TestHost(t *testing.T) {
	for name, tc := range map[string]struct {
		answer any
		want   dashboard.Host
		kind   fault.Kind
	}{
		"a host":                               {`{"booked":false,"working":true,"type":"hpe"}`, dashboard.Host{Working: true, Type: "hpe"}, ""},
		"booleans as text":                     {`{"booked":"True","working":"false","type":"hpe"}`, dashboard.Host{Booked: true, Type: "hpe"}, ""},
		"a host that does not say if it works": {`{"booked":false,"type":"hpe"}`, dashboard.Host{}, fault.Failed},
		"a text for a boolean":                 {`{"booked":"perhaps","working":true}`, dashboard.Host{}, fault.Failed},
		"null":                                 {`null`, dashboard.Host{}, fault.Failed},
		"an unknown host in 2019":              {404, dashboard.Host{}, fault.NotFound},
		"an unknown host since 2020":           {500, dashboard.Host{}, fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]any{"GET hosts/hpe13": {tc.answer}, "GET jobs/new": {`[]`}})
			got, err := s.client(t, retry.Policy{}).Host(t.Context(), "hpe13")
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.kind == "", err == nil, err)
			if err != nil {
				silent(t, err)
				assert.Equal(t, tc.kind, fault.KindOf(err))
			}
		})
	}
}

func TestSetWorkingIsReadBack(t *testing.T) {
	off, on := `{"booked":true,"working":false,"type":"hpe"}`, `{"booked":true,"working":true,"type":"hpe"}`
	t.Run("it changed", func(t *testing.T) {
		s := serve(t, map[string][]any{"POST hosts/hpe13": {500, off}, "GET hosts/hpe13": {502, off}})
		h, err := s.client(t, patient).SetWorking(t.Context(), "hpe13", false)
		require.NoError(t, err)
		assert.Equal(t, dashboard.Host{Booked: true, Type: "hpe"}, h)
		assert.Equal(t, "application/x-www-form-urlencoded working=false", s.forms[0])
	})
	t.Run("true is sent in lower case, since the dashboard takes anything else for false", func(t *testing.T) {
		s := serve(t, map[string][]any{"POST hosts/hpe13": {on}, "GET hosts/hpe13": {on}})
		_, err := s.client(t, patient).SetWorking(t.Context(), "hpe13", true)
		require.NoError(t, err)
		assert.Equal(t, "application/x-www-form-urlencoded working=true", s.forms[0])
	})
	t.Run("the answer says so, but the host reads otherwise", func(t *testing.T) {
		s := serve(t, map[string][]any{"POST hosts/hpe13": {off}, "GET hosts/hpe13": {on}})
		_, err := s.client(t, patient).SetWorking(t.Context(), "hpe13", false)
		assert.Equal(t, fault.Unproven, fault.KindOf(err))
	})
	t.Run("it cannot be read back", func(t *testing.T) {
		s := serve(t, map[string][]any{"POST hosts/hpe13": {off}, "GET hosts/hpe13": {502}})
		_, err := s.client(t, impatient).SetWorking(t.Context(), "hpe13", false)
		silent(t, err)
		assert.Contains(t, err.Error(), "cannot be read back")
	})
}

func TestPostBMC(t *testing.T) {
	info := dashboard.BMCInfo{Address: "10.0.0.13", MAC: "48:df:37:1d:13:ff", User: "OPNFV", Password: secret.New(password)}
	t.Run("all six fields are sent, the password under its name", func(t *testing.T) {
		s := serve(t, map[string][]any{"POST hosts/hpe13/bmc": {502, `{"status":"success"}`}})
		require.NoError(t, s.client(t, patient).PostBMC(t.Context(), "hpe13", info))
		_, form, _ := strings.Cut(s.forms[1], " ")
		got, err := url.ParseQuery(form)
		require.NoError(t, err)
		assert.Equal(t, url.Values{
			"address": {"10.0.0.13"}, "mac_address": {"48:df:37:1d:13:ff"}, "user": {"OPNFV"}, "password": {password}, "type": {"ipmi"}, "versions": {"2.0"},
		}, got)
	})
	for name, tc := range map[string]struct {
		answers map[string][]any
		policy  retry.Policy
		posts   int
		text    string
	}{
		"an error in a 200": {
			map[string][]any{"POST hosts/hpe13/bmc": {`{"error":"invalid arguement: 'password'"}`}}, patient, 1, "with an error in it",
		},
		"a host in no booking: 500 although saved, found out on the second": {
			map[string][]any{"POST hosts/hpe13/bmc": {500}, "GET hosts/hpe13": {`{"booked":false,"working":true}`}}, patient, 2, "may have been saved",
		},
		"a 500 that stays for a booked host": {
			map[string][]any{"POST hosts/hpe13/bmc": {500}, "GET hosts/hpe13": {`{"booked":true,"working":true}`}}, retry.Policy{}, 1, "may have been saved",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, tc.answers)
			err := s.client(t, tc.policy).PostBMC(t.Context(), "hpe13", info)
			silent(t, err)
			assert.Equal(t, fault.Failed, fault.KindOf(err))
			assert.Contains(t, err.Error(), tc.text)
			assert.Equal(t, tc.posts, s.count("POST hosts/hpe13/bmc"))
		})
	}
	t.Run("what the dashboard could not store is told at once and not sent", func(t *testing.T) {
		s := serve(t, nil)
		err := s.client(t, patient).PostBMC(t.Context(), "hpe13", dashboard.BMCInfo{Address: "2001:db8::13", MAC: strings.Repeat("0", 18), Password: secret.New(strings.Repeat(password, 10))})
		silent(t, err)
		assert.Equal(t, fault.Input, fault.KindOf(err))
		for _, field := range []string{"address", "mac_address", "user", "password"} {
			assert.Contains(t, err.Error(), field+": ")
		}
		assert.Empty(t, s.seen)
	})
}

func TestUser(t *testing.T) {
	for name, tc := range map[string]struct {
		answer any
		list   any
		want   dashboard.User
		kind   fault.Kind
	}{
		"a user":                           {`{"id":2,"username":"alice","email":"alice@x.org","first_name":"A","last_name":"L","company":""}`, `[]`, dashboard.User{ID: 2, Username: "alice", Email: "alice@x.org", FirstName: "A", LastName: "L"}, ""},
		"an id as text":                    {`{"id":"2","username":"alice"}`, `[]`, dashboard.User{ID: 2, Username: "alice"}, ""},
		"another user under the number":    {`{"id":7,"username":"mallory"}`, `[]`, dashboard.User{}, fault.NotFound},
		"a version without users":          {404, `[]`, dashboard.User{}, fault.NotFound},
		"an unknown user":                  {500, `[]`, dashboard.User{}, fault.NotFound},
		"a dashboard that is out of order": {500, 500, dashboard.User{}, fault.Transient},
		"a list":                           {`[{"id":2,"username":"alice"}]`, `[]`, dashboard.User{}, fault.Failed},
		"a user without a name":            {`{"id":2,"username":""}`, `[]`, dashboard.User{}, fault.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]any{"GET users/2": {tc.answer}, "GET jobs/new": {tc.list}})
			got, err := s.client(t, impatient).User(t.Context(), 2)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.kind == "", err == nil, err)
			if err != nil {
				silent(t, err)
				assert.Equal(t, tc.kind, fault.KindOf(err))
			}
		})
	}
}
