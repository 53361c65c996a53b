package ldap_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	client "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/ldap"
	"stackstorm-laas/internal/testreal"
)

const (
	admin  = "cn=admin,dc=lab,dc=example"
	people = "ou=users,dc=lab,dc=example"
)

// certificate borrows the one of a test server: it is good for 127.0.0.1.
func certificate(t *testing.T) (server, user *tls.Config) {
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

func serve(t *testing.T, f *faults.Set, change ...func(*ldap.Config)) (*ldap.Server, *tls.Config) {
	server, user := certificate(t)
	cfg := ldap.Config{Base: "dc=lab,dc=example", Branch: "ou=users", AdminDN: admin, AdminPassword: "boss", TLS: server, RequireTLS: true}
	for _, c := range change {
		c(&cfg)
	}
	s, err := ldap.Serve(nil, f, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s, user
}

func dial(t *testing.T, s *ldap.Server, cfg *tls.Config) *client.Conn {
	c, err := client.DialURL(s.URL())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.StartTLS(cfg))
	return c
}

func asAdmin(t *testing.T, s *ldap.Server, cfg *tls.Config) *client.Conn {
	c := dial(t, s, cfg)
	require.NoError(t, c.Bind(admin, "boss"))
	return c
}

func dn(uid string) string { return "uid=" + client.EscapeDN(uid) + "," + people }

func person(uid string) *client.AddRequest {
	r := client.NewAddRequest(dn(uid), nil)
	r.Attribute("objectClass", []string{"top", "inetOrgPerson"})
	r.Attribute("uid", []string{uid})
	r.Attribute("cn", []string{"Ada Lovelace"})
	r.Attribute("sn", []string{"Lovelace"})
	return r
}

func setPassword(t *testing.T, c *client.Conn, uid, password string) {
	_, err := c.PasswordModify(client.NewPasswordModifyRequest(dn(uid), "", password))
	require.NoError(t, err)
}

// code is the LDAP result code of an error, 0 for none, -1 for an error that has none.
func code(err error) int {
	var e *client.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return int(e.ResultCode)
	}
	return -1
}

func TestAnAccountLivesAndDies(t *testing.T) {
	s, cfg := serve(t, nil)
	c := asAdmin(t, s, cfg)
	require.NoError(t, c.Add(person("ada")))
	setPassword(t, c, "ada", "first")
	assert.Equal(t, []string{"ada"}, s.Users())
	assert.True(t, s.Login("ada", "first"))
	e, ok := s.Entry(dn("ada"))
	require.True(t, ok)
	assert.True(t, strings.HasPrefix(e["userPassword"][0], "{SSHA}"), "the password is stored hashed")

	u := dial(t, s, cfg)
	require.NoError(t, u.Bind(dn("ada"), "first"))
	who, err := u.WhoAmI(nil)
	require.NoError(t, err)
	assert.Equal(t, "dn:"+dn("ada"), who.AuthzID)

	setPassword(t, c, "ada", "second")
	assert.Equal(t, 49, code(u.Bind(dn("ada"), "first")))
	require.NoError(t, u.Bind("UID=Ada, "+people, "second"), "DNs have no case and no blanks")

	require.NoError(t, c.Del(client.NewDelRequest(dn("ada"), nil)))
	assert.Equal(t, 49, code(u.Bind(dn("ada"), "second")))
	assert.Empty(t, s.Users())
}

func TestModifyChangesAttributes(t *testing.T) {
	s, cfg := serve(t, nil)
	c := asAdmin(t, s, cfg)
	require.NoError(t, c.Add(person("ada")))
	m := client.NewModifyRequest(dn("ada"), nil)
	m.Replace("userPassword", []string{"plain"})
	m.Add("mail", []string{"a@x", "b@x"})
	m.Delete("mail", []string{"a@x"})
	require.NoError(t, c.Modify(m))
	e, _ := s.Entry(dn("ada"))
	assert.Equal(t, []string{"plain"}, e["userPassword"])
	assert.Equal(t, []string{"b@x"}, e["mail"])
	assert.True(t, s.Login("ada", "plain"))
}

func TestAPasswordIsMadeUpWhenNoneIsGiven(t *testing.T) {
	s, cfg := serve(t, nil)
	c := asAdmin(t, s, cfg)
	require.NoError(t, c.Add(person("ada")))
	r, err := c.PasswordModify(client.NewPasswordModifyRequest(dn("ada"), "", ""))
	require.NoError(t, err)
	assert.True(t, s.Login("ada", r.GeneratedPassword))
}

