// Package directorytest holds directories that tests run package directory against to what it expects of an LDAP server.
package directorytest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/directory"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// Conformance works in directories that open prepares: the base and the branch exist, there are no accounts in it, and the
// configured login may make some.
func Conformance(t *testing.T, open func(t *testing.T) directory.Config) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, directory.Config)
	}{
		{"an account is made, can log in, and is gone after deleting", account},
		{"the password of an account that exists is replaced", replace},
		{"deleting what is not there is fine", missing},
		{"accounts are listed by prefix", list},
		{"the lab's own login is refused with a wrong password", wrongPassword},
		{"names that are no names are refused before anything is sent", names},
		{"a branch that does not exist is told as such", noBranch},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func connect(t *testing.T, cfg directory.Config) *directory.Directory {
	t.Helper()
	d, err := directory.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(d.Close)
	return d
}

func put(t *testing.T, d *directory.Directory, uid, password string) {
	t.Helper()
	require.NoError(t, d.Put(t.Context(), directory.Account{
		UID: uid, CommonName: "Zoë, the \"first\" = <1>", Surname: "O'Neill + Söhne", Password: secret.New(password),
	}))
}

func has(t *testing.T, d *directory.Directory, uid string, want bool) {
	t.Helper()
	there, err := d.Exists(t.Context(), uid)
	require.NoError(t, err)
	assert.Equal(t, want, there, uid)
}

func login(t *testing.T, d *directory.Directory, uid, password string, accepted bool) {
	t.Helper()
	err := d.TryLogin(t.Context(), uid, secret.New(password))
	if accepted {
		require.NoError(t, err)
		return
	}
	assert.Equal(t, fault.Credentials, fault.KindOf(err), "%v", err)
}

func account(t *testing.T, cfg directory.Config) {
	d := connect(t, cfg)
	has(t, d, "opnfv-1", false)
	login(t, d, "opnfv-1", "one", false)
	put(t, d, "opnfv-1", "one")
	has(t, d, "opnfv-1", true)
	login(t, d, "opnfv-1", "one", true)
	login(t, d, "opnfv-1", "two", false)
	require.NoError(t, d.Delete(t.Context(), "opnfv-1"))
	has(t, d, "opnfv-1", false)
	login(t, d, "opnfv-1", "one", false)
	put(t, connect(t, cfg), "opnfv-1", "again")
	login(t, d, "opnfv-1", "again", true)
}

func replace(t *testing.T, cfg directory.Config) {
	d := connect(t, cfg)
	put(t, d, "u", "one")
	put(t, d, "u", "two")
	login(t, d, "u", "one", false)
	login(t, d, "u", "two", true)
	put(t, d, "u", "two")
	login(t, d, "u", "two", true)
}

func missing(t *testing.T, cfg directory.Config) {
	d := connect(t, cfg)
	require.NoError(t, d.Delete(t.Context(), "nobody"))
	has(t, d, "nobody", false)
}

func list(t *testing.T, cfg directory.Config) {
	d := connect(t, cfg)
	for _, uid := range []string{"laas-2", "laas-1", "other", "laas.x"} {
		put(t, d, uid, "secret")
	}
	for prefix, want := range map[string][]string{
		"":         {"laas-1", "laas-2", "laas.x", "other"},
		"laas-":    {"laas-1", "laas-2"},
		"*":        nil,
		"x)(uid=*": nil,
	} {
		uids, err := d.List(t.Context(), prefix)
		require.NoError(t, err)
		assert.Equal(t, want, uids, "%q", prefix)
	}
}

func wrongPassword(t *testing.T, cfg directory.Config) {
	cfg.Password = secret.New("wrong-but-telling")
	_, err := directory.Open(t.Context(), cfg)
	assert.Equal(t, fault.Credentials, fault.KindOf(err), "%v", err)
	assert.NotContains(t, err.Error(), "wrong-but-telling")
}

func names(t *testing.T, cfg directory.Config) {
	d := connect(t, cfg)
	for _, uid := range []string{"", "UPPER", "a b", "a,dc=evil", "a*", "a)(uid=*", ".dot-first", "a\x00b"} {
		assert.Equal(t, fault.Input, fault.KindOf(d.Put(t.Context(), directory.Account{UID: uid, Password: secret.New("x")})), "%q", uid)
		assert.Equal(t, fault.Input, fault.KindOf(d.Delete(t.Context(), uid)), "%q", uid)
		_, err := d.Exists(t.Context(), uid)
		assert.Equal(t, fault.Input, fault.KindOf(err), "%q", uid)
		assert.Equal(t, fault.Input, fault.KindOf(d.TryLogin(t.Context(), uid, secret.New("x"))), "%q", uid)
	}
	assert.Equal(t, fault.Input, fault.KindOf(d.Put(t.Context(), directory.Account{UID: "u"})), "an empty password")
	assert.Equal(t, fault.Input, fault.KindOf(d.TryLogin(t.Context(), "u", secret.String{})), "an empty password would be anonymous")
}

func noBranch(t *testing.T, cfg directory.Config) {
	cfg.Branch = "ou=nowhere"
	d := connect(t, cfg)
	err := d.Put(t.Context(), directory.Account{UID: "u", Password: secret.New("x")})
	assert.Equal(t, fault.Config, fault.KindOf(err), "%v", err)
}
