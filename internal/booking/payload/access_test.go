package payload_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "stackstorm-laas/internal/booking/payload"
)

func TestAccess(t *testing.T) {
	key, err := json.Marshal(alice)
	require.NoError(t, err)
	context := `"context":{"key":` + string(key) + `,"hosts":["h"]}`
	for name, tc := range map[string]struct {
		task     string
		want     *Access
		halfMade bool
	}{
		"vpn":                              {`{"access_type":"vpn","user":3,"revoke":false}`, &Access{Type: "vpn", User: 3}, false},
		"texts for number and boolean":     {`{"access_type":"vpn","user":"3","revoke":"True"}`, &Access{Type: "vpn", User: 3, Revoke: true}, false},
		"any type that has vpn in it":      {`{"access_type":"OpenVPN","user":3}`, &Access{Type: "vpn", User: 3}, false},
		"ssh":                              {`{"access_type":"ssh","user":2,"revoke":false,` + context + `}`, &Access{Type: "ssh", User: 2, Keys: []string{alice}, Hosts: []string{"h"}}, false},
		"one host as text":                 {`{"access_type":"ssh","user":2,"context":{"key":` + string(key) + `,"hosts":"h"}}`, &Access{Type: "ssh", User: 2, Keys: []string{alice}, Hosts: []string{"h"}}, false},
		"ssh without a key":                {`{"access_type":"ssh","user":2,"context":{"key":null,"hosts":["h"]}}`, &Access{Type: "ssh", User: 2, Hosts: []string{"h"}, KeyProblem: "there is no SSH public key in it"}, false},
		"a key that is a number":           {`{"access_type":"ssh","user":2,"context":{"key":7,"hosts":["h"]}}`, &Access{Type: "ssh", User: 2, Hosts: []string{"h"}, KeyProblem: "the key is not text"}, false},
		"ssh that is revoked needs no key": {`{"access_type":"ssh","user":2,"revoke":true}`, &Access{Type: "ssh", User: 2, Revoke: true}, false},
		"a key that is none goes too":      {`{"access_type":"ssh","user":2,"revoke":true,"context":{"key":"my_fake_ssh_key","hosts":["h"]}}`, &Access{Type: "ssh", User: 2, Revoke: true, Hosts: []string{"h"}}, false},
		"only a token":                     {`{"lab_token":"null"}`, nil, true},
		"no user":                          {`{"access_type":"vpn"}`, nil, true},
		"ssh without context":              {`{"access_type":"ssh","user":2}`, nil, true},
		"a type nobody knows":              {`{"access_type":"carrier pigeon","user":2}`, nil, false},
		"a type that is a number":          {`{"access_type":{},"user":2}`, nil, false},
		"a user that is a name":            {`{"access_type":"vpn","user":"alice"}`, nil, false},
		"revoke that is neither":           {`{"access_type":"vpn","user":2,"revoke":"perhaps"}`, nil, false},
		"a context that is text":           {`{"access_type":"ssh","user":2,"context":"stuff"}`, nil, false},
		"hosts that are an object":         {`{"access_type":"ssh","user":2,"context":{"key":"","hosts":{"h":1}}}`, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := decode(t, "access", tc.task)
			assert.Equal(t, tc.halfMade, got.HalfMade != "", got.HalfMade)
			assert.Equal(t, tc.want == nil && !tc.halfMade, got.Problem != "", got.Problem)
			assert.Equal(t, tc.want, got.Access)
		})
	}
}

func TestPublicKeys(t *testing.T) {
	bare, _, _ := strings.Cut(alice, " alice")
	for name, tc := range map[string]struct {
		file    string
		keys    []string
		problem string
	}{
		"one key":                              {alice, []string{alice}, ""},
		"a line's end":                         {alice + "\n", []string{alice}, ""},
		"several keys, blank lines, a comment": {"\n# mine\r\n" + alice + "\r\n\n  " + bob + "  \n", []string{alice, bob}, ""},
		"a key twice":                          {alice + "\n" + alice, []string{alice}, ""},
		"no comment":                           {bare, []string{bare}, ""},
		"a comment of several words":           {bare + " alice on her laptop", []string{bare + " alice on her laptop"}, ""},
		"a comment with control characters":    {bare + " a\x00b\x1b[31mc", []string{bare + " ab[31mc"}, ""},
		"text":                                 {"my_fake_ssh_key", nil, "line 1 of the key is no SSH public key"},
		"text after a good key":                {alice + "\n\nmy_fake_ssh_key", []string{alice}, "line 3 of the key is no SSH public key"},
		"a command in front of it":             {`command="rm -rf /" ` + alice, nil, "line 1 of the key has options"},
		"an environment in front of it":        {`environment="LD_PRELOAD=/tmp/x" ` + alice, nil, "line 1 of the key has options"},
		"a certificate authority":              {`cert-authority ` + alice, nil, "line 1 of the key has options"},
		"a key that is cut off":                {bare[:40], nil, "line 1 of the key is no SSH public key"},
		"a private key":                        {"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----\n", nil, "the key is a private key"},
		"a public key of another format":       {"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----", nil, "line 1 of the key is no SSH public key"},
		"nothing":                              {" \n\n", nil, "there is no SSH public key in it"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(tc.file)
			require.NoError(t, err)
			got := decode(t, "access", `{"access_type":"ssh","user":2,"context":{"hosts":["h"],"key":`+string(text)+`}}`).Access
			assert.Equal(t, tc.keys, got.Keys)
			if tc.problem == "" {
				assert.Empty(t, got.KeyProblem)
			}
			assert.Contains(t, got.KeyProblem, tc.problem)
			for _, word := range []string{"fake", "rm -rf", "LD_PRELOAD", "b3Blbn"} {
				assert.NotContains(t, got.KeyProblem, word, "what a tenant wrote is not repeated")
			}
		})
	}
}