func TestRefusals(t *testing.T) {
	s, cfg := serve(t, nil)
	c := asAdmin(t, s, cfg)
	require.NoError(t, c.Add(person("ada")))
	setPassword(t, c, "ada", "pw")
	user, nobody := dial(t, s, cfg), dial(t, s, cfg)
	require.NoError(t, user.Bind(dn("ada"), "pw"))
	noClass := person("eve")
	noClass.Attributes = noClass.Attributes[1:]
	elsewhere := person("eve")
	elsewhere.DN = "uid=eve,ou=nowhere,dc=lab,dc=example"
	misnamed := person("eve")
	misnamed.DN = dn("mallory")
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"a wrong password is 49", nobody.Bind(dn("ada"), "no"), 49},
		{"an unknown account is 49 as well", nobody.Bind(dn("bob"), "no"), 49},
		{"a DN without password is 53", nobody.UnauthenticatedBind(dn("ada")), 53},
		{"nobody may not add", nobody.Add(person("eve")), 8},
		{"an account may not add", user.Add(person("eve")), 50},
		{"an account may not delete itself", user.Del(client.NewDelRequest(dn("ada"), nil)), 50},
		{"adding twice is 68", c.Add(person("ada")), 68},
		{"deleting what is not there is 32", c.Del(client.NewDelRequest(dn("bob"), nil)), 32},
		{"adding below what is not there is 32", c.Add(elsewhere), 32},
		{"an entry without objectClass is 65", c.Add(noClass), 65},
		{"a name that is not in the entry is 64", c.Add(misnamed), 64},
		{"deleting a branch with entries is 66", c.Del(client.NewDelRequest(people, nil)), 66},
		{"an invalid DN is 34", c.Del(client.NewDelRequest("nonsense", nil)), 34},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, code(tt.err), "%v", tt.err) })
	}
	assert.Equal(t, []string{"ada"}, s.Users())
}

func TestSearchFilters(t *testing.T) {
	s, cfg := serve(t, nil)
	c := asAdmin(t, s, cfg)
	for _, uid := range []string{"laas-1", "laas-2", "bob", "odd(*)"} {
		require.NoError(t, c.Add(person(uid)))
	}
	setPassword(t, c, "bob", "pw")
	user := dial(t, s, cfg)
	require.NoError(t, user.Bind(dn("bob"), "pw"))
	tests := []struct {
		name, base string
		scope      int
		filter     string
		want       []string
	}{
		{"equality", people, 2, "(uid=bob)", []string{"bob"}},
		{"prefix", people, 2, "(uid=laas-*)", []string{"laas-1", "laas-2"}},
		{"middle and end", people, 2, "(uid=l*s*2)", []string{"laas-2"}},
		{"presence from the root", "dc=lab,dc=example", 2, "(uid=*)", []string{"bob", "laas-1", "laas-2", "odd(*)"}},
		{"one level below the root has no accounts", "dc=lab,dc=example", 1, "(uid=*)", nil},
		{"escaped", people, 2, "(uid=" + client.EscapeFilter("odd(*)") + ")", []string{"odd(*)"}},
		{"combined", people, 1, "(&(objectClass=inetOrgPerson)(!(uid=bob))(|(uid=laas-1)(uid=bob)))", []string{"laas-1"}},
		{"base", dn("bob"), 0, "(objectClass=*)", []string{"bob"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := user.Search(client.NewSearchRequest(tt.base, tt.scope, 0, 0, 0, false, tt.filter, []string{"uid", "userPassword"}, nil))
			require.NoError(t, err)
			var got []string
			for _, e := range r.Entries {
				got = append(got, e.GetAttributeValue("uid"))
				assert.Empty(t, e.GetAttributeValue("userPassword"), "passwords are not shown to accounts")
			}
			assert.Equal(t, tt.want, got)
		})
	}
	_, err := user.Search(client.NewSearchRequest("ou=x,"+people, 2, 0, 0, 0, false, "(uid=*)", nil, nil))
	assert.Equal(t, 32, code(err))
}

func TestNothingInTheClear(t *testing.T) {
	s, _ := serve(t, nil)
	c, err := client.DialURL(s.URL())
	require.NoError(t, err)
	defer c.Close()
	assert.Equal(t, 13, code(c.Bind(admin, "boss")))
}

