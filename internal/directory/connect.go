package directory

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"stackstorm-laas/internal/fault"
)

// The ways to protect the connection.
const (
	startTLS = "starttls"
	ldaps    = "ldaps"
	none     = "none"
)

// server is where and how to connect.
type server struct {
	address  string // host:port
	host     string
	security string
}

func parseServer(text, security string) (server, error) {
	s := server{security: security}
	hostport := text
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil || (u.Scheme != "ldap" && u.Scheme != "ldaps") || u.Host == "" {
			return s, fault.New(fault.Config, "directory server %q: expected a host, host:port, or a URL ldap:// or ldaps://", text)
		}
		hostport = u.Host
		if u.Scheme == "ldaps" {
			if security == none {
				return s, fault.New(fault.Config, "directory server %q speaks TLS, and the security is none", text)
			}
			s.security = ldaps
		}
	}
	port := "389"
	switch s.security {
	case "":
		s.security = startTLS
	case ldaps:
		port = "636"
	case startTLS, none:
	default:
		return s, fault.New(fault.Config, "directory security %q: expected starttls, ldaps or none", security)
	}
	if h, p, err := net.SplitHostPort(hostport); err == nil {
		s.host, port = h, p
	} else {
		s.host = strings.Trim(hostport, "[]")
	}
	if s.host == "" {
		return s, fault.New(fault.Config, "directory server %q: the host is missing", text)
	}
	s.address = net.JoinHostPort(s.host, port)
	return s, nil
}

// dial connects and protects the connection. Until the returned function is called, the connection ends with ctx and with the timeout,
// whatever the server does or does not do; each request has the timeout of its own as well.
func (s server) dial(ctx context.Context, cfg Config) (*ldap.Conn, func(), error) {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if cfg.Timeout > 0 {
		limited, cancel = context.WithTimeout(ctx, cfg.Timeout)
	}
	raw, err := new(net.Dialer).DialContext(limited, "tcp", s.address)
	if err != nil {
		cancel()
		return nil, nil, ended(ctx, classify(err))
	}
	detach := context.AfterFunc(limited, func() { raw.Close() })
	stop := func() { detach(); cancel() }
	c, err := s.protect(limited, raw, cfg.TLS)
	if err != nil {
		stop()
		raw.Close()
		return nil, nil, ended(ctx, classify(err))
	}
	c.SetTimeout(cfg.Timeout)
	return c, stop, nil
}

func (s server) protect(ctx context.Context, raw net.Conn, trust *tls.Config) (*ldap.Conn, error) {
	if trust == nil {
		trust = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if trust.ServerName == "" {
		trust = trust.Clone()
		trust.ServerName = s.host
	}
	if s.security == ldaps {
		secured := tls.Client(raw, trust)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		c := ldap.NewConn(secured, true)
		c.Start()
		return c, nil
	}
	c := ldap.NewConn(raw, false)
	c.Start()
	if s.security == none {
		return c, nil
	}
	// A connection that breaks while StartTLS is under way is not noticed by the library, which has stopped reading.
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if err := c.StartTLS(trust); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// ended tells that ctx ended instead of the broken connection that is its consequence.
func ended(ctx context.Context, err error) error {
	if err != nil && context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	return err
}

// classify gives what go-ldap returns its kind.
func classify(err error) error {
	var known *fault.Error
	var untrusted *tls.CertificateVerificationError
	var res *ldap.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.As(err, &untrusted), isCertificate(err):
		return fault.New(fault.Config, "the server's certificate is not trusted: %w", err).
			WithHint("set tls.ca_file to the CA that signs it, and name the server as its certificate does")
	case !errors.As(err, &res):
		return fault.New(fault.Transient, "%w", err)
	}
	switch res.ResultCode {
	case ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInappropriateAuthentication:
		return fault.New(fault.Credentials, "the directory refused the login: %w", err)
	case ldap.ErrorNetwork, ldap.LDAPResultBusy, ldap.LDAPResultUnavailable, ldap.LDAPResultTimeLimitExceeded,
		ldap.LDAPResultOther, ldap.LDAPResultOperationsError, ldap.ErrorUnexpectedResponse, ldap.ErrorUnexpectedMessage:
		return fault.New(fault.Transient, "%w", err)
	case ldap.LDAPResultNoSuchObject:
		return fault.New(fault.Config, "%w", err).WithHint("the branch for accounts does not exist in the directory: check vpn.directory")
	case ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultConstraintViolation, ldap.LDAPResultUnwillingToPerform,
		ldap.LDAPResultConfidentialityRequired, ldap.LDAPResultStrongAuthRequired:
		return fault.New(fault.Refused, "%w", err)
	}
	return fault.New(fault.Failed, "%w", err)
}

// isCertificate looks for the causes that go-ldap's StartTLS keeps as text only.
func isCertificate(err error) bool {
	var authority x509.UnknownAuthorityError
	text := err.Error()
	return errors.As(err, &authority) || strings.Contains(text, "failed to verify certificate") || strings.Contains(text, "x509: ")
}
