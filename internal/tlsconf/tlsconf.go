// Package tlsconf decides which certificates the pack trusts: the system's, and the lab's own CA.
package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// Config trusts the system's certificates and those in a PEM file, which may be "".
func Config(caFile string) (*tls.Config, error) { return Named("tls.ca_file", caFile) }

// Named is Config with the file of another setting.
func Named(setting, caFile string) (*tls.Config, error) {
	if caFile == "" {
		return &tls.Config{MinVersion: tls.VersionTLS12}, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fault.New(fault.Config, "%s: %w", setting, err).WithHint("every StackStorm worker must be able to read it")
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fault.New(fault.Config, "%s %s holds no certificate in PEM form", setting, caFile)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}, nil
}

// WithCertificate is Config that shows a certificate of ours, PEM, to servers that ask for one; "" shows none.
func WithCertificate(caFile, certificate string, key secret.String) (*tls.Config, error) {
	c, err := Config(caFile)
	if err != nil || certificate == "" {
		return c, err
	}
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key.Reveal()))
	if err != nil {
		return nil, fault.New(fault.Config, "the certificate and the private key of the pack: %w", err).WithHint("both are PEM, and belong together")
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// Transport is an HTTP transport with that trust. It uses no proxy: the lab's systems are never behind one, which would only see their
// credentials.
func Transport(caFile string) (http.RoundTripper, error) {
	c, err := Config(caFile)
	if err != nil {
		return nil, err
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig, t.Proxy = c, nil
	return t, nil
}