func TestImplicitTLS(t *testing.T) {
	s, cfg := serve(t, nil, func(c *ldap.Config) { c.Implicit = true })
	c, err := client.DialURL(s.URL(), client.DialWithTLSConfig(cfg))
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Bind(admin, "boss"))
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name string
		f    faults.Fault
		call func(c *client.Conn) error
		want int
	}{
		{"a refused login is 49", faults.Fault{Op: "bind", Kind: faults.Refuse}, func(c *client.Conn) error { return c.Bind(admin, "boss") }, 49},
		{"a refused write is 50", faults.Fault{Op: "add", Kind: faults.Refuse}, func(c *client.Conn) error { return c.Add(person("eve")) }, 50},
		{"an internal error is 80", faults.Fault{Op: "add", Kind: faults.Error500}, func(c *client.Conn) error { return c.Add(person("eve")) }, 80},
		{"a password change counts as modify", faults.Fault{Op: "modify", Kind: faults.Refuse}, func(c *client.Conn) error {
			_, err := c.PasswordModify(client.NewPasswordModifyRequest(dn("ada"), "", "x"))
			return err
		}, 50},
		{"a hang ends with the client's patience", faults.Fault{Op: "delete", Kind: faults.Hang}, func(c *client.Conn) error {
			c.SetTimeout(20 * time.Millisecond)
			return c.Del(client.NewDelRequest(dn("ada"), nil))
		}, client.ErrorNetwork},
		{"garbage ends the connection", faults.Fault{Op: "delete", Kind: faults.Garbage}, func(c *client.Conn) error {
			return c.Del(client.NewDelRequest(dn("ada"), nil))
		}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &faults.Set{}
			s, cfg := serve(t, f)
			c := asAdmin(t, s, cfg)
			require.NoError(t, c.Add(person("ada")))
			tt.f.System = "ldap"
			f.Add(tt.f)
			assert.Equal(t, tt.want, code(tt.call(c)))
			assert.Equal(t, []string{"ada"}, s.Users())
		})
	}
}

func TestConnectionsThatFail(t *testing.T) {
	for _, kind := range []faults.Kind{faults.Refuse, faults.Error500, faults.Garbage} {
		t.Run(string(kind), func(t *testing.T) {
			f := &faults.Set{}
			s, _ := serve(t, f)
			f.Add(faults.Fault{System: "ldap", Op: "connect", Kind: kind})
			c, err := client.DialURL(s.URL())
			if err == nil {
				err = c.Bind(admin, "boss")
				c.Close()
			}
			assert.Error(t, err)
		})
	}
	t.Run("a server that hangs can still be closed", func(t *testing.T) {
		f := &faults.Set{}
		s, _ := serve(t, f)
		f.Add(faults.Fault{System: "ldap", Op: "connect", Kind: faults.Hang})
		c, err := client.DialURL(s.URL())
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, s.Close())
	})
}

func TestWritesThatAreNotMade(t *testing.T) {
	exists := func(c *client.Conn) bool {
		r, err := c.Search(client.NewSearchRequest(dn("ada"), 0, 0, 0, 0, false, "(objectClass=*)", nil, nil))
		return err == nil && len(r.Entries) == 1
	}
	f := &faults.Set{}
	var wrote []string
	f.OnWrite(func(_, op, _ string) { wrote = append(wrote, op) })
	s, cfg := serve(t, f)
	c := asAdmin(t, s, cfg)

	f.Add(faults.Fault{System: "ldap", Op: "add", Kind: faults.Forget})
	require.NoError(t, c.Add(person("ada")))
	assert.Empty(t, s.Users())
	assert.False(t, exists(c), "a forgotten write is not shown")
	f.Heal()

	require.NoError(t, c.Add(person("ada")))
	setPassword(t, c, "ada", "pw")
	f.Add(faults.Fault{System: "ldap", Op: "delete", Kind: faults.Lie})
	require.NoError(t, c.Del(client.NewDelRequest(dn("ada"), nil)))
	assert.False(t, exists(c), "a lie is shown as if it were done")
	assert.Equal(t, []string{"ada"}, s.Users())
	u := dial(t, s, cfg)
	require.NoError(t, u.Bind(dn("ada"), "pw"), "but the login still works")
	f.Heal()
	assert.True(t, exists(c), "lies end with the fault")
	assert.Equal(t, []string{"add", "modify"}, wrote)
}

func TestRealLdapsearchFindsAnAccount(t *testing.T) {
	tools := testreal.Need(t, "ldapsearch", "ldappasswd")
	s, cfg := serve(t, nil)
	require.NoError(t, asAdmin(t, s, cfg).Add(person("ada")))
	run := func(program string, args ...string) string {
		cmd := exec.Command(program, append([]string{"-H", s.URL(), "-x", "-ZZ", "-D", admin, "-w", "boss"}, args...)...)
		cmd.Env = []string{"LDAPTLS_REQCERT=never"}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	assert.Contains(t, run(tools[0], "-LLL", "-b", people, "(uid=a*)", "cn"), "cn: Ada Lovelace")
	run(tools[1], "-s", "secret", dn("ada"))
	assert.True(t, s.Login("ada", "secret"))
}
