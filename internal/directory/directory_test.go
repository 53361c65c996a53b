package directory_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/directory"
	"stackstorm-laas/internal/directory/directorytest"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
)

func TestRealSlapdIsUsedAsPromised(t *testing.T) {
	for name, change := range map[string]func(*slapd, *directory.Config){
		"StartTLS": func(*slapd, *directory.Config) {},
		"LDAPS": func(s *slapd, c *directory.Config) {
			c.Server, c.Security = fmt.Sprintf("127.0.0.1:%d", s.tlsPort), "ldaps"
		},
		"an ldaps URL": func(s *slapd, c *directory.Config) { c.Server = fmt.Sprintf("ldaps://127.0.0.1:%d", s.tlsPort) },
		"in the clear": func(_ *slapd, c *directory.Config) { c.Security, c.TLS = "none", nil },
	} {
		t.Run(name, func(t *testing.T) {
			directorytest.Conformance(t, func(t *testing.T) directory.Config {
				s := startSlapd(t)
				cfg := s.config()
				change(s, &cfg)
				return cfg
			})
		})
	}
}

func TestRealSlapdStoresThePasswordHashed(t *testing.T) {
	s := startSlapd(t)
	d, err := directory.Open(t.Context(), s.config())
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, d.Put(t.Context(), directory.Account{UID: "u", Password: secret.New("plain-text")}))

	c, err := ldap.DialURL(fmt.Sprintf("ldap://127.0.0.1:%d", s.port))
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Bind("cn=laas,dc=lab,dc=example", "lab-secret"))
	res, err := c.Search(ldap.NewSearchRequest("uid=u,ou=people,dc=lab,dc=example", ldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=*)", nil, nil))
	require.NoError(t, err)
	require.Len(t, res.Entries, 1)
	assert.Regexp(t, `^\{SSHA\}`, res.Entries[0].GetAttributeValue("userPassword"))
	assert.Equal(t, "u", res.Entries[0].GetAttributeValue("sn"), "required by the object class, so it has a value")
}

func TestRealSlapdWithAnUntrustedCertificateIsRefused(t *testing.T) {
	s := startSlapd(t)
	_, _, others := newCertificate(t)
	for name, change := range map[string]func(*directory.Config){
		"another CA, StartTLS": func(c *directory.Config) { c.TLS = &tls.Config{RootCAs: others} },
		"another name": func(c *directory.Config) {
			c.TLS.ServerName = "ldap.example"
		},
		"the system's CAs, LDAPS": func(c *directory.Config) {
			c.Server, c.TLS = fmt.Sprintf("ldaps://127.0.0.1:%d", s.tlsPort), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := s.config()
			change(&cfg)
			_, err := directory.Open(t.Context(), cfg)
			assert.Equal(t, fault.Config, fault.KindOf(err), "%v", err)
			assert.NotEmpty(t, fault.HintOf(err))
		})
	}
}

func TestRealSlapdWhoseConnectionBrokeIsReachedAnew(t *testing.T) {
	s := startSlapd(t)
	through, reset := relay(t, s.port)
	cfg := s.config()
	cfg.Server = fmt.Sprintf("127.0.0.1:%d", through)
	cfg.Retry = retry.Policy{Initial: 5 * time.Millisecond, Max: 20 * time.Millisecond, Elapsed: 20 * time.Second}
	d, err := directory.Open(t.Context(), cfg)
	require.NoError(t, err)
	defer d.Close()
	reset()
	require.NoError(t, d.Put(t.Context(), directory.Account{UID: "u", Password: secret.New("x")}))
	reset()
	require.NoError(t, d.TryLogin(t.Context(), "u", secret.New("x")))
	require.NoError(t, d.Delete(t.Context(), "u"))

	cfg.Retry = retry.Policy{}
	impatient, err := directory.Open(t.Context(), cfg)
	require.NoError(t, err)
	defer impatient.Close()
	s.stop()
	err = impatient.TryLogin(t.Context(), "u", secret.New("x"))
	assert.Equal(t, fault.Transient, fault.KindOf(err), "a server that is down proves nothing: %v", err)
}

// relay passes connections on to a port; reset ends all that are open.
func relay(t *testing.T, to int) (port int, reset func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	open := make(chan net.Conn, 100)
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", to))
			if err != nil {
				in.Close()
				continue
			}
			open <- in
			go func() { defer in.Close(); _, _ = out.(*net.TCPConn).ReadFrom(in); out.Close() }()
			go func() { defer out.Close(); _, _ = in.(*net.TCPConn).ReadFrom(out); in.Close() }()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, func() {
		for {
			select {
			case c := <-open:
				c.Close()
			default:
				return
			}
		}
	}
}

func TestAServerThatAcceptsAndNeverAnswersIsGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	for _, security := range []string{"starttls", "ldaps", "none"} {
		t.Run(security, func(t *testing.T) {
			cfg := directory.Config{
				Server: l.Addr().String(), Security: security, BindDN: "cn=x", Password: secret.New("x"), Timeout: 100 * time.Millisecond,
			}
			_, err := directory.Open(t.Context(), cfg)
			assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)

			cfg.Timeout = time.Hour
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			_, err = directory.Open(ctx, cfg)
			assert.Equal(t, fault.Cancelled, fault.KindOf(err), "%v", err)
		})
	}
}

func TestAServerSettingThatMeansNothingIsTold(t *testing.T) {
	for _, c := range []directory.Config{
		{Server: ""}, {Server: "http://ldap"}, {Server: "ldap://"}, {Server: "ldap", Security: "magic"}, {Server: "ldaps://ldap", Security: "none"},
	} {
		_, err := directory.Open(t.Context(), c)
		assert.Equal(t, fault.Config, fault.KindOf(err), "%+v: %v", c, err)
	}
}
